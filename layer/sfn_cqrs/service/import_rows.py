"""The row code of imports: what a batch of rows does, however often it is delivered.

The order is what makes it exact. The plan says first what each row is to become, and is
written once. Then the rows are applied: each is a version that a condition lets exist once,
and that carries the row's id, so that a later delivery finds it. Then the read models, which
guard themselves. Then the failed rows, as the same object however often. The marker and the
counter come last, in one transaction.
"""

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.import_bucket import FailedRow
from sfn_cqrs.domain import chain
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.command import Command, DataRow
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.errors import TransientError
from sfn_cqrs.domain.ids import new_ulid
from sfn_cqrs.domain.import_strategy import (
    Comparison,
    Duplicates,
    ImportStrategy,
    Wanted,
    wanted_by,
)
from sfn_cqrs.domain.imports import (
    SUPERSEDED,
    Counts,
    Fate,
    InputRow,
    Marker,
    Plan,
    Planned,
    PublishMode,
    Settings,
)
from sfn_cqrs.domain.keys import ItemKey
from sfn_cqrs.domain.process import Mode, Outcome, Process
from sfn_cqrs.domain.publication import Publication, RowPublication
from sfn_cqrs.domain.versioning import Predecessor
from sfn_cqrs.service.chain import Chain
from sfn_cqrs.service.expiry import expire_previous
from sfn_cqrs.service.projection import project_many

TRIES = 3
_SUPERSEDED = Planned(Fate.UNCHANGED, reason=SUPERSEDED)


@dataclass(frozen=True, slots=True)
class Result:
    """What has become of a batch; the problems are those of its failed rows."""

    counts: Counts
    plan: Plan


@dataclass(slots=True)
class _Current:
    """An item as it is, for the history and for the comparison; no row: it does not exist."""

    snapshot: dict[str, Any] | None = None
    row: DataRow | None = None

    @property
    def version(self) -> int:
        return self.row.version if self.row else 0


