"""A task through the real functions, killed before and after each of their calls in turn."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from functions.queue.on_task_action.app import lambda_handler as on_task_action
from functions.stream.on_task_changed.app import lambda_handler as on_task_changed
from functions.task.finalize_task.app import lambda_handler as finalize_task
from functions.task.iterator.app import lambda_handler as iterator
from tests.support.proof import every, shares

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters import task_items
from sfn_cqrs.adapters.dynamodb import marshal
from sfn_cqrs.domain.keys import TaskRef
from sfn_cqrs.domain.task import Counts, Task, TaskStatus
from sfn_cqrs.service import handlers
from sfn_cqrs.service.sweep import TASKS, sweep
from sfn_cqrs.service.tasks import types as task_types
from sfn_cqrs.service.tasks.service import TaskService
from sfn_cqrs_tools.testing.fakes import World

ITEMS = 4
FAILS = 2
PARTS = ("task_executions", "events", "failures")
TRIES = 3
RECEIVED = {"ApproximateReceiveCount": "1"}


class KilledError(BaseException):
    """The function is killed."""


class Killer:
    """Stands before adapters, and kills at one call: before it is made, or after."""

    def __init__(self, at: int | None, *, before: bool) -> None:
        self._at, self._before = at, before
        self.calls = 0

    def watch(self, part: Any) -> Any:
        killer = self

        class Watched:
            def __getattr__(self, name: str) -> Any:
                value = getattr(part, name)
                return killer.watched(value) if callable(value) else value

        return Watched()

    def watched(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            if self.calls == self._at and self._before:
                raise KilledError
            answer = method(*arguments, **named)
            if self.calls == self._at and not self._before:
                raise KilledError
            return answer

        return call


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 300_000


@dataclass
class Machine:
    """Drives the functions as streams, queues and Step Functions do, one after the other."""

    world: World
    twice: bool
    seen: set[tuple[int, str]] = field(default_factory=set)
    handled: int = 0
    executed: set[TaskRef] = field(default_factory=set)

    def run(self) -> Task:
        """Run until the task has ended; what nothing moves any more, the sweep does."""
        for _ in range(20):
            self._run_until_nothing_moves()
            (task,) = self.world.all_of(task_items.TASKS)
            if task.status.is_closed:
                return task
            self.world.clock.advance(minutes=20)
            self._try(lambda: sweep(TASKS, lambda: 240_000))
        raise AssertionError("the task does not end")

    def _run_until_nothing_moves(self) -> None:
        while any([self._stream(), self._queue(), self._execute()]):
            pass

    def _stream(self) -> bool:
        (task,) = self.world.all_of(task_items.TASKS)
        mark = (task.attempt, str(task.status))
        if mark in self.seen or not (task.status is TaskStatus.CREATED or task.status.is_closed):
            return False
        self.seen.add(mark)
        image = task_items.TASKS.item(task)
        keys = marshal({"pk": image["pk"], "sk": image["sk"]})
        dynamodb = {"Keys": keys, "NewImage": marshal(image), "SequenceNumber": "1"}
        return self._delivered(lambda: on_task_changed({"Records": [{"dynamodb": dynamodb}]}, None))

    def _queue(self) -> bool:
        sent = [one for one in self.world.events.messages if one["action"] == "task-execute"]
        if self.handled == len(sent):
            return False
        body = json.dumps({"Message": json.dumps(sent[self.handled])})
        self.handled += 1
        event = {"Records": [{"messageId": "1", "body": body, "attributes": RECEIVED}]}
        return self._delivered(lambda: on_task_action(event, Context()))

    def _execute(self) -> bool:
        waiting = [one for one in self.world.task_executions.started if one not in self.executed]
        for ref in waiting:
            self.executed.add(ref)
            answers = [self._iterated(ref, index) for index in ref.items]
            event = self._event(ref, "finalize_task", answers)
            ends_well = self._tried(lambda _tries, event=event: finalize_task(event, Context()))
            self.world.task_executions.end(ref, None if ends_well else "NotRecorded")
        return bool(waiting)

    def _iterated(self, ref: TaskRef, index: int) -> dict[str, Any]:
        answers: list[dict[str, Any]] = []

        def run(tries: int) -> None:
            event = self._event(ref, "iterator", index, tries)
            answers.append(iterator(event, Context()))
            if self.twice:
                answers.append(iterator(event, Context()))

        return answers[-1] if self._tried(run) else {"index": index, "error": "Runtime.ExitError"}

    def _event(self, ref: TaskRef, state: str, value: Any, tries: int = 0) -> dict[str, Any]:
        start = self.world.clock().isoformat()
        execution = {"Id": "e", "Input": ref.as_input(), "Name": "n", "StartTime": start}
        context = {
            "Execution": execution,
            "State": {"EnteredTime": start, "Name": state, "RetryCount": tries},
            "StateMachine": {"Id": "m", "Name": "task"},
        }
        return {"source": "step-function", "context": context, "input": value}

    def _tried(self, run: Callable[[int], Any]) -> bool:
        return any(self._try(lambda tries=tries: run(tries)) for tries in range(TRIES))

    def _delivered(self, run: Callable[[], Any]) -> bool:
        done = self._try(run) or self._try(run)
        if self.twice:
            self._try(run)
        return done

    def _try(self, run: Callable[[], Any]) -> bool:
        try:
            run()
        except KilledError:
            return False
        return True


@dataclass(frozen=True)
class Story:
    """How a task ended, how often each item ran, how often it succeeded, and the calls made."""

    task: Task
    statuses: list[TaskStatus]
    runs: Counter[int]
    late_runs: list[int]
    calls: int


def story(kill_at: int | None = None, *, before: bool = True, twice: bool = False) -> Story:
    world, killer = World(), Killer(kill_at, before=before)
    runs: Counter[int] = Counter()
    late: list[int] = []

    def handle(item: task_types.TaskItem) -> object:
        (task,) = world.all_of(task_items.TASKS)
        stored = world.stored_item(task.key, item.index)
        if stored is None or stored.status is TaskStatus.COMPLETED:
            late.append(item.index)
        runs[item.index] += 1
        if item.index == FAILS:
            raise ValueError("no such street")
        return {"n": item.index}

    with ExitStack() as stack:
        stack.enter_context(bootstrap.override(**world.parts()))
        stack.enter_context(_handled_by(handle))
        TaskService("tenant1").create("ORDER_REMINDER", [{"n": n} for n in range(ITEMS)])
        watched = {name: killer.watch(getattr(world, name)) for name in PARTS}
        watched["tasks"] = world.task_table(killer.watch(world.dynamodb))
        stack.enter_context(bootstrap.override(**watched))
        task = Machine(world, twice).run()
    statuses = [item.status for item in world.tasks.items(task.key)]
    return Story(task, statuses, runs, late, killer.calls)


def _handled_by(handle: Callable[[task_types.TaskItem], object]) -> Any:
    patch = pytest.MonkeyPatch()
    handlers.load()
    known = task_types.TaskType("ORDER_REMINDER", handle, 60, 0, fail_fast=False)
    patch.setitem(task_types._types, "ORDER_REMINDER", known)
    stack = ExitStack()
    stack.callback(patch.undo)
    return stack


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_PACKAGE", "shop")
    monkeypatch.setenv("TASKS_TABLE", "tasks")


EXPECTED = [TaskStatus.FAILED if index == FAILS else TaskStatus.COMPLETED for index in range(ITEMS)]


@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
def test_with_no_crash_each_item_runs_once(twice: bool) -> None:
    told = story(twice=twice)

    assert (told.task.status, told.task.counts) == (TaskStatus.FAILED, Counts(3, 1, 0))
    assert told.statuses == EXPECTED
    assert told.runs == Counter(range(ITEMS))
    assert told.task.attempt == 1


@shares(8)
@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_killed_at_any_call_the_task_ends_right_and_no_success_is_repeated(
    before: bool, twice: bool, nth: int
) -> None:
    calls = story(twice=twice).calls
    assert calls > ITEMS * 3

    for call in every(nth, range(1, calls + 1)):
        told = story(call, before=before, twice=twice)

        where = f"killed {'before' if before else 'after'} call {call} of {calls}"
        assert told.statuses == EXPECTED, where
        assert (told.task.status, told.task.counts) == (TaskStatus.FAILED, Counts(3, 1, 0)), where
        assert told.late_runs == [], where
        assert sum(told.runs.values()) <= ITEMS + 1, where
