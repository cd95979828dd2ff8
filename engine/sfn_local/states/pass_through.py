"""Pass: hands its input on, reshaped, or a fixed result."""

from sfn_local.dataflow.flow import compile_flow
from sfn_local.document import Document, Json
from sfn_local.executions.line import Visit
from sfn_local.states.graph import BuildGraph
from sfn_local.states.state import State, Transition


class PassState(State):
    """A Pass state."""

    type = "Pass"

    def __init__(self, name: str, definition: dict[str, Json], _: BuildGraph) -> None:
        """Compile the state."""
        super().__init__(name, definition)
        self._flow = compile_flow(definition)
        self._result = Document(definition["Result"]) if "Result" in definition else None

    async def execute(self, visit: Visit) -> Transition:
        """Result where there is one, else what Parameters makes of the input."""
        arguments = self._flow.arguments(visit)
        result = arguments if self._result is None else self._result
        return self._flow.output(visit, result), self.next
