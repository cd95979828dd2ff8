"""Records: read whole, changed by a rule, put if nobody else has changed them meanwhile."""

from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

R = TypeVar("R", bound="Record")
T = TypeVar("T")


class RecordKey(Protocol):
    """Where a record lies."""

    @property
    def pk(self) -> str:
        """The partition."""

    @property
    def sk(self) -> str:
        """The sort key."""

    @property
    def listed_in(self) -> list[str]:
        """The partitions that a list of such records is merged from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The fields of every record; `stored` is for the adapter: the item that it was made of.

    `dataclasses.replace` keeps it, so a record that was changed knows what it replaces.
    """

    updated_at: str = ""
    stored: object = field(default=None, compare=False, repr=False)


class Write(Protocol[R]):
    """A write carries its rule, which the models explore and production runs."""

    def on(self, record: R, at: str) -> R | None:
        """The record after it, or None: it is refused.

        It has no effects, for it is asked again whenever somebody else came first; and what it
        has done itself it refuses, or answers the same again.
        """


@dataclass(frozen=True, slots=True)
class Written(Generic[T]):
    """What a write answers: done or refused, and the record as it now is; None: there is none."""

    done: bool
    record: T | None
