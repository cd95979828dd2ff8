"""States that lead to each other."""

from sfn_local.asl.document import Document
from sfn_local.asl.execution import Line, Visit
from sfn_local.asl.states.state import State


class Graph:
    """The states of a machine, of a branch or of an item processor."""

    __slots__ = ("start", "states")

    def __init__(self, start: State, states: dict[str, State]) -> None:
        """Every target of a state is one of states."""
        self.start = start
        self.states = states

    async def run(self, line: Line, document: Document, resumed: Visit | None = None) -> Document:
        """Go from state to state until one ends the graph; its output.

        With a visit to resume it begins there, else with the first state.

        Raises:
            StateFailure: a state failed, and nothing in this graph caught it.
        """
        state = self.start if resumed is None else resumed.state
        while True:
            document, following = await state.run(line, document, resumed)
            resumed = None
            if following is None:
                return document
            state = self.states[following]
