"""The tree of an expression."""

from dataclasses import dataclass, field
from typing import Any

from sfn_local.language.jsonata.signatures import Signature


@dataclass(slots=True, eq=False)
class Slot:
    """Where a `%` finds the parent that it means; level says how many steps up it is."""

    label: str
    level: int
    owner: "Node | None" = None


@dataclass(slots=True, eq=False)
class Stage:
    """A stage of a step: a filter, or an index that gets a name."""

    position: int
    filter: "Node | None" = None
    index: str = ""


@dataclass(slots=True, eq=False)
class Term:
    """A term of an order-by clause."""

    expression: "Node"
    is_descending: bool


Pairs = list[tuple["Node", "Node"]]


@dataclass(slots=True, eq=False)
class Node:
    """A part of an expression; kind says which of the fields have a meaning."""

    kind: str
    position: int = 0
    value: Any = None
    left: "Node | None" = None
    right: "Node | None" = None
    third: "Node | None" = None
    items: list["Node"] = field(default_factory=list)
    pairs: Pairs = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    signature: Signature | None = None
    is_thunk: bool = False
    keeps_array: bool = False
    keeps_singleton: bool = False
    builds_array: bool = False
    makes_tuples: bool = False
    predicates: list[Stage] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    group: "Group | None" = None
    focus: str = ""
    index: str = ""
    ancestor: Slot | None = None
    slot: Slot | None = None
    seeking: list[Slot] = field(default_factory=list)

    @property
    def first(self) -> "Node":
        """The left side, which is there."""
        assert self.left is not None
        return self.left

    @property
    def second(self) -> "Node":
        """The right side, which is there."""
        assert self.right is not None
        return self.right


@dataclass(slots=True, eq=False)
class Group:
    """The grouping clause of an expression."""

    pairs: Pairs
    position: int
