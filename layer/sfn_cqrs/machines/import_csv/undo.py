"""Undo of an import: each row's item becomes what it was, unless somebody has changed it since.

An archive is undone as one: its files' imports together, in their order.

A row of an undo is a version that the import made. One transaction takes it back. It succeeds only
if the data row still is at that version, and no later version is stored.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Command, Content, DataRow
from sfn_cqrs.kernel.errors import InvalidFileError, TransientError
from sfn_cqrs.kernel.keys import ItemKey, ZipKey
from sfn_cqrs.kernel.policy import permits
from sfn_cqrs.machines.command import chain, handlers
from sfn_cqrs.machines.command.runner import Chain
from sfn_cqrs.machines.command.versions import without_erased
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.csv.rows import Problem, Row
from sfn_cqrs.machines.import_csv.declaration import Record, Wanted
from sfn_cqrs.machines.import_csv.files import MARGIN_MS, put_rows
from sfn_cqrs.machines.import_csv.job import Job, Loaded, Reader
from sfn_cqrs.machines.import_csv.planning import Chained, Current, chained, current_of, refused
from sfn_cqrs.machines.import_csv.results import Fate, Plan, Planned

HEADER = ("type", "item", "version")
"""The columns of an undo's row; errors.csv starts with them."""
OF_AN_ARCHIVE = (*HEADER, "import", "row")
"""Those of an archive's undo: they also name the file's import, and its row there."""


def undone_rows(job: Job, remaining_ms: Callable[[], int]) -> Loaded:
    """List the versions that an import made, as the rows of the job that takes it back.

    Rows of an archive are numbered through, in the order of its files.

    Raises:
        InvalidFileError: the import is not known any more, or the time to list its rows is over.
        TransientError: a function that outlived the import may still apply a row; try again.
    """
    is_archive = ZipKey.is_named_by(job.undoes)
    header = OF_AN_ARCHIVE if is_archive else HEADER
    imports, numbers = list(_undone(job.key.tenant, job.undoes)), count(1)

    def rows() -> Iterator[Row]:
        for undone in imports:
            type_, id_ = strategies.find(undone.table).type, undone.key.id
            for row, planned in written_rows(bootstrap.imports().plans(undone.key)):
                if remaining_ms() < MARGIN_MS:
                    raise InvalidFileError("too_slow", "the import has too many rows to be undone")
                cells = [type_, planned.code, str(planned.version)]
                named = Row(next(numbers), [*cells, id_, str(row)])
                yield named if is_archive else Row(row, cells)

    source, found = put_rows(job.key, rows())
    return Loaded(found, header, header, Reader.JSONL if found else Reader.NONE, source)


def _undone(tenant: str, id_: str) -> Iterator[Job]:
    """Yield the imports that an undo takes back: one, or those of an archive's files in order.

    Raises:
        InvalidFileError: it is not known any more.
        TransientError: a function that outlived it may still apply a row; try again.
    """
    keys = bootstrap.every_import().parts(tenant, id_)
    found = [bootstrap.import_jobs().find(key) for key in keys]
    if not ZipKey.is_named_by(id_) and found == [None]:
        raise InvalidFileError("gone", f"the import {id_} does not exist any more")
    for job in filter(None, found):  # a file that was refused has no import
        if job.left_rows_at(iso(bootstrap.now())):
            raise TransientError(
                f"{job.key.id} has ended just now, and not all of its rows are counted"
            )
        yield job


def written_rows(plans: Iterable[tuple[int, Plan]]) -> Iterator[tuple[int, Planned]]:
    """Yield the planned rows with a version in their order.

    Two batches may have a row if the job was handed over; the later plan is the more recent.
    """
    held: Plan = {}
    for first, plan in plans:
        for row in sorted(row for row in held if row < first):
            yield row, held.pop(row)
        held |= {row: planned for row, planned in plan.items() if planned.version}
    yield from sorted(held.items())


