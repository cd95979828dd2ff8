"""The children of a Map Run: their starts, their ends, and how a redrive goes on."""

from collections import deque
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Self

from sfn_local import names
from sfn_local.distributed.batcher import Input
from sfn_local.distributed.inputs import Inputs
from sfn_local.distributed.results import NoResults, Results
from sfn_local.errors import SizeFailure
from sfn_local.executions.counts import ALL
from sfn_local.executions.execution import Execution
from sfn_local.executions.express import LONGEST_SECONDS
from sfn_local.executions.line import Visit
from sfn_local.executions.machine import Startable
from sfn_local.executions.map_run import MapRun
from sfn_local.executions.map_runs import Outcome
from sfn_local.scheduler import Channel


@dataclass(slots=True)
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
    """The unfinished part of a Map Run: the children to run again, and the results so far.

    Both results and inputs are None where they were lost with the engine before.
    """

    run: MapRun
    again: list[Work]
    results: Results | None = None
    inputs: Inputs | None = None


class Children:
    """The children of one Map Run; leaving the context ends those that still run."""

    def __init__(
        self, visit: Visit, run: MapRun, inputs: Inputs, graph: Startable, *, is_express: bool
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
        self._keeper = visit.runtime.map_runs.keeper
        run.changed = lambda: self._channel.put(None)

    @property
    def running(self) -> int:
        """How many run."""
        return len(self._running)

    def __enter__(self) -> Self:
        """Wait for the first child."""
        return self

    def __exit__(self, *_: object) -> None:
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
        self._start(Work(self._run.begun, following))
        self._run.begun += 1
        return True

    async def resume(self, unfinished: Unfinished, results: Results) -> None:
        """Go on with a Map Run that is redriven, or was interrupted by a restart.

        Raises:
            StateFailure: the inputs cannot be read again.
        """
        self.results = results
        run = self._run
        counts_anew = not run.is_counted
        if counts_anew:
            run.items.pending = run.executions.pending = 0
            if unfinished.inputs is not None:
                unfinished.inputs.count_in(None)
        run.is_counted = False
        for work in unfinished.again:
            self._take_up(work)
        await self._inputs.skip(run.begun)
        if counts_anew:
            self._inputs.count_from_here(run)

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
        for work in self._resumed:
            if work.child is not None:
                work.child.awaits_redrive = False
        again = sorted([*self._again, *self._resumed], key=attrgetter("index"))
        unfinished = Unfinished(self._run, again, self.results, self._inputs)
        self._visit.line.execution.unfinished[self._visit.event] = unfinished

    async def settle(self) -> None:
        """Count what was never started, and write the results that there are."""
        for work in self._resumed:
            self.results.add_pending(work.input)
        await self.results.finish_failed(self._visit, self._inputs)
        self._run.is_counted = self._inputs.are_all_read
        self._keeper.changed(self._run)

    def _take_up(self, work: Work) -> None:
        """Let a child be run again, unless its execution cannot be redriven."""
        run, number = self._run, work.input.item_count
        redriven = None if work.status is None else work.child
        is_lost = redriven is not None and redriven.not_redrivable_because is not None
        for counts, count in ((run.executions, 1), (run.items, number)):
            if is_lost:
                counts.failures_not_redrivable += count
            elif work.status is None:
                counts.interrupt(count)
            else:
                counts.await_redrive(work.status, count)
        if is_lost:
            return
        self._resumed.append(work)
        if redriven is not None:
            redriven.awaits_redrive = True

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
        self._keeper.started(run, work.index, child)
        if work.child is None:
            child.start()
        elif work.status is not None:
            child.redrive()
        elif child.is_running:
            child.resume()
        else:
            self._channel.put(child)  # it ended as the engine did, and was not counted any more

    def _child(self, work: Work) -> Execution:
        """The execution of a child: a new one, or that of a STANDARD child that has run before."""
        child = work.child or self._new_child(work.input)
        parent = self._visit.line.execution
        child.mocks, child.trace_header = parent.mocks, parent.trace_header
        child.machine = self._machine
        child.notify = self._changed
        if self._is_express:
            self._run.express_children.append(child)
        else:
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
        child.map_item_count = each.item_count
        child.number = self._run.begun
        if not self._is_express:
            self._keeper.keep_child(child)
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
        outcome = Outcome(work.index, child.status, list(self.results.format.texts(child)))
        self.results.add(outcome)
        self._keeper.ended(self._run, child, outcome)
        self._run.items.results_written += child.map_item_count
        self._run.executions.results_written += 1
