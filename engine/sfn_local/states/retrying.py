"""The common part of Task, Map and Parallel: Retry and Catch."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from sfn_local.dataflow.flow import compile_flow
from sfn_local.dataflow.recovery import (
    NEVER_HANDLED,
    compile_catchers,
    compile_retriers,
    find_catcher,
)
from sfn_local.document import Document, Json
from sfn_local.errors import StateFailure
from sfn_local.executions.line import Visit
from sfn_local.states.state import State, Transition


class RetryingState(State):
    """A state that may be attempted again, and may catch what its attempts end in.

    Failed is the event that says that no attempt is left; None where there is none.
    """

    can_retry = True
    failed: ClassVar[str | None] = None

    def __init__(self, name: str, definition: dict[str, Json], template_field: str) -> None:
        """Compile the data flow, Retry and Catch; template_field makes the arguments.

        Raises:
            DefinitionError: one of them is not well formed.
        """
        super().__init__(name, definition)
        self.flow = compile_flow(definition, template_field)
        self.retriers = compile_retriers(definition)
        self.catchers = compile_catchers(definition)

    def targets(self) -> Iterator[str]:
        """The names of the states that may follow."""
        yield from super().targets()
        yield from (catcher.next for catcher in self.catchers)

    async def execute(self, visit: Visit) -> Transition:
        """Attempt it until it succeeds or no retrier is left, then catch.

        Raises:
            StateFailure: the last attempt failed, and no catcher handles that.
        """
        if visit.is_between_attempts:
            await visit.retry_after(0)
        while True:
            try:
                result = await self.attempt(visit)
                return self.flow.output(visit, result), self.next
            except StateFailure as failure:
                if failure.error == NEVER_HANDLED:
                    raise  # from a branch, too; no event says that the attempt failed
                delay = self.retriers.delay(visit, failure)
                if delay is None:
                    if self.failed is not None:
                        visit.line.record(self.failed)
                    return self._catch(visit, failure)
            await visit.retry_after(delay)

    @abstractmethod
    async def attempt(self, visit: Visit) -> Document:
        """Do the state's work once; its result.

        Raises:
            StateFailure: the work failed.
        """

    def _catch(self, visit: Visit, failure: StateFailure) -> Transition:
        catcher = find_catcher(self.catchers, failure)
        if catcher is None:
            raise failure
        visit.runtime.took(self.name, "Catch", self.catchers.index(catcher))
        return catcher.output(visit, failure), catcher.next
