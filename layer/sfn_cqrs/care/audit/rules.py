"""What holds of everything that is stored: the rules of an audit, for tests and for live stacks.

A rule looks at what was read of one item, or of one import, and yields what is wrong. It reads
nothing, and knows no clock but the moment of the reading. A stack that works is never at fault,
at whatever moment it is looked at: what is under way is allowed for.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import TAKEN_OVER, Command, DataRow
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command.process import START, Outcome, Process
from sfn_cqrs.machines.import_csv.job import Job, JobStatus
from sfn_cqrs.machines.import_csv.results import Counts, Marker

SOON = timedelta(hours=1)
"""By then the sweeps have started, woken and ended what they can."""
LATE = timedelta(hours=26)
"""Longer than anything waits."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where, which rule says so, what was seen, and what repairs it."""

    key: str
    rule: str
    evidence: str
    repair: str


def unreadable(key: str, error: Exception) -> Finding:
    """Say that a record cannot be read, without what it holds."""
    return Finding(
        key,
        "unreadable",
        f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else type(error).__name__,
        "compare it with an export or a backup; delete it if nothing needs it",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item as it was read at a moment.

    `listed` are the versions whose process the index `open` lists, `expiring` those of commands,
    and `closing` those of processes, that have a ttl. `lost` are the pointers that lead nowhere.
    `misplaced` are sort keys that are not those of their items. `reserved` are the codes of the
    items that have what the latest version holds, by the hashes of these unique values. `halves`
    are the versions that should have been published together with one of these, and were not.
    """

    key: ItemKey
    at: datetime
    row: DataRow | None = None
    commands: Mapping[int, Command] = field(default_factory=dict)
    processes: Mapping[int, Process] = field(default_factory=dict)
    history: Mapping[int, DataRow] = field(default_factory=dict)
    listed: frozenset[int] = frozenset()
    expiring: frozenset[int] = frozenset()
    closing: frozenset[int] = frozenset()
    lost: frozenset[str] = frozenset()
    misplaced: tuple[str, ...] = ()
    keeps_commands: bool = True
    keeps_history: bool = True
    reserved: Mapping[str, str] = field(default_factory=dict)
    halves: Mapping[int, str] = field(default_factory=dict)

    @property
    def latest(self) -> int:
        """The last version that is stored (0: none)."""
        return max(self.commands, default=0)

    @property
    def shown(self) -> int:
        """The version that the data row shows (0: there is none)."""
        return self.row.version if self.row else 0

    def outcome(self, version: int) -> Outcome:
        """Return a version's outcome; one without a process is applied: an import did it."""
        process = self.processes.get(version)
        return process.outcome if process else Outcome.APPLIED

    def applied(self) -> Iterator[int]:
        """Yield the versions that have been applied."""
        return (each for each in sorted(self.commands) if self.outcome(each) is Outcome.APPLIED)

    def before(self, age: timedelta) -> str:
        """Return the moment that is so long ago."""
        return iso(self.at - age)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFacts:
    """The facts about one import: its job, its markers, its counters, its batches with a plan.

    `is_kept`: these, and its report, have not expired.
    """

    job: Job
    at: datetime
    markers: tuple[Marker, ...] = ()
    counted: Counts = field(default_factory=Counts)
    planned: frozenset[int] = frozenset()
    has_report: bool = True
    is_kept: bool = True


@dataclass(frozen=True, slots=True)
class Rule(Generic[T]):
    """A rule: its name, what repairs what it finds, and the function that looks."""

    name: str
    repair: str
    look: Callable[[T], Iterator[str]]


_CHAIN = "sfn-cqrs chain show {key}; restore the item from a backup if its versions are lost"
_DATA = "sfn-cqrs audit --repair writes the row again"
_HISTORY = "the state cannot be made again; import and undo leave such rows alone"
_RETRY = "sfn-cqrs chain retry {key}, or skip the version"
_RESTORE = "sfn-cqrs chain skip {key} with the version and --restore, or publish a version"
_UNIQUE = "sfn-cqrs type unique {type} --enforce"
_HALF = "restore the other item from a backup, or publish what it lacks"
SWEEP = "sfn-cqrs doctor; see that the sweeps run"


# The chain.


def _gap(item: Item) -> Iterator[str]:
    """With a retention, lower versions expire in no particular order.

    Versions taken over from the original framework begin where its retention left them.
    """
    lowest = min(item.commands, default=0)
    begins = lowest if lowest and item.commands[lowest].source == TAKEN_OVER else 1
    first = begins if item.keeps_commands else item.latest
    for version in range(first, item.latest):
        if version not in item.commands:
            yield f"version {version} is missing below version {item.latest}"


def _command_lost(item: Item) -> Iterator[str]:
    for version, process in sorted(item.processes.items()):
        if version not in item.commands and not process.outcome.is_settled:
            yield f"version {version} is {process.outcome}, and its command is missing"
        elif version > item.latest:
            yield f"version {version} has a process, and its command is missing"


def _chain_lost(item: Item) -> Iterator[str]:
    if item.row is not None and not item.commands:
        yield f"the data row is at version {item.row.version}, and no version is stored"


def _never_applied(item: Item) -> Iterator[str]:
    """Only an import makes a version without a process, and applies it in the same write."""
    for version in sorted(item.commands):
        if version not in item.processes and item.row is not None and version > item.shown:
            yield f"version {version} has no process, and the data row is at {item.shown}"


def _process_of_another(item: Item) -> Iterator[str]:
    for version, process in sorted(item.processes.items()):
        command = item.commands.get(version)
        if command is not None and process.command_id not in ("", command.id):
            yield f"the process of version {version} is not of its command"


def _out_of_order(item: Item) -> Iterator[str]:
    unsettled = [n for n, one in sorted(item.processes.items()) if not one.outcome.is_settled]
    for version in sorted(item.processes):
        below = [each for each in unsettled if each < version]
        if item.outcome(version) is Outcome.APPLIED and below:
            yield f"version {version} is APPLIED, and version {below[0]} is not"


def _blocked(item: Item) -> Iterator[str]:
    for version, process in sorted(item.processes.items()):
        if process.outcome is Outcome.BLOCKED and _is_free(item, process):
            yield f"version {version} is BLOCKED, and every version below is settled"


def _waits(item: Item) -> Iterator[str]:
    for version, process in sorted(item.processes.items()):
        if process.outcome is not Outcome.WAITING:
            continue
        if process.token is None:
            yield f"version {version} waits, and its token is missing"
        if _is_free(item, process):
            yield f"version {version} waits, and every version below is settled"


def _is_free(item: Item, process: Process) -> bool:
    """Return whether it should have gone on long ago: every version below is settled."""
    below = (n for n in item.processes if n < process.version)
    is_late = process.updated_at < item.before(SOON)
    return is_late and all(item.outcome(each).is_settled for each in below)


def _never_started(item: Item) -> Iterator[str]:
    for version, process in sorted(item.processes.items()):
        is_new = process.outcome is Outcome.OPEN and process.status == START
        if is_new and process.updated_at < item.before(SOON):
            yield f"version {version} was never started"


def _stuck(item: Item) -> Iterator[str]:
    for version, process in sorted(item.processes.items()):
        is_new = process.status == START
        if process.outcome.is_open and not is_new and process.updated_at < item.before(LATE):
            yield f"version {version} is {process.outcome} since {process.updated_at}"


def _not_listed(item: Item) -> Iterator[str]:
    for version, process in sorted(item.processes.items()):
        what, is_open = f"version {version} is {process.outcome}", not process.outcome.is_settled
        yield from listing(what, version in item.listed, is_open=is_open)


def _expires(item: Item) -> Iterator[str]:
    if item.latest in item.expiring:
        yield f"version {item.latest} is the last one, and its command expires"
    for version in sorted(item.closing):
        if not item.outcome(version).may_expire:
            yield f"version {version} is {item.outcome(version)}, and its process expires"


def _command_changed(item: Item) -> Iterator[str]:
    for version, command in sorted(item.commands.items()):
        if command.erased or command.attributes_s3 in item.lost:
            continue
        if command.digest != command.content.digest(item.key):
            yield f"the content of version {version} is not what was published"


def _not_reserved(item: Item) -> Iterator[str]:
    command = item.commands.get(item.latest)
    for number, value in enumerate(command.unique if command else (), 1):
        if item.reserved.get(value) != item.key.code:
            whose = "another item's" if value in item.reserved else "not reserved"
            yield f"unique value {number} of version {item.latest} is {whose}"


def _half(item: Item) -> Iterator[str]:
    for version, other in sorted(item.halves.items()):
        yield f"version {version} was published together with {other}, which says nothing of it"


# The data row, and history.


def _data_lost(item: Item) -> Iterator[str]:
    applied = list(item.applied())
    if item.row is None and applied:
        yield f"version {applied[-1]} is applied, and there is no data row"


def _data_behind(item: Item) -> Iterator[str]:
    last = max((n for n in item.applied() if n in item.processes), default=0)
    if item.row is not None and last > item.shown:
        yield f"version {last} is applied, and the data row is at {item.shown}"


def _data_ahead(item: Item) -> Iterator[str]:
    if item.commands and item.shown > item.latest:
        yield f"the data row is at version {item.shown}, and the last one stored is {item.latest}"


def _data_early(item: Item) -> Iterator[str]:
    outcome = item.outcome(item.shown)
    if item.row is not None and outcome in (Outcome.WAITING, Outcome.BLOCKED):
        yield f"the data row is at version {item.shown}, which is {outcome}"


def _skipped_shown(item: Item) -> Iterator[str]:
    """A person gave it up; its content stays until a later version, which may be on its way."""
    later = (n for n in item.commands if n > item.shown)
    is_last = all(item.outcome(n) is Outcome.SKIPPED for n in later)
    if item.row is not None and is_last and item.outcome(item.shown) is Outcome.SKIPPED:
        yield f"version {item.shown} is SKIPPED; its content is in the row, not in the read models"


def _data_differs(item: Item) -> Iterator[str]:
    command = item.commands.get(item.shown)
    if item.row is not None and command is not None:
        yield from _differences("the data row", item, item.row, command)


def _history_lost(item: Item) -> Iterator[str]:
    for version in item.applied():
        if item.keeps_history and version < item.shown and version not in item.history:
            yield f"the state of version {version} is missing"


def _history_ahead(item: Item) -> Iterator[str]:
    """A version above keeps the row before it changes it."""
    for version in sorted(item.history):
        if version > item.shown or version >= max(item.latest, item.shown):
            yield f"a state of version {version} is kept, and the data row is at {item.shown}"


def _history_differs(item: Item) -> Iterator[str]:
    for version, state in sorted(item.history.items()):
        command = item.commands.get(version)
        if command is not None:
            yield from _differences(f"the state of version {version}", item, state, command)


def _pointer_lost(item: Item) -> Iterator[str]:
    for pointer in sorted(item.lost):
        yield f"the object {pointer} does not exist"


def _misplaced(item: Item) -> Iterator[str]:
    for place in item.misplaced:
        yield f"{place} is not the key of the item there"


def repairs_of(item: Item) -> tuple[Command, ...]:
    """Return the versions from which the data row, and the states below it, are written again.

    The last one is the row's. Nothing is written from a version that is damaged itself, or of an
    item whose row is as it should be.
    """
    if not any(rule.repair == _DATA and any(rule.look(item)) for rule in ITEM_RULES):
        return ()
    of_processes = {n for n in item.processes if item.outcome(n) is Outcome.APPLIED}
    applied = {*of_processes, *(item.applied() if item.row is None else ())}
    version = max([*applied, item.shown])
    states = (n for n in item.applied() if item.shown <= n < version and item.keeps_history)
    wanted = [*(n for n in states if n and n not in item.history), version]
    commands = [item.commands[n] for n in wanted if n in item.commands]
    is_sound = all(_is_as_published(item, command) for command in commands)
    return tuple(commands) if is_sound and len(commands) == len(wanted) else ()


def _is_as_published(item: Item, command: Command) -> bool:
    if command.attributes_s3 in item.lost:
        return False
    return bool(command.erased) or command.digest == command.content.digest(item.key)


def _differences(what: str, item: Item, row: DataRow, command: Command) -> Iterator[str]:
    if row.command_id != command.id:
        yield f"{what} is of another command than version {command.version}"
    elif row.attributes_s3 in item.lost or command.attributes_s3 in item.lost:
        return
    elif row.erased != command.erased:
        return  # an erasure is between the two
    elif row.content.digest(item.key) != command.content.digest(item.key):
        yield f"{what} differs from version {command.version}"
    elif _audit(row) != _audit(command):
        yield f"{what} says otherwise who made version {command.version}, and when"


def _audit(row: DataRow | Command) -> tuple[object, ...]:
    return row.created, row.updated, row.source, row.source_row


# Imports.

_RECOUNT = "import the rows of the file again: what is as the file has it stays unchanged"


def _counters_differ(facts: ImportFacts) -> Iterator[str]:
    marked = sum((each.counts for each in facts.markers), Counts())
    if marked != facts.counted:
        yield f"the markers say {_said(marked)}, the counters {_said(facts.counted)}"


def _counted_twice(facts: ImportFacts) -> Iterator[str]:
    last = 0
    for marker in facts.markers:
        if marker.first <= last:
            yield f"the batch of row {marker.first} has rows of the one before"
        last = max(last, marker.last)


def _ending_differs(facts: ImportFacts) -> Iterator[str]:
    job = facts.job
    if job.ending is None:
        return
    if job.loaded is not None and job.ending.counts.total + job.ending.cancelled != job.total:
        yield f"it ended with {job.ending.counts.total + job.ending.cancelled} of {job.total} rows"
    missing = job.ending.counts.failed - facts.counted.failed
    if _kept_counts(job.ending.counts) != _kept_counts(facts.counted) or missing < 0:
        yield f"it ended with {_said(job.ending.counts)}, and counted {_said(facts.counted)}"


def _plan_lost(facts: ImportFacts) -> Iterator[str]:
    for marker in facts.markers:
        written = marker.counts.created + marker.counts.updated
        if written and marker.first not in facts.planned and not facts.job.dry_run:
            yield f"the batch of row {marker.first} has written {written} rows without a plan"


def _report_lost(facts: ImportFacts) -> Iterator[str]:
    job = facts.job
    if job.ending is not None and job.loaded is not None and not facts.has_report:
        yield f"{job.ending.counts.failed} rows have failed, and errors.csv does not exist"


def _import_stuck(facts: ImportFacts) -> Iterator[str]:
    late = iso(facts.at - LATE)
    if facts.job.status is JobStatus.PROCESSING and facts.job.started_at < late:
        yield f"it is PROCESSING since {facts.job.started_at}"


def _kept_counts(counts: Counts) -> tuple[int, int, int]:
    """Return the counts of rows that did not fail; rows of dead batches fail at the end only."""
    return counts.created, counts.updated, counts.unchanged


def _said(counts: Counts) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.by_name.items())


