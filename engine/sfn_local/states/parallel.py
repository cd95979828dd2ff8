"""Parallel: runs its branches beside each other."""

from sfn_local.document import Document, Json
from sfn_local.errors import DefinitionError, StateFailure
from sfn_local.executions.line import Line, Visit
from sfn_local.states.fork import Ended, Fork, record_aborts
from sfn_local.states.graph import BuildGraph, Graph
from sfn_local.states.retrying import RetryingState


class ParallelState(RetryingState):
    """A Parallel state."""

    type = "Parallel"
    failed = "ParallelStateFailed"

    def __init__(self, name: str, definition: dict[str, Json], build: BuildGraph) -> None:
        """Compile the state and its branches.

        Raises:
            DefinitionError: it has no branches, or one that is not well formed.
        """
        super().__init__(name, definition, "Parameters")
        branches = definition.get("Branches")
        if not isinstance(branches, list) or not branches:
            raise DefinitionError("Branches must be a list with at least one branch", "/Branches")
        self._branches = [_build(build, branch, i) for i, branch in enumerate(branches)]

    async def attempt(self, visit: Visit) -> Document:
        """Run all branches; the list of their outputs.

        Raises:
            StateFailure: one branch failed; the others are ended.
        """
        arguments = self.flow.arguments(visit)
        line = visit.line
        started = line.record("ParallelStateStarted")
        outputs: list[Json] = [None] * len(self._branches)
        with Fork(visit) as fork:
            for index, branch in enumerate(self._branches):
                branch_line = Line(line.runtime, line.execution, started, line.item, line.variables)
                fork.start(index, branch_line, branch, arguments)
            for _ in self._branches:
                ended = await fork.next_end()
                line.last_event = ended.line.last_event
                outputs[ended.index] = _output(ended, fork)
        line.record_aside("ParallelStateSucceeded")
        return Document(outputs)


def _build(build: BuildGraph, branch: Json, index: int) -> Graph:
    try:
        return build(branch)
    except DefinitionError as error:
        raise error.within(f"/Branches/{index}") from None


def _output(ended: Ended, fork: Fork) -> Json:
    if isinstance(ended.outcome, Document):
        return ended.outcome.value
    if isinstance(ended.outcome, StateFailure):
        for line in (ended.line, *fork.running.values()):
            record_aborts(line, ended.line.last_event)
    raise ended.outcome
