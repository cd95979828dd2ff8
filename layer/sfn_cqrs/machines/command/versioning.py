"""May this version run now? The one place that decides."""

from dataclasses import dataclass
from enum import IntEnum

from sfn_cqrs.machines.command.process import Outcome, Process


class Turn(IntEnum):
    """The answer; check_version's Choice compares the numbers of the first three."""

    NOW = 0
    WAIT = 1
    TOO_LATE = -1
    BLOCKED = 2
    GAP = 3


@dataclass(frozen=True, slots=True)
class DataVersion:
    """How far the data row is, and by which command (version 0: no row)."""

    version: int = 0
    command_id: str = ""


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The nearest version below that is not skipped (0: none), and its outcome if known.

    No outcome means no process item: an import applied it, or it has expired.
    """

    version: int = 0
    outcome: Outcome | None = None


def whose_turn(mine: Process, predecessor: Predecessor, data: DataVersion) -> Turn:
    """Say what a version has to do; the predecessor was read before the data, never after."""
    if data.version >= mine.version:
        is_mine = data.version == mine.version and data.command_id == mine.command_id
        return Turn.NOW if is_mine or mine.was_handed_over else Turn.TOO_LATE
    if predecessor.outcome is None:
        return Turn.NOW if data.version >= predecessor.version else Turn.GAP
    if predecessor.outcome is Outcome.APPLIED and data.version >= predecessor.version:
        return Turn.NOW
    return Turn.BLOCKED if predecessor.outcome.is_repairable else Turn.WAIT
