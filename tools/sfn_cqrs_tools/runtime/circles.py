"""Finds resources of a template that need one another, which CloudFormation refuses."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

_PLACEHOLDER: Final = re.compile(r"\$\{([A-Za-z0-9]+)[^}]*\}")


def shortest_circle(resources: Mapping[str, Any]) -> list[str]:
    """Return the fewest resources of which each needs the next one, and the last one the first.

    The list is empty if there is no circle; otherwise its first name is also its last one.
    """
    needs = {
        name: sorted({one for one in _named(resource) if one in resources})
        for name, resource in resources.items()
    }
    circles = (_way_back(name, needs) for name in sorted(needs))
    return min(filter(None, circles), key=len, default=[])


def circle_told(resources: Mapping[str, Any]) -> str:
    """Return what is wrong and what to do, if there is a circle; or an empty text."""
    circle = shortest_circle(resources)
    if not circle:
        return ""
    return (
        f"these resources need one another: {' -> '.join(circle)}. Write one of the references as"
        " a text, such as an ARN with * in the place of a name"
    )


def _way_back(start: str, needs: Mapping[str, list[str]]) -> list[str]:
    """Return the shortest way from a resource over those that it needs to itself."""
    came_from: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        for there in needs[here]:
            if there == start:
                way = [here]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return [*reversed(way), start]
            if there not in came_from:
                came_from[there] = here
                waiting.append(there)
    return []


def _named(value: Any) -> Iterator[str]:
    """Yield the names that a part of a template refers to."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _REFERENCES.get(key, _named)(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)


def _listed(value: Any) -> Iterator[str]:
    """Yield what `DependsOn` or `Ref` names."""
    yield from [value] if isinstance(value, str) else value


def _with_attribute(value: Any) -> Iterator[str]:
    """Yield the resource of which an attribute is asked for."""
    yield value.partition(".")[0] if isinstance(value, str) else str(value[0])


def _in_text(value: Any) -> Iterator[str]:
    """Yield what stands in a text of `Fn::Sub`, but for the names that it is given values of."""
    text, given = (value, {}) if isinstance(value, str) else value
    yield from (one for one in _PLACEHOLDER.findall(text) if one not in given)
    yield from _named(given)


_REFERENCES: Final[dict[str, Callable[[Any], Iterator[str]]]] = {
    "DependsOn": _listed,
    "Fn::GetAtt": _with_attribute,
    "Fn::Sub": _in_text,
    "Ref": _listed,
}
