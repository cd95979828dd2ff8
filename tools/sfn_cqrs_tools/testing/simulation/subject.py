"""What is simulated: the user's functions, their modules, and what they reach outside."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, Final
from unittest import mock

from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.declaration import ImportStrategy
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.types import SagaType
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.task import work as task_work
from sfn_cqrs.machines.task.types import TaskType

OURS: Final = ("sfn_cqrs.", "sfn_cqrs_tools.", "tests.", "_pytest")
Function = Callable[[Any], Any]
Wrap = Callable[[str, Function], Function]
Look = Callable[[Any], Any]


class NothingToSimulateError(ValueError):
    """No function is there; the message says how one is registered."""


@dataclass(frozen=True)
class Subject:
    """The user's functions, the modules of their code, and what the user asserts.

    They are handlers by type and name, types of tasks, sagas, and strategies by table.
    """

    handlers: Mapping[str, Mapping[str, Function]]
    tasks: Mapping[str, TaskType] = field(default_factory=dict)
    sagas: Mapping[str, SagaType] = field(default_factory=dict)
    tables: Mapping[str, ImportStrategy] = field(default_factory=dict)
    modules: tuple[ModuleType, ...] = ()
    outside: Mapping[Callable[..., Any], Callable[..., Any]] = field(default_factory=dict)
    always: Look | None = None
    finally_: Look | None = None

    @property
    def files(self) -> frozenset[str]:
        """Return the files of the user's code."""
        return frozenset(str(module.__file__) for module in self.modules)

    @property
    def functions(self) -> dict[Any, str]:
        """Return all of it: each with its name."""
        found = {one: name for named in self.handlers.values() for name, one in named.items()}
        found |= {task.handler: name for name, task in self.tasks.items()}
        for saga in self.sagas.values():
            undone = dict(saga.compensations.values())
            found |= {one: name for name, one in (*saga.steps.items(), *undone.items())}
        return found | {type(strategy): table for table, strategy in self.tables.items()}

    def only(self, chosen: Sequence[Any]) -> Subject:
        """Return it with what is chosen; of a saga, each of its functions stands for the whole.

        Raises:
            NothingToSimulateError: something chosen is none of it.
        """
        names = {getattr(one, "name", None) for one in chosen}
        known = {*self.functions}
        for one in chosen:
            if one not in known and getattr(one, "name", None) not in self.sagas:
                name = getattr(one, "__name__", one)
                raise NothingToSimulateError(
                    f'{name} is not a handler: add @sync_handler("TYPE"); nor is it a task\'s'
                    " function, a saga or an import strategy"
                )
        sagas = {
            name: saga
            for name, saga in self.sagas.items()
            if name in names or not {*chosen}.isdisjoint(replace(_NONE, sagas={"": saga}).functions)
        }
        return replace(
            self,
            handlers=_of(chosen, self.handlers),
            tasks={name: one for name, one in self.tasks.items() if one.handler in chosen},
            sagas=sagas,
            tables={name: one for name, one in self.tables.items() if type(one) in chosen},
        )

    @contextmanager
    def registered(self, wrap: Wrap) -> Iterator[None]:
        """Register these functions alone for the block, each wrapped."""
        sync, bulk = self._handlers(wrap)
        tasks = {
            name: replace(one, handler=wrap(name, one.handler)) for name, one in self.tasks.items()
        }
        sagas = {name: _wrapped(one, wrap) for name, one in self.sagas.items()}
        with ExitStack() as stack:
            for owner, name, instead in (
                (handlers.registry, "sync", sync),
                (handlers.registry, "bulk", bulk),
                (task_work, "time_limit", lambda _seconds: nullcontext()),
            ):
                stack.enter_context(mock.patch.object(owner, name, instead))
            stack.enter_context(mock.patch.dict(task_types._types, tasks))
            stack.enter_context(mock.patch.dict(saga_types._types, sagas))
            yield

    def _handlers(self, wrap: Wrap) -> tuple[dict[str, Any], dict[Any, Any]]:
        sync: dict[str, Any] = {type_: {} for type_ in handlers.registry.sync}
        bulk = {}
        for type_, named in self.handlers.items():
            for name, one in named.items():
                sync[type_][name] = wrap(name, one)
                many = handlers.registry.bulk.get(one)
                if many is not None:
                    bulk[sync[type_][name]] = wrap(name, many)
        return sync, bulk

    @contextmanager
    def reaching(self, called: Callable[[str, Any, Any, Any], Any]) -> Iterator[None]:
        """Replace what is outside for the block, wherever the user's modules name it."""
        with ExitStack() as stack:
            for function, fake in self.outside.items():
                instead = _recorder(function, fake, called)
                for module in {*self.modules, sys.modules[function.__module__]}:
                    names = [name for name, one in vars(module).items() if one is function]
                    for name in names:
                        stack.enter_context(mock.patch.object(module, name, instead))
            yield


_NONE: Final = Subject({})


def subject_of(
    chosen: Sequence[Any],
    outside: Mapping[Callable[..., Any], Any] | Sequence[Callable[..., Any]],
    always: Look | None,
    finally_: Look | None,
) -> Subject:
    """Find where the functions are registered; none chosen: all of the user's package.

    Raises:
        NothingToSimulateError: something chosen is not registered, or there is nothing.
    """
    found = _everything()
    if chosen:
        found = found.only(chosen)
    if not found.functions:
        raise NothingToSimulateError("no handler is registered with @sync_handler")
    fakes = outside if isinstance(outside, Mapping) else dict.fromkeys(outside, _nothing)
    modules = _modules([*found.functions])
    return replace(found, modules=modules, outside=fakes, always=always, finally_=finally_)


def _everything() -> Subject:
    handlers.load()
    known = {
        type_: {name: handlers.registry.sync[type_][name] for name in handlers.names_of(type_)}
        for type_ in handlers.registry.sync
    }
    ours = task_types.OURS
    return Subject(
        {type_: named for type_, named in known.items() if named},
        {name: one for name, one in task_types._types.items() if not name.startswith(ours)},
        dict(saga_types._types),
        dict(strategies._strategies),
    )


def _of(
    chosen: Sequence[Any], known: Mapping[str, Mapping[str, Function]]
) -> dict[str, dict[str, Function]]:
    found = {
        type_: {name: one for name, one in named.items() if one in chosen}
        for type_, named in known.items()
    }
    return {type_: named for type_, named in found.items() if named}


def _wrapped(saga: SagaType, wrap: Wrap) -> SagaType:
    """Return a saga with wrapped functions; one with a machine of its own goes in its order."""
    return replace(
        saga,
        steps={name: wrap(name, one) for name, one in saga.steps.items()},
        compensations={
            step: (name, wrap(name, one)) for step, (name, one) in saga.compensations.items()
        },
        order=saga.moves,
    )


def _modules(chosen: Sequence[Any]) -> tuple[ModuleType, ...]:
    """Return the functions' modules, and all others of their packages."""
    own = {one.__module__ for one in chosen}
    packages = {name.rpartition(".")[0] or name for name in own}

    def is_users(name: str) -> bool:
        is_near = name in packages or name.rpartition(".")[0] in packages
        return name in own or (is_near and not name.startswith(OURS))

    return tuple(
        module
        for name, module in sorted(sys.modules.items())
        if getattr(module, "__file__", None) and is_users(name)
    )


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _recorder(
    function: Callable[..., Any],
    fake: Callable[..., Any],
    called: Callable[[str, Any, Any, Any], Any],
) -> Callable[..., Any]:
    def instead(*args: Any, **named: Any) -> Any:
        return called(function.__name__, args, named, fake)

    return instead