class Undo:
    """Plans the rows of one undo, as `Planner` plans those of a file."""

    queues = False

    def __init__(self, job: Job) -> None:
        """Plan for a job that undoes another."""
        self._job = job
        keys = bootstrap.every_import().parts(job.key.tenant, job.undoes)
        self._sources = frozenset(key.id for key in keys)
        self._versions: dict[int, int] = {}
        self._made: dict[int, tuple[str, int]] = {}
        self._before: dict[ItemKey, Content] = {}
        self._current: dict[ItemKey, Current] = {}

    def read(self, rows: Sequence[Row]) -> tuple[dict[int, Wanted], Plan]:
        """Take the rows' items as they are, and look up what they were before the import."""
        wanted: dict[int, Wanted] = {}
        for row in rows:
            type_, code, version, *of = row.cells
            key = ItemKey(self._job.key.tenant, type_, code)
            self._versions[row.number] = int(version)
            self._made[row.number] = (of[0], int(of[1])) if of else (self._job.undoes, row.number)
            wanted[row.number] = Wanted(key, Record(code, ""))
        self._current = current_of(each.key for each in wanted.values())
        self._look_back(wanted)
        return wanted, {}

    def current_of(self, _wanted: dict[int, Wanted]) -> dict[ItemKey, Current]:
        """Return the items as `read` found them."""
        return self._current

    def planned(self, row: int, wanted: Wanted, current: Current) -> Planned:
        """Return the plan for a row whose item nobody else is changing."""
        version, found = self._versions[row], current.row
        if found is not None and self.has_written(row, found):
            return Planned.writing(found.version, wanted.key.code)
        if found is None or found.version < version:
            return self.plan_again(row, wanted, chained(wanted))
        return self._decided(row, wanted, found)

    def plan_again(self, row: int, wanted: Wanted, item: Chained) -> Planned:
        """Return the new plan for a row after its item's chain was read."""
        version = self._versions[row]
        newest, outcome = _newest(item), item.predecessor.outcome
        if newest is not None and self.has_written(row, newest):
            return Planned.writing(newest.version, wanted.key.code)
        if newest is None or newest.version < version:
            return _not_written()
        if newest.version > version or not self._is_its(row, newest):
            return self._decided(row, wanted, newest)
        if not self._may_change(newest):
            return _not_yours()
        if outcome is not None and outcome.is_repairable:
            return Planned.failing(
                "chain_blocked",
                f"version {version} is {outcome}; retry or skip it, then retry the undo",
            )
        if item.is_behind:
            return Planned.writing(version + 1, wanted.key.code)
        if item.current.version < version:
            return _kept("skipped", f"version {version} was skipped, and has changed nothing")
        self._current[wanted.key] = item.current
        self._look_back({row: wanted})
        return self._decided(row, wanted, newest)

    def content(self, wanted: Wanted, _before: DataRow | None) -> Content:
        """Return what the item was; code restores attributes that no client may write."""
        return without_erased(wanted.key, self._before[wanted.key], None)

    def _decided(self, row: int, wanted: Wanted, found: DataRow | Command) -> Planned:
        """Return the plan for a row whose item was found at its version, or at a later one."""
        version = self._versions[row]
        if found.version > version:
            return self._changed(row, wanted.key, found)
        if not self._is_its(row, found):
            return _not_written()
        if not self._may_change(found):
            return _not_yours()
        if wanted.key not in self._before:
            return _kept("history_expired", f"what it was before version {version} is not kept")
        content = self.content(wanted, None)
        if not self._may_change(found, content):
            return _not_yours()
        refusal = refused(content, wanted.key, found, self._job.client)
        return refusal or Planned.writing(version + 1, wanted.key.code)

    def _changed(self, row: int, key: ItemKey, found: DataRow | Command) -> Planned:
        """Return the plan for a row whose item has a later version.

        The version that was planned may be another's: then the row has failed in the import.
        """
        version = self._versions[row]
        was = bootstrap.history().find_many([(key, version)]).get(key)
        if was is not None and not self._is_its(row, was):
            return _not_written()
        ours = (*self._sources, self._job.key.id, *self._job.retries)
        if found.source in ours and found.source_row is not None:
            reason = f"row {found.source_row} of the same import has changed it after this row"
            return _kept("superseded", reason)
        by = f" by {found.source}" if found.source else ""
        return _kept("changed_since", f"version {found.version}{by} has changed it since")

    def _may_change(self, found: DataRow | Command, after: Content | None = None) -> bool:
        """Return whether whoever undoes may change the item; code may change every item."""
        client, key = self._job.client, found.key
        policy = handlers.access_of(key.type).importing
        return permits(handlers.check_change, client, found) and permits(
            handlers.check_own, policy, key, client, found, after
        )

    def _is_its(self, row: int, found: DataRow | Command) -> bool:
        """Return whether this row of the import made a version."""
        return (found.source, found.source_row) == self._made[row]

    def knows(self, wanted: Wanted) -> bool:
        """Return whether the item's earlier state is known; it is not while its version is open."""
        return wanted.key in self._before

    def has_written(self, row: int, found: DataRow | Command) -> bool:
        """Return whether a version takes this row back; an earlier job may have made it."""
        mine = (self._job.key.id, *self._job.retries)
        return found.source in mine and found.source_row == row

    def _look_back(self, wanted: dict[int, Wanted]) -> None:
        """Look up the earlier state of items whose last version a row of the import made."""
        rows = {
            each.key: current.row
            for row, each in wanted.items()
            if (current := self._current[each.key]).row is not None
            and current.version == self._versions[row]
            and self._is_its(row, current.row)
        }
        below = [(key, row.version - 1) for key, row in rows.items() if row.version > 1]
        kept = bootstrap.history().find_many(below) if below else {}
        for key, row in rows.items():
            before = self._content_before(row, kept.get(key))
            if before is not None:
                self._before[key] = before

    def _content_before(self, row: DataRow, below: DataRow | None) -> Content | None:
        """Return the item's content before the import, or None if that is not kept any more.

        The import may have changed the item more than once.
        """
        version, predecessor = row.version, 0
        while below is None or below.source in self._sources:
            version = below.version if below is not None else version
            predecessor = Chain(row.key).run(chain.previous(version)).version
            below = _kept_between(row.key, max(predecessor, 1), version)
            if below is None:
                return None if predecessor else replace(row.converted, is_deleted=True)
        return below.converted


def _kept_between(key: ItemKey, first: int, version: int) -> DataRow | None:
    """Return the latest state below a version. A skipped version may have made one, or not."""
    for each in range(version - 1, first - 1, -1):
        found = bootstrap.history().find_many([(key, each)])
        if found:
            return found[key]
    return None


def _newest(item: Chained) -> DataRow | Command | None:
    """Return an item's last version: the data row was read after the chain, and may be further."""
    latest, row = item.latest, item.current.row
    if latest is None or row is None or row.version <= latest.version:
        return latest
    return row


def _not_written() -> Planned:
    """Leave the item of a row that the import planned and never wrote."""
    return _kept("not_written", "the import has not written this row")


def _not_yours() -> Planned:
    """Leave the item of a row that the client may not change."""
    return _kept("not_yours", "the item is not yours: you may read and change your own only")


def _kept(code: str, reason: str) -> Planned:
    """Leave a row's item as it is, and list the row with the reason."""
    return Planned(Fate.UNCHANGED, problem=Problem(code, reason))
