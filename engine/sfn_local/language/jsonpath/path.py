"""A parsed path: segments that each lead from nodes to nodes."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from sfn_local.document import Json


class PathNotFound(LookupError):  # noqa: N818 - says what happened, as KeyError does
    """A definite path leads nowhere; the message is the one of Jayway JsonPath."""


class Segment(Protocol):
    """One step of a path."""

    @property
    def definite(self) -> bool:
        """Whether it leads to at most one node."""

    def select(self, node: Json, root: Json) -> Iterable[Json]:
        """The nodes that it leads to."""


@dataclass(frozen=True, slots=True)
class Name:
    """`.name` or `['name']`."""

    name: str
    definite: bool = field(default=True, init=False)

    def select(self, node: Json, root: Json) -> Iterable[Json]:  # noqa: ARG002
        """The value under the name."""
        return (node[self.name],) if isinstance(node, dict) and self.name in node else ()


@dataclass(frozen=True, slots=True)
class Names:
    """`['a','b']`: at the end of a path the part of the object, elsewhere each value."""

    names: tuple[str, ...]
    is_last: bool

    @property
    def definite(self) -> bool:
        """Whether it leads to at most one node."""
        return self.is_last

    def select(self, node: Json, root: Json) -> Iterable[Json]:  # noqa: ARG002
        """The values under the names."""
        if not isinstance(node, dict):
            return ()
        part = {name: node[name] for name in self.names if name in node}
        return (part,) if self.is_last else tuple(part.values())


@dataclass(frozen=True, slots=True)
class Index:
    """`[0]`, or `[-1]` from the end."""

    index: int
    definite: bool = field(default=True, init=False)

    def select(self, node: Json, root: Json) -> Iterable[Json]:  # noqa: ARG002
        """The element at the index."""
        fits = isinstance(node, list) and -len(node) <= self.index < len(node)
        return (node[self.index],) if fits else ()


@dataclass(frozen=True, slots=True)
class Indexes:
    """`[0,2]`."""

    indexes: tuple[int, ...]
    definite: bool = field(default=False, init=False)

    def select(self, node: Json, root: Json) -> Iterable[Json]:
        """The elements at the indexes."""
        return [found for index in self.indexes for found in Index(index).select(node, root)]


@dataclass(frozen=True, slots=True)
class Slice:
    """`[1:3]`, `[:2]`, `[-2:]`, `[::2]`."""

    start: int | None
    stop: int | None
    step: int | None
    definite: bool = field(default=False, init=False)

    def select(self, node: Json, root: Json) -> Iterable[Json]:  # noqa: ARG002
        """The elements of the slice."""
        return node[self.start : self.stop : self.step] if isinstance(node, list) else ()


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`.*` or `[*]`."""

    definite: bool = field(default=False, init=False)

    def select(self, node: Json, root: Json) -> Iterable[Json]:  # noqa: ARG002
        """Every child."""
        return children(node)


@dataclass(frozen=True, slots=True)
class Descent:
    """`..` before another segment."""

    segment: Segment
    definite: bool = field(default=False, init=False)

    def select(self, node: Json, root: Json) -> Iterable[Json]:
        """Yield the matches of the segment in the node and in all below it, parents first."""
        for descendant in descendants(node):
            yield from self.segment.select(descendant, root)


@dataclass(frozen=True, slots=True)
class Filter:
    """`[?(@.a == 1)]`."""

    condition: Callable[[Json, Json], bool]
    definite: bool = field(default=False, init=False)

    def select(self, node: Json, root: Json) -> Iterable[Json]:
        """The children that meet the condition; of an object that is none's child, itself."""
        candidates = node if isinstance(node, list) else [node] if isinstance(node, dict) else []
        return [child for child in candidates if self.condition(child, root)]


@dataclass(frozen=True, slots=True)
class Function:
    """`.length()` and the other functions, at the end of a path."""

    name: str
    definite: bool = field(default=True, init=False)

    def select(self, node: Json, root: Json) -> Iterable[Json]:  # noqa: ARG002
        """Its value, if it has one for the node."""
        value = FUNCTIONS[self.name](node)
        return () if value is None else (value,)


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path; text is how it was written.

    It starts at the data, `$`, at the context, `$$`, or at a variable, `$name`.
    """

    text: str
    segments: tuple[Segment, ...]
    of_context: bool
    variable: str | None = None

    @property
    def is_definite(self) -> bool:
        """Whether it has one value instead of a list of values."""
        last_is_function = bool(self.segments) and isinstance(self.segments[-1], Function)
        return last_is_function or all(segment.definite for segment in self.segments)

    @property
    def is_reference(self) -> bool:
        """Whether it is a Reference Path: only names and indexes from the start."""
        starts_at_data = not self.of_context and self.variable is None
        return starts_at_data and all(
            isinstance(segment, Name) or (isinstance(segment, Index) and segment.index >= 0)
            for segment in self.segments
        )

    def read(self, root: Json) -> Json:
        """The value, or the list of values.

        Raises:
            PathNotFound: a definite path leads nowhere.
        """
        nodes: list[Json] = [root]
        one_node = True
        must_lead_somewhere = self.is_definite
        for position, segment in enumerate(self.segments):
            if isinstance(segment, Function) and not one_node:
                nodes, one_node = [nodes], True
            found = [child for node in nodes for child in segment.select(node, root)]
            one_node = one_node and segment.definite
            if must_lead_somewhere and one_node and not found:
                raise PathNotFound(self._explain(position))
            nodes = found
        return nodes[0] if must_lead_somewhere else nodes

    def find(self, root: Json) -> tuple[bool, Json]:
        """Whether the path leads somewhere, and to what."""
        try:
            return True, self.read(root)
        except PathNotFound:
            return False, None

    def _explain(self, position: int) -> str:
        where = "$" + "".join(_bracketed(segment) for segment in self.segments[: position + 1])
        if position == len(self.segments) - 1:
            return f"No results for path: {where}"
        return f"Missing property in path {where}"


def _bracketed(segment: Segment) -> str:
    if isinstance(segment, Index):
        return f"[{segment.index}]"
    return f"['{segment.name}']" if isinstance(segment, Name) else "[*]"


def children(node: Json) -> list[Json]:
    """The values of an object, the elements of a list."""
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def descendants(node: Json) -> Iterator[Json]:
    """The node and all below it, parents first."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(children(current)))


def _length(node: Json) -> Json:
    return len(node) if isinstance(node, (list, dict, str)) else None


def _numbers(node: Json) -> list[float]:
    if not isinstance(node, list):
        return []
    return [item for item in node if isinstance(item, (int, float)) and not isinstance(item, bool)]


def _of_numbers(compute: Callable[[list[float]], float]) -> Callable[[Json], Json]:
    def function(node: Json) -> Json:
        numbers = _numbers(node)
        try:
            value = float(compute(numbers)) if numbers else None
        except OverflowError:
            return None
        return value if value is None or math.isfinite(value) else None

    return function


FUNCTIONS: dict[str, Callable[[Json], Json]] = {
    "length": _length,
    "size": _length,
    "keys": lambda node: list(node) if isinstance(node, dict) else None,
    "min": _of_numbers(min),
    "max": _of_numbers(max),
    "sum": _of_numbers(sum),
    "avg": _of_numbers(lambda numbers: sum(numbers) / len(numbers)),
}
