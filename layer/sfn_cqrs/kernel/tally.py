"""How many there are of each kind."""

from dataclasses import dataclass, fields
from operator import add
from typing import Self


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts that are added, told and stored by their names."""

    @property
    def by_name(self) -> dict[str, int]:
        """Each count by its name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_name.values())

    def __add__(self, other: Self) -> Self:
        """Both together."""
        return type(self)(*map(add, self.by_name.values(), other.by_name.values()))
