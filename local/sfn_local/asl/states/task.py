"""Task: has work done outside."""

from sfn_local.asl.dataflow import optional_path, read_integer
from sfn_local.asl.document import Document, Json
from sfn_local.asl.errors import DefinitionError, RuntimeFailure, SizeFailure
from sfn_local.asl.execution import Visit
from sfn_local.asl.integrations import find_integration
from sfn_local.asl.integrations.attempt import Attempt
from sfn_local.asl.jsonpath import Path
from sfn_local.asl.states.retrying import RetryingState
from sfn_local.asl.states.state import BuildGraph


class TaskState(RetryingState):
    """A Task state."""

    type = "Task"

    def __init__(self, name: str, definition: dict[str, Json], _: BuildGraph) -> None:
        """Compile the state.

        Raises:
            DefinitionError: the resource is unknown, or a limit is none.
        """
        super().__init__(name, definition, "Parameters")
        self._integration = find_integration(definition.get("Resource"))
        self._timeout = _limit(definition, "TimeoutSeconds")
        self._heartbeat = _limit(definition, "HeartbeatSeconds")

    async def attempt(self, visit: Visit) -> Document:
        """Hand the work over and wait for its result.

        Raises:
            StateFailure: it failed, or did not end in time.
        """
        narrowed = self.flow.input(visit)
        timeout = _seconds(self._timeout, "TimeoutSeconds", narrowed, visit)
        heartbeat = _seconds(self._heartbeat, "HeartbeatSeconds", narrowed, visit)
        with Attempt(
            visit, timeout, heartbeat, with_token=self._integration.is_callback
        ) as attempt:
            self._integration.start(attempt, self._arguments(visit))
            return await self._integration.finish(attempt)

    def _arguments(self, visit: Visit) -> Document:
        arguments = self.flow.arguments(visit)
        if arguments.is_too_large:
            raise SizeFailure(self.name)
        return arguments


Limit = int | Path | None


def _limit(definition: dict[str, Json], field: str) -> Limit:
    path_field = f"{field}Path"
    if path_field in definition:
        return optional_path(definition, path_field)
    seconds = definition.get(field)
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 1:
        raise DefinitionError(f"{field} must be a positive integer", f"/{field}")
    return seconds


def _seconds(limit: Limit, field: str, document: Document, visit: Visit) -> int | None:
    if not isinstance(limit, Path):
        return limit
    seconds = read_integer(limit, f"{field}Path", document, visit)
    if seconds < 1:
        raise RuntimeFailure(f"The {field}Path field refers to {seconds}, which is not positive")
    return seconds
