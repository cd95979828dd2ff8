"""The row code of imports: counts a batch of rows one time, however often it is delivered.

The order of the writes makes this work. First the plan says what each row is to become; it is
written once. Then the rows are applied: each is a version that a condition lets exist once. It
carries the row's id, so a later delivery finds it. Then come the read models, which guard
themselves. Then come the failed rows, always as the same object. The marker and the counter come
last, in one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import TransientError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.notices import at_depth
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.projection import measured, project_many
from sfn_cqrs.machines.command.reserving import taken
from sfn_cqrs.machines.command.runner import expire_previous
from sfn_cqrs.machines.command.versions import has_unique
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.csv.rows import Row
from sfn_cqrs.machines.import_csv.declaration import ImportStrategy, Wanted
from sfn_cqrs.machines.import_csv.job import Job
from sfn_cqrs.machines.import_csv.planning import Current, Planner
from sfn_cqrs.machines.import_csv.preview import LAST_SHOWN, row_view
from sfn_cqrs.machines.import_csv.publishing import Publisher
from sfn_cqrs.machines.import_csv.results import Counts, FailedRow, Marker, Plan, Planned, Spent
from sfn_cqrs.machines.import_csv.undo import Undo

_UNSTABLE = Planned.failing("unstable", "the strategy changed its mind; retry this row")


@dataclass(frozen=True, slots=True)
class Result:
    """A batch's count, and the result of each row."""

    counts: Counts
    plan: Plan


class RowBatch:
    """Some rows of one job, in the order of the file.

    On its last try a batch no longer waits for versions that are accepted but not applied: their
    rows fail with that reason.
    """

    def __init__(
        self,
        job: Job,
        strategy: ImportStrategy | None,
        rows: Sequence[Row],
        *,
        is_last_try: bool = False,
    ) -> None:
        """Take rows; the number of the first one names the batch. An undo has no strategy."""
        self._job = job
        self._rows = rows
        self._first = rows[0].number
        self._is_last_try = is_last_try
        self._previewed: dict[int, dict[str, Json]] = {}
        self._planner = Planner(job, strategy) if strategy else Undo(job)
        self._publisher = Publisher(job, self._planner, self._first)

    @classmethod
    def of(cls, job: Job, rows: Sequence[Row], *, is_last_try: bool = False) -> Self:
        """Return the batch of a job's rows, with the strategy of its table."""
        if job.undoes:
            return cls(job, None, rows, is_last_try=is_last_try)
        with handlers.known_elsewhere():
            strategy = strategies.find(job.table)
        return cls(job, strategy, rows, is_last_try=is_last_try)

    def run(self) -> Result:
        """Apply the rows and count them; return the count and the results.

        Raises:
            TransientError: something is busy, or rows wait for their chains. Nothing is counted;
                the same batch may be tried again.
        """
        began = bootstrap.now()
        wanted, fates = self._planner.read(self._rows)
        with measured() as taken:
            if wanted:
                with at_depth(self._job.depth):
                    fates |= self._write(wanted)
        pending = self._publisher.pending
        if pending and not self._is_last_try:
            row, reason = next(iter(pending.items()))
            raise TransientError(f"{len(pending)} rows wait; row {row}: {reason}")
        spent = Spent.of(bootstrap.now() - began, taken)
        return Result(self._count(fates, spent), fates)

    def _write(self, wanted: dict[int, Wanted]) -> Plan:
        """Plan and publish the good rows; return the result of each."""
        current = self._planner.current_of(wanted)
        plan = {
            row: self._planner.planned(row, each, current[each.key]) for row, each in wanted.items()
        }
        if self._job.dry_run:
            plan |= self._not_unique(plan, wanted, current)
            self._previewed = self._preview(plan, wanted, current)
            return plan
        kept = bootstrap.imports().plan(self._job.key, self._first, plan)
        if kept is not None:
            plan = {row: kept.get(row, _UNSTABLE) for row in wanted}
        to_write = {row: planned for row, planned in plan.items() if planned.version}
        plan |= self._publisher.publish(wanted, to_write, current, is_new=kept is None)
        return plan | self._project(plan)

    def _not_unique(
        self, plan: Plan, wanted: dict[int, Wanted], current: dict[ItemKey, Current]
    ) -> Plan:
        """Return the failures of planned rows whose value another item has, as things are."""
        found = {}
        for row, planned in plan.items():
            key = wanted[row].key
            if planned.version and has_unique(key.type) and self._planner.knows(wanted[row]):
                content = self._planner.content(wanted[row], current[key].row)
                refused = taken(key, content, self._job.client)
                if refused is not None:
                    found[row] = Planned.failing(refused.code, str(refused))
        return found

    def _preview(
        self, plan: Plan, wanted: dict[int, Wanted], current: dict[ItemKey, Current]
    ) -> dict[int, dict[str, Json]]:
        """Return, for the first rows of the file, what each would change."""
        views = {}
        for row, planned in plan.items():
            if row <= LAST_SHOWN:
                found = current[wanted[row].key].row
                is_known = planned.version and self._planner.knows(wanted[row])
                after = self._planner.content(wanted[row], found) if is_known else None
                views[row] = row_view(row, planned, after, found)
        return views

    def _project(self, fates: Plan) -> Plan:
        """Bring applied versions to the read models; return the rows that now wait."""
        applied = self._publisher.applied
        failed = project_many(applied[0].key.type, applied) if applied else []
        waiting = dict(
            self._publisher.hand_over(command, fates[command.source_row or 0]) for command in failed
        )
        for command in applied:
            expire_previous(command.key, command.version)
        return waiting

    def _views(self, fates: Plan) -> list[dict[str, Json]]:
        return [
            self._previewed.get(row.number) or row_view(row.number, fates[row.number], None, None)
            for row in self._rows
            if row.number <= LAST_SHOWN
        ]

    def _count(self, fates: Plan, spent: Spent) -> Counts:
        failed = [
            FailedRow(row, problem)
            for row in self._rows
            if (problem := fates[row.number].problem) is not None
        ]
        key = self._job.key
        if self._job.dry_run and self._first <= LAST_SHOWN:
            bootstrap.import_bucket().put_preview(key, self._first, self._views(fates))
        if failed:
            bootstrap.import_bucket().put_errors(key, self._first, failed)
        counts = Counts.of(planned.fate for planned in fates.values())
        marker = Marker(self._first, self._rows[-1].number, counts, bool(failed), spent)
        return bootstrap.imports().count(key, marker)
