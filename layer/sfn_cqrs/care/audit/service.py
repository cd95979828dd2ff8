"""The audit: reads what is stored and checks it against the rules of `domain.audit`.

It reads a suspect again: work in progress has moved on by then. Only a suspect that looks the
same twice is a finding.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit.rules import (
    Finding,
    ImportFacts,
    Item,
    Reservation,
    findings,
    import_findings,
    repairs_of,
    reservation_findings,
    unreadable,
)
from sfn_cqrs.care.audit.work import Work, works
from sfn_cqrs.care.audit.work_rules import TaskFacts, work_findings
from sfn_cqrs.care.usage.rules import PARTS
from sfn_cqrs.care.usage.service import Meter, size_of
from sfn_cqrs.kernel.clock import Retention, iso
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.keys import ItemKey, UniqueKey
from sfn_cqrs.kernel.tables.dynamodb import Item as Stored
from sfn_cqrs.kernel.tables.dynamodb import marshal
from sfn_cqrs.machines.command.items import as_command, as_key, as_process, as_row, row_item
from sfn_cqrs.machines.command.together import name_of, named
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.import_csv.job import Job

MOST_FINDINGS = 1_000
"""More findings than that have one cause, and the first ones show it."""
MOST_LOGGED = 100
_AUDITED = ("command", "process", "unique")
KEPT = timedelta(days=29)
"""So long the files of an import are kept, and its parts somewhat longer."""


Told = Callable[[int], None]
"""Takes how much has been looked at so far."""


def _tell_nobody(_looked_at: int) -> None:
    """Take what nobody asks for."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A part of the tables: one of several segments. By default it is all of them."""

    segment: int = 0
    segments: int = 1

    @classmethod
    def parse(cls, text: str, number: int) -> "Sample":
        """Return the sample that a text such as `1/14` means.

        The number, such as the day, chooses one of the 14 parts.

        Raises:
            InvalidInputError: the text is not of this form.
        """
        one, _, parts = text.partition("/")
        if one != "1" or not parts.isdecimal() or not int(parts):
            raise InvalidInputError("sample", "must be one part of some, such as 1/14")
        return cls(number % int(parts), int(parts))


@dataclass(slots=True)
class Report:
    """The result of an audit: how much was checked, and the findings.

    `work` is how many tasks, sagas, approvals and archives. `repaired` are the items whose data row
    was written again.
    """

    items: int = 0
    imports: int = 0
    work: int = 0
    suspects: int = 0
    is_complete: bool = True
    findings: list[Finding] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)

    @property
    def looked_at(self) -> int:
        """Return how much was checked."""
        return self.items + self.imports + self.work

    def add(self, part: "Report") -> None:
        """Add the report of a part."""
        self.items += part.items
        self.imports += part.imports
        self.work += part.work
        self.suspects += part.suspects
        self.is_complete &= part.is_complete
        self.findings += part.findings

    def as_json(self) -> dict[str, Any]:
        """Return the report as `--json` prints it."""
        found = asdict(self)
        is_complete = found.pop("is_complete")
        return {**found, "isComplete": is_complete}


def tell(report: Report) -> None:
    """Log an audit's findings and raise its alarm's metric; do nothing where all is well."""
    for one in report.findings[:MOST_LOGGED]:
        logger.error("damage", key=one.key, rule=one.rule, evidence=one.evidence)
    if report.findings:
        with single_metric(name="AuditFindings", unit=MetricUnit.Count, value=len(report.findings)):
            pass


def count_all(*, rate: float = 0.0, told: Told = _tell_nobody) -> Report:
    """Audit everything part by part, and keep what each tenant uses; return the report."""
    whole = Report()
    for segment in range(PARTS):
        meter = Meter()
        part = Audit(rate=rate, meter=meter, told=told, before=whole.looked_at).run(
            Sample(segment, PARTS)
        )
        whole.add(part)
        if not part.is_complete:
            break
        meter.keep(segment)
    return whole


