"""Decides what each row of an import becomes, compared with its item as it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import Command, Content, DataRow, Stored
from sfn_cqrs.kernel.errors import InvalidInputError, NotPermittedError, RuleRefusedError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.models.models import InvalidModelError
from sfn_cqrs.kernel.policy import Client, guarded_content
from sfn_cqrs.machines.command import chain, handlers
from sfn_cqrs.machines.command.process import Outcome, Predecessor
from sfn_cqrs.machines.command.runner import Chain
from sfn_cqrs.machines.command.versions import Looked, personal
from sfn_cqrs.machines.import_csv.csv.rows import Problem, Row
from sfn_cqrs.machines.import_csv.declaration import Comparison, Duplicates, ImportStrategy, Wanted
from sfn_cqrs.machines.import_csv.job import Job
from sfn_cqrs.machines.import_csv.results import SUPERSEDED, Fate, Plan, Planned
from sfn_cqrs.machines.import_csv.strategies import compared, wanted_by

IN = "attributes."


@dataclass(frozen=True, slots=True)
class Current:
    """An item's data row, for the comparison and for the history; None without an item."""

    snapshot: dict[str, Any] | None = None
    row: DataRow | None = None

    @property
    def version(self) -> int:
        """Return the version of the data row."""
        return self.row.version if self.row else 0


@dataclass(frozen=True, slots=True)
class Chained:
    """An item with its chain: the newest version, and the state that the next one builds on."""

    latest: Command | None
    predecessor: Predecessor
    current: Current

    @property
    def next_version(self) -> int:
        """Return the version that comes next."""
        return self.latest.version + 1 if self.latest else 1

    def has(self, version: int) -> bool:
        """Return whether a version is stored; the data row was read after the chain."""
        return version <= max(self.latest.version if self.latest else 0, self.current.version)

    @property
    def base(self) -> DataRow | None:
        """Return what the next version changes: the newest version, or the item as it is."""
        if self.is_behind and self.latest is not None:
            return self.latest.as_row()
        return self.current.row

    @property
    def is_behind(self) -> bool:
        """Return whether an earlier version is not applied yet."""
        is_open = self.predecessor.outcome not in (None, Outcome.APPLIED)
        return is_open or self.current.version < self.predecessor.version


def current_of(wanted: Iterable[ItemKey]) -> dict[ItemKey, Current]:
    """Return items as they are now."""
    keys = list(wanted)
    data = bootstrap.data()
    known = {key: Current(item, data.row_of(item)) for key, item in data.snapshots(keys).items()}
    return {key: known.get(key, Current()) for key in keys}


def chained(wanted: Wanted) -> Chained:
    """Return an item with its chain: the chain is read first, and the data row afterwards."""
    latest = bootstrap.commands().latest(wanted.key)
    predecessor = (
        Chain(wanted.key).run(chain.previous(latest.version + 1)) if latest else Predecessor()
    )
    return Chained(latest, predecessor, current_of([wanted.key])[wanted.key])


