"""What a publish for a moment is told, and who plans it: a room behind this one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Content, Known, Patch
from sfn_cqrs.kernel.values import Json


@dataclass(frozen=True, slots=True)
class Planned:
    """A publish that is planned: `plan` is its name, which is unique on the item."""

    type: str
    code: str
    plan: str
    due_at: str

    def as_json(self) -> dict[str, Json]:
        """Return the answer of the HTTP API and of `--json`."""
        return {"type": self.type, "code": self.code, "plan": self.plan, "dueAt": self.due_at}


class Planner(Protocol):
    """Plans publishes of a tenant's items."""

    def make(
        self,
        type_: str,
        code: str,
        wanted: Content | Patch,
        at: datetime,
        *,
        version: int = Known.LATEST,
        replaces: str | None = None,
        caller: Caller | None = None,
        asked_at: Json = None,
    ) -> Planned:
        """Plan a publish, if it could be published now."""
