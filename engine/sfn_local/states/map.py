"""Map, inline: runs its item processor for each item of a list."""

from collections import deque

from sfn_local.dataflow.fields import compile_integer
from sfn_local.dataflow.recovery import NEVER_HANDLED
from sfn_local.distributed.items import STATE_DATA
from sfn_local.document import Document, Json
from sfn_local.errors import StateFailure
from sfn_local.executions.line import Line, Visit
from sfn_local.quotas import QUOTAS
from sfn_local.states.fork import Ended, Fork, record_aborts
from sfn_local.states.graph import BuildGraph
from sfn_local.states.item_processor import (
    build_processor,
    compile_items,
    compile_selector,
    not_iterable,
)
from sfn_local.states.retrying import RetryingState


class MapState(RetryingState):
    """A Map state in INLINE mode."""

    type = "Map"
    failed = "MapStateFailed"

    def __init__(self, name: str, definition: dict[str, Json], build: BuildGraph) -> None:
        """Compile the state and its item processor.

        Raises:
            DefinitionError: it has no processor, or one that is not well formed.
        """
        super().__init__(name, definition, "")
        self._definition = definition
        self._processor = build_processor(definition, build)
        self._items = compile_items(definition)
        self._selector = compile_selector(definition)
        self._most_at_once = compile_integer(definition, definition, "MaxConcurrency")

    async def attempt(self, visit: Visit) -> Document:
        """Run the processor for each item; the list of its outputs.

        Raises:
            StateFailure: one iteration failed; the others are ended.
        """
        document = self.flow.input(visit)
        items = self._items(visit, document)
        if not isinstance(items, list):
            raise not_iterable(self._definition, visit, items)
        wanted = self._most_at_once(visit, document) or QUOTAS.inline_iterations
        most_at_once = min(wanted, QUOTAS.inline_iterations)
        visit.line.record("MapStateStarted", {"length": len(items)})
        outputs: list[Json] = [None] * len(items)
        waiting = deque(enumerate(items))
        follows = visit.line.last_event
        with Fork(visit) as fork:
            while waiting or fork.running:
                while waiting and len(fork.running) < most_at_once:
                    self._start(fork, visit, document, follows, *waiting.popleft())
                ended = await fork.next_end()
                follows = ended.line.last_event  # as AWS has it: not MapIterationSucceeded
                outputs[ended.index] = self._output(visit, ended, fork)
        visit.line.record_aside("MapStateSucceeded")
        return Document(outputs)

    def _start(
        self, fork: Fork, visit: Visit, document: Document, follows: int, index: int, item: Json
    ) -> None:
        line = Line(
            visit.runtime,
            visit.line.execution,
            follows,
            {"Index": index, "Value": item, "Source": STATE_DATA},
            visit.line.variables,
        )
        line.record("MapIterationStarted", {"index": index, "name": self.name})
        if self._selector is not None:
            item = self._selector(visit, document, line.item)
        fork.start(index, line, self._processor, Document(item))

    def _output(self, visit: Visit, ended: Ended, fork: Fork) -> Json:
        line, details = ended.line, {"index": ended.index, "name": self.name}
        if isinstance(ended.outcome, Document):
            visit.line.last_event = line.record("MapIterationSucceeded", details)
            return ended.outcome.value
        visit.line.last_event = line.last_event
        if isinstance(ended.outcome, StateFailure):
            if ended.outcome.error != NEVER_HANDLED:
                line.record_aside("MapIterationFailed", details)
            record_aborts(line, line.last_event)
            for index, other in fork.running.items():
                record_aborts(other, line.last_event)
                line.record_aside("MapIterationAborted", {"index": index, "name": self.name})
        raise ended.outcome
