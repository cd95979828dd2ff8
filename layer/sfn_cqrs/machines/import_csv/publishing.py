"""Publishing the planned rows of a batch: most together, and the refused ones one by one."""

import random
import time
from dataclasses import replace

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command.process import Mode, Outcome, Process
from sfn_cqrs.machines.command.publication import Publication, Refusal, RowPublication
from sfn_cqrs.machines.command.reserving import taken
from sfn_cqrs.machines.command.unique import NOTHING, Held, moves
from sfn_cqrs.machines.command.versions import has_unique, held_by, new_command, new_process
from sfn_cqrs.machines.import_csv.declaration import Wanted
from sfn_cqrs.machines.import_csv.job import Job
from sfn_cqrs.machines.import_csv.planning import Chained, Current, Planner, chained
from sfn_cqrs.machines.import_csv.results import Fate, Plan, Planned, PublishMode
from sfn_cqrs.machines.import_csv.undo import Undo

TRIES = 3


class Publisher:
    """Publishes the rows of one batch.

    `applied` are the versions whose read models are still to be updated. `pending` are the rows
    that wait for their versions to close, each with the reason.
    """

    def __init__(self, job: Job, planner: Planner | Undo, first: int) -> None:
        """Publish for a job; `first` names the batch's plan."""
        self._job = job
        self._planner = planner
        self._first = first
        self._is_sync = job.publish_mode is PublishMode.SYNC
        self.applied: list[Command] = []
        self.pending: dict[int, str] = {}

    def publish(
        self,
        wanted: dict[int, Wanted],
        plan: Plan,
        current: dict[ItemKey, Current],
        *,
        is_new: bool,
    ) -> Plan:
        """Publish the rows that have a version; return the result of each.

        A plan that is not new may be carried out already, wholly or in part.
        """
        fates = {} if is_new else self._found_all(wanted, plan)
        left = {row: planned for row, planned in plan.items() if row not in fates}
        together = self._may_be_together(wanted, left, current)
        before = _before([wanted[row].key for row in together], current)
        publications = apart(
            {
                row: self._publication(
                    row, wanted[row], plan[row], current[key], before.get(key, NOTHING)
                )
                for row in together
                if (key := wanted[row].key)
            }
        )
        refusals = bootstrap.commands().publish_many(list(publications.values()))
        for (row, publication), refusal in zip(publications.items(), refusals, strict=True):
            if refusal is None:
                fates[row] = left.pop(row)
                self._note(publication)
        for row, planned in left.items():
            fates[row] = self._one_by_one(row, wanted[row], planned)
        return fates

    def hand_over(self, command: Command, planned: Planned) -> tuple[int, Planned]:
        """Leave a version whose read models failed to the machine; its row waits for it."""
        now = iso(bootstrap.now())
        process = replace(
            new_process(command), mode=Mode.SYNC, attempt=2, opened_at=now, updated_at=now
        )
        bootstrap.processes().hand_over(process)
        row = command.source_row or 0
        return row, self._waiting(row, planned.version)

    def _found_all(self, wanted: dict[int, Wanted], plan: Plan) -> Plan:
        """Return the results of the rows that an earlier delivery published."""
        versions = [(wanted[row].key, planned.version) for row, planned in plan.items()]
        commands = bootstrap.commands().find_many(versions)
        processes = bootstrap.processes().find_many(versions)
        return {
            row: self._found(row, command, planned, processes.get(command.key))
            for row, planned in plan.items()
            if (command := commands.get(wanted[row].key))
            and self._planner.has_written(row, command)
        }

    def _may_be_together(
        self, wanted: dict[int, Wanted], plan: Plan, current: dict[ItemKey, Current]
    ) -> list[int]:
        """Return the rows whose version is the next one and waits for nothing."""
        rows = {
            row: wanted[row].key
            for row, planned in plan.items()
            if planned.version == current[wanted[row].key].version + 1
        }
        if not self._is_sync:
            return list(rows)
        below = [(key, plan[row].version - 1) for row, key in rows.items() if plan[row].version > 1]
        processes = bootstrap.processes().find_many(below) if below else {}
        waiting = {key for key, process in processes.items() if not process.outcome.is_settled}
        return [row for row, key in rows.items() if key not in waiting]

    def _one_by_one(self, row: int, wanted: Wanted, planned: Planned) -> Planned:
        """Publish a row whose item somebody else changed; after some tries it is queued behind."""
        open_at = 0
        for attempt in range(TRIES):
            found = self._found_alone(row, wanted, planned)
            if found is not None:
                return found
            item = chained(wanted)
            after = self._planner.plan_again(row, wanted, item)
            may_queue = self._planner.queues and attempt == TRIES - 1
            if after.version and self._is_sync and item.is_behind and not may_queue:
                open_at = item.predecessor.version
                time.sleep(random.uniform(0, 0.1 * 2**attempt))
                continue
            planned = self._kept(row, planned, after)
            if not planned.version:
                return planned
            fate = self._publish_alone(row, wanted, planned, item)
            if fate is not None:
                return fate
        return self._waiting(row, open_at or planned.version)

    def _found_alone(self, row: int, wanted: Wanted, planned: Planned) -> Planned | None:
        """Return the result of a row that an earlier delivery published, or None if none did."""
        command = bootstrap.commands().find(wanted.key, planned.version)
        if command is None or not self._planner.has_written(row, command):
            return None
        process = bootstrap.processes().find(wanted.key, planned.version)
        return self._found(row, command, planned, process)

    def _publish_alone(
        self, row: int, wanted: Wanted, planned: Planned, item: Chained
    ) -> Planned | None:
        """Publish one row; return None if anyone was faster, even another delivery of this row."""
        if item.has(planned.version):
            return None
        before = held_by(item.latest)
        publication = self._publication(row, wanted, planned, item.current, before, item)
        refusal = bootstrap.commands().publish_many([publication])[0]
        if refusal is Refusal.NOT_UNIQUE:
            return self._not_unique(publication.command)
        if refusal is not None:
            return None
        self._note(publication)
        is_waiting = self._is_sync and item.is_behind
        return self._waiting(row, planned.version) if is_waiting else planned

    def _not_unique(self, command: Command) -> Planned | None:
        """Return the failure of a row whose value another item has; None if it is free again."""
        refused = taken(command.key, command.content, self._job.client)
        return Planned.failing(refused.code, str(refused)) if refused else None

    def _kept(self, row: int, before: Planned, after: Planned) -> Planned:
        """Keep the changed plan. Its problem is not the row's fault and a later try may cure it."""
        if before == after or after.fate is Fate.FAILED:
            return after
        return bootstrap.imports().replan(self._job.key, self._first, row, before, after)

    def _found(
        self, row: int, command: Command, planned: Planned, process: Process | None
    ) -> Planned:
        """Return the result of a version that an earlier delivery published for this row."""
        if not self._is_sync or (process and process.outcome is Outcome.APPLIED):
            return planned
        if process is None:
            self.applied.append(command)
            return planned
        if process.outcome.is_open:
            return self._waiting(row, planned.version)
        return Planned.failing(
            "chain_blocked",
            f"version {command.version}, which this row published, is {process.outcome}"
            f" ({process.error}); retry or skip it",
        )

    def _waiting(self, row: int, version: int) -> Planned:
        """Return a row that waits for its version to close; on the batch's last try it fails."""
        reason = f"version {version} is not applied yet; its chain shows how it ends"
        self.pending[row] = reason
        return Planned.failing("chain_open", reason)

    def _note(self, publication: Publication | RowPublication) -> None:
        if isinstance(publication, RowPublication):
            self.applied.append(publication.command)

    def _publication(
        self,
        row: int,
        wanted: Wanted,
        planned: Planned,
        current: Current,
        before: Held,
        chained: Chained | None = None,
    ) -> Publication | RowPublication:
        base, latest = (chained.base, chained.latest) if chained else (current.row, None)
        content = self._planner.content(wanted, base)
        job = self._job.key
        command = new_command(
            wanted.key,
            planned.version,
            content,
            self._job.by,
            current.row or latest,
            source=job.id,
            source_row=row,
            request_id=job.request_id(row),
        )
        if not self._is_sync or (chained and chained.is_behind):
            return Publication(command, new_process(command), before=before)
        item = current.snapshot
        history = bootstrap.history().item_of(item) if item else None
        return RowPublication(command, current.version, history, before)


def _before(keys: list[ItemKey], current: dict[ItemKey, Current]) -> dict[ItemKey, Held]:
    """Return the unique values that items hold; a type without any asks nothing."""
    asked = [(key, current[key].version) for key in keys if has_unique(key.type)]
    versions = [(key, version) for key, version in asked if version]
    found = bootstrap.commands().find_many(versions) if versions else {}
    return {key: held_by(command) for key, command in found.items()}


def apart(
    publications: dict[int, Publication | RowPublication],
) -> dict[int, Publication | RowPublication]:
    """Return the rows whose unique values no earlier row touches: one transaction has each once."""
    touched: set[str] = set()
    found = {}
    for row, publication in publications.items():
        its = moves(publication.before.held, publication.command.unique).all
        if touched.isdisjoint(its):
            found[row] = publication
        touched |= its
    return found
