"""Task: has work done outside."""

from sfn_local.dataflow.fields import Field, compile_integer
from sfn_local.document import Document, Json
from sfn_local.errors import SizeFailure
from sfn_local.executions.line import Visit
from sfn_local.integrations import Integration, find_integration
from sfn_local.integrations.attempt import Attempt
from sfn_local.integrations.mocked import MockedTask
from sfn_local.states.graph import BuildGraph
from sfn_local.states.retrying import RetryingState


class TaskState(RetryingState):
    """A Task state."""

    type = "Task"

    def __init__(self, name: str, definition: dict[str, Json], _: BuildGraph) -> None:
        """Compile the state.

        Raises:
            DefinitionError: the resource is unknown, or a limit is none.
        """
        super().__init__(name, definition, "Parameters")
        self._resource = str(definition.get("Resource"))
        self._integration = find_integration(definition.get("Resource"))
        self._timeout = _seconds(definition, "TimeoutSeconds")
        self._heartbeat = _seconds(definition, "HeartbeatSeconds")

    async def attempt(self, visit: Visit) -> Document:
        """Hand the work over and wait for its result.

        Raises:
            StateFailure: it failed, or did not end in time.
        """
        narrowed = self.flow.input(visit)
        timeout = self._timeout(visit, narrowed)
        heartbeat = self._heartbeat(visit, narrowed)
        integration = self._find_integration(visit)
        before = visit.take_up()
        token = None if before is None else before.token
        with Attempt(
            visit, timeout, heartbeat, with_token=integration.is_callback, token=token
        ) as attempt:
            if before is not None and before.is_submitted and token is not None:
                visit.is_submitted = True  # somebody has the token since before the restart
            else:
                integration.start(attempt, self._arguments(visit))
            return await integration.finish(attempt)

    def _find_integration(self, visit: Visit) -> Integration:
        """What does the work: the service, or the answer that a test case has for it."""
        mocks = visit.line.execution.mocks
        answer = None if mocks is None else mocks.next_answer(self.name)
        return self._integration if answer is None else MockedTask(self._resource, answer)

    def _arguments(self, visit: Visit) -> Document:
        arguments = self.flow.arguments(visit)
        if arguments.is_too_large:
            raise SizeFailure(self.name)
        return arguments


def _seconds(definition: dict[str, Json], name: str) -> Field[int]:
    return compile_integer(definition, definition, name, least=1, takes_texts=False)
