"""A state machine."""

from collections.abc import Coroutine
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Protocol

from sfn_local.document import Document
from sfn_local.executions.settings import Settings, default_settings

INITIAL = "INITIAL"


class Startable(Protocol):
    """The states of a machine; a line that runs them knows its execution, which knows this."""

    def run(self, line: Any, document: Document) -> Coroutine[Any, Any, Document]:
        """Go from the first state to the end; the output.

        Raises:
            StateFailure: a state failed, and nothing caught it.
        """


@dataclass(frozen=True, slots=True)
class Machine:
    """One version of a state machine's definition; running executions keep theirs."""

    arn: str
    name: str
    definition: str
    role_arn: str
    graph: Startable
    timeout: float | None
    created: float
    type: str = "STANDARD"
    revision: str = INITIAL
    updated: float | None = None
    settings: Settings = field(default_factory=default_settings)

    @property
    def is_express(self) -> bool:
        """Whether its executions are short, and are kept by nobody."""
        return self.type == "EXPRESS"

    def record(self) -> dict[str, Any]:
        """Return the arguments of compile_machine, as a journal keeps them."""
        return {name: getattr(self, name) for name in RECORDED}

    def summary(self) -> dict[str, Any]:
        """Its entry in the answer of ListStateMachines."""
        return {
            "stateMachineArn": self.arn,
            "name": self.name,
            "type": self.type,
            "creationDate": datetime.fromtimestamp(self.created, UTC),
        }


RECORDED = tuple(each.name for each in fields(Machine) if each.name not in ("graph", "timeout"))
