"""Unique values: what no two items of a type may share, and when two values are the same."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sfn_cqrs.kernel.values import Json, digest

MOST: Final = 5
"""Unique values that an item may have: each is up to two more writes in a publish's transaction."""
Normal = Callable[[str], str]
"""Makes one text of all those that count as the same."""


def same_text(text: str) -> str:
    """Make one text of those that differ in case, in space around them or in encoding."""
    from unicodedata import normalize  # noqa: PLC0415 - a type without unique values needs none

    return normalize("NFKC", normalize("NFKC", text).casefold()).strip()


def exactly(text: str) -> str:
    """Leave a text as it is: only the very same one is equal."""
    return text


class Unique:
    """Fields whose values, together, no two items of a type and tenant may have.

    `unique=("email",)` is short for `unique=(Unique("email"),)`. Texts are compared by `normal`.
    """

    def __init__(self, *fields: str, normal: Normal = same_text) -> None:
        """Name the fields; an item that lacks a value of one of them reserves nothing."""
        self.fields = fields
        self.normal = normal

    @classmethod
    def each(cls, declared: "Sequence[str | tuple[str, ...] | Unique]") -> "tuple[Unique, ...]":
        """Read a declaration: a field, a tuple of fields, or this.

        Raises:
            TypeError: it is one text, or something else.
            ValueError: it names nothing, or more than an item may have.
        """
        if isinstance(declared, str):
            raise TypeError("unique is a list of fields")
        found = tuple(cls._read(each) for each in declared)
        if len(found) > MOST:
            raise ValueError(f"unique has {len(found)} values, and an item has {MOST} at most")
        if not all(each.fields for each in found) or len({one.name for one in found}) < len(found):
            raise ValueError("unique names nothing, or the same fields twice")
        return found

    @classmethod
    def _read(cls, declared: Any) -> "Unique":
        if isinstance(declared, Unique):
            return declared
        fields = (declared,) if isinstance(declared, str) else tuple(declared)
        if not all(isinstance(field, str) for field in fields):
            raise TypeError("unique names fields by texts")
        return cls(*fields)

    @property
    def name(self) -> str:
        """Return what a refusal calls it, such as `country,vat`."""
        return ",".join(self.fields)

    def value(self, attributes: Mapping[str, Json], neutral: Mapping[str, Json]) -> str:
        """Return the fingerprint of an item's value; empty if it has none.

        `neutral` has what stands for personal fields once their person is erased: it is nobody's.
        """
        found = [self._part(attributes.get(field), neutral.get(field)) for field in self.fields]
        return "" if any(part in (None, "") for part in found) else digest(found)

    def _part(self, value: Json, neutral: Json) -> Json:
        if value is None or value == neutral:
            return None
        return self.normal(value) if isinstance(value, str) else value
