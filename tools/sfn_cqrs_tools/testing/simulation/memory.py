"""The memory of Lambda environments: the globals of the user's modules, several times.

A Lambda function runs in many environments. Each has globals of its own, and loses them when it
dies. So whatever a handler keeps in a global is there in one environment, and not in another.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from types import ModuleType
from typing import Any, Final

PLAIN: Final = (str, int, float, complex, bool, bytes, tuple, frozenset, type(None))
HOLDERS: Final = (list, dict, set, bytearray)
Name = tuple[str, str]
"""A module and a global of it."""
Values = dict[Name, Any]


class Memory:
    """The globals of some modules, as each environment has them."""

    def __init__(self, modules: Iterable[ModuleType]) -> None:
        """Take the modules as they are now: so each environment begins."""
        self._modules = {module.__name__: vars(module) for module in modules}
        self._original = {
            (module, name): value
            for module, names in self._modules.items()
            for name, value in names.items()
            if not name.startswith("__") and isinstance(value, (*PLAIN, *HOLDERS))
        }
        self._held = {n: v for n, v in self._original.items() if isinstance(v, HOLDERS)}
        self._new = self._copied()
        self._environments: dict[int, Values] = {}
        self._spare: list[Values] = []

    def enter(self, environment: int) -> None:
        """Give the modules the globals of an environment."""
        if environment not in self._environments:
            self._environments[environment] = self._spare.pop() if self._spare else self._copied()
        self._put(self._environments[environment])

    def leave(self, environment: int) -> list[str]:
        """Keep the globals of an environment, and return the names of those that have changed."""
        values = self._environments[environment]
        for name in values:
            values[name] = self._modules[name[0]].get(name[1])
        return [f"{module}.{name}" for module, name in self._changed(values)]

    def lose(self, environment: int) -> None:
        """Forget the globals of an environment: it has died."""
        self._keep(self._environments.pop(environment))

    def forget(self) -> None:
        """Forget all environments."""
        for values in self._environments.values():
            self._keep(values)
        self._environments.clear()

    def restore(self) -> None:
        """Give the modules back what they had in the beginning."""
        self._put(self._original)

    def _keep(self, values: Values) -> None:
        """Begin another environment with these, if they are as in the beginning."""
        if not self._changed(values):
            self._spare.append(values)

    def _put(self, values: Values) -> None:
        for (module, name), value in values.items():
            self._modules[module][name] = value

    def _copied(self) -> Values:
        return {**self._original, **copy.deepcopy(self._held)}

    def _changed(self, values: Values) -> list[Name]:
        return [name for name, value in values.items() if not _is_same(value, self._new[name])]


def _is_same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and bool(one == other))
