"""What is simulated: the user's handlers, their modules, and what they reach outside."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final
from unittest import mock

from sfn_cqrs.kernel.command import Command
from sfn_cqrs.machines.command import handlers

OURS: Final = ("sfn_cqrs.", "sfn_cqrs_tools.", "tests.", "_pytest")
Handler = Callable[[Command], Any]
Look = Callable[[Any], Any]


class NothingToSimulateError(ValueError):
    """No handler is there; the message says how one is registered."""


@dataclass(frozen=True)
class Subject:
    """The handlers by type and name, the modules of their code, and what the user asserts."""

    handlers: Mapping[str, Mapping[str, Handler]]
    modules: tuple[ModuleType, ...]
    outside: Mapping[Callable[..., Any], Callable[..., Any]] = field(default_factory=dict)
    always: Look | None = None
    finally_: Look | None = None

    @property
    def files(self) -> frozenset[str]:
        """Return the files of the user's code."""
        return frozenset(str(module.__file__) for module in self.modules)

    @contextmanager
    def registered(self, wrap: Callable[[str, Handler], Handler]) -> Iterator[None]:
        """Register these handlers alone for the block, each wrapped."""
        sync = {
            type_: {name: wrap(name, one) for name, one in self.handlers.get(type_, {}).items()}
            for type_ in handlers.registry.sync
        }
        with mock.patch.object(handlers.registry, "sync", sync):
            yield

    @contextmanager
    def reaching(self, called: Callable[[str, Any, Any], Any]) -> Iterator[None]:
        """Replace what is outside for the block, wherever the user's modules name it."""
        with ExitStack() as stack:
            for function, fake in self.outside.items():
                instead = _recorder(function, fake, called)
                for module in {*self.modules, sys.modules[function.__module__]}:
                    names = [name for name, one in vars(module).items() if one is function]
                    for name in names:
                        stack.enter_context(mock.patch.object(module, name, instead))
            yield


def subject_of(
    chosen: Sequence[Handler],
    outside: Mapping[Callable[..., Any], Any] | Sequence[Callable[..., Any]],
    always: Look | None,
    finally_: Look | None,
) -> Subject:
    """Find where the handlers are registered; none chosen: all of the user's package.

    Raises:
        NothingToSimulateError: a function is not a handler, or there is none.
    """
    handlers.load()
    known = {
        type_: {name: handlers.registry.sync[type_][name] for name in handlers.names_of(type_)}
        for type_ in handlers.registry.sync
    }
    found = {
        type_: {name: one for name, one in named.items() if not chosen or one in chosen}
        for type_, named in known.items()
    }
    found = {type_: named for type_, named in found.items() if named}
    for one in chosen:
        if not any(one in named.values() for named in found.values()):
            raise NothingToSimulateError(
                f'{one.__name__} is not a handler: add @sync_handler("TYPE")'
            )
    if not found:
        raise NothingToSimulateError("no handler is registered with @sync_handler")
    fakes = outside if isinstance(outside, Mapping) else dict.fromkeys(outside, _nothing)
    modules = _modules([one for named in found.values() for one in named.values()])
    return Subject(found, modules, fakes, always, finally_)


def _modules(chosen: Sequence[Handler]) -> tuple[ModuleType, ...]:
    """Return the handlers' modules, and all others of their packages."""
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
    function: Callable[..., Any], fake: Callable[..., Any], called: Callable[[str, Any, Any], Any]
) -> Callable[..., Any]:
    def instead(*args: Any, **named: Any) -> Any:
        called(function.__name__, args, named)
        return fake(*args, **named)

    return instead
