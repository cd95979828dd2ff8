"""How a door finds its names: each is imported when it is first asked for, and not before.

A door re-exports what stands in many modules. A package that asks it for one name loads what that
name needs, as if it had imported it from where it stands. Type checkers and editors read the
imports below TYPE_CHECKING, which say the same.
"""

from collections.abc import Callable, Mapping
from typing import Any


def door(
    name: str, modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and the `__dir__` of a door.

    Args:
        name: the door's own name.
        modules: for each module, the names that the door has of it, with spaces between them.
    """
    places = {each: module for module, names in modules.items() for each in names.split()}

    def found(each: str) -> Any:
        if each not in places:
            raise AttributeError(f"module {name!r} has no attribute {each!r}")
        return getattr(__import__(places[each], fromlist=[each]), each)

    return found, lambda: sorted(places)
