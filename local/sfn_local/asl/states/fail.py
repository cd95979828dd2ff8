"""Fail: fails its graph with an error and a cause."""

from collections.abc import Callable

from sfn_local.asl.dataflow import VisitSource
from sfn_local.asl.document import Json
from sfn_local.asl.errors import RuntimeFailure, StateFailure
from sfn_local.asl.execution import Visit
from sfn_local.asl.payload import compile_expression
from sfn_local.asl.states.state import BuildGraph, State, Transition


class FailState(State):
    """A Fail state."""

    type = "Fail"
    needs_transition = False

    def __init__(self, name: str, definition: dict[str, Json], _: BuildGraph) -> None:
        """Compile the state."""
        super().__init__(name, definition)
        self._error = _text(definition, "Error")
        self._cause = _text(definition, "Cause")

    async def execute(self, visit: Visit) -> Transition:
        """Fail.

        Raises:
            StateFailure: always.
        """
        raise StateFailure(self._error(visit), self._cause(visit))


def _text(definition: dict[str, Json], field: str) -> Callable[[Visit], str | None]:
    """The text of Error or Cause, or what ErrorPath or CausePath leads to."""
    path_field = f"{field}Path"
    if path_field not in definition:
        text = definition.get(field)
        return lambda _: text
    expression = compile_expression(definition[path_field], path_field, f"/{path_field}")

    def read(visit: Visit) -> str:
        value = expression(VisitSource(visit.input.value, visit))
        if not isinstance(value, str):
            raise RuntimeFailure(f"The {path_field} field must refer to a string")
        return value

    return read
