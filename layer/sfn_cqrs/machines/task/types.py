"""The user's task handlers: found in the package APP_PACKAGE, registered by a decorator."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import UnknownTaskTypeError
from sfn_cqrs.kernel.keys import DEFAULT_CONCURRENCY, TYPE_NAME
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.models.models import M
from sfn_cqrs.kernel.policy import CODE, MEMBERS, UNDECLARED, Access, Policy, Restricted
from sfn_cqrs.machines.command import handlers

DEFAULT_TIMEOUT = 60
MAX_TIMEOUT = 270
"""Seconds. A function that works on an item ends after 300, and has to write the result before."""
OURS = "SFN_CQRS_"
"""The prefix of the framework's own types."""
DEFAULT_RETRY = 3
MAX_CONCURRENCY = 40
"""The iterations of an inline Map that Step Functions runs at a time."""
MAX_RETRY = 8
"""How often the machine tries again after a TransientError."""


@dataclass(frozen=True, slots=True)
class TaskItem(Generic[M]):
    """An item for a task handler; `index` is 0 for a single task, `input` is JSON.

    `model` is the input as an instance of the type's model, if it has one.
    """

    tenant: str
    task_type: str
    task_id: str
    index: int
    attempt: int
    input: Any

    @property
    def key(self) -> str:
        """Return the idempotency key for the handler's calls; it is the same for every try."""
        return f"{self.task_id}-{self.index}"

    @property
    def model(self) -> M:
        """Return the input as an instance of the type's model.

        Raises:
            TypeError: `task_handler` declares no model.
            InvalidModelError: the input does not fit it any more.
        """
        known = _types[self.task_type]
        made: M = models.input_of(self.task_type, known.model, self.input, "input")
        return made


TaskHandler = Callable[[TaskItem], object]


@dataclass(frozen=True, slots=True)
class TaskType(Restricted):
    """A type of task and its handler's settings."""

    DECLARATION = "@task_handler"

    name: str
    handler: TaskHandler
    timeout: float
    retry: int
    fail_fast: bool
    access: Access = UNDECLARED
    concurrency: int = DEFAULT_CONCURRENCY
    model: models.Model | None = None


_types: dict[str, TaskType] = {}


def task_handler(
    type_: str,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    retry: int = DEFAULT_RETRY,
    fail_fast: bool = False,
    concurrency: int = DEFAULT_CONCURRENCY,
    publish: Policy = CODE,
    read: Policy = MEMBERS,
    model: type | None = None,
) -> Callable[[TaskHandler], TaskHandler]:
    """Register a function that works on one item of a task.

    Its return value (JSON, at most 32 KiB) is stored as the item's result. It may run again when
    the function that runs it dies: pass `item.key` as the idempotency key of effects that must
    happen once. Raise `TransientError` if another try may help; any other error fails the item.

    Args:
        type_: the task type, such as RESIZE_IMAGE.
        timeout: seconds that one item may take, at most 270.
        retry: how often an item that raised TransientError is tried again, at most 8.
        fail_fast: whether no further item starts after the first one fails.
        concurrency: how many items of a task are worked on at a time, 1 to 40; a task keeps the
            number from when it was created.
        publish: which clients may start, cancel and retry tasks: `CODE`, `MEMBERS`,
            `group("clerk")`. Code always may.
        read: which clients may see them, with their inputs and results.
        model: the class of an item's input, as of a `command_type`; the handler has `item.model`.
    """
    if not TYPE_NAME.fullmatch(type_):
        raise ValueError(f"{type_!r} is not a task type: 1 to 64 capital letters, digits or '_'")
    if not 0 < timeout <= MAX_TIMEOUT:
        raise ValueError(f"{type_}: timeout must be more than 0 and at most {MAX_TIMEOUT} seconds")
    if not 0 <= retry <= MAX_RETRY:
        raise ValueError(f"{type_}: retry must be 0 to {MAX_RETRY}")
    if not 1 <= concurrency <= MAX_CONCURRENCY:
        raise ValueError(f"{type_}: concurrency must be 1 to {MAX_CONCURRENCY}")

    typed = None if model is None else models.model_of(model)

    def register(handler: TaskHandler) -> TaskHandler:
        found = _types.get(type_)
        if found is not None and found.handler.__module__ != handler.__module__:
            raise ValueError(f"{type_} has a handler in {found.handler.__module__} already")
        access = Access(publish, read)
        _types[type_] = TaskType(
            type_, handler, timeout, retry, fail_fast, access, concurrency, typed
        )
        return handler

    return register


def find(type_: object) -> TaskType:
    """Return a type of task.

    Raises:
        UnknownTaskTypeError: nobody registers it. The error names the types that exist.
    """
    _load()
    if not isinstance(type_, str) or type_ not in _types:
        raise UnknownTaskTypeError(type_, sorted(types()))
    return _types[type_]


def types() -> dict[str, Access]:
    """Return every type of task of the user's package with its declaration."""
    _load()
    own = {name: known for name, known in sorted(_types.items()) if not name.startswith(OURS)}
    return {name: known.access for name, known in own.items()}


def _load() -> None:
    """Load the user's package, and the framework's own type."""
    handlers.load()
    bootstrap.our_tasks()


def find_or_failing(type_: str) -> TaskType:
    """Return a type of task that was known once; if its handler is gone, its items fail and say so.

    Raises:
        BusyError: another version of the code may still know it.
    """
    try:
        with handlers.known_elsewhere():
            return find(type_)
    except UnknownTaskTypeError as error:
        reason = error

    def fail(_item: TaskItem) -> object:
        raise reason

    return TaskType(type_, fail, DEFAULT_TIMEOUT, 0, fail_fast=False)
