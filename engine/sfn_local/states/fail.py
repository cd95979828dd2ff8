"""Fail: fails its graph with an error and a cause."""

from sfn_local.dataflow.fields import compile_text
from sfn_local.document import Json
from sfn_local.errors import StateFailure
from sfn_local.executions.line import Visit
from sfn_local.states.graph import BuildGraph
from sfn_local.states.state import State, Transition


class FailState(State):
    """A Fail state."""

    type = "Fail"
    needs_transition = False

    def __init__(self, name: str, definition: dict[str, Json], _: BuildGraph) -> None:
        """Compile the state."""
        super().__init__(name, definition)
        self._error = compile_text(definition, "Error")
        self._cause = compile_text(definition, "Cause")

    async def execute(self, visit: Visit) -> Transition:
        """Fail.

        Raises:
            StateFailure: always.
        """
        document = visit.input
        raise StateFailure(self._error(visit, document), self._cause(visit, document))
