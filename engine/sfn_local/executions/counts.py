"""How the items and children of a Map Run are counted, and how many may fail."""

from dataclasses import dataclass

from sfn_local.errors import StateFailure

ALL = 100.0


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
        name = status.lower()
        setattr(self, name, getattr(self, name) + number)
