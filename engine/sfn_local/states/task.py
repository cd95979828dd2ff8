"""Task: has work done outside."""

from sfn_local.dataflow.fields import (
    Field,
    ItemTemplate,
    compile_integer,
    compile_item_template,
)
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
        self._credentials = _credentials(definition)

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
            visit,
            timeout,
            heartbeat,
            with_token=integration.has_token,
            token=token,
            credentials=None if self._credentials is None else self._credentials(visit, narrowed),
        ) as attempt:
            is_waited_for = integration.is_callback and token is not None
            if before is not None and before.is_submitted and is_waited_for:
                visit.is_submitted = True  # somebody has the token since before the restart
            else:
                integration.start(attempt, self._arguments(visit))
            return await integration.finish(attempt)

    def _find_integration(self, visit: Visit) -> Integration:
        """Return the integration that does the work: the service, or a test case's answer."""
        mocks = visit.line.execution.mocks
        answer = None if mocks is None else mocks.next_answer(self.name)
        return self._integration if answer is None else MockedTask(self._resource, answer)

    def _arguments(self, visit: Visit) -> Document:
        arguments = self.flow.arguments(visit)
        if arguments.is_too_large:
            raise SizeFailure(self.name)
        return arguments


def _credentials(definition: dict[str, Json]) -> ItemTemplate | None:
    given = definition.get("Credentials")
    return None if given is None else compile_item_template(definition, given, "/Credentials")


def _seconds(definition: dict[str, Json], name: str) -> Field[int]:
    return compile_integer(definition, definition, name, least=1, takes_texts=False)
