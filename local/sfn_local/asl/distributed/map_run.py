"""Map Runs: what DescribeMapRun, ListMapRuns and UpdateMapRun speak of."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from sfn_local.asl.errors import StateFailure, ValidationException

if TYPE_CHECKING:
    from sfn_local.asl.execution import Execution

MOST_AT_ONCE = 10_000
UNLIMITED = 2**31 - 1  # as AWS shows a MaxConcurrency of 0
MOST_CHILDREN_KEPT = 10_000  # of each Map Run; AWS keeps all for 90 days
ALL = 100.0

COUNTED_AS = {
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "TIMED_OUT": "timed_out",
    "ABORTED": "aborted",
}


class ThresholdFailure(StateFailure):
    """States.ExceedToleratedFailureThreshold."""

    def __init__(self) -> None:
        """In AWS's words."""
        cause = "The specified tolerated failure threshold was exceeded"
        super().__init__("States.ExceedToleratedFailureThreshold", cause)


@dataclass(slots=True)
class Tolerance:
    """How many items may fail; None where the state does not say."""

    count: int | None = None
    percentage: float | None = None

    def is_exceeded(self, failed: int, total: int | None) -> bool:
        """Whether that many failed items are too many; total is None until all are read.

        A share of an unknown number is not judged, unless nothing is tolerated.
        """
        if failed == 0:
            return False
        if self.count is None and self.percentage is None:
            return True
        if self.count is not None and failed > self.count:
            return True
        if self.percentage is None or (total is None and self.percentage > 0):
            return False
        return failed * ALL > self.percentage * (total or 0)


@dataclass(slots=True)
class Counts:
    """Executions, or items, by what became of them.

    Pending are those that were never started, pending_redrive those that a redrive has yet to
    start; all of them count, whatever a Map Run ended with.
    """

    pending: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    timed_out: int = 0
    aborted: int = 0
    results_written: int = 0
    failures_not_redrivable: int = 0
    pending_redrive: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        ended = self.succeeded + self.failed + self.timed_out + self.aborted
        return self.pending + self.pending_redrive + self.running + ended

    @property
    def unsuccessful(self) -> int:
        """Those that count against the tolerance."""
        return self.failed + self.timed_out

    def start(self, number: int) -> None:
        """That many have left pending."""
        self.pending -= number
        self.running += number

    def start_again(self, number: int) -> None:
        """That many are redriven now."""
        self.pending_redrive -= number
        self.running += number

    def interrupt(self, number: int) -> None:
        """That many ran when the engine ended, and will be run again."""
        self.running -= number
        self.pending += number

    def end(self, status: str, number: int) -> None:
        """That many have left running."""
        self.running -= number
        self._add(status, number)

    def await_redrive(self, status: str, number: int) -> None:
        """That many have ended so, and are to be redriven."""
        self._add(status, -number)
        self.pending_redrive += number

    def describe(self) -> dict[str, int]:
        """As DescribeMapRun shows them."""
        return {
            "pending": self.pending,
            "running": self.running,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "timedOut": self.timed_out,
            "aborted": self.aborted,
            "total": self.total,
            "resultsWritten": self.results_written,
            "failuresNotRedrivable": self.failures_not_redrivable,
            "pendingRedrive": self.pending_redrive,
        }

    def _add(self, status: str, number: int) -> None:
        name = COUNTED_AS[status]
        setattr(self, name, getattr(self, name) + number)


