"""Declared sagas: one module says what is made, in which order, and how it is undone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Generic, TypeVar

from sfn_cqrs.kernel.errors import StepRefusedError
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.policy import CODE, MEMBERS, Access, Policy
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.rules import (
    EACH,
    MAX_ITEM_PARTS,
    MAX_PARTS,
    MAX_SECONDS,
    MAX_STEPS,
    MAX_TRIES,
    MET,
    OTHERWISE,
    PROMISED_SECONDS,
    Move,
    MoveKind,
)
from sfn_cqrs.machines.saga.types import Check, SagaStep, SagaType, StepHandler

I = TypeVar("I")  # noqa: E741 - the class of the input
J = TypeVar("J")
Make = Callable[[SagaStep[I]], Json]
Decide = Callable[[SagaStep[I]], str]
Ask = Callable[[SagaStep[I]], bool]
Items = Callable[[SagaStep[I]], Sequence[Any]]
MAX_PAUSE = timedelta(days=300)
"""All pauses and waits of a saga together: an execution lasts a year at most."""
MAX_QUESTIONS = 1_000
"""Of all waits of a saga together: an execution has 25,000 events, and a question takes nine."""
USUAL_QUESTIONS = 100
LEAST_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a step is made at most before its error is final, with growing pauses."""

    tries: int


@dataclass(slots=True)
class _Parts:
    """What has been declared so far, in its order."""

    order: list[Move] = field(default_factory=list)
    steps: dict[str, StepHandler] = field(default_factory=dict)
    compensations: dict[str, tuple[str, StepHandler]] = field(default_factory=dict)

    def add(self, move: Move, make: StepHandler | None, undo: StepHandler | None = None) -> None:
        taken = {name for each in self.order for name in (each.step, each.compensation)}
        for name, what in ((move.step, "step"), (move.compensation, "compensation")):
            if name is not None:
                saga_types.check_step(name, what)
                if name in taken:
                    raise ValueError(f"{name} is declared twice: each name stands once in a saga")
                taken.add(name)
        if make is not None:
            self.steps[move.step] = make
        if undo is not None and move.compensation is not None:
            self.compensations[move.step] = (move.compensation, undo)
        self.order.append(move)


