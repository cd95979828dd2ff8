"""Map, distributed: a Map Run, whose children are executions of their own."""

import re
import uuid
from collections import deque
from dataclasses import dataclass, replace
from operator import itemgetter
from types import TracebackType
from typing import Self

from sfn_local.asl import names
from sfn_local.asl.distributed.batcher import Input, ItemBatcher, Singles
from sfn_local.asl.distributed.inputs import Inputs
from sfn_local.asl.distributed.map_run import ALL, MapRun, ThresholdFailure, Tolerance
from sfn_local.asl.distributed.reader import ItemReader
from sfn_local.asl.distributed.results import Results, ResultWriter
from sfn_local.asl.document import Document, Json
from sfn_local.asl.errors import DefinitionError, SizeFailure, StateFailure
from sfn_local.asl.execution import Execution, Visit
from sfn_local.asl.express import LONGEST_SECONDS
from sfn_local.asl.fields import compile_integer, compile_percentage
from sfn_local.asl.scheduler import Channel
from sfn_local.asl.states.graph import Graph
from sfn_local.asl.states.item_processor import (
    build_processor,
    compile_items,
    compile_selector,
    not_iterable,
    processor_config,
)
from sfn_local.asl.states.retrying import RetryingState
from sfn_local.asl.states.state import BuildGraph

LONGEST_LABEL = 40
EXECUTION_TYPES = ("STANDARD", "EXPRESS")
FORBIDDEN_IN_LABELS = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")


class DistributedMapState(RetryingState):
    """A Map state in DISTRIBUTED mode."""

    type = "Map"

    def __init__(self, name: str, definition: dict[str, Json], build: BuildGraph) -> None:
        """Compile the state and its item processor.

        Raises:
            DefinitionError: one of its fields is not well formed.
        """
        super().__init__(name, definition, "")
        self._definition = definition
        self._processor = build_processor(definition, build)
        self._is_express = _execution_type(definition) == "EXPRESS"
        self._label = _label(name, definition)
        self._most_at_once = compile_integer(definition, definition, "MaxConcurrency")
        self._tolerated_count = compile_integer(definition, definition, "ToleratedFailureCount")
        self._tolerated_percentage = compile_percentage(definition, "ToleratedFailurePercentage")
        self._items = compile_items(definition)
        self._reader = ItemReader(definition) if "ItemReader" in definition else None
        self._selector = compile_selector(definition)
        self._batcher = ItemBatcher(definition) if "ItemBatcher" in definition else None
        self._writer = ResultWriter(definition)

    async def attempt(self, visit: Visit) -> Document:
        """Run a child for each item or batch; the results of all.

        Raises:
            StateFailure: the items cannot be read, too many failed, or the results cannot be
                written.
        """
        line = visit.line
        document = self.flow.input(visit)
        most_at_once = self._most_at_once(visit, document) or 0
        items = self._items(visit, document) if self._reader is None else []
        if not isinstance(items, (list, dict)):
            raise not_iterable(self._definition, visit, items)
        line.record("MapStateStarted", {"length": len(items)})
        inputs = self._open(visit, document, items)
        is_redriven = visit.is_resumed and visit.retries == 0  # a Retry starts another Map Run
        left = line.execution.unfinished.pop(self.name, None)
        unfinished: Unfinished | None = left if is_redriven else None
        if unfinished is None:
            run = self._begin(visit, document, most_at_once)
            started = line.record("MapRunStarted", {"mapRunArn": run.arn})
        else:
            run = unfinished.run
            run.redrive(visit.runtime.scheduler.clock.time())
            details = {"mapRunArn": run.arn, "redriveCount": run.redrive_count}
            started = line.record("MapRunRedriven", details)
        result = await self._run(visit, document, run, inputs, unfinished)
        line.record("MapRunSucceeded")
        line.record_aside("MapStateSucceeded")
        line.last_event = started  # as AWS has it: MapStateExited follows MapRunStarted
        return result

    def gave_up(self, visit: Visit) -> None:
        """Record that no attempt is left."""
        visit.line.record("MapStateFailed")

    def _open(self, visit: Visit, document: Document, items: Json) -> Inputs:
        """The children's inputs, of which none is read yet."""
        batches = Singles() if self._batcher is None else self._batcher.begin(visit, document)
        select = self._selector
        if self._reader is None:
            return Inputs.of_data(visit, document, items, select, batches)
        opening = self._reader.open(visit, document)
        return Inputs.of_files(visit, document, opening, select, batches)

    def _begin(self, visit: Visit, document: Document, most_at_once: int) -> MapRun:
        runtime, execution = visit.runtime, visit.line.execution
        tolerance = Tolerance(
            self._tolerated_count(visit, document), self._tolerated_percentage(visit, document)
        )
        run = MapRun(
            arn=names.map_run_arn(execution.machine.arn, self._label, runtime.new_uuid()),
            execution_arn=execution.arn,
            child_machine_arn=f"{execution.machine.arn}/{self._label}",
            most_at_once=most_at_once,
            tolerance=tolerance,
            started=runtime.scheduler.clock.time(),
        )
        runtime.map_runs.add(run)
        return run

    async def _run(
        self,
        visit: Visit,
        document: Document,
        run: MapRun,
        inputs: Inputs,
        unfinished: "Unfinished | None",
    ) -> Document:
        with Children(visit, run, self._processor, is_express=self._is_express) as children:
            try:
                if unfinished is None:
                    inputs.count_in(run)
                    results = await self._writer.begin(visit, document, run)
                else:
                    results = unfinished.results
                    await children.resume(unfinished, inputs)
                children.results = results
                await _run_all(run, inputs, children)
                result = await results.finish(visit)
            except StateFailure as failure:
                children.stop("FAILED")
                if children.results is not None:
                    await children.results.finish_failed(visit, inputs)
                visit.line.record("MapRunFailed", failure.reasons())
                raise
            run.end("SUCCEEDED", visit.runtime.scheduler.clock.time())
            return result


