"""Map, inline: runs its item processor for each item of a list."""

from collections import deque

from sfn_local.asl.dataflow import (
    VisitSource,
    optional_path,
    read_integer,
)
from sfn_local.asl.document import Document, Json
from sfn_local.asl.errors import DefinitionError, RuntimeFailure, StateFailure
from sfn_local.asl.execution import Line, Visit
from sfn_local.asl.jsonpath import Path, PathNotFound
from sfn_local.asl.payload import Template, compile_template
from sfn_local.asl.states.fork import Ended, Fork, record_aborts
from sfn_local.asl.states.graph import Graph
from sfn_local.asl.states.retrying import RetryingState
from sfn_local.asl.states.state import BuildGraph

MOST_AT_ONCE = 40


class MapState(RetryingState):
    """A Map state in INLINE mode."""

    type = "Map"

    def __init__(self, name: str, definition: dict[str, Json], build: BuildGraph) -> None:
        """Compile the state and its item processor.

        Raises:
            DefinitionError: it has no processor, or one that is not well formed.
        """
        super().__init__(name, definition, "")
        self._processor = _build_processor(definition, build)
        self._items_path = optional_path(definition, "ItemsPath")
        self._selector = _compile_selector(definition)
        self._most_at_once = _compile_concurrency(definition)

    async def attempt(self, visit: Visit) -> Document:
        """Run the processor for each item; the list of its outputs.

        Raises:
            StateFailure: one iteration failed; the others are ended.
        """
        document = self.flow.input(visit)
        items = self._items(visit, document)
        most_at_once = self._concurrency(visit, document)
        visit.line.record("MapStateStarted", {"length": len(items)})
        outputs: list[Json] = [None] * len(items)
        waiting = deque(enumerate(items))
        with Fork(visit) as fork:
            while waiting or fork.running:
                while waiting and len(fork.running) < most_at_once:
                    self._start(fork, visit, document, *waiting.popleft())
                ended = await fork.next_end()
                outputs[ended.index] = self._output(visit, ended, fork)
        visit.line.record_aside("MapStateSucceeded")
        return Document(outputs)

    def gave_up(self, visit: Visit) -> None:
        """Record that no attempt is left."""
        visit.line.record("MapStateFailed")

    def _items(self, visit: Visit, document: Document) -> list[Json]:
        path = self._items_path
        if path is None:
            raise RuntimeFailure("ItemsPath must not be null.")
        try:
            items = VisitSource(document.value, visit).read(path)
        except PathNotFound as error:
            raise RuntimeFailure(f"Invalid path '{path.text}' : {error}") from None
        if not isinstance(items, list):
            raise RuntimeFailure(f'Reference path "{path.text}" must point to array.')
        return items

    def _concurrency(self, visit: Visit, document: Document) -> int:
        most = self._most_at_once
        if isinstance(most, Path):
            most = read_integer(most, "MaxConcurrencyPath", document, visit)
            if most < 0:
                raise RuntimeFailure("MaxConcurrency cannot be negative.")
        return min(most or MOST_AT_ONCE, MOST_AT_ONCE)

    def _start(self, fork: Fork, visit: Visit, document: Document, index: int, item: Json) -> None:
        line = Line(
            visit.line.execution,
            visit.line.last_event,
            {"Index": index, "Value": item},
        )
        line.record("MapIterationStarted", {"index": index, "name": self.name})
        if self._selector is not None:
            item = self._selector(VisitSource(document.value, visit, line.item))
        fork.start(index, line, self._processor, Document(item))

    def _output(self, visit: Visit, ended: Ended, fork: Fork) -> Json:
        line, details = ended.line, {"index": ended.index, "name": self.name}
        if isinstance(ended.outcome, Document):
            visit.line.last_event = line.record("MapIterationSucceeded", details)
            return ended.outcome.value
        visit.line.last_event = line.last_event
        if isinstance(ended.outcome, StateFailure):
            line.record_aside("MapIterationFailed", details)
            record_aborts(line, line.last_event)
            for index, other in fork.running.items():
                record_aborts(other, line.last_event)
                line.record_aside("MapIterationAborted", {"index": index, "name": self.name})
        raise ended.outcome


def _build_processor(definition: dict[str, Json], build: BuildGraph) -> Graph:
    field = "ItemProcessor" if "ItemProcessor" in definition else "Iterator"
    processor = definition.get(field)
    if not isinstance(processor, dict):
        raise DefinitionError("an ItemProcessor is missing", f"/{field}")
    config = processor.get("ProcessorConfig", {})
    mode = config.get("Mode", "INLINE") if isinstance(config, dict) else None
    if mode != "INLINE":
        message = f"this engine runs inline Map states, not {mode} ones"
        raise DefinitionError(message, f"/{field}/ProcessorConfig")
    try:
        return build(processor)
    except DefinitionError as error:
        raise error.within(f"/{field}") from None


def _compile_selector(definition: dict[str, Json]) -> Template | None:
    field = "ItemSelector" if "ItemSelector" in definition else "Parameters"
    if field not in definition:
        return None
    return compile_template(definition[field], f"/{field}")


def _compile_concurrency(definition: dict[str, Json]) -> int | Path | None:
    if "MaxConcurrencyPath" in definition:
        return optional_path(definition, "MaxConcurrencyPath")
    most = definition.get("MaxConcurrency", 0)
    if isinstance(most, bool) or not isinstance(most, int) or most < 0:
        message = "MaxConcurrency must be an integer of at least 0"
        raise DefinitionError(message, "/MaxConcurrency")
    return most
