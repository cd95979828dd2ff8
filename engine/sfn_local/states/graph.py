"""States that lead to each other."""

from collections.abc import Callable

from sfn_local.document import Document, Json
from sfn_local.executions.line import Line
from sfn_local.states.state import State


class Graph:
    """The states of a machine, of a branch or of an item processor."""

    __slots__ = ("start", "states")

    def __init__(self, start: State, states: dict[str, State]) -> None:
        """Every target of a state is one of states."""
        self.start = start
        self.states = states

    async def run(self, line: Line, document: Document) -> Document:
        """Go from state to state until one ends the graph; its output.

        A line that resumes starts in the state in which it stands.

        Raises:
            StateFailure: a state failed, and nothing in this graph caught it.
        """
        state = self.start
        if line.resume is not None:
            state, document = self.states[line.resume.state], line.resume.input
            line.variables = line.resume.variables
        while True:
            document, following = await state.run(line, document)
            if following is None:
                return document
            state = self.states[following]


BuildGraph = Callable[[Json], Graph]
