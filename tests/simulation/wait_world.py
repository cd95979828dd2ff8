"""Waits inside a Map through every interleaving: the real functions, call by call.

A function is run again from its start for each of its calls, with the answers that it has had,
until it makes the next one. So it may stop, or die, between any two calls.

Invariants:
W1  an item of the Map goes on with what its own child answers
W2  each item has one child of its own, however often its state is tried
W3  at rest, a sweep brings every item on that still waits
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from tests.simulation.exploring import BrokenError, Situation, Verdict, explore

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.functions.context import StepFunctionsContext
from sfn_cqrs.machines.workflow import children
from sfn_cqrs.machines.workflow.executions import Parent, StepFunctionService, child_name
from sfn_cqrs.machines.workflow.wait_table import WaitTable
from sfn_cqrs_tools.testing.dynamodb import DynamoDB
from sfn_cqrs_tools.testing.fakes.clock import NOON

PARENT, STATE, ENTERED = "trip-1", "hotel", "2026-11-29T12:00:00.000Z"
ARN = "arn:aws:states:us-east-1:000000000000:{kind}:{name}"
LIMIT = 1_000_000


class NextCallError(BaseException):
    """A function makes a call that nobody has answered yet."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function at work on an item's try, with the answers of its calls as JSON."""

    kind: str
    key: str = ""
    tries: tuple[int, int] = (0, 0)
    token: str = ""
    answers: tuple[Any, ...] = ()
    is_orphan: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the Map: its redrives and retries, the token it waits for, and its child."""

    key: str
    redrives: int = 0
    retries: int = 0
    tokens: int = 1
    child: str = ""
    is_done: bool = False

    @property
    def token(self) -> str:
        return f"token {self.tokens} of {self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class State(Situation):
    """The items, and the table of waits."""

    items: tuple[Item, ...] = ()
    waits: tuple[Any, ...] = field(default=())

    def item(self, key: str) -> Item:
        return next(item for item in self.items if item.key == key)

    def with_item(self, changed: Item) -> "State":
        items = (changed if item.key == changed.key else item for item in self.items)
        return replace(self, items=tuple(items))


class World:
    """Stands in for the table and for Step Functions of one function."""

    def __init__(self) -> None:
        self._answers: Iterator[Any] = iter(())

    def next_call(self, function: Function) -> tuple[Any, ...] | None:
        """Return the call that a function makes next, or None if it has returned."""
        self._answers = iter(function.answers)
        try:
            PROGRAMS[function.kind](function)
        except NextCallError as call:
            return call.args
        return None

    def call(self, *call: Any) -> Any:
        answer = next(self._answers, None)
        if answer is None:
            raise NextCallError(*call)
        if isinstance(answer, ClientError):
            raise answer
        return json.loads(answer)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def called(*given: Any, **named: Any) -> Any:
            return self.call(name, given, tuple(sorted(named.items())))

        return called

    def get_paginator(self, _name: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: [self.call("list_executions", (), ())])


class _RefusedError(ClientError):
    def __repr__(self) -> str:
        return self.response["Error"]["Code"]

    def __eq__(self, other: object) -> bool:
        return repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


def first_state(items: int, faults: dict[str, int]) -> State:
    """Return the Map as it begins: each item's function is called."""
    listed = tuple(Item(str(index)) for index in range(items))
    state = State(items=listed, to_come=tuple(sorted(faults.items())))
    for item in listed:
        state = state.begun(_starting(item))
    return state


def check(first: State, monkeypatch: Any) -> Verdict:
    """Look at every state, the nearest first."""
    world = World()
    monkeypatch.setattr(bootstrap, "waits", lambda: world)
    monkeypatch.setattr(
        bootstrap, "machine_arn", lambda name: ARN.format(kind="stateMachine", name=name)
    )
    monkeypatch.setattr(StepFunctionService, "_client", world)
    monkeypatch.setattr("random.shuffle", lambda _names: None)  # so that a replay is the same
    monkeypatch.setattr("random.sample", lambda keys, _count: keys)
    return explore(first, lambda state: _moves_or_end(state, world), LIMIT)


def _moves_or_end(state: State, world: World) -> Iterable[tuple[str, State]] | str:
    found = list(_moves(state, world))
    if found:
        return found
    if all(item.is_done for item in state.items):
        return "all go on"
    swept = state.begun(Function("sweep"))
    while swept.functions:
        ((_, swept),) = _steps(swept, swept.functions[0], world, faults=False)
    if not any(item.is_done and not state.item(item.key).is_done for item in swept.items):
        raise BrokenError("W3: an item waits, and no sweep helps")
    return [("sweep at rest", swept)]


def _moves(state: State, world: World) -> Iterator[tuple[str, State]]:
    for function in dict.fromkeys(state.functions):
        yield from _steps(state, function, world)
    for item in state.items:
        if item.child == "started":
            yield f"the child of {item.key} works", _answering(state, item)
            if state.may("lose"):
                yield (
                    f"the child of {item.key} says nothing",
                    state.after("lose").with_item(replace(item, child="ended")),
                )
        if item.child == "ended" and state.may("twice"):
            again = Function("answer", item.key)
            yield f"{item.key} is answered again", state.after("twice").begun(again)
        if not item.is_done and state.may("redrive"):
            redriven = replace(item, redrives=item.redrives + 1, retries=0, tokens=item.tokens + 1)
            yield f"{item.key} is redriven", _tried_again(state.after("redrive"), redriven)
    if state.may("sweep"):
        yield "a sweep", state.after("sweep").begun(Function("sweep"))