ITEM_RULES: tuple[Rule[Item], ...] = (
    Rule("gap", _CHAIN, _gap),
    Rule("command_lost", _CHAIN, _command_lost),
    Rule("chain_lost", _CHAIN, _chain_lost),
    Rule("never_applied", _RETRY, _never_applied),
    Rule("process_of_another", _CHAIN, _process_of_another),
    Rule("out_of_order", _CHAIN, _out_of_order),
    Rule("blocked_behind_nothing", _RETRY, _blocked),
    Rule("waits_for_nothing", SWEEP, _waits),
    Rule("never_started", SWEEP, _never_started),
    Rule("stuck", SWEEP, _stuck),
    Rule("not_listed", SWEEP, _not_listed),
    Rule("expires", _CHAIN, _expires),
    Rule("command_changed", _CHAIN, _command_changed),
    Rule("not_reserved", _UNIQUE, _not_reserved),
    Rule("half", _HALF, _half),
    Rule("data_lost", _DATA, _data_lost),
    Rule("data_behind", _DATA, _data_behind),
    Rule("data_ahead", _CHAIN, _data_ahead),
    Rule("data_early", _RETRY, _data_early),
    Rule("skipped_shown", _RESTORE, _skipped_shown),
    Rule("data_differs", _DATA, _data_differs),
    Rule("history_lost", _HISTORY, _history_lost),
    Rule("history_ahead", _HISTORY, _history_ahead),
    Rule("history_differs", _HISTORY, _history_differs),
    Rule("pointer_lost", "restore the object from a version of the bucket", _pointer_lost),
    Rule("misplaced", _CHAIN, _misplaced),
)
IMPORT_RULES: tuple[Rule[ImportFacts], ...] = (
    Rule("counters_differ", _RECOUNT, _counters_differ),
    Rule("counted_twice", _RECOUNT, _counted_twice),
    Rule("ending_differs", _RECOUNT, _ending_differs),
    Rule("plan_lost", "its rows cannot be undone any more", _plan_lost),
    Rule("report_lost", "sfn-cqrs import retry {key} makes another", _report_lost),
    Rule("import_stuck", SWEEP, _import_stuck),
)


