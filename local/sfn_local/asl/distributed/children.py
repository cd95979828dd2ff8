"""The children of a Map Run: what starts them, counts their ends, and goes on with them."""

from collections import deque
from dataclasses import dataclass, replace
from operator import attrgetter
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sfn_local.asl import names
from sfn_local.asl.distributed.batcher import Input
from sfn_local.asl.distributed.inputs import Inputs
from sfn_local.asl.distributed.map_run import ALL, MapRun
from sfn_local.asl.distributed.results import NoResults, Results
from sfn_local.asl.errors import SizeFailure
from sfn_local.asl.execution import Execution, Visit
from sfn_local.asl.express import LONGEST_SECONDS
from sfn_local.asl.scheduler import Channel

if TYPE_CHECKING:
    from sfn_local.asl.states.graph import Graph


@dataclass(frozen=True, slots=True)
class Work:
    """A child's place among the others, its input, and how it ended if it has run before.

    A STANDARD child that has run goes on where it was, so its execution is here too.
    """

    index: int
    input: Input
    status: str | None = None
    child: Execution | None = None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What a Map Run goes on with: children started, and those to run again.

    Once all inputs have been counted, they are not counted a second time.
    """

    run: MapRun
    results: Results
    started: int
    again: list[Work]
    inputs: Inputs


class Children:
    """The children of one Map Run; leaving the context ends those that still run."""

    def __init__(
        self, visit: Visit, run: MapRun, inputs: Inputs, graph: "Graph", *, is_express: bool
    ) -> None:
        """No child yet."""
        self.results: Results = NoResults()
        self._visit = visit
        self._run = run
        self._inputs = inputs
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
        self._running: dict[str, tuple[Work, Execution]] = {}
        self._again: list[Work] = []
        self._resumed: deque[Work] = deque()
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
            self._visit.runtime.scheduler.spawn(self.settle)

    async def start_next(self) -> bool:
        """Run the next child, if there is one left to run; whether there was.

        Raises:
            StateFailure: its input cannot be read, or is too large.
        """
        if self._resumed:
            self._start(self._resumed.popleft())
            return True
        following = await self._inputs.next()
        if following is None:
            return False
        if following.document.is_too_large:
            raise SizeFailure(self._visit.state.name)
        self._started += 1
        self._start(Work(self._started - 1, following))
        return True

    async def resume(self, unfinished: Unfinished) -> None:
        """Go on with a Map Run that is redriven.

        Raises:
            StateFailure: the inputs cannot be read again.
        """
        self.results = unfinished.results.redriven()
        self._started = unfinished.started
        for work in unfinished.again:
            self._take_up(work)
        await self._inputs.skip(unfinished.started)
        if not unfinished.inputs.are_all_read:  # and so not all are counted
            unfinished.inputs.count_in(None)
            self._run.items.pending = self._run.executions.pending = 0
            self._inputs.count_from_here(self._run)

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
        if isinstance(self.results, NoResults):
            return
        again = sorted([*self._again, *self._resumed], key=attrgetter("index"))
        unfinished = Unfinished(self._run, self.results, self._started, again, self._inputs)
        self._visit.line.execution.unfinished[self._visit.event] = unfinished

    async def settle(self) -> None:
        """Count what was never started, and write the results that there are."""
        for work in self._resumed:
            self.results.add_pending(work.input)
        await self.results.finish_failed(self._visit, self._inputs)

    def _take_up(self, work: Work) -> None:
        """Let a child be redriven, unless its execution cannot be."""
        counts, number = (self._run.executions, self._run.items), (1, work.input.item_count)
        is_lost = work.child is not None and work.child.not_redrivable_because is not None
        for each, count in zip(counts, number, strict=True):
            if is_lost:
                each.failures_not_redrivable += count
            elif work.status is not None:
                each.await_redrive(work.status, count)
        if not is_lost:
            self._resumed.append(work)

    def _start(self, work: Work) -> None:
        run, count = self._run, work.input.item_count
        child = self._child(work)
        self._running[child.arn] = (work, child)
        if work.status is None:
            run.items.start(count)
            run.executions.start(1)
        else:
            run.items.start_again(count)
            run.executions.start_again(1)
        if work.child is None:
            child.start()
        else:
            child.redrive()

    def _child(self, work: Work) -> Execution:
        """The execution of a child: a new one, or that of a STANDARD child that has run before."""
        child = work.child or self._new_child(work.input)
        child.machine = self._machine
        child.notify = self._changed
        if not self._is_express:
            self._visit.runtime.map_runs.add_child(self._run, child)
        return child

    def _new_child(self, each: Input) -> Execution:
        runtime, machine = self._visit.runtime, self._machine
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
        child.map_run_arn = self._run.arn
        child.mocks = self._visit.line.execution.mocks
        child.map_item_count = each.item_count
        return child

    def _changed(self, child: Execution) -> None:
        if not child.is_running:
            self._channel.put(child)
        if not self._is_express:
            self._visit.line.execution.notify(child)

    def _count(self, child: Execution) -> None:
        work, _ = self._running.pop(child.arn)
        self._run.items.end(child.status, child.map_item_count)
        self._run.executions.end(child.status, 1)
        if child.status != "SUCCEEDED" and self._run.tolerance.percentage != ALL:
            kept = None if self._is_express else child
            each = Input(child.input, child.map_item_count)
            self._again.append(Work(work.index, each, child.status, kept))
        self.results.add(work.index, child)
        self._run.items.results_written += child.map_item_count
        self._run.executions.results_written += 1
