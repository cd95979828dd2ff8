"""Makes a machine of a definition."""

import json
from functools import lru_cache
from typing import Any

from sfn_local.document import Json
from sfn_local.errors import DefinitionError
from sfn_local.executions.express import LONGEST_SECONDS, check_express
from sfn_local.executions.machine import Machine
from sfn_local.states import Graph, build_graph


def compile_machine(
    definition: str,
    type: str = "STANDARD",  # noqa: A002 - AWS's word
    **given: Any,
) -> Machine:
    """Compile a definition; given are the other fields of the machine.

    Raises:
        DefinitionError: it cannot run; the message and the pointer say why and where.
    """
    graph, timeout = _built(definition, type)
    return Machine(definition=definition, type=type, graph=graph, timeout=timeout, **given)


@lru_cache(maxsize=64)
def _built(definition: str, type: str) -> tuple[Graph, float | None]:  # noqa: A002
    """The states and the timeout; each test of a suite creates the same machines."""
    try:
        value = json.loads(definition)
    except (ValueError, RecursionError) as error:
        raise DefinitionError(f"the definition is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise DefinitionError("the definition must be a JSON object")
    graph = build_graph(value)
    timeout = _timeout(value)
    if type == "EXPRESS":
        check_express(value)
        timeout = min(timeout or LONGEST_SECONDS, LONGEST_SECONDS)
    return graph, timeout


def _timeout(value: dict[str, Json]) -> float | None:
    seconds = value.get("TimeoutSeconds")
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 1:
        raise DefinitionError("TimeoutSeconds must be a positive integer", "/TimeoutSeconds")
    return float(seconds)
