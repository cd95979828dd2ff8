"""Map, distributed: a Map Run, whose children are executions of their own."""

import re
import uuid

from sfn_local import names
from sfn_local.dataflow.fields import choice_in, compile_integer, compile_percentage
from sfn_local.distributed.batcher import ItemBatcher, Singles
from sfn_local.distributed.children import Children, Unfinished
from sfn_local.distributed.inputs import Inputs
from sfn_local.distributed.reader import ItemReader
from sfn_local.distributed.result_writer import ResultWriter
from sfn_local.distributed.results import Results
from sfn_local.document import Document, Json
from sfn_local.errors import DefinitionError, StateFailure
from sfn_local.executions.counts import ThresholdFailure, Tolerance
from sfn_local.executions.line import Visit
from sfn_local.executions.map_run import MapRun
from sfn_local.states.graph import BuildGraph
from sfn_local.states.item_processor import (
    build_processor,
    compile_items,
    compile_selector,
    not_iterable,
    processor_config,
)
from sfn_local.states.retrying import RetryingState

LONGEST_LABEL = 40
FORBIDDEN_IN_LABELS = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")


class DistributedMapState(RetryingState):
    """A Map state in DISTRIBUTED mode."""

    type = "Map"
    failed = "MapStateFailed"

    def __init__(self, name: str, definition: dict[str, Json], build: BuildGraph) -> None:
        """Compile the state and its item processor.

        Raises:
            DefinitionError: one of its fields is not well formed.
        """
        super().__init__(name, definition, "")
        self._definition = definition
        self._processor = build_processor(definition, build)
        config, pointer = processor_config(definition), "/ItemProcessor/ProcessorConfig"
        kind = choice_in(config, "ExecutionType", ("STANDARD", "EXPRESS"), pointer)
        self._is_express = kind == "EXPRESS"
        self._label = label_of(name, definition)
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
        mocked = _mocked_items(visit)
        items = mocked if self._reader or mocked is not None else self._items(visit, document)
        if items is not None and not isinstance(items, (list, dict)):
            raise not_iterable(self._definition, visit, items)
        left = line.execution.unfinished.pop(visit.event, None)
        unfinished = left if visit.is_resumed and isinstance(left, Unfinished) else None
        if unfinished is None or unfinished.run.status != "RUNNING":
            line.record("MapStateStarted", {"length": len(items or [])})
        inputs = self._open(visit, document, items)
        run = self._run_of(visit, document, unfinished, most_at_once)
        result = await self._run(visit, document, run, inputs, unfinished)
        line.record("MapRunSucceeded")
        line.record_aside("MapStateSucceeded")
        line.last_event = run.event  # as AWS has it: MapStateExited follows MapRunStarted
        return result

    def _run_of(
        self,
        visit: Visit,
        document: Document,
        unfinished: Unfinished | None,
        most_at_once: int,
    ) -> MapRun:
        """A new Map Run, or the one that is redriven or was interrupted by a restart."""
        line = visit.line
        if unfinished is not None and unfinished.run.status == "RUNNING":
            line.last_event = unfinished.run.event
            return unfinished.run
        if unfinished is None:
            run = self._begin(visit, document, most_at_once)
            run.event = line.record("MapRunStarted", {"mapRunArn": run.arn})
        else:
            run = unfinished.run
            run.redrive(visit.runtime.scheduler.clock.time())
            details = {"mapRunArn": run.arn, "redriveCount": run.redrive_count}
            run.event = line.record("MapRunRedriven", details)
        visit.runtime.map_runs.keeper.changed(run)
        return run

    def _open(self, visit: Visit, document: Document, items: Json) -> Inputs:
        """Return the children's inputs, all unread; where items is None, a file has them."""
        batches = Singles() if self._batcher is None else self._batcher.begin(visit, document)
        select = self._selector
        if items is not None or self._reader is None:
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
            entry=visit.event,
        )
        runtime.map_runs.add(run)
        return run

    async def _run(
        self,
        visit: Visit,
        document: Document,
        run: MapRun,
        inputs: Inputs,
        unfinished: Unfinished | None,
    ) -> Document:
        map_runs = visit.runtime.map_runs
        with (
            map_runs.closing(run),
            Children(visit, run, inputs, self._processor, is_express=self._is_express) as children,
        ):
            try:
                await map_runs.wait_for_place(run)
                results = await self._results(visit, document, run, unfinished)
                if unfinished is None:
                    inputs.count_in(run)
                    children.results = results
                else:
                    await children.resume(unfinished, results)
                await _run_all(run, inputs, children)
                result = await children.results.finish(visit)
            except StateFailure as failure:
                children.stop("FAILED")
                await children.settle()
                visit.line.record("MapRunFailed", failure.reasons())
                raise
            run.end("SUCCEEDED", visit.runtime.scheduler.clock.time())
            map_runs.keeper.done(run)
            return result

    async def _results(
        self, visit: Visit, document: Document, run: MapRun, unfinished: Unfinished | None
    ) -> Results:
        """The results of a Map Run, those from before included.

        Raises:
            StateFailure: a path leads nowhere, or the bucket is not there.
        """
        if unfinished is not None and unfinished.results is not None:
            return unfinished.results.redriven()
        results = await self._writer.begin(visit, document, run)
        outcomes = visit.runtime.map_runs.keeper.outcomes(run)
        results.restore(outcomes, is_redriven=run.redrive_count > 0)
        return results


async def _run_all(run: MapRun, inputs: Inputs, children: Children) -> None:
    """Keep as many children running as may, until all inputs are used.

    Raises:
        StateFailure: the inputs cannot be read, or too many children failed.
    """
    while True:
        while children.running < run.places and await children.start_next():
            continue
        if not children.running:
            return
        await children.next_end()
        if run.tolerance.is_exceeded(run.items.unsuccessful, inputs.total):
            raise ThresholdFailure


def _mocked_items(visit: Visit) -> Json:
    """Return the items that a test case gives the reader; None if it does not mock the state.

    Raises:
        StateFailure: the test case has the state fail so.
    """
    mocks = visit.line.execution.mocks
    answer = None if mocks is None else mocks.next_answer(visit.state.name)
    if isinstance(answer, StateFailure):
        raise StateFailure(answer.error, answer.cause)
    return None if answer is None else answer.value


def label_of(name: str, definition: dict[str, Json]) -> str:
    """The Label, or one made of the state's name.

    Raises:
        DefinitionError: the Label breaks AWS's rules.
    """
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
