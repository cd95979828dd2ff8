"""What a rebuild lives in, as a state that the model check copies: data, generations, functions.

The rules are the real ones: programs of `rebuild_programs`, writes of `read_models`. A function
is a program with the answers that it was given; to take its next step, it is run again from its
beginning. Time goes in steps of 30 seconds, for which a function knows what it has read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.simulation.exploring import BrokenError, Situation, called

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.kernel.read_models import rules
from sfn_cqrs.kernel.read_models import rules as read_models
from sfn_cqrs.kernel.read_models.rules import (
    Begin,
    Cancel,
    Counts,
    Drop,
    Resume,
    Rollback,
    Segment,
    Stage,
    Switch,
    View,
    ViewKey,
    ViewWrite,
)
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.rebuild import programs as rebuild_programs

START = datetime(2026, 11, 25, 12, tzinfo=UTC)
TICK = timedelta(seconds=30)
WAITED = 2
"""Ticks before the work of what is asked for begins; nothing is asked for so late."""
KNOWN_FOR = 1
"""Ticks for which a function need not read again which generations there are."""
GENERATIONS = 3


@dataclass(frozen=True, slots=True)
class Options:
    """Rules of the world around the programs, each of which a mutant takes away."""

    is_guarded: bool = True
    is_data_first: bool = True
    is_known_for_ever: bool = False
    waits: bool = True


@dataclass(frozen=True, slots=True)
class Function:
    """A function at work; `version` is the one that a live one brings, of an item."""

    name: str
    place: int = 0
    attempt: int = 0
    item: int = 0
    version: int = 0
    segment: str = ""
    answers: tuple[Any, ...] = ()
    is_orphan: bool = False


@dataclass(frozen=True, slots=True)
class State(Situation):
    """All there is. `rows[generation - 1][item]` is the version there; 0: no row."""

    view: View
    data: tuple[int, ...]
    rows: tuple[tuple[int, ...], ...]
    closed: tuple[int, ...]
    segment: tuple[tuple[str, Segment], ...] = ()
    known: tuple[tuple[View, int] | None, ...] = (None, None)
    tick: int = 0
    last: int = 4
    running: int = 0
    """The attempt whose execution is alive; 0: none."""
    options: Options = Options()

    @property
    def at(self) -> str:
        return iso(START + self.tick * TICK)


def first_state(items: int, may: dict[str, int], last: int = 4, **options: bool) -> State:
    """A read model whose items are at version 1, in the data and in the generation that serves."""
    view = View(
        key=ViewKey("tenant1", "orders"), types=("ORDER",), created=Audit(""), since=iso(START)
    )
    ones, none = (1,) * items, (0,) * items
    return State(
        view,
        data=ones,
        rows=(ones, *[none] * (GENERATIONS - 1)),
        closed=ones,
        to_come=tuple(sorted(may.items())),
        last=last,
        options=Options(**options),
    )


def moves(state: State) -> Iterator[tuple[str, State]]:
    """Everything that may happen next."""
    for function in state.functions:
        yield from _steps(state, function)
        again = replace(function, answers=())
        if state.may("die") and not function.is_orphan:
            yield f"{function.name} dies", state.after("die").exchanged(function, again)
        if state.may("outlive") and not function.is_orphan:
            orphan = state.after("outlive").exchanged(function, replace(function, is_orphan=True))
            yield f"{function.name} is given up", orphan.begun(again)
    yield from _publications(state)
    yield from _operators(state)
    is_due = state.at >= state.view.begins_at or not state.options.waits
    is_idle = not any(one.name in ("next", "work") and not one.is_orphan for one in state.functions)
    if state.running == state.view.attempt and state.view.stage.is_work and is_due and is_idle:
        yield "the execution goes on", state.begun(Function("next", attempt=state.running))
    if state.may("kill") and state.running:
        alive = tuple(one for one in state.functions if one.name == "bring" or one.is_orphan)
        yield "the execution dies", replace(state.after("kill"), running=0, functions=alive)
    if state.tick < state.last:
        yield "30 seconds", _later(state)


def _publications(state: State) -> Iterator[tuple[str, State]]:
    """The next version of an item whose last one has closed, brought by either function."""
    for item, version in enumerate(state.data):
        is_busy = any(
            one.name == "bring" and one.item == item and not one.is_orphan
            for one in state.functions
        )
        if state.may("publish") and not is_busy and state.closed[item] == version:
            for place in range(len(state.known)):
                begun = Function("bring", place, item=item, version=version + 1)
                yield f"publish {version + 1} at {place}", state.after("publish").begun(begun)


def _later(state: State) -> State:
    tick = state.tick + 1
    is_kept = state.options.is_known_for_ever
    known = tuple(
        one if one and (is_kept or tick - one[1] <= KNOWN_FOR) else None for one in state.known
    )
    return replace(state, tick=tick, known=known)


def _operators(state: State) -> Iterator[tuple[str, State]]:
    asked: dict[str, ViewWrite] = {
        "begin": Begin(("ORDER",)),
        "resume": Resume(state.view.attempt),
        "cancel": Cancel(),
        "switch": Switch(),
        "rollback": Rollback(),
        "drop": Drop(),
    }
    for name, write in asked.items():
        if name in ("begin", "drop") and state.tick > state.last - WAITED:
            continue
        if not state.may(name) or (name == "resume" and state.running == state.view.attempt):
            continue
        written = write.on(state.view, state.at)
        if written is not None and written.latest <= GENERATIONS:
            is_new = written.stage.is_work and written.attempt != state.view.attempt
            running = written.attempt if is_new else state.running
            yield name, replace(state.after(name), view=written, running=running)
    for place, known in enumerate(state.known):
        if known is None and state.may("read"):
            yield f"somebody reads at {place}", _read(state.after("read"), place)


def _read(state: State, place: int) -> State:
    known = list(state.known)
    known[place] = known[place] or (state.view, state.tick)
    return replace(state, known=tuple(known))


def _steps(state: State, function: Function) -> Iterator[tuple[str, State]]:
    """The next call of a function."""
    if function.name == "bring" and state.options.is_data_first and not function.answers:
        applied = _put(state.data, function.item, max(state.data[function.item], function.version))
        told = replace(function, answers=("applied",))
        yield f"data {function.version}", replace(state, data=applied).exchanged(function, told)
        return
    try:
        call = _replayed(state, function)
    except StopIteration as end:
        yield f"{function.name} returns", _returned(state, function, end.value)
        return
    except SupersededError:
        yield f"{function.name} is superseded", state.without(function)
        return
    for answer, after in _answers(state, function, call):
        told = replace(function, answers=(*function.answers, answer))
        yield f"{function.name} {type(call).__name__}", after.exchanged(function, told)


def _replayed(state: State, function: Function) -> rebuild_programs.Call:
    answers = function.answers
    program: Any
    if function.name == "bring":
        program = rules.bring()
        answers = answers[1:] if state.options.is_data_first else answers
    elif function.name == "next":
        program = rebuild_programs.next_work(function.attempt)
    else:
        stage, _, name = function.segment.partition(" ")
        program = rebuild_programs.work(function.attempt, Stage(stage), name, lambda: False)
    call: rebuild_programs.Call = called(program, answers)
    return call


def _answers(  # noqa: C901 - one case a call
    state: State, function: Function, call: rebuild_programs.Call
) -> Iterator[tuple[Any, State]]:
    match call:
        case rules.FindServing():
            known = _read(state, function.place)
            found = known.known[function.place]
            assert found is not None
            yield (found[0],), known
        case rules.Run(generations):
            yield None, _written(state, generations["orders"], function.item, function.version)
        case rebuild_programs.Find():
            yield state.view, state
        case rebuild_programs.FindSegments(under):
            prefix = f"{under.pk} {under.sk}"
            found = (one for place, one in state.segment if place.startswith(prefix))
            yield tuple(found), state
        case rebuild_programs.ReadPage(view, segment):
            yield _page(state, view, segment), state
        case rebuild_programs.WorkOn(view, _, items):
            yield Counts(done=len(items)), _worked(state, view, items)
            if items and state.may("fail") and view.stage is Stage.REPLAYING:
                yield Counts(failed=len(items)), state.after("fail")
        case read_models.OpenSegment() | read_models.Advance():
            yield _segment_written(state, call)
        case _:
            written = call.on(state.view, state.at)
            after = replace(state, view=written) if written is not None else state
            yield Written(done=written is not None, record=after.view), after


def _page(state: State, view: View, segment: Segment) -> rebuild_programs.Page:
    """One item to a page."""
    assert view.other is not None
    is_replay = view.stage is Stage.REPLAYING
    source = state.data if is_replay else state.rows[view.other - 1]
    first = int(segment.cursor or 0)
    items = tuple((item, source[item]) for item in range(first, first + 1))
    cursor = str(first + 1) if first + 1 < len(source) else None
    return rebuild_programs.Page(items, cursor)


def _worked(state: State, view: View, items: tuple[tuple[int, int], ...]) -> State:
    assert view.other is not None
    for item, version in items:
        if view.stage is Stage.REPLAYING:
            state = _written(state, view.other, item, version)
        elif view.stage is Stage.DROPPING:
            rows = list(state.rows)
            rows[view.other - 1] = _put(rows[view.other - 1], item, 0)
            state = replace(state, rows=tuple(rows))
    return state


def _written(state: State, generation: int, item: int, version: int) -> State:
    """The handler puts its row if it is newer."""
    before = state.rows[generation - 1]
    row = max(before[item], version) if state.options.is_guarded else version
    if row < before[item]:
        raise BrokenError(f"R2: version {version} is written over {before[item]}")
    rows = list(state.rows)
    rows[generation - 1] = _put(before, item, row)
    return replace(state, rows=tuple(rows))


def _segment_written(state: State, call: Any) -> tuple[Any, State]:
    place = f"{call.key.pk} {call.key.sk}"
    found = dict(state.segment).get(place)
    if found is None and isinstance(call, read_models.OpenSegment):
        found = Segment(key=call.key, attempt=call.attempt)
    assert found is not None
    after = call.on(found, state.at)
    if after is None:
        return Written(done=False, record=found), state
    segments = dict(state.segment) | {place: after}
    changed = replace(state, segment=tuple(sorted(segments.items(), key=lambda one: one[0])))
    return Written(done=True, record=after), changed


def _returned(state: State, function: Function, value: Any) -> State:
    state = state.without(function)
    if function.name == "bring":
        data = state.data
        if not state.options.is_data_first:
            data = _put(data, function.item, max(data[function.item], function.version))
        closed = _put(
            state.closed, function.item, max(state.closed[function.item], function.version)
        )
        return replace(state, data=data, closed=closed)
    if function.is_orphan or state.running != function.attempt:
        return state
    if function.name == "next" and not value[1]:
        return replace(state, running=0)
    if function.name == "next":
        name = f"{value[0]} {value[1][0]}"
        return state.begun(Function("work", attempt=function.attempt, segment=name))
    return state


def _put(values: tuple[int, ...], place: int, value: int) -> tuple[int, ...]:
    return (*values[:place], value, *values[place + 1 :])
