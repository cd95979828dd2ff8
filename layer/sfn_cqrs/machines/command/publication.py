"""The transaction of a publish, and the reasons to refuse it."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol

from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.request import Request
from sfn_cqrs.machines.command.process import Process
from sfn_cqrs.machines.command.unique import NOTHING, Held


class Refusal(Enum):
    """The condition that failed; BUSY: none did, the tables are busy or in conflict."""

    VERSION_TAKEN = auto()
    DATA_MOVED = auto()
    REQUEST_SEEN = auto()
    NOT_UNIQUE = auto()
    ENDED_BEFORE = auto()
    BUSY = auto()


class Ending(Protocol):
    """What ends together with a publish, such as the plan that it fulfils."""

    def with_version(self, version: int) -> dict[str, Any]:
        """Return the put of the transaction that stores this version; it fails if this has ended.

        It is in DynamoDB's format.
        """

    def without_version(self, latest: int) -> bool:
        """End it, since the latest version says the same already; False if it had ended before."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A new version for the machine to apply; `ending` is the put of what ends with it.

    `before` are the unique values that the version before holds.
    """

    command: Command
    process: Process
    request: Request | None = None
    ending: dict[str, Any] | None = None
    before: Held = NOTHING


@dataclass(frozen=True, slots=True)
class SyncPublication(Publication):
    """A new version that is applied by the same transaction.

    Holds if the data row is at `data_version` (0: absent) and the process of the nearest
    unskipped `predecessor` (0: none) is APPLIED or absent. `history` is the row as it was,
    ready to be put into the history table.
    """

    data_version: int = 0
    predecessor: int = 0
    history: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """New versions of different items, all or none.

    `stays` are the latest versions of items that would not change, and have to be the latest
    still.
    """

    publications: tuple[Publication, ...]
    stays: tuple[Command, ...] = ()
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class RowPublication:
    """A version that an import applies by the transaction that appends it; it has no process.

    Holds if the data row is at `data_version` (0: absent). Its maker has read that
    the version below is settled, which nothing undoes.
    """

    command: Command
    data_version: int = 0
    history: dict[str, Any] | None = None
    before: Held = NOTHING
