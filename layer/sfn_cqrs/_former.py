"""Old paths of the names that stand in a door now; they keep working for one release.

As long as a module stands at its old path, Python finds it there, and nothing here is asked. Once
it is gone, its old path gives what the doors have, with a warning that names the door.
"""

import builtins
import sys
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

FORMER: Final[Mapping[str, str]] = {
    "sfn_cqrs.adapters.paging": "types",
    "sfn_cqrs.adapters.read_model": "read_models",
    "sfn_cqrs.adapters.saga_items": "sagas",
    "sfn_cqrs.adapters.sql": "read_models",
    "sfn_cqrs.domain": "sagas",
    "sfn_cqrs.domain.approval": "approvals",
    "sfn_cqrs.domain.cells": "imports",
    "sfn_cqrs.domain.command": "types",
    "sfn_cqrs.domain.csv_rows": "imports",
    "sfn_cqrs.domain.errors": "errors",
    "sfn_cqrs.domain.failure": "errors",
    "sfn_cqrs.domain.import_strategy": "imports",
    "sfn_cqrs.domain.keys": "types read_models sagas",
    "sfn_cqrs.domain.model_strategy": "imports",
    "sfn_cqrs.domain.models": "types errors",
    "sfn_cqrs.domain.policy": "types",
    "sfn_cqrs.domain.process": "commands",
    "sfn_cqrs.domain.saga": "sagas",
    "sfn_cqrs.domain.values": "types",
    "sfn_cqrs.service": "workflows",
    "sfn_cqrs.service.approvals.effects": "approvals",
    "sfn_cqrs.service.approvals.service": "approvals",
    "sfn_cqrs.service.approvals.types": "approvals",
    "sfn_cqrs.service.children": "workflows",
    "sfn_cqrs.service.commands.operations": "commands",
    "sfn_cqrs.service.commands.service": "commands",
    "sfn_cqrs.service.context": "workflows",
    "sfn_cqrs.service.data": "commands",
    "sfn_cqrs.service.handlers": "types read_models notices",
    "sfn_cqrs.service.imports.service": "imports",
    "sfn_cqrs.service.imports.strategies": "imports",
    "sfn_cqrs.service.logs": "workflows",
    "sfn_cqrs.service.read_models": "read_models",
    "sfn_cqrs.service.rebuilds.service": "read_models",
    "sfn_cqrs.service.routes": "routes",
    "sfn_cqrs.service.sagas.effects": "sagas",
    "sfn_cqrs.service.sagas.service": "sagas",
    "sfn_cqrs.service.sagas.state": "sagas",
    "sfn_cqrs.service.sagas.types": "sagas",
    "sfn_cqrs.service.step_functions": "workflows",
    "sfn_cqrs.service.tasks.service": "tasks",
    "sfn_cqrs.service.tasks.types": "tasks",
    "sfn_cqrs.service.waits": "workflows",
    "sfn_cqrs.service.zips.hooks": "imports",
    "sfn_cqrs.service.zips.service": "imports",
}
"""Maps each old module to the doors that have its names."""
_BETWEEN: Final = (
    __name__,
    "_frozen_importlib",
    "_pytest.monkeypatch",  # it takes paths as texts
    "importlib",
    "importlib._bootstrap",
)
"""The modules that look a name up for the code that asks."""


class Former:
    """Python asks it for a module that is nowhere else."""

    def __init__(self, doors: Mapping[str, str]) -> None:
        """Take the doors of each old module."""
        self._doors = doors

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to make an old module, or a folder of old modules."""
        is_folder = any(each.startswith(f"{name}.") for each in self._doors)
        if name in self._doors or is_folder:
            return ModuleSpec(name, self, is_package=is_folder)  # type: ignore[arg-type]
        return None

    def create_module(self, _spec: ModuleSpec) -> ModuleType | None:
        """Have Python make an empty one."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Let a door answer for each name, or have the module itself, as `waits`, from a door."""
        folder, _, name = module.__name__.rpartition(".")
        door = self._door(folder, name)
        if door is not None:
            sys.modules[module.__name__] = getattr(door, name)
            _warn(folder, name, door)
        else:
            module.__getattr__ = partial(self._find, module)  # type: ignore[method-assign]

    def _find(self, module: ModuleType, name: str) -> Any:
        door = self._door(module.__name__, name)
        if door is None:
            raise AttributeError(
                f"{module.__name__} is gone, and no door has {name!r}; docs/reference/python.md"
                " lists the names that a package imports"
            )
        _warn(module.__name__, name, door)
        return getattr(door, name)

    def _door(self, module: str, name: str) -> ModuleType | None:
        doors = [import_module(f"sfn_cqrs.{each}") for each in self._doors.get(module, "").split()]
        found = next((door for door in doors if name in door.__all__), None)
        if found is None or f"{module}.{name}" not in self._doors:
            return found
        return found if isinstance(getattr(found, name), ModuleType) else None  # it was a module


def _warn(module: str, name: str, door: ModuleType) -> None:
    between = {*_BETWEEN, builtins.__import__.__module__}
    asks = sys._getframe(1)
    while asks.f_back is not None and asks.f_globals.get("__name__") in between:
        asks = asks.f_back
    told = (
        f"{module} is gone: import {name} from {door.__name__}; the next release does not know the"
        " old path"
    )
    known = asks.f_globals.setdefault("__warningregistry__", {})
    if (told, asks.f_lineno) not in known:  # Python may look twice
        file, line, asker = asks.f_code.co_filename, asks.f_lineno, asks.f_globals.get("__name__")
        warnings.warn_explicit(told, DeprecationWarning, file, line, asker or "?", known)
        known[told, line] = True


FINDER: Final = Former(FORMER)