class Audit:
    """An audit of one tenant, or of all."""

    def __init__(
        self,
        tenant: str | None = None,
        *,
        rate: float = 0.0,
        is_late: Callable[[], bool] | None = None,
        meter: Meter | None = None,
        repairs: bool = False,
        told: Told = _tell_nobody,
        before: int = 0,
    ) -> None:
        """Audit one tenant's items, or all; `rate` limits read units a second, and 0 is no limit.

        `is_late` ends it early. The meter counts what is read. With `repairs`, data rows that are
        lost, behind or different are written again. `told` gets how much has been looked at,
        `before` this audit as well.
        """
        self._told, self._before = told, before
        self._repairs = repairs
        self._tenant = tenant
        self._tables = bootstrap.audit_tables()
        self._tables.rate = rate
        self._is_late = is_late or (lambda: False)
        self._meter = meter
        self._report = Report()

    def run(self, sample: Sample | None = None) -> Report:
        """Check a sample of everything, and return the report."""
        for _ in self._check(sample or Sample()):
            self._told(self._before + self._report.looked_at)
            if self._is_over():
                break
        return self._report

    def _check(self, sample: Sample) -> Iterator[None]:
        """Check one thing after the other, and yield after each."""
        report = self._report
        for items in self._chains(sample):
            with self._reading(items[0]):
                if items[0]["kind"] == "unique":
                    self._look_at_reservation(items[0])
                else:
                    self._look(as_key(items[0]), items)
                    report.items += 1
            yield
        for row in self._orphans(sample):
            with self._reading(row):
                if self._tables.is_empty("commands", as_key(row).pk):
                    self._look(as_key(row), [])
            yield
        for item in self._jobs(sample):
            report.imports += 1
            with self._reading(item):
                self._look_at(IMPORTS.record(item))
            yield
        for work in works(self._tables, self._tenant, sample.segment, sample.segments):
            report.work += 1
            with self._reading(work.item):
                self._look_at_work(work)
            yield

    @contextmanager
    def _reading(self, item: Stored) -> Iterator[None]:
        """Report a record that cannot be read, and go on with the next one."""
        try:
            yield
        except (KeyError, TypeError, ValueError) as error:
            self._report.suspects += 1
            self._report.findings.append(unreadable(f"{item['pk']} {item['sk']}", error))

    def _is_over(self) -> bool:
        if len(self._report.findings) < MOST_FINDINGS and not self._is_late():
            return False
        self._report.is_complete = False
        return True

    def _partitions(self, table: str, sample: Sample) -> Iterator[list[Stored]]:
        of = f"{self._tenant}#" if self._tenant else ""
        prefixes = f"TENANT#{of}", f"UNIQUE#{of}"
        return self._tables.partitions(table, sample.segment, sample.segments, prefixes)

    def _chains(self, sample: Sample) -> Iterator[list[Stored]]:
        for items in self._partitions("commands", sample):
            ours = [item for item in items if item.get("kind") in _AUDITED]
            if ours:
                yield ours

    def _orphans(self, sample: Sample) -> Iterator[Stored]:
        """Yield the data rows, any of which may have no version."""
        for rows in self._partitions("data", sample):
            yield from rows

    def _jobs(self, sample: Sample) -> Iterator[Stored]:
        for items in self._tables.partitions("imports", sample.segment, sample.segments):
            jobs = (item for item in items if item.get("kind") == "job")
            yield from (job for job in jobs if self._tenant in (None, job.get("tenant")))

    def _look(self, key: ItemKey, items: list[Stored]) -> None:
        def again() -> list[Finding]:
            return findings(self._facts(key, self._tables.partition("commands", key.pk)))

        if self._confirm(findings(self._facts(key, items, self._meter)), again) and self._repairs:
            self._repair(key)

    def _repair(self, key: ItemKey) -> None:
        """Write the data row again from its version, unless it has moved meanwhile."""
        item = self._facts(key, self._tables.partition("commands", key.pk))
        rows = [command.as_row() for command in repairs_of(item)]
        for state in rows[:-1]:
            bootstrap.history().append(marshal(row_item(state)))
        if rows and bootstrap.data().put(rows[-1], item.shown):
            self._report.repaired.append(f"{key.tenant} {key.type}/{key.code}")

    def _look_at_reservation(self, item: Stored) -> None:
        """Ask whether the latest version holds what is reserved; a freed value is nobody's."""

        def found() -> list[Finding]:
            stored = self._tables.partition("commands", item["pk"])
            if not stored or "ttl" in stored[0]:
                return []
            key, hash_ = as_key(stored[0]), item["pk"].rpartition("#")[2]
            latest = bootstrap.commands().latest(key)
            is_held = latest is not None and hash_ in latest.unique
            return reservation_findings(Reservation(key, is_held))

        if "ttl" not in item:
            self._confirm(found(), found)

    def _look_at(self, job: Job) -> None:
        def again() -> list[Finding]:
            items = self._tables.partition("imports", job.key.pk)
            return [
                one
                for item in items
                if item["sk"] == job.key.sk
                for one in import_findings(_import_facts(IMPORTS.record(item)))
            ]

        self._confirm(import_findings(_import_facts(job)), again)

    def _look_at_work(self, work: Work) -> None:
        def again() -> list[Finding]:
            facts = work.again()
            return work_findings(facts) if facts else []

        facts = work.facts()
        if self._meter is not None and isinstance(facts, TaskFacts):
            self._meter.count_task(facts.record.key, facts.items, facts.size)
        self._confirm(work_findings(facts), again)

    def _confirm(self, found: list[Finding], look: Callable[[], list[Finding]]) -> bool:
        """Report the suspects that look the same when they are read again; return if there are."""
        if not found:
            return False
        self._report.suspects += 1
        again = set(look())
        confirmed = [one for one in found if one in again]
        self._report.findings += confirmed
        return bool(confirmed)

    def _facts(self, key: ItemKey, items: list[Stored], meter: Meter | None = None) -> Item:
        place = (key.data_pk, key.sk)
        row = self._tables.rows([place]).get(place)
        states = self._tables.partition("history", key.pk)
        lost: set[str] = set()
        objects: dict[str, int] = {}

        def attributes(item: Stored) -> dict[str, Any]:
            found = _attributes(item, lost)
            if item.get("attributes_s3"):
                objects[item["attributes_s3"]] = size_of(found)
            return found

        processes = [item for item in items if item["kind"] == "process"]
        commands = [item for item in items if item["kind"] == "command"]
        now = bootstrap.now()
        latest = max(commands, key=lambda one: int(one["version"]), default={})
        facts = Item(
            key=key,
            at=now,
            row=as_row(row, attributes(row)) if row else None,
            commands={one["version"]: as_command(one, attributes(one)) for one in commands},
            processes={one["version"]: as_process(one) for one in processes},
            history={one["version"]: as_row(one, attributes(one)) for one in states},
            listed=frozenset(one["version"] for one in processes if "open_shard" in one),
            expiring=frozenset(one["version"] for one in commands if one.get("ttl")),
            closing=frozenset(one["version"] for one in processes if one.get("ttl")),
            lost=frozenset(lost),
            misplaced=tuple(_misplaced(key, [*items, *states])),
            keeps_commands=not _expires(bootstrap.command_ttl(), key),
            keeps_history=not _expires(bootstrap.history_ttl(), key),
            reserved=self._reserved(key, latest.get("unique", ())),
            halves=_halves(key, commands),
        )
        if meter is not None:
            others = [*states, *([row] if row else [])]
            meter.count(key, items, others, sum(objects.values()))
        return facts

    def _reserved(self, key: ItemKey, hashes: Iterable[str]) -> dict[str, str]:
        """Return the codes of the items that have unique values, by their hashes."""
        keys = [UniqueKey(key.tenant, key.type, each) for each in hashes]
        return {
            each.hash: one["code"]
            for each in keys
            for one in self._tables.partition("commands", each.pk)
            if "ttl" not in one
        }