class Planner:
    """Plans the rows of one job.

    It `queues`: on the last try, a row whose item has an open chain is published behind the chain.
    """

    queues = True

    def __init__(self, job: Job, strategy: ImportStrategy) -> None:
        """Plan by a strategy."""
        self._job = job
        self._strategy = strategy
        is_clients = job.client is not None
        guarded = handlers.access_of(strategy.type).guarded
        self._guarded = guarded if is_clients else frozenset[str]()
        self._people = Looked([])

    def read(self, rows: Sequence[Row]) -> tuple[dict[int, Wanted], Plan]:
        """Return the items that rows want, one row for each, and the results of the other rows."""
        good: dict[int, Wanted] = {}
        fates: Plan = {}
        latest: dict[ItemKey, int] = {}
        for row in rows:
            read = row.problem or wanted_by(
                self._strategy, self._job.key.tenant, self._job.cells_of(row)
            )
            if isinstance(read, Problem):
                fates[row.number] = Planned(Fate.FAILED, problem=read)
                continue
            earlier = latest.get(read.key)
            if earlier is not None:
                del good[earlier]
                fates[earlier] = self.superseded(row.number)
            latest[read.key] = row.number
            good[row.number] = read
        self._people = Looked(personal(each.key, each.content, None) for each in good.values())
        return good, fates

    def current_of(self, wanted: dict[int, Wanted]) -> dict[ItemKey, Current]:
        """Return the items that rows want, as they are now."""
        return current_of(each.key for each in wanted.values())

    def planned(self, row: int, wanted: Wanted, current: Current) -> Planned:
        """Return the plan for a row whose item nobody else is changing."""
        if self._job.has_applied(row, current.row):
            return Planned.writing(current.version, wanted.key.code)
        later = self._later_row(row, current.row)
        if later is not None:
            return self.superseded(later)
        return self._compared(wanted, current.row, current.version + 1)

    def plan_again(self, row: int, wanted: Wanted, item: Chained) -> Planned:
        """Return the new plan for a row after somebody else changed its item."""
        newest = item.latest.as_row() if item.latest else None
        if newest is not None and self._job.has_applied(row, newest):
            return Planned.writing(newest.version, wanted.key.code)
        later = self._later_row(row, newest)
        if later is not None:
            return self.superseded(later)
        outcome = item.predecessor.outcome
        if outcome is not None and outcome.is_repairable:
            return Planned.failing(
                "chain_blocked",
                f"version {item.predecessor.version} is {outcome};"
                " retry or skip it, then retry this row",
            )
        return self._compared(wanted, item.base, item.next_version)

    def knows(self, _wanted: Wanted) -> bool:
        """Return whether the content of a row that is to be written is known by now."""
        return True

    def has_written(self, row: int, command: Command) -> bool:
        """Return whether this row published a version."""
        return command.request_id == self._job.key.request_id(row)

    def content(self, wanted: Wanted, before: DataRow | None) -> Content:
        """Return the content that a row publishes; guarded attributes stay as they were.

        Raises:
            NotPermittedError: a client's row changes such an attribute, or an item that is not its
                own.
        """
        handlers.check_change(self._job.client, before)
        attributes, type_ = before.attributes if before else {}, wanted.key.type
        handlers.check_named(type_, wanted.content.attributes, self._job.client)
        content = guarded_content(type_, wanted.content, attributes, self._guarded, is_whole=True)
        importing = handlers.access_of(type_).importing
        handlers.check_own(importing, wanted.key, self._job.client, before, content)
        return self._people.without_erased(wanted.key, content, before)

    def superseded(self, by: int) -> Planned:
        """Return the plan for a row that a later row of the same file replaces."""
        if self._strategy.duplicates is Duplicates.LAST_WINS:
            return Planned(Fate.UNCHANGED, reason=SUPERSEDED)
        return Planned.failing("duplicate", f"row {by} has the same key")

    def _later_row(self, row: int, version: DataRow | Command | None) -> int | None:
        """Return the later row of the same file that has written the item already, or None.

        If somebody else has written since, the versions below are looked at as well.
        """
        while version is not None:
            if self._job.supersedes(row, version):
                return version.source_row
            if version.version == 1 or not self._job.may_hide_ours(version):
                return None
            version = bootstrap.commands().find(version.key, version.version - 1)
        return None

    def _compared(self, wanted: Wanted, found: DataRow | None, version: int) -> Planned:
        try:
            content = self.content(wanted, found)
        except NotPermittedError as error:
            return Planned.failing("not_permitted", str(error))
        asked = replace(wanted, record=replace(wanted.record, attributes=content.attributes))
        comparison = compared(self._strategy, asked, found)
        if isinstance(comparison, Problem):
            return Planned(Fate.FAILED, problem=comparison)
        planned = Planned.writing(version, wanted.key.code)
        if comparison is Comparison.EQUAL:
            planned = Planned(Fate.UNCHANGED)
            if found is None or handlers.sees(self._job.client, found):
                return planned  # a rule's refusal tells all others nothing about the item
        return refused(content, wanted.key, found, self._job.client) or planned


def refused(
    content: Content, key: ItemKey, found: Stored[Any] | None, client: Client | None
) -> Planned | None:
    """Return the failure of a row whose item's type refuses its content, or None if it accepts.

    Each wrong field has the name of its column.
    """
    try:
        handlers.check_content(key, content, found, client)
    except InvalidModelError as error:
        fields = (f"{field.removeprefix(IN)}: {reason}" for field, reason in error.problems)
        return Planned.failing("invalid", "; ".join(fields))
    except InvalidInputError as error:
        return Planned.failing("invalid", f"{error.field.removeprefix(IN)}: {error.problem}")
    except RuleRefusedError as error:
        return Planned.failing(error.code, str(error))
    return None