def findings(item: Item) -> list[Finding]:
    """Hold an item against every rule."""
    name = f"{item.key.tenant} {item.key.type}/{item.key.code}"
    return held(name, f"{item.key.type} {item.key.code}", item, ITEM_RULES, item.key.type)


@dataclass(frozen=True, slots=True)
class Reservation:
    """A unique value that is reserved, and whether the latest version of its item holds it."""

    key: ItemKey
    is_held: bool


def _held_by_nobody(reservation: Reservation) -> Iterator[str]:
    if not reservation.is_held:
        yield "a unique value is reserved, and the latest version does not hold it"


RESERVATION_RULES: tuple[Rule[Reservation], ...] = (
    Rule("held_by_nobody", _UNIQUE, _held_by_nobody),
)


def reservation_findings(reservation: Reservation) -> list[Finding]:
    """Hold a reservation against every rule."""
    key = reservation.key
    name = f"{key.tenant} {key.type}/{key.code}"
    return held(name, f"{key.type} {key.code}", reservation, RESERVATION_RULES, key.type)


def import_findings(facts: ImportFacts) -> list[Finding]:
    """Hold an import against every rule."""
    key = facts.job.key
    rules = tuple(rule for rule in IMPORT_RULES if facts.is_kept or rule.look is _import_stuck)
    return held(f"{key.tenant} {key.id}", key.id, facts, rules)


def listing(what: str, is_listed: bool, *, is_open: bool) -> Iterator[str]:
    """Yield what is wrong if the index of open ones does not list this, or still does."""
    if is_open and not is_listed:
        yield f"{what}, and no sweep will find it"
    elif is_listed and not is_open:
        yield f"{what}, and is still listed as open"


def held(
    name: str, short: str, facts: T, rules: tuple[Rule[T], ...], type_: str = ""
) -> list[Finding]:
    """Hold what was read against some rules."""
    return [
        Finding(name, rule.name, evidence, rule.repair.format(key=short, type=type_))
        for rule in rules
        for evidence in rule.look(facts)
    ]
