"""The results of a Map Run that exports none: they are the state's output.

Source: Step Functions Developer Guide, "ResultWriter (Map)".
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from sfn_local.distributed.batcher import Input
from sfn_local.distributed.inputs import Inputs
from sfn_local.document import MAX_BYTES, Document, Json, byte_size, dumps, loads
from sfn_local.errors import SizeFailure, StateFailure
from sfn_local.executions.execution import Execution
from sfn_local.executions.line import Visit
from sfn_local.executions.map_runs import Outcome
from sfn_local.timestamps import timestamp

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Format:
    """WriterConfig: the fields of each child in a result, and their form."""

    transformation: str
    output_type: str = "JSON"

    def texts(self, child: Execution) -> Iterator[str]:
        """A child's results as JSON texts; one that has not succeeded is shown whole."""
        output = child.output
        if self.transformation == "NONE" or output is None:
            yield dumps(_described(child))
        elif self.transformation == "FLATTEN" and isinstance(outputs := loads(output), list):
            yield from map(dumps, outputs)
        else:
            yield output


class Results(ABC):
    """The results of one Map Run, as they come in."""

    def __init__(self, format: Format) -> None:  # noqa: A002 - the format
        """No result yet."""
        self.format = format

    @abstractmethod
    def add(self, outcome: Outcome) -> None:
        """A child has ended."""

    @abstractmethod
    def restore(self, outcomes: Iterable[Outcome], *, is_redriven: bool) -> None:
        """Take up those from before a restart, in a redrive what it goes on with."""

    @abstractmethod
    async def finish(self, visit: Visit) -> Document:
        """The state's result.

        Raises:
            StateFailure: it is too large, or cannot be written.
        """

    @abstractmethod
    def redriven(self) -> "Results":
        """Those of a redrive of the Map Run."""

    async def finish_failed(self, visit: Visit, inputs: Inputs) -> None:
        """The Map Run has not succeeded; inputs are those that are left, which are read."""
        with suppress(StateFailure):
            while (each := await inputs.next()) is not None:
                self.add_pending(each)
        try:
            await self.finish(visit)
        except StateFailure as failure:
            logger.warning("%s has no results: %s", visit.state.name, failure.cause)

    @abstractmethod
    def add_pending(self, each: Input) -> None:
        """A child was never started with this input."""


class NoResults(Results):
    """Those of a Map Run whose first child has not started: its writer has not begun."""

    def __init__(self) -> None:
        """No result yet, and none to come."""
        super().__init__(Format("NONE"))

    def add(self, outcome: Outcome) -> None:
        """No child has started."""

    def restore(self, outcomes: Iterable[Outcome], *, is_redriven: bool) -> None:
        """No child had started."""

    def add_pending(self, each: Input) -> None:
        """Nothing is written."""

    def redriven(self) -> "NoResults":
        """The same."""
        return self

    async def finish(self, visit: Visit) -> Document:
        """Refuse to finish without results.

        Raises:
            LookupError: always.
        """
        raise LookupError(f"the results of {visit.state.name} have not begun")

    async def finish_failed(self, visit: Visit, inputs: Inputs) -> None:
        """Nothing was read, and nothing is written."""


class ResultList(Results):
    """The outputs in the order of the items, as long as all of them fit into a payload."""

    def __init__(self, format: Format) -> None:  # noqa: A002 - the format
        """No result yet."""
        super().__init__(format)
        self._texts: dict[int, str] = {}
        self._unsuccessful: set[int] = set()
        self._bytes = 0

    def add(self, outcome: Outcome) -> None:
        """Keep a child's output, unless there is too much already."""
        if self._bytes > MAX_BYTES:
            self._texts.clear()
            return
        text = ",".join(outcome.texts)
        self._texts[outcome.index] = text
        self._bytes += byte_size(text) + 1
        if outcome.status != "SUCCEEDED":
            self._unsuccessful.add(outcome.index)

    def restore(self, outcomes: Iterable[Outcome], *, is_redriven: bool) -> None:
        """Take up those from before a restart; in a redrive those that succeeded."""
        for outcome in outcomes:
            if outcome.status == "SUCCEEDED" or not is_redriven:
                self.add(outcome)

    def add_pending(self, each: Input) -> None:
        """Add nothing: a child that was never started has no output."""

    def redriven(self) -> "ResultList":
        """The same, without what did not succeed."""
        for index in self._unsuccessful:
            self._bytes -= byte_size(self._texts.pop(index, "")) + 1
        self._unsuccessful.clear()
        return self

    async def finish_failed(self, visit: Visit, inputs: Inputs) -> None:  # noqa: ARG002
        """Let the inputs that are left be read, and so counted."""
        with suppress(StateFailure):
            while await inputs.next() is not None:
                continue

    async def finish(self, visit: Visit) -> Document:
        """The list of the outputs.

        Raises:
            SizeFailure: it is too large.
        """
        if self._bytes > MAX_BYTES:
            raise SizeFailure(visit.state.name)
        texts = (self._texts[index] for index in sorted(self._texts))
        return Document.parse(f"[{','.join(text for text in texts if text)}]")


def _described(child: Execution) -> dict[str, Json]:
    """A child as DescribeExecution shows it, in the words of the files and their order."""
    described: dict[str, Json] = {}
    if child.cause is not None:
        described["Cause"] = child.cause
    if child.error is not None:
        described["Error"] = child.error
    described["ExecutionArn"] = child.arn
    described["Input"] = child.input.text
    described["InputDetails"] = {"Included": True}
    described["Name"] = child.name
    if child.output is not None:
        described["Output"] = child.output
        described["OutputDetails"] = {"Included": True}
    described["RedriveCount"] = child.redrive_count
    reason = child.not_redrivable_because
    if reason is None:
        described["RedriveStatus"] = "REDRIVABLE_BY_MAP_RUN"
    else:
        described["RedriveStatus"] = "NOT_REDRIVABLE"
        described["RedriveStatusReason"] = reason
    described["StartDate"] = timestamp(child.started)
    described["StateMachineArn"] = child.machine.arn
    described["Status"] = child.status
    described["StopDate"] = timestamp(child.stopped or child.started)
    return described
