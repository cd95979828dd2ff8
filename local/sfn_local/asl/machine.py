"""A compiled state machine."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sfn_local.asl.document import Json
from sfn_local.asl.errors import DefinitionError
from sfn_local.asl.express import LONGEST_SECONDS, check_express
from sfn_local.asl.settings import Settings, default_settings
from sfn_local.asl.states import Graph, build_graph

INITIAL = "INITIAL"


@dataclass(frozen=True, slots=True)
class Machine:
    """One version of a state machine's definition; running executions keep theirs."""

    arn: str
    name: str
    definition: str
    role_arn: str
    graph: Graph
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
        """What compile_machine takes, as a journal keeps it."""
        return {
            "arn": self.arn,
            "name": self.name,
            "definition": self.definition,
            "role_arn": self.role_arn,
            "created": self.created,
            "type": self.type,
            "revision": self.revision,
            "updated": self.updated,
            "settings": self.settings,
        }

    def summary(self) -> dict[str, Any]:
        """Its entry in the answer of ListStateMachines."""
        return {
            "stateMachineArn": self.arn,
            "name": self.name,
            "type": self.type,
            "creationDate": datetime.fromtimestamp(self.created, UTC),
        }


def compile_machine(
    arn: str,
    name: str,
    definition: str,
    role_arn: str,
    created: float,
    type: str = "STANDARD",  # noqa: A002 - AWS's word
    revision: str = INITIAL,
    updated: float | None = None,
    settings: Settings | None = None,
) -> Machine:
    """Compile a definition.

    Raises:
        DefinitionError: it cannot run; the message and the pointer say why and where.
    """
    try:
        value = json.loads(definition)
    except (ValueError, RecursionError) as error:
        raise DefinitionError(f"the definition is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise DefinitionError("the definition must be a JSON object")
    graph = build_graph(value)
    timeout = _timeout(value)
    if type == "EXPRESS":
        check_express(value)
        timeout = min(timeout or LONGEST_SECONDS, LONGEST_SECONDS)
    return Machine(
        arn=arn,
        name=name,
        definition=definition,
        role_arn=role_arn,
        graph=graph,
        timeout=timeout,
        created=created,
        type=type,
        revision=revision,
        updated=updated,
        settings=settings or default_settings(),
    )


def _timeout(value: dict[str, Json]) -> float | None:
    seconds = value.get("TimeoutSeconds")
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 1:
        raise DefinitionError("TimeoutSeconds must be a positive integer", "/TimeoutSeconds")
    return float(seconds)
