"""Lines that run beside each other, for Parallel and Map."""

from dataclasses import dataclass
from functools import partial
from typing import Self

from sfn_local.document import Document
from sfn_local.executions.line import Line, Visit
from sfn_local.scheduler import Channel, Strand
from sfn_local.states.graph import Graph


@dataclass(frozen=True, slots=True)
class Ended:
    """A line has ended, with an output or a failure."""

    index: int
    line: Line
    outcome: Document | Exception


class Fork:
    """The lines that a visit started; leaving the context ends those that still run.

    Running holds these, by index; outputs and failed hold those that have ended.
    """

    def __init__(self, visit: Visit) -> None:
        """No line yet."""
        self._visit = visit
        self._channel: Channel[Ended] = Channel()
        self._strands: dict[int, Strand] = {}
        self.running: dict[int, Line] = {}
        self.failed: dict[int, Line] = {}
        self.outputs: dict[int, Document] = {}

    def __enter__(self) -> Self:
        """Let an abort from outside find the lines."""
        self._visit.fork = self
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the lines that still run."""
        self._visit.fork = None
        self._visit.left = None if kind is None else self
        for strand in self._strands.values():
            strand.cancel()

    def start(self, index: int, line: Line, graph: Graph, document: Document) -> None:
        """Run a graph on a line of its own, or what an earlier drive has left of it."""
        scheduler = self._visit.runtime.scheduler
        self._strands[index] = scheduler.spawn(partial(self._run, index, line, graph, document))
        self.running[index] = line

    async def next_end(self) -> Ended:
        """Wait for the next line that ends."""
        ended = await self._channel
        del self._strands[ended.index], self.running[ended.index]
        if isinstance(ended.outcome, Document):
            self.outputs[ended.index] = ended.outcome
        else:
            self.failed[ended.index] = ended.line
        return ended

    async def _run(self, index: int, line: Line, graph: Graph, document: Document) -> None:
        outcome: Document | Exception
        earlier = self._visit.earlier.pop(index, None)
        try:
            if isinstance(earlier, Document):
                outcome = earlier
            else:
                line.resume = earlier
                outcome = await graph.run(line, document)
        except Exception as failure:
            outcome = failure
        self._channel.put(Ended(index, line, outcome))


def record_aborts(line: Line, last_event: int) -> None:
    """Record that what a line is doing was aborted; the events follow the given one."""
    visit = line.visit
    if visit is None:
        return
    if visit.fork is not None:
        for inner in visit.fork.running.values():
            record_aborts(inner, last_event)
    line.last_event = last_event
    if visit.state.aborted is not None:
        line.record_aside(visit.state.aborted)
