"""Conditions of writes, as data, so that a rule stands once.

The models ask whether a condition `holds` of a record. A table spells the same condition as an
expression of DynamoDB. A field that is None is not stored.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

R = TypeVar("R")
Value = str | int | float


class Condition:
    """A condition on the fields of a record; `&` and `|` join two of them."""

    __slots__ = ()

    def holds(self, record: object) -> bool:
        """Return whether a record fulfils it."""
        raise NotImplementedError

    def __and__(self, other: "Condition") -> "Condition":
        """Return the condition that both hold."""
        return Both(self, other)

    def __or__(self, other: "Condition") -> "Condition":
        """Return the condition that one of them holds."""
        return Either(self, other)


@dataclass(frozen=True, slots=True)
class Both(Condition):
    """Two conditions that must both hold."""

    first: Condition
    second: Condition

    def holds(self, record: object) -> bool:
        """Return whether both hold."""
        return self.first.holds(record) and self.second.holds(record)


@dataclass(frozen=True, slots=True)
class Either(Condition):
    """Two conditions of which one must hold."""

    first: Condition
    second: Condition

    def holds(self, record: object) -> bool:
        """Return whether one of them holds."""
        return self.first.holds(record) or self.second.holds(record)


@dataclass(frozen=True, slots=True)
class OneOf(Condition):
    """A field has one of some values."""

    field: str
    values: tuple[Value, ...]

    def holds(self, record: object) -> bool:
        """Return whether the field has one of the values."""
        return getattr(record, self.field) in self.values


@dataclass(frozen=True, slots=True)
class Absent(Condition):
    """A field is not stored."""

    field: str

    def holds(self, record: object) -> bool:
        """Return whether the field is None."""
        return getattr(record, self.field) is None


@dataclass(frozen=True, slots=True)
class Below(Condition):
    """A field is stored, and below a bound."""

    field: str
    bound: Value

    def holds(self, record: object) -> bool:
        """Return whether the field is below the bound."""
        value = getattr(record, self.field)
        return value is not None and bool(value < self.bound)


@dataclass(frozen=True, slots=True)
class AtMost(Condition):
    """A field is stored, and not above a bound."""

    field: str
    bound: Value

    def holds(self, record: object) -> bool:
        """Return whether the field is at most the bound."""
        value = getattr(record, self.field)
        return value is not None and bool(value <= self.bound)


def is_one(field: str, *values: Value) -> Condition:
    """Return the condition that a field has one of these values."""
    return OneOf(field, values)


class ConditionalWrite(ABC, Generic[R]):
    """A write of some fields of a record, under a condition.

    The table stores it in one call, without a read before. The models make it with `on`.
    """

    __slots__ = ()

    @abstractmethod
    def when(self, now: float) -> Condition:
        """Return when it may be made; `now` is in epoch seconds."""

    @abstractmethod
    def sets(self) -> dict[str, Any]:
        """Return the fields with their new values; None removes a field."""

    def on(self, record: R, now: float = 0) -> R | None:
        """Return the record after the write, or None if the condition refuses it."""
        if not self.when(now).holds(record):
            return None
        changed: R = replace(record, **self.sets())  # type: ignore[type-var]
        return changed