@dataclass(slots=True)
class MapRun:
    """One run of a Distributed Map; changed is called when its limits change.

    While it runs, it counts as pending what is read and not yet started; once it has ended and is
    counted, all that was never started. Entry is the event of the state's entry, event the one
    that says that the Map Run has started; begun counts the children that have.
    """

    arn: str
    execution_arn: str
    child_machine_arn: str
    most_at_once: int
    tolerance: Tolerance
    started: float
    event: int = 0
    changed: Callable[[], None] = lambda: None
    status: str = "RUNNING"
    stopped: float | None = None
    executions: Counts = field(default_factory=Counts)
    items: Counts = field(default_factory=Counts)
    children: dict[str, "Execution"] = field(default_factory=dict)
    redrive_count: int = 0
    redriven: float | None = None
    entry: int = 0
    begun: int = 0
    is_counted: bool = False

    @property
    def name(self) -> str:
        """The last part of its ARN, which is the folder of its results."""
        return self.arn.rpartition(":")[2]

    @property
    def places(self) -> int:
        """How many children may run at a time."""
        return min(self.most_at_once or MOST_AT_ONCE, MOST_AT_ONCE)

    def end(self, status: str, moment: float) -> None:
        """It has ended."""
        self.status = status
        self.stopped = moment

    def redrive(self, moment: float) -> None:
        """Go on with what did not succeed."""
        self.status = "RUNNING"
        self.stopped = None
        self.redrive_count += 1
        self.redriven = moment
        for counts in (self.executions, self.items):
            counts.results_written = counts.succeeded

    def update(
        self,
        most_at_once: int | None,
        tolerated_count: int | None,
        tolerated_percentage: float | None,
    ) -> None:
        """Change its limits; None leaves one as it is.

        Raises:
            ValidationException: it has ended.
        """
        if self.status != "RUNNING":
            raise ValidationException(f"Map Run is in {self.status} status and cannot be updated")
        if most_at_once is not None:
            self.most_at_once = most_at_once
        if tolerated_count is not None:
            self.tolerance.count = tolerated_count
        if tolerated_percentage is not None:
            self.tolerance.percentage = tolerated_percentage
        self.changed()

    def describe(self) -> dict[str, Any]:
        """The answer of DescribeMapRun."""
        return {
            "mapRunArn": self.arn,
            "executionArn": self.execution_arn,
            "status": self.status,
            **self._dates(),
            **self._redrive_date(),
            "maxConcurrency": self.most_at_once or UNLIMITED,
            "toleratedFailurePercentage": float(self.tolerance.percentage or 0),
            "toleratedFailureCount": self.tolerance.count or 0,
            "itemCounts": self.items.describe(),
            "executionCounts": self.executions.describe(),
            "redriveCount": self.redrive_count,
        }

    def summary(self) -> dict[str, Any]:
        """Its entry in the answer of ListMapRuns."""
        return {
            "executionArn": self.execution_arn,
            "mapRunArn": self.arn,
            "stateMachineArn": self.child_machine_arn,
            **self._dates(),
        }

    def _dates(self) -> dict[str, datetime]:
        dates = {"startDate": datetime.fromtimestamp(self.started, UTC)}
        if self.stopped is not None:
            dates["stopDate"] = datetime.fromtimestamp(self.stopped, UTC)
        return dates

    def _redrive_date(self) -> dict[str, datetime]:
        moment = self.redriven
        return {} if moment is None else {"redriveDate": datetime.fromtimestamp(moment, UTC)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a child has ended, and what of its result is kept."""

    index: int
    status: str
    texts: list[str]


class Keeper(Protocol):
    """Keeps Map Runs over a restart; the engine's lock guards it."""

    def changed(self, run: MapRun) -> None:
        """A Map Run is another than it was."""

    def keep_child(self, child: "Execution") -> None:
        """Keep a STANDARD child's history; it has not started."""

    def started(self, run: MapRun, index: int, child: "Execution") -> None:
        """A child has started."""

    def ended(self, run: MapRun, child: "Execution", outcome: Outcome) -> None:
        """A child has ended."""

    def outcomes(self, run: MapRun) -> Iterator[Outcome]:
        """How its children have ended."""

    def done(self, run: MapRun) -> None:
        """The Map Run has succeeded: nothing will go on with it."""

    def forget(self, run: MapRun) -> None:
        """The Map Run is let go of, with its children."""

    def forget_child(self, child: "Execution") -> None:
        """A child is let go of."""


class NoKeeper:
    """What an engine has whose executions do not survive it."""

    def changed(self, run: MapRun) -> None:
        """Nothing is kept."""

    def keep_child(self, child: "Execution") -> None:
        """Nothing is kept."""

    def started(self, run: MapRun, index: int, child: "Execution") -> None:
        """Nothing is kept."""

    def ended(self, run: MapRun, child: "Execution", outcome: Outcome) -> None:
        """Nothing is kept."""

    def outcomes(self, run: MapRun) -> Iterator[Outcome]:  # noqa: ARG002
        """Nothing was kept."""
        yield from ()

    def done(self, run: MapRun) -> None:
        """Nothing was kept."""

    def forget(self, run: MapRun) -> None:
        """Nothing was kept."""

    def forget_child(self, child: "Execution") -> None:
        """Nothing was kept."""


class MapRuns:
    """All Map Runs of an engine, and their STANDARD children."""

    def __init__(self) -> None:
        """None yet."""
        self.keeper: Keeper = NoKeeper()
        self._runs: dict[str, MapRun] = {}
        self._of_execution: defaultdict[str, list[MapRun]] = defaultdict(list)
        self._children: dict[str, Execution] = {}

    def add(self, run: MapRun) -> None:
        """Keep a Map Run."""
        self._runs[run.arn] = run
        self._of_execution[run.execution_arn].append(run)

    def find(self, arn: str) -> MapRun | None:
        """The Map Run of an ARN."""
        return self._runs.get(arn)

    def of_execution(self, arn: str) -> list[MapRun]:
        """The Map Runs that an execution started, the newest first."""
        return self._of_execution.get(arn, [])[::-1]

    def add_child(self, run: MapRun, child: "Execution") -> None:
        """Keep a child, and forget the oldest one that has ended where there are too many."""
        run.children[child.arn] = child
        self._children[child.arn] = child
        if len(run.children) > MOST_CHILDREN_KEPT:
            oldest = next(iter(run.children.values()))
            if not oldest.is_running:
                del run.children[oldest.arn], self._children[oldest.arn]
                self.keeper.forget_child(oldest)

    def events_of(self, execution: str) -> int:
        """How many events of an execution's children are kept."""
        runs = self._of_execution.get(execution, [])
        return sum(len(child.history) for run in runs for child in run.children.values())

    def forget(self, execution: str) -> None:
        """Keep nothing of an execution's Map Runs, and of those within their children."""
        for run in self._of_execution.pop(execution, []):
            del self._runs[run.arn]
            for child in run.children:
                self.forget(child)
                del self._children[child]
            self.keeper.forget(run)

    def child(self, arn: str) -> "Execution | None":
        """The child of an ARN."""
        return self._children.get(arn)
