"""What Task, Map and Parallel have in common: Retry and Catch."""

from abc import abstractmethod
from collections.abc import Iterator

from sfn_local.asl.document import Document, Json
from sfn_local.asl.errors import RuntimeFailure, StateFailure
from sfn_local.asl.execution import Visit
from sfn_local.asl.flow import compile_flow
from sfn_local.asl.recovery import compile_catchers, compile_retriers, find_catcher
from sfn_local.asl.states.state import State, Transition


class RetryingState(State):
    """A state that may be attempted again, and may catch what its attempts end in."""

    can_retry = True

    def __init__(self, name: str, definition: dict[str, Json], template_field: str) -> None:
        """Compile the data flow, Retry and Catch; template_field makes the arguments.

        Raises:
            DefinitionError: one of them is not well formed.
        """
        super().__init__(name, definition)
        self.flow = compile_flow(definition, template_field)
        self._retriers = compile_retriers(definition)
        self._catchers = compile_catchers(definition)

    def targets(self) -> Iterator[str]:
        """The names of the states that may follow."""
        yield from super().targets()
        yield from (catcher.next for catcher in self._catchers)

    async def execute(self, visit: Visit) -> Transition:
        """Attempt it until it succeeds or no retrier is left, then catch.

        Raises:
            StateFailure: the last attempt failed, and no catcher handles that.
        """
        probe = visit.line.execution.probe
        attempts: dict[int, int] = {} if probe is None else self._retriers.made(probe.retries)
        while True:
            try:
                result = await self._attempt(visit)
                return self.flow.output(visit, result), self.next
            except RuntimeFailure:
                raise  # nothing handles it, and no event says that the attempt failed
            except StateFailure as failure:
                delay = self._retriers.delay(visit, failure, attempts)
                if delay is None:
                    self.gave_up(visit)
                    return self._catch(visit, failure)
                if probe is not None:
                    probe.is_retriable = True
                    raise
            await visit.sleep(delay)
            visit.retries += 1

    async def _attempt(self, visit: Visit) -> Document:
        probe = visit.line.execution.probe
        if probe is None or probe.mock is None or self.type == "Task":
            return await self.attempt(visit)
        if isinstance(probe.mock, StateFailure):
            raise probe.mock
        return probe.mock

    @abstractmethod
    async def attempt(self, visit: Visit) -> Document:
        """Do the state's work once; its result.

        Raises:
            StateFailure: the work failed.
        """

    def gave_up(self, visit: Visit) -> None:
        """Record that no attempt is left."""

    def _catch(self, visit: Visit, failure: StateFailure) -> Transition:
        catcher = find_catcher(self._catchers, failure)
        if catcher is None:
            raise failure
        probe = visit.line.execution.probe
        if probe is not None:
            probe.is_caught = True
            probe.shown |= failure.reasons()
        return catcher.output(visit, failure), catcher.next
