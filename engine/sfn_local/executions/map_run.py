"""A Map Run, for DescribeMapRun, ListMapRuns and UpdateMapRun."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sfn_local.errors import RuntimeFailure, ValidationException
from sfn_local.executions.counts import Counts, Tolerance
from sfn_local.executions.execution import Execution

MOST_AT_ONCE = 10_000
UNLIMITED = 2**31 - 1  # as AWS shows a MaxConcurrency of 0
MOST_REDRIVES = 1000
MOST_EXPRESS_KEPT = 1000  # the latest; there may be a million, and memory is to stay the same


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
    children: dict[str, Execution] = field(default_factory=dict)
    express_children: deque[Execution] = field(
        default_factory=lambda: deque(maxlen=MOST_EXPRESS_KEPT)
    )
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

    def listed(self) -> Iterable[Execution]:
        """The children that are kept, the oldest first."""
        return list(self.children.values()) or list(self.express_children)

    def end(self, status: str, moment: float) -> None:
        """It has ended."""
        self.status = status
        self.stopped = moment

    def redrive(self, moment: float) -> None:
        """Go on with what did not succeed.

        Raises:
            RuntimeFailure: it was redriven a thousand times.
        """
        if self.redrive_count >= MOST_REDRIVES:
            raise RuntimeFailure(f"The Map Run was redriven {MOST_REDRIVES} times.")
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