def _steps(
    state: State, function: Function, world: World, *, faults: bool = True
) -> Iterator[tuple[str, State]]:
    """Yield what may follow: the function's next call, its end, or its death."""
    call = world.next_call(function)
    name = f"{function.kind} {function.key}"
    if call is None:
        done = state.without(function)
        if function.kind == "answer":
            done = done.with_item(replace(done.item(function.key), child="ended"))
        yield f"{name} returns", done
        return
    after, answer = _answered(state, *call)
    kept = answer if isinstance(answer, ClientError) else json.dumps(answer)
    answered = replace(function, answers=(*function.answers, kept))
    yield f"{name}: {call[0]}", after.exchanged(function, answered)
    if not faults or function.is_orphan:
        return
    if state.may("die"):
        yield f"{name} dies before {call[0]}", _died(state.after("die"), function)
    if state.may("late") and function.kind == "start":
        yield f"{name} is given up, and goes on", _retried(state.after("late"), function)


def _died(state: State, function: Function) -> State:
    left = state.without(function)
    if function.kind == "start":
        return _retried(left, function)
    return left.begun(replace(function, answers=())) if function.kind == "answer" else left


def _retried(state: State, function: Function) -> State:
    item = state.item(function.key)
    return _tried_again(state, replace(item, retries=item.retries + 1, tokens=item.tokens + 1))


def _tried_again(state: State, item: Item) -> State:
    """Begin another try; the function of the earlier one goes on, and nobody waits for it."""
    orphaned = state.orphaned(lambda each: (each.kind, each.key) == ("start", item.key))
    if state.item(item.key).is_done:
        return orphaned
    return orphaned.with_item(item).begun(_starting(item))


def _starting(item: Item) -> Function:
    return Function("start", item.key, (item.redrives, item.retries), item.token)


def _answering(state: State, item: Item) -> State:
    return state.with_item(replace(item, child="answering")).begun(Function("answer", item.key))


def _answered(state: State, name: str, given: Any, named: Any) -> tuple[State, Any]:
    """Do a call; the state after it, and its answer."""
    if hasattr(WaitTable, name):
        client = DynamoDB({"RequestsTable": {}})
        for item in state.waits:
            client.put_item(TableName="RequestsTable", Item=json.loads(item))
        table = WaitTable(client, "RequestsTable", lambda: NOON)  # type: ignore[arg-type]
        answer = getattr(table, name)(*given, **dict(named))
        waits = tuple(json.dumps(item, sort_keys=True) for item in client.items("RequestsTable"))
        return replace(state, waits=waits), answer
    return CALLS[name](state, dict(named))


def _refused(code: str) -> _RefusedError:
    return _RefusedError({"Error": {"Code": code, "Message": code}}, "call")


def _start_execution(state: State, named: dict[str, Any]) -> tuple[State, Any]:
    key = Parent.of(json.loads(named["input"])).key  # type: ignore[union-attr]
    name = named["name"]
    items = [item for item in state.items if item.key == key]
    if not items or name != child_name(Parent(PARENT, STATE, key)):
        raise BrokenError("W2: a child belongs to no item")
    (item,) = items
    if item.child:
        return state, _refused("ExecutionAlreadyExists")
    return state.with_item(replace(item, child="started")), {"executionArn": name}


def _send_task_success(state: State, named: dict[str, Any]) -> tuple[State, Any]:
    for item in state.items:
        if item.token == named["taskToken"] and not item.is_done:
            if json.loads(named["output"])["Payload"] != item.key:
                raise BrokenError("W1: an item goes on with another one's result")
            return state.with_item(replace(item, is_done=True)), {}
    return state, _refused("TaskTimedOut")


def _list_executions(state: State, _named: dict[str, Any]) -> tuple[State, Any]:
    is_running = not all(item.is_done for item in state.items)
    return state, {"executions": [{"name": PARENT}] if is_running else []}


def _describe_execution(state: State, named: dict[str, Any]) -> tuple[State, Any]:
    for item in state.items:
        parent = Parent(PARENT, STATE, item.key)
        if named["executionArn"].endswith(child_name(parent)) and item.child:
            status = "SUCCEEDED" if item.child == "ended" else "RUNNING"
            given = json.dumps({"parent": parent.as_input()})
            return state, {"status": status, "input": given, "output": json.dumps(item.key)}
    return state, _refused("ExecutionDoesNotExist")


CALLS = {
    "describe_execution": _describe_execution,
    "list_executions": _list_executions,
    "send_task_success": _send_task_success,
    "start_execution": _start_execution,
}


def _context(function: Function, name: str, data: object) -> StepFunctionsContext:
    redrives, retries = function.tries
    execution = {
        "Id": name,
        "Input": data,
        "Name": name,
        "StartTime": ENTERED,
        "RedriveCount": redrives,
    }
    state = {"EnteredTime": ENTERED, "Name": STATE, "RetryCount": retries}
    machine = {"Id": "m", "Name": "m"}
    item = {"Item": {"Index": int(function.key), "Value": function.key}}
    context = {"Execution": execution, "State": state, "StateMachine": machine, "Map": item}
    return StepFunctionsContext.from_event({"context": context, "taskToken": function.token})


def _start(function: Function) -> None:
    children.start(_context(function, PARENT, {}), "hotel", {})


def _answer(function: Function) -> None:
    parent = Parent(PARENT, STATE, function.key)
    children.answer(_context(function, "child", {"parent": parent.as_input()}), function.key)


def _sweep(_function: Function) -> None:
    children.answering("hotel", "trip", STATE)({}, None)


PROGRAMS = {"start": _start, "answer": _answer, "sweep": _sweep}
