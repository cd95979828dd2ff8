"""Repairs in bulk: a tenant's failures, and the action for them."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.values import Json

MAX_ENTRIES = 20_000
"""The size of one plan; make another plan for the rest."""
PER_ITEM = 25
"""Entries that one item of the repair's task works off; so many fit within its minute."""
MAX_TEXT = 500
"""Of a part of a filter."""
LEFT = "unchanged"
DONE = "done"


class RepairKind(StrEnum):
    """What is repaired."""

    COMMAND = "command"
    TASK = "task"
    IMPORT = "import"
    SAGA = "saga"


class Action(StrEnum):
    """What is done with each."""

    RETRY = "retry"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class PlanNote:
    """The summary of a plan in a list: its filter, and the number of its failures."""

    ulid: str
    wanted: dict[str, Json]
    total: int
    by: str
    at: str
    is_complete: bool


ACTIONS = {
    RepairKind.COMMAND: (Action.RETRY, Action.SKIP),
    RepairKind.TASK: (Action.RETRY,),
    RepairKind.IMPORT: (Action.RETRY,),
    RepairKind.SAGA: (Action.RETRY,),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of those that have failed: of a type, at a time, with a text in their error.

    `since` is inclusive and `until` is not; an empty text stands for any.
    """

    kind: RepairKind
    action: Action
    type: str = ""
    since: str = ""
    until: str = ""
    error: str = ""

    @classmethod
    def checked(cls, kind: object, action: object, **more: object) -> Self:
        """Make a filter of what a user sent.

        Raises:
            InvalidInputError: a part is none that there is, or does not fit the others.
        """
        if kind not in tuple(RepairKind):  # not a set: what was sent may have no hash
            raise InvalidInputError("kind", f"must be one of {', '.join(RepairKind)}")
        known = RepairKind(str(kind))
        if action not in ACTIONS[known]:
            allowed = " or ".join(ACTIONS[known])
            raise InvalidInputError("action", f"of {known} must be {allowed}")
        texts = {name: _text(name, value) for name, value in more.items()}
        moments = {name: _moment(name, texts.get(name, "")) for name in ("since", "until")}
        found = cls(known, Action(str(action)), **{**texts, **moments})
        if known is RepairKind.TASK and not found.type:
            raise InvalidInputError("type", "is needed for tasks, such as ORDER_REMINDER")
        return found

    def matches(self, type_: str, at: str, error: str) -> bool:
        """Whether one that has failed at a moment, with an error, is meant."""
        return (
            self.type in ("", type_)
            and self.since <= at
            and (not self.until or at < self.until)
            and self.error.lower() in error.lower()
        )

    def as_json(self) -> dict[str, Json]:
        """The filter as it is kept and shown; what is empty is left out."""
        return {name: str(value) for name, value in asdict(self).items() if value}


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise InvalidInputError(name, f"must be a text of at most {MAX_TEXT} characters")
    return value


def _moment(name: str, text: str) -> str:
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(name, "must be like 2026-11-25T08:00:00Z") from error
    if moment.tzinfo is None:
        raise InvalidInputError(name, "needs its time zone, such as the Z of 08:00:00Z")
    return iso(moment.astimezone(UTC))
