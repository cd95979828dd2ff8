"""Succeed: ends its graph with the input as the output."""

from sfn_local.dataflow.flow import compile_flow
from sfn_local.document import Json
from sfn_local.executions.line import Visit
from sfn_local.states.graph import BuildGraph
from sfn_local.states.state import State, Transition


class SucceedState(State):
    """A Succeed state."""

    type = "Succeed"
    needs_transition = False

    def __init__(self, name: str, definition: dict[str, Json], _: BuildGraph) -> None:
        """Compile the state."""
        super().__init__(name, definition)
        self._flow = compile_flow(definition)

    async def execute(self, visit: Visit) -> Transition:
        """Narrow the input."""
        return self._flow.narrow_output(visit, self._flow.input(visit)), None
