"""The user's sagas: found in the package APP_PACKAGE, registered by decorators."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic

from sfn_cqrs.kernel.errors import UnknownSagaError, UnknownStepError
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.models.models import M
from sfn_cqrs.kernel.policy import CODE, MEMBERS, UNDECLARED, Access, Client, Policy, Restricted
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.saga.rules import MAX_STEPS, Move

_SAGA = re.compile(r"[a-z][a-z0-9-]{0,39}")
_STEP = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class SagaStep(Generic[M]):
    """The argument of a step or a compensation; `input` and `results` are JSON.

    `model` is the input as an instance of the saga's model, if it has one.

    `results` has the results of the completed steps, by name. `undoes` is the step that a
    compensation undoes, and `user` started the saga. `item` is what of a list it is made for; its
    `results` are those of this item, and a list of them everywhere else.
    """

    tenant: str
    saga: str
    saga_id: str
    name: str
    attempt: int
    input: Any
    results: Mapping[str, Any] = field(default_factory=dict)
    undoes: str | None = None
    user: str = ""
    item: Any = None

    @property
    def key(self) -> str:
        """Return the idempotency key for the step's calls; it is the same for every try."""
        return f"{self.saga_id}/{self.name}"

    @property
    def model(self) -> M:
        """Return the input as an instance of the saga's model.

        Raises:
            TypeError: `saga_type` declares no model.
            InvalidModelError: the input does not fit it any more.
        """
        made: M = models.input_of(self.saga, _types[self.saga].model, self.input, "input")
        return made

    @property
    def undone_key(self) -> str:
        """Return the key of the step that this compensation undoes."""
        return f"{self.saga_id}/{self.undoes}"


StepHandler = Callable[[SagaStep], Json]
Check = Callable[[dict[str, Json]], object]


@dataclass(slots=True)
class SagaType(Restricted):
    """A saga's steps in their order, each with its compensation: (name, function) by step.

    One that is declared has an `order`, which each of its sagas records when it begins.
    """

    DECLARATION = "saga_type"

    name: str
    steps: dict[str, StepHandler] = field(default_factory=dict)
    compensations: dict[str, tuple[str, StepHandler]] = field(default_factory=dict)
    access: Access = UNDECLARED
    check: Check | None = None
    model: models.Model | None = None
    order: tuple[Move, ...] = ()
    module: str = ""

    def check_input(self, value: dict[str, Json]) -> None:
        """Refuse input that no step could work on, by the saga's model and its own check.

        Raises:
            InvalidInputError: the input is wrong. The error names what is wrong.
        """
        models.check_all(self.model, {"input": value})
        if self.check is not None:
            self.check(value)

    @property
    def moves(self) -> tuple[Move, ...]:
        """Return the steps in their order, each with its compensation."""
        return self.order or tuple(Move(step, self.compensations[step][0]) for step in self.steps)

    def move_undone_by(self, compensation: str) -> Move:
        """Return a compensation with the step that it undoes.

        Raises:
            KeyError: it undoes no step.
        """
        for move in self.moves:
            if move.compensation == compensation:
                return move
        raise KeyError(compensation)

    def handler(self, name: str, *, is_undo: bool) -> StepHandler:
        """Return the function of a step or of a compensation.

        Raises:
            UnknownStepError: there is none.
        """
        known = dict(self.compensations.values()) if is_undo else self.steps
        if name not in known:
            raise UnknownStepError(name, sorted(known))
        return known[name]


_types: dict[str, SagaType] = {}


def saga_type(
    saga: str,
    *,
    publish: Policy = CODE,
    read: Policy = MEMBERS,
    check: Check | None = None,
    model: type | None = None,
) -> None:
    """Declare which clients may start a saga, and see it with its input and log; code always may.

    `check` is called with the input of every new saga. It raises
    `InvalidInputError("input.lines", "…")` for input that no step could process.
    The saga is then refused with 400, and nothing is stored. Every step and compensation may rely
    on the check. `model` is the class of the input, as of a `command_type`; steps have
    `step.model`.
    """
    _check(_SAGA, saga, "saga")
    access = Access(publish, read)
    declared = _types.setdefault(saga, SagaType(saga))
    declared.access, declared.check = access, check
    declared.model = None if model is None else models.model_of(model)


