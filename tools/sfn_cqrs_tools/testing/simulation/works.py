"""How plans, tasks, sagas and imports come, by the programs of their machines."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.errors import SagaStepError, TransientError
from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.kernel.keys import PlanKey, SagaKey, TaskKey
from sfn_cqrs.machines.import_csv.batch import RowBatch
from sfn_cqrs.machines.saga import saga_programs
from sfn_cqrs.machines.saga.rules import MAX_TRIES, Saga, SagaStatus
from sfn_cqrs.machines.saga.runner import SagaFlow
from sfn_cqrs.machines.saga.saga_programs import Do, Next
from sfn_cqrs.machines.schedule import programs as plan_programs
from sfn_cqrs.machines.schedule.rules import Plan, Status
from sfn_cqrs.machines.schedule.runner import PlanFlow
from sfn_cqrs.machines.task import programs as task_programs
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.task.rules import Item, Task, TaskStatus
from sfn_cqrs.machines.task.runner import TaskFlow
from sfn_cqrs.machines.task.work import work_on
from sfn_cqrs_tools.testing.simulation.players import Played
from sfn_cqrs_tools.testing.simulation.scene import Batch
from sfn_cqrs_tools.testing.simulation.schedule import Step

LEASE: Final = timedelta(minutes=1)
_LEAVES: Final = {Do.PAUSE: "it pauses until ", Do.UNDO: "it turns back"}
"""What another state does, in words."""


class PlanPlayer:
    """A plan that becomes a version when it is due; from then on it stands for the version."""

    def __init__(self, playing: Played, key: PlanKey) -> None:
        """Take a plan that waits."""
        self._playing = playing
        self._key = key

    @property
    def name(self) -> str:
        """Return the plan in words."""
        item = self._key.item
        return f"the plan of {item.type} {item.code} ({item.tenant})"

    @property
    def is_done(self) -> bool:
        """Whether it is a version, or refused."""
        return self._plan().status is not Status.PLANNED

    @property
    def end(self) -> None:
        """Say nothing: its version may be refused if others come before."""

    def why(self) -> str:
        """Say what keeps it from its end."""
        return f"{self.name} is never published"

    def come(self, step: Step) -> None:
        """Publish it when it is due; if it is published, its version comes."""
        plan = self._plan()
        if plan.status is Status.PLANNED:
            self._playing.pass_until(plan.due_at)
            now = iso(bootstrap.now())
            PlanFlow(self._key.item).run(plan_programs.work(now))
        elif plan.version is not None:
            self._playing.version(self._key.item, plan.version).come(step)

    def _plan(self) -> Plan:
        found = bootstrap.schedule().find(self._key)
        assert found is not None
        return found


class TaskPlayer:
    """A task: one of its items comes at a time."""

    def __init__(self, playing: Played, key: TaskKey, wanted: Any) -> None:
        """Take a task that nobody has begun, and how it ended on a quiet day, if that is known."""
        self._playing = playing
        self._key = key
        self._wanted = wanted
        self._tries: Counter[tuple[int, int]] = Counter()
        self._at_work: list[int] = []

    @property
    def name(self) -> str:
        """Return the task in words."""
        return f"task {self._key.type} ({self._key.tenant})"

    @property
    def is_done(self) -> bool:
        """Whether it has ended, and as it should."""
        is_closed = self._task().status.is_closed
        return is_closed and self._wanted in (None, self.end)

    @property
    def end(self) -> Any:
        """Return how it has ended, item by item; where the first failure stops all, as a whole."""
        task = self._task()
        if self._type.fail_fast:
            return task.status
        return tuple(item.status for item in bootstrap.tasks().items(self._key))

    def why(self) -> str:
        """Say what keeps it from its end."""
        items = bootstrap.tasks().items(self._key)
        bad = next((item for item in items if item.error), None)
        said = f": item {bad.index} is {bad.status}, {bad.error}: {bad.cause}" if bad else ""
        return f"{self.name} does not end as on a quiet day{said}"

    def come(self, _step: Step) -> None:
        """Work on the next item, or end the task; if it has failed, an operator retries it.

        Raises:
            DiedError, SupersededError, TransientError: the item has to come again.
        """
        if self.is_done:
            return
        task = self._begun()
        items = {item.index: item for item in bootstrap.tasks().items(self._key)}
        left = [index for index in task.items if items[index].is_unended(task.attempt)]
        if task.stop is not None or not left:
            if not self._at_work:
                TaskFlow(self._key).run(task_programs.finalize(task.attempt))
            return
        idle = [index for index in left if index not in self._at_work]
        self._work(task, (idle or left)[0])

    def _begun(self) -> Task:
        task = self._task()
        if task.status is TaskStatus.FAILED:
            self._playing.tell("     -- an operator retries it")
            now = bootstrap.now().timestamp()
            task = TaskFlow(self._key).run(task_programs.retry(now))
        if task.status.is_waiting:
            TaskFlow(self._key).run(task_programs.start(task.attempt))
        return self._task()

    def _work(self, task: Task, index: int) -> None:
        seq = self._tries[task.attempt, index]
        self._tries[task.attempt, index] += 1
        self._playing.tell(f"     item {index}:")
        lease = int((bootstrap.now() + LEASE).timestamp())
        flow = TaskFlow(self._key, partial(work_on, self._type))
        self._at_work.append(index)
        try:
            item: Item | None = flow.run(
                task_programs.work(task.attempt, index, seq, lease, fails_fast=self._type.fail_fast)
            )
        finally:
            self._at_work.remove(index)
        if item is not None and item.status is TaskStatus.FAILED:
            self._playing.tell(f"     -- item {index} has FAILED: {item.error}")

    @property
    def _type(self) -> task_types.TaskType:
        return task_types.find_or_failing(self._key.type)

    def _task(self) -> Task:
        found = bootstrap.tasks().find(self._key)
        assert found is not None
        return found


class SagaPlayer:
    """A saga: it goes on until it ends, pauses or dies. Nobody else works on it meanwhile."""

    def __init__(self, playing: Played, key: SagaKey) -> None:
        """Take a saga that nobody has begun."""
        self._playing = playing
        self._key = key
        self._flow = SagaFlow(key)
        self._next: Next | None = None
        self._left_at = ""
        self._is_at_work = False

    @property
    def name(self) -> str:
        """Return the saga in words."""
        return f"saga {self.saga.saga} ({self._key.tenant})"

    @property
    def id(self) -> str:
        """Return the saga's id, with which the keys of its steps begin."""
        return self._key.id

    @property
    def is_done(self) -> bool:
        """Whether all is made, or all is undone."""
        return self.end in (SagaStatus.COMPLETED, SagaStatus.COMPENSATED)

    @property
    def end(self) -> SagaStatus:
        """Return where it stands."""
        return self.saga.status

    @property
    def saga(self) -> Saga:
        """Return the saga, with its log."""
        found = bootstrap.sagas().find(self._key)
        assert found is not None
        return found

    def why(self) -> str:
        """Say what keeps it from its end."""
        bad = [(name, line) for name, line in self.saga.log.items() if line.error]
        said = f": {saga_programs.told(*bad[-1])}" if bad else ""
        return f"{self.name} never ends, and is {self.end}{said}"

    def come(self, _step: Step) -> None:
        """Go on where it stands; what has died or failed is tried again.

        Raises:
            DiedError, SupersededError, TransientError: it has to come again.
        """
        if self._is_at_work or self.is_done:
            return
        self._is_at_work = True
        try:
            self._go_on()
        except SagaStepError as error:
            self._park(error)
        finally:
            self._is_at_work = False
        if self.is_done:
            self._playing.tell(f"     -- the saga is {self.end}")

    def _go_on(self) -> None:
        saga = self.saga
        if saga.status is SagaStatus.PARKED:
            self._playing.tell("     -- an operator retries it")
            saga, self._next = self._flow.run(saga_programs.retry()), None
        attempt = saga.attempt
        following = self._next or self._flow.run(saga_programs.go_on(attempt))
        while following.do is not Do.FINISH:
            if following.do is Do.PAUSE:
                self._playing.pass_until(following.until)
                following = replace(following, do=Do.RUN)
            before, self._next = following.do, replace(following, seq=following.seq + 1)
            following = self._made(attempt, following)
            if following.do is not before and self._leaves(following):
                self._next, self._left_at = following, following.step
                self._playing.tell(f"     -- {_LEAVES[following.do]}{following.until}")
                return
        self._flow.run(saga_programs.finish(attempt))

    def _leaves(self, following: Next) -> bool:
        """Whether it goes on when it comes again: it turns back, or a pause or a wait begins."""
        asks_again = following.do is Do.PAUSE and following.step == self._left_at
        if asks_again and self._playing.has_open_child(self.id):
            return True
        return following.do in _LEAVES and not asks_again

    def _made(self, attempt: int, given: Next) -> Next:
        if given.seq >= MAX_TRIES:
            raise SagaStepError(f"{given.step} was tried {MAX_TRIES} times")
        if given.do is Do.UNDO:
            return self._flow.run(saga_programs.compensate(attempt, given.step, given.seq))
        now = bootstrap.now()
        return self._flow.run(saga_programs.proceed(attempt, given.step, given.seq, now))

    def _park(self, error: Exception) -> None:
        self._playing.tell(f"     -- the saga is parked: {error}")
        failure = Failure(type(error).__name__, str(error))
        self._flow.run(saga_programs.park(self.saga.attempt, failure))


class ImportPlayer:
    """The rows of an import, as one batch."""

    def __init__(self, playing: Played, batch: Batch) -> None:
        """Take rows that nobody has gone through."""
        self._playing = playing
        self._batch = batch
        self._why = ""
        self.is_done = False

    @property
    def name(self) -> str:
        """Return the import in words."""
        return f"import into {self._batch.job.table} ({self._batch.tenant})"

    @property
    def end(self) -> None:
        """Say nothing: what a row changes depends on what comes before."""

    def why(self) -> str:
        """Say what keeps it from its end."""
        return f"{self.name} never ends: {self._why}"

    def come(self, _step: Step) -> None:
        """Go through all rows, as often as it takes.

        Raises:
            DiedError, TransientError: it has to come again.
        """
        try:
            RowBatch.of(self._batch.job, self._batch.rows).run()
        except TransientError as error:
            self._why = str(error)
            raise
        self.is_done = True