class Steps(Generic[I]):
    """What the function of a declared saga is given: each call declares what is next."""

    def __init__(
        self,
        parts: _Parts,
        choice: str | None = None,
        arm: str | None = None,
        each: str | None = None,
    ) -> None:
        """Declare into these parts, what is made only if the choice has this arm, or of a list."""
        self._parts, self._choice, self._within, self._each = parts, choice, arm, each

    def step(
        self,
        make: Make[I],
        *,
        undo: Make[I] | None = None,
        retry: Retry | None = None,
        within: timedelta | None = None,
    ) -> None:
        """Make a step: a function by whose name the log knows it; `undo` compensates it.

        An error is final at once, or at the last try of `retry`; a refusal always is. `within` is
        the time for each try, 30 seconds by default and five minutes at most. Without `undo`
        nothing of it is undone.

        Raises:
            ValueError: a name is taken, or a number is out of its bounds.
        """
        tries = 1 if retry is None else retry.tries
        seconds = PROMISED_SECONDS if within is None else int(within.total_seconds())
        if not 1 <= tries <= MAX_TRIES:
            raise ValueError(f"{_name(make)}: a step has 1 to {MAX_TRIES} tries, not {tries}")
        if not 1 <= seconds <= MAX_SECONDS:
            raise ValueError(f"{_name(make)}: a step has 1 to {MAX_SECONDS} seconds, not {seconds}")
        name, undone_by = _name(make), None if undo is None else _name(undo)
        self._add(Move(name, undone_by, tries=tries, seconds=seconds), make, undo)

    def choice(
        self, decide: Decide[I], **arms: Sequence[Make[I]] | Callable[["Steps[I]"], None]
    ) -> None:
        """Go on with the arm whose name `decide` returns: its steps, or a function that declares.

        Raises:
            ValueError: there is no arm, or a name is taken.
        """
        if not arms:
            raise ValueError(f"{_name(decide)}: a choice needs arms, such as heavy=[by_truck]")
        name = _name(decide)

        def decided(step: SagaStep[I]) -> Json:
            arm = decide(step)
            if arm not in arms:
                raise ValueError(f"{name} has no arm {arm!r}, but {', '.join(arms)}")
            return arm

        self._add(Move(name, kind=MoveKind.CHOICE), decided)
        for arm, declared in arms.items():
            self._arm(name, arm, declared)

    def wait(
        self,
        until: Ask[I],
        *,
        at_most: timedelta,
        every: timedelta | None = None,
        otherwise: Sequence[Make[I]] | Callable[["Steps[I]"], None] = (),
    ) -> None:
        """Wait until a function returns true: for a person, an item, another system.

        It is asked at once, then `every` so often: by default a hundred times in all, and once a
        minute at most. If it has not returned true when `at_most` is over, the saga goes on with
        `otherwise`: steps, or a function that declares. `step.results` has "met" or "otherwise".

        Raises:
            ValueError: the name is taken, or a time is out of its bounds.
        """
        name = _name(until)
        least = max(LEAST_EVERY, at_most / USUAL_QUESTIONS)
        pause = min(least, at_most) if every is None else every
        if not timedelta(seconds=1) <= at_most <= MAX_PAUSE:
            raise ValueError(f"{name}: a wait lasts a second to {MAX_PAUSE.days} days: {at_most}")
        if not min(LEAST_EVERY, at_most) <= pause <= at_most:
            raise ValueError(f"{name}: a wait asks once a minute at most, and once at least")

        def asked(step: SagaStep[I]) -> Json:
            return MET if until(step) else ""

        seconds, between = (max(1, int(time.total_seconds())) for time in (at_most, pause))
        self._add(Move(name, kind=MoveKind.WAIT, seconds=seconds, every=between), asked)
        self._arm(name, OTHERWISE, otherwise)

    def each(
        self,
        items: Items[I],
        do: Sequence[Make[I]] | Callable[["Steps[I]"], None],
        *,
        at_most: int,
    ) -> None:
        """Make steps for each item of a list, one item after the other.

        `items` returns the list: JSON, of 8 KiB at most. A step has its item as `step.item`. If one
        is refused or fails, the steps of all items that have begun are undone, the last first. A
        list with more items is refused as `list_too_long`.

        Raises:
            ValueError: the name is taken, it stands in another list, or the bound is too large.
        """
        name = _name(items)
        if self._each is not None:
            raise ValueError(f"{name}: a list stands in no other list; start a task for each item")
        if at_most < 1:
            raise ValueError(f"{name}: a list has at_most=1 or more")

        def known(step: SagaStep[I]) -> Json:
            found = list(items(step))
            if len(found) > at_most:
                cause = f"{name} has {len(found)} items, and takes at most {at_most}"
                raise StepRefusedError("list_too_long", cause)
            return found

        self._add(Move(name, kind=MoveKind.EACH, most=at_most), known)
        self._arm(name, EACH, do, each=name)

    def saga(
        self,
        child: "Saga[J]",
        given: Callable[[SagaStep[I]], J],
        *,
        undo: Make[I] | None = None,
        at_most: timedelta = timedelta(hours=1),
        every: timedelta = LEAST_EVERY,
    ) -> None:
        """Start a child saga with what `given` returns, and wait until it is COMPLETED.

        It is started once, and asked for `every` so often. If it turns back, or has not ended when
        `at_most` is over, this saga turns back, too. Then a child that is COMPLETED is undone by
        `undo`, and one that runs is waited for. It has three parts: one by the name of `given`, and
        those with `_ended` and `_is_late` behind it.

        Raises:
            ValueError: the name is taken, or a time is out of its bounds.
        """
        name = _name(given)

        def start(step: SagaStep[I]) -> Json:
            from sfn_cqrs.machines.saga import children  # noqa: PLC0415 - only who has one

            return children.start_once(step, child.name, given)

        def undone(step: SagaStep[I]) -> Json:
            from sfn_cqrs.machines.saga import children  # noqa: PLC0415

            return children.undo_started(step, undo)

        def ended(step: SagaStep[I]) -> bool:
            from sfn_cqrs.machines.saga import children  # noqa: PLC0415

            return children.has_ended(step, str(step.results[name]))

        def is_late(step: SagaStep[I]) -> Json:
            cause = f"{child.name} {step.results[name]} has not ended within {at_most}"
            raise StepRefusedError("child_is_late", cause)

        parts = {start: name, undone: f"{name}_undone", ended: f"{name}_ended"}
        for part, called in (*parts.items(), (is_late, f"{name}_is_late")):
            part.__name__ = called
        self.step(start, undo=undone)
        self.wait(ended, at_most=at_most, every=min(every, at_most), otherwise=[is_late])

    def _arm(
        self,
        choice: str,
        arm: str,
        declared: Sequence[Make[I]] | Callable[["Steps[I]"], None],
        each: str | None = None,
    ) -> None:
        steps: Steps[I] = Steps(self._parts, choice, arm, each or self._each)
        if callable(declared):
            declared(steps)
        else:
            for make in declared:
                steps.step(make)

    def pause(self, name: str, time: timedelta) -> None:
        """Wait so long; nothing runs meanwhile.

        Raises:
            ValueError: the name is taken, or the time is out of its bounds.
        """
        if not timedelta(seconds=1) <= time <= MAX_PAUSE:
            raise ValueError(f"{name}: a pause lasts a second to {MAX_PAUSE.days} days, not {time}")
        seconds = int(time.total_seconds())
        self._add(Move(name, kind=MoveKind.PAUSE, seconds=seconds), None)

    def _add(self, move: Move, make: Any, undo: Any = None) -> None:
        placed = replace(move, choice=self._choice, arm=self._within, each=self._each)
        self._parts.add(placed, make, undo)