def declare(declared: SagaType) -> None:
    """Register a saga that one module declares as a whole.

    Raises:
        ValueError: its name is taken, or cannot be one.
    """
    _check(_SAGA, declared.name, "saga")
    found = _types.get(declared.name)
    if found is not None and found.module != declared.module:
        where = found.module or "steps of its own"
        raise ValueError(f"the saga {declared.name} is declared in {where} already")
    _types[declared.name] = declared


def types() -> dict[str, Access]:
    """Return every saga with its declaration."""
    handlers.load()
    return {name: known.access for name, known in sorted(_types.items())}


def may_read(saga: str, client: Client | None) -> bool:
    """Return whether a client may see a saga, whether or not it is registered any more."""
    return types().get(saga, UNDECLARED).read.allows(client)


def saga_step(saga: str, name: str) -> Callable[[StepHandler], StepHandler]:
    """Register the next step of a saga; it is also a state of the machine with its name.

    Its return value (JSON, at most 8 KiB) is stored in the log, for later steps and for its
    compensation. If the machine gave up its function, it may run again, even after its
    compensation: let each effect carry `step.key` (`publish_once` does). Raise `StepRefusedError`
    if the step is impossible, and `TransientError` if another try may help.
    """
    _check(_SAGA, saga, "saga")
    check_step(name, "step")

    def register(handler: StepHandler) -> StepHandler:
        steps = _types.setdefault(saga, SagaType(saga)).steps
        _check_namesake(steps.get(name), handler, f"{saga}: {name}")
        if name not in steps and len(steps) == MAX_STEPS:
            raise ValueError(f"{saga} has more than {MAX_STEPS} steps")
        steps[name] = handler
        return handler

    return register


def compensation(saga: str, name: str, *, of: str) -> Callable[[StepHandler], StepHandler]:
    """Register the function that undoes a step; it is also a state of the machine with its name.

    It runs for every step that has begun, whether or not the step took effect. If it did not, the
    compensation must have no effect, and must prevent the step from taking effect later
    (`undo_once` does both). After any exception it is tried again; then the saga is parked.
    `StepRefusedError` parks it at once.
    """
    _check(_SAGA, saga, "saga")
    check_step(name, "compensation")

    def register(handler: StepHandler) -> StepHandler:
        known = _types.setdefault(saga, SagaType(saga)).compensations
        found = known.get(of)
        _check_namesake(found[1] if found else None, handler, f"{saga}: what undoes {of}")
        known[of] = (name, handler)
        return handler

    return register


def find(saga: object) -> SagaType:
    """Return a saga.

    Raises:
        UnknownSagaError: nobody registers it. The error names the sagas that exist.
        ValueError: its steps and its compensations do not match.
    """
    found = handlers.registered(_types, saga, UnknownSagaError)
    if not found.order and found.steps.keys() != found.compensations.keys():
        odd = ", ".join(sorted(found.steps.keys() ^ found.compensations.keys()))
        raise ValueError(f"{saga}: each step needs a compensation, and each compensation: {odd}")
    return found


def check_step(name: str, what: str) -> None:
    """Refuse what cannot be the name of a step, a compensation or another part of a saga.

    Raises:
        ValueError: the text says why.
    """
    _check(_STEP, name, what)


def _check(pattern: re.Pattern[str], name: str, what: str) -> None:
    if not pattern.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be the name of a {what}: it does not match {pattern.pattern}"
        )


def _check_namesake(found: StepHandler | None, handler: StepHandler, what: str) -> None:
    if found is not None and found.__module__ != handler.__module__:
        raise ValueError(f"{what} is registered in {found.__module__} already")