async def _run_all(run: MapRun, inputs: Inputs, children: "Children") -> None:
    """Keep as many children running as may, until all inputs are used.

    Raises:
        StateFailure: the inputs cannot be read, or too many children failed.
    """
    while True:
        while children.running < run.places:
            following = await inputs.next()
            if following is None:
                break
            children.start(following)
        if not children.running:
            return
        await children.next_end()
        if run.tolerance.is_exceeded(run.items.unsuccessful, inputs.total):
            raise ThresholdFailure


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What a redrive of a Map Run goes on with: children started, and those to run again."""

    run: MapRun
    results: Results
    started: int
    again: list[tuple[int, Input]]


class Children:
    """The children of one Map Run; leaving the context ends those that still run."""

    def __init__(self, visit: Visit, run: MapRun, graph: Graph, *, is_express: bool) -> None:
        """No child yet."""
        self.results: Results | None = None
        self._visit = visit
        self._run = run
        self._is_express = is_express
        parent = visit.line.execution.machine
        self._machine = replace(
            parent,
            arn=run.child_machine_arn,
            name=run.child_machine_arn.rpartition(":")[2],
            graph=graph,
            timeout=LONGEST_SECONDS if is_express else None,
            type="EXPRESS" if is_express else "STANDARD",
        )
        self._channel: Channel[Execution | None] = Channel()
        self._running: dict[str, tuple[int, Execution]] = {}
        self._again: list[tuple[int, Input]] = []
        self._resumed: deque[tuple[int, Input]] = deque()
        self._started = 0
        run.changed = lambda: self._channel.put(None)

    @property
    def running(self) -> int:
        """How many run."""
        return len(self._running)

    def __enter__(self) -> Self:
        """Wait for the first child."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the children that still run; a Map Run that has not ended is aborted."""
        if self._run.status == "RUNNING":
            self.stop("ABORTED")
            self._visit.line.record_aside("MapRunAborted")
            if self.results is not None:
                self.results.give_up(self._visit)

    def start(self, each: Input) -> None:
        """Run a child.

        Raises:
            SizeFailure: its input is too large.
        """
        if each.document.is_too_large:
            raise SizeFailure(self._visit.state.name)
        child = self._child(each)
        if self._resumed:
            index, _ = self._resumed.popleft()
        else:
            index = self._started
            self._started += 1
        self._running[child.arn] = (index, child)
        self._run.items.start(each.item_count)
        self._run.executions.start(1)
        child.start()

    async def resume(self, unfinished: Unfinished, inputs: Inputs) -> None:
        """Go on with a Map Run that is redriven.

        Raises:
            StateFailure: the inputs cannot be read again.
        """
        self.results = unfinished.results
        self.results.reopen()
        self._started = unfinished.started
        self._resumed.extend(unfinished.again)
        again = [each for _, each in unfinished.again]
        await inputs.resume(self._run, again, unfinished.started)

    async def next_end(self) -> None:
        """Wait until a child has ended or the limits have changed, and count it."""
        child = await self._channel
        if child is not None and child.arn in self._running:
            self._count(child)

    def stop(self, status: str) -> None:
        """End the Map Run, with all children that still run."""
        self._run.end(status, self._visit.runtime.scheduler.clock.time())
        for _, child in list(self._running.values()):
            if child.is_running:
                child.stop(None, None)
            self._count(child)
        if self.results is not None:
            again = sorted([*self._again, *self._resumed], key=itemgetter(0))
            unfinished = Unfinished(self._run, self.results, self._started, again)
            self._visit.line.execution.unfinished[self._visit.state.name] = unfinished

    def _child(self, each: Input) -> Execution:
        runtime, run, machine = self._visit.runtime, self._run, self._machine
        name = runtime.new_uuid()
        if self._is_express:
            arn = names.express_arn(machine.arn, name, runtime.new_uuid())
        else:
            arn = names.execution_arn(machine.arn, name)
        child = Execution(
            arn,
            name,
            machine,
            each.document,
            runtime,
            self._changed,
            keeps_history=not self._is_express,
        )
        child.map_run_arn = run.arn
        child.mocks = self._visit.line.execution.mocks
        child.map_item_count = each.item_count
        if not self._is_express:
            runtime.map_runs.add_child(run, child)
        return child

    def _changed(self, child: Execution) -> None:
        if not child.is_running:
            self._channel.put(child)
        if not self._is_express:
            self._visit.line.execution.notify(child)

    def _count(self, child: Execution) -> None:
        index, _ = self._running.pop(child.arn)
        self._run.items.end(child.status, child.map_item_count)
        self._run.executions.end(child.status, 1)
        if child.status != "SUCCEEDED" and self._run.tolerance.percentage != ALL:
            self._again.append((index, Input(child.input, child.map_item_count)))
        if self.results is not None:
            self.results.add(index, child)
            self._run.items.results_written += child.map_item_count
            self._run.executions.results_written += 1


def _execution_type(definition: dict[str, Json]) -> str:
    kind = processor_config(definition).get("ExecutionType", "STANDARD")
    if kind not in EXECUTION_TYPES:
        message = f"ExecutionType must be one of {', '.join(EXECUTION_TYPES)}"
        raise DefinitionError(message, "/ItemProcessor/ProcessorConfig/ExecutionType")
    return str(kind)


def _label(name: str, definition: dict[str, Json]) -> str:
    """The Label, or one made of the state's name."""
    if "Label" not in definition:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, name))
    label = definition["Label"]
    if not isinstance(label, str) or not label:
        raise DefinitionError("Label cannot be empty", "/Label")
    if len(label) > LONGEST_LABEL:
        raise DefinitionError(f"Label cannot exceed {LONGEST_LABEL} characters", "/Label")
    forbidden = FORBIDDEN_IN_LABELS.search(label)
    if forbidden is not None:
        raise DefinitionError(f"Label contains invalid character: '{forbidden[0]}'", "/Label")
    return label