def _expires(retention: Retention, key: ItemKey) -> bool:
    return retention.expiry(key.type, bootstrap.now()) is not None


def _halves(key: ItemKey, commands: Iterable[Stored]) -> dict[int, str]:
    """Return, by version, another one of its decision that is not stored, or says otherwise.

    Versions of types that expire may be gone.
    """
    found: dict[int, str] = {}
    for item in commands:
        names = tuple(item.get("together", ()))
        for other, version in (named(key.tenant, name) for name in names):
            if other == key or _expires(bootstrap.command_ttl(), other):
                continue
            stored = bootstrap.commands().stored(other, version)
            if stored is None or stored.together != names:
                found[int(item["version"])] = name_of(other, version)
    return found


def _attributes(item: Stored, lost: set[str]) -> dict[str, Any]:
    found = bootstrap.attributes().of_item(item)
    if found is None:
        lost.add(item["attributes_s3"])
    return found or {}


def _misplaced(key: ItemKey, items: Iterable[Stored]) -> Iterator[str]:
    for item in items:
        version = item["version"]
        is_process = item.get("kind") == "process"
        sk = key.process_sk(version) if is_process else key.version_sk(version)
        if (item["pk"], item["sk"], as_key(item)) != (key.pk, sk, key):
            yield item["sk"]


def _import_facts(job: Job) -> ImportFacts:
    imports = bootstrap.imports()
    counted = imports.counts(job.key)
    markers = tuple(imports.markers(job.key))
    failed = job.ending.counts.failed if job.ending else 0
    needs_report = failed and job.cells is None
    return ImportFacts(
        job=job,
        at=bootstrap.now(),
        markers=markers,
        counted=counted,
        planned=frozenset(first for first, _ in imports.plans(job.key)),
        has_report=not needs_report or bootstrap.import_bucket().report_size(job.key) is not None,
        is_kept=job.by.at >= iso(bootstrap.now() - KEPT),
    )