class RowBatch:
    """Some rows of one job, in the order of the file.

    On its last try a batch no longer waits for versions that are accepted and not applied:
    their rows fail, and say so.
    """

    def __init__(
        self,
        settings: Settings,
        strategy: ImportStrategy,
        rows: Sequence[InputRow],
        *,
        is_last_try: bool = False,
    ) -> None:
        """Take rows; the first one's number is the batch's name."""
        self._settings = settings
        self._strategy = strategy
        self._rows = rows
        self._first = rows[0].number
        self._is_last_try = is_last_try
        self._applied: list[Command] = []
        self._pending: dict[int, str] = {}

    def run(self) -> Result:
        """Apply the rows and count them.

        Raises:
            TransientError: something is busy, or rows wait for their chains; nothing is
                counted, and the same batch may be tried again.
        """
        wanted, fates = self._read()
        fates |= self._written(wanted) if wanted else {}
        if self._pending and not self._is_last_try:
            row, reason = next(iter(self._pending.items()))
            raise TransientError(f"{len(self._pending)} rows wait; row {row}: {reason}")
        failed = [
            FailedRow(row, problem)
            for row in self._rows
            if (problem := fates[row.number].problem) is not None
        ]
        key = self._settings.key
        if failed:
            bootstrap.import_bucket().put_errors(key, self._first, failed)
        counts = Counts.of(planned.fate for planned in fates.values())
        marker = Marker(self._first, self._rows[-1].number, counts, bool(failed))
        return Result(bootstrap.imports().count(key, marker), fates)

    def _read(self) -> tuple[dict[int, Wanted], Plan]:
        """The good rows, one for each item, and the fates of all others."""
        good: dict[int, Wanted] = {}
        fates: Plan = {}
        latest: dict[ItemKey, int] = {}
        for row in self._rows:
            read = row.problem or wanted_by(
                self._strategy, self._settings.key.tenant, self._settings.cells_of(row)
            )
            if isinstance(read, Problem):
                fates[row.number] = Planned(Fate.FAILED, problem=read)
                continue
            earlier = latest.get(read.key)
            if earlier is not None:
                del good[earlier]
                fates[earlier] = self._superseded(row.number)
            latest[read.key] = row.number
            good[row.number] = read
        return good, fates

    def _superseded(self, by: int) -> Planned:
        if self._strategy.duplicates is Duplicates.LAST_WINS:
            return _SUPERSEDED
        return Planned.failing("duplicate", f"row {by} has the same key")

    def _written(self, wanted: dict[int, Wanted]) -> Plan:
        """Write what the rows want; answers what has become of each."""
        current = self._current(wanted.values())
        plan = {row: self._planned(row, each, current[each.key]) for row, each in wanted.items()}
        if self._settings.dry_run:
            return plan
        kept = bootstrap.imports().plan(self._settings.key, self._first, plan)
        if kept is not None:
            unknown = Planned.failing("unstable", "the strategy changed its mind; retry this row")
            plan = {row: kept.get(row, unknown) for row in wanted}
        to_write = {row: planned for row, planned in plan.items() if planned.version}
        fates = self._published(wanted, to_write, current, is_new=kept is None)
        fates |= self._projected(fates)
        return plan | fates

    def _current(self, wanted: Iterable[Wanted]) -> dict[ItemKey, _Current]:
        keys = [each.key for each in wanted]
        data = bootstrap.data()
        found = data.snapshots(keys)
        known = {key: _Current(item, data.row_of(item)) for key, item in found.items()}
        return {key: known.get(key, _Current()) for key in keys}

    def _planned(self, row: int, wanted: Wanted, current: _Current) -> Planned:
        """What a row is to become of the item as it is."""
        settings, found = self._settings, current.row
        if settings.has_applied(row, found):
            return _written_as(current.version)
        later = self._later_row(row, found)
        if later is not None:
            return self._superseded(later)
        return self._compared(wanted, found, current.version)

    def _later_row(self, row: int, version: DataRow | Command | None) -> int | None:
        """The later row of the same file that has written the item already, if one has.

        Where somebody else has written since, the versions below are looked at as well.
        """
        settings = self._settings
        while version is not None:
            if settings.supersedes(row, version):
                return version.source_row
            if not settings.may_hide_ours(version):
                return None
            version = bootstrap.commands().find(version.key, version.version - 1)
        return None

    def _compared(self, wanted: Wanted, found: DataRow | None, latest: int) -> Planned:
        try:
            comparison = self._strategy.compare(wanted.record, found)
        except TransientError:
            raise
        except Exception as error:
            return Planned.failing("strategy", f"{type(error).__name__}: {error}")
        if comparison is Comparison.EQUAL:
            return Planned(Fate.UNCHANGED)
        return _written_as(latest + 1)

    def _published(
        self,
        wanted: dict[int, Wanted],
        plan: Plan,
        current: dict[ItemKey, _Current],
        *,
        is_new: bool,
    ) -> Plan:
        """Publish what is not yet: most of it together, and one by one what that refuses."""
        fates: Plan = {}
        left = dict(plan)
        if not is_new:
            versions = [(wanted[row].key, planned.version) for row, planned in plan.items()]
            for command in bootstrap.commands().find_many(versions).values():
                row = command.source_row
                if row in left and self._is_its(row, command):
                    fates[row] = self._found(row, command, left.pop(row))
        together = self._may_be_together(wanted, left, current)
        publications = [
            self._publication(row, wanted[row], plan[row].version, current[wanted[row].key])
            for row in together
        ]
        refusals = bootstrap.commands().publish_many(publications)
        for row, publication, refusal in zip(together, publications, refusals, strict=True):
            if refusal is None:
                fates[row] = left.pop(row)
                self._note(publication)
        for row, planned in left.items():
            fates[row] = self._one_by_one(row, wanted[row], planned)
        return fates

    def _may_be_together(
        self, wanted: dict[int, Wanted], plan: Plan, current: dict[ItemKey, _Current]
    ) -> list[int]:
        """The rows whose version is the next one, and has nothing to wait for."""
        rows = [
            row for row, each in plan.items() if each.version == self._next(current, wanted, row)
        ]
        if self._settings.publish_mode is PublishMode.ASYNC:
            return rows
        below = [(wanted[row].key, plan[row].version - 1) for row in rows if plan[row].version > 1]
        open_ones = bootstrap.processes().find_many(below) if below else {}
        return [
            row
            for row in rows
            if (process := open_ones.get(wanted[row].key)) is None or process.outcome.is_settled
        ]

    @staticmethod
    def _next(current: dict[ItemKey, _Current], wanted: dict[int, Wanted], row: int) -> int:
        return current[wanted[row].key].version + 1

    def _one_by_one(self, row: int, wanted: Wanted, planned: Planned) -> Planned:
        """Publish a row that somebody was in the way of."""
        for attempt in range(TRIES):
            command = bootstrap.commands().find(wanted.key, planned.version)
            if command is not None and self._is_its(row, command):
                return self._found(row, command, planned)
            latest = bootstrap.commands().latest(wanted.key)
            predecessor = _predecessor(wanted.key, latest)
            current = self._current([wanted])[wanted.key]
            after = self._planned_again(row, wanted, current, latest, predecessor)
            if after.version and not self._may_go(predecessor, current, attempt):
                time.sleep(random.uniform(0, 0.1 * 2**attempt))
                continue
            if after.problem is None:
                after = self._keep(row, planned, after)
            if not after.version:
                return after
            planned = after
            is_queued = _is_behind(predecessor, current)
            publication = self._publication(
                row, wanted, after.version, current, latest, is_queued=is_queued
            )
            if bootstrap.commands().publish_many([publication])[0] is None:
                self._note(publication)
                return self._waiting(row, after) if is_queued and self._is_sync else after
        return self._waiting(row, planned)

    def _planned_again(
        self,
        row: int,
        wanted: Wanted,
        current: _Current,
        latest: Command | None,
        predecessor: Predecessor,
    ) -> Planned:
        settings = self._settings
        newest = latest.as_row() if latest else None
        if settings.has_applied(row, newest):
            return _written_as(newest.version if newest else 0)
        later = self._later_row(row, newest)
        if later is not None:
            return self._superseded(later)
        if predecessor.outcome is not None and predecessor.outcome.is_repairable:
            return Planned.failing(
                "chain_blocked",
                f"version {predecessor.version} is {predecessor.outcome};"
                " redrive or skip it, then retry this row",
            )
        base = newest if _is_behind(predecessor, current) else current.row
        return self._compared(wanted, base, latest.version if latest else 0)

    def _may_go(self, predecessor: Predecessor, current: _Current, attempt: int) -> bool:
        """Whether to publish now; after some tries a row is queued behind what is open."""
        is_last = attempt == TRIES - 1
        return not self._is_sync or is_last or not _is_behind(predecessor, current)

    def _keep(self, row: int, before: Planned, after: Planned) -> Planned:
        if before == after:
            return before
        return bootstrap.imports().replan(self._settings.key, self._first, row, before, after)

    @property
    def _is_sync(self) -> bool:
        return self._settings.publish_mode is PublishMode.SYNC

    def _is_its(self, row: int, command: Command) -> bool:
        return command.request_id == self._settings.key.request_id(row)

    def _found(self, row: int, command: Command, planned: Planned) -> Planned:
        """What has become of a version that an earlier delivery published for this row."""
        if not self._is_sync:
            return planned
        process = bootstrap.processes().find(command.key, command.version)
        if process is None:
            self._applied.append(command)
            return planned
        if process.outcome is Outcome.APPLIED:
            return planned
        if not process.outcome.is_open:
            return Planned.failing(
                "chain_blocked",
                f"version {command.version}, which this row published, is {process.outcome}"
                f" ({process.error}); redrive or skip it",
            )
        return self._waiting(row, planned)

    def _waiting(self, row: int, planned: Planned) -> Planned:
        """A row that is counted when its version closes, or fails on the batch's last try."""
        reason = f"version {planned.version} is not applied yet; its chain shows how it ends"
        self._pending[row] = reason
        return Planned.failing("chain_open", reason)

    def _note(self, publication: Publication | RowPublication) -> None:
        if isinstance(publication, RowPublication):
            self._applied.append(publication.command)

    def _projected(self, fates: Plan) -> Plan:
        """Bring what is applied to the read models; what fails there is the machine's to finish."""
        if not self._applied:
            return {}
        waiting: Plan = {}
        for command in project_many(self._strategy.type, self._applied):
            bootstrap.processes().hand_over(_handed_over(command, iso(bootstrap.now())))
            row = command.source_row or 0
            waiting[row] = self._waiting(row, fates[row])
        for command in self._applied:
            expire_previous(command.key, command.version)
        return waiting

    def _publication(
        self,
        row: int,
        wanted: Wanted,
        version: int,
        current: _Current,
        latest: Command | None = None,
        *,
        is_queued: bool = False,
    ) -> Publication | RowPublication:
        command = self._command(row, wanted, version, current.row or latest)
        if self._is_sync and not is_queued:
            item = current.snapshot
            history = bootstrap.history().item_of(item) if item else None
            return RowPublication(command, current.version, history)
        return Publication(command, _opened(command))

    def _command(
        self, row: int, wanted: Wanted, version: int, before: DataRow | Command | None
    ) -> Command:
        now = bootstrap.now()
        settings = self._settings
        audit = replace(settings.by, at=iso(now))
        command_id = new_ulid(now)
        return Command(
            key=wanted.key,
            version=version,
            id=command_id,
            content=wanted.content,
            digest=wanted.content.digest(wanted.key),
            created=before.created if before else audit,
            updated=audit,
            source=settings.key.id,
            source_row=row,
            request_id=settings.key.request_id(row),
            attributes_s3=bootstrap.attributes().store_if_large(
                wanted.key.tenant, command_id, wanted.content.attributes
            ),
        )


def _written_as(version: int) -> Planned:
    return Planned(Fate.CREATED if version == 1 else Fate.UPDATED, version)


def _predecessor(key: ItemKey, latest: Command | None) -> Predecessor:
    """The version that the next one builds on, read before the data is."""
    return Chain(key).run(chain.previous(latest.version + 1)) if latest else Predecessor()


def _is_behind(predecessor: Predecessor, current: _Current) -> bool:
    """Whether a version below is not applied yet."""
    is_open = predecessor.outcome not in (None, Outcome.APPLIED)
    return is_open or current.version < predecessor.version


def _opened(command: Command) -> Process:
    return Process(
        key=command.key,
        version=command.version,
        command_id=command.id,
        source=command.source,
        opened_at=command.updated.at,
        updated_at=command.updated.at,
    )


def _handed_over(command: Command, now: str) -> Process:
    """The second attempt of a version whose first applied it and then failed."""
    return replace(_opened(command), mode=Mode.SYNC, attempt=2, opened_at=now, updated_at=now)