@dataclass(frozen=True)
class Saga(Generic[I]):
    """A declared saga: what `SagaService.start` and `run_saga` are given."""

    name: str
    input: type[I]
    order: tuple[Move, ...]


def saga(
    name: str,
    *,
    input: type[I],  # noqa: A002 - the word of the saga's input
    publish: Policy = CODE,
    read: Policy = MEMBERS,
    check: Check | None = None,
) -> Callable[[Callable[[Steps[I]], None]], Saga[I]]:
    """Declare a saga: the function is called once, at import, and says what is made in its order.

    The framework's machine runs it, and a saga that has begun goes on with the order that was
    declared then. `publish`, `read`, `check` and the class of the input are those of `saga_type`.

    Raises (at import):
        ValueError: a name is taken, or there are too many steps.
    """

    def register(declare: Callable[[Steps[I]], None]) -> Saga[I]:
        parts = _Parts()
        declare(Steps(parts))
        order = _checked(name, parts)
        access, model = Access(publish, read), models.model_of(input)
        given: Mapping[str, Any] = {"access": access, "check": check, "model": model}
        module = declare.__module__
        saga_types.declare(
            SagaType(name, parts.steps, parts.compensations, order=order, module=module, **given)
        )
        return Saga(name, input, order)

    return register


def _checked(saga: str, parts: _Parts) -> tuple[Move, ...]:
    times = {move.step: move.most for move in parts.order if move.kind is MoveKind.EACH}
    made = len(times) + sum(move.kind is MoveKind.STEP for move in parts.order)
    if not 1 <= made <= MAX_STEPS:
        raise ValueError(f"{saga} has {made} steps and lists, and a saga has 1 to {MAX_STEPS}")
    if sum(times[move.each] for move in parts.order if move.each) > MAX_ITEM_PARTS:
        raise ValueError(
            f"{saga} has lists of more than {MAX_ITEM_PARTS} items, times the parts for each:"
            " let at_most be smaller, or start a task"
        )
    if len(parts.order) > MAX_PARTS:
        raise ValueError(
            f"{saga} has more than {MAX_PARTS} steps, choices, pauses, waits and lists"
        )
    lasting = [(move, times.get(move.each or "", 1)) for move in parts.order if move.lasts]
    if sum(move.seconds * often for move, often in lasting) > MAX_PAUSE.total_seconds():
        raise ValueError(f"{saga} pauses for more than {MAX_PAUSE.days} days")
    questions = sum(move.seconds // move.every * often for move, often in lasting if move.every)
    if questions > MAX_QUESTIONS:
        raise ValueError(f"{saga} asks more than {MAX_QUESTIONS} times in its waits")
    return tuple(parts.order)


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", "") or repr(function)
