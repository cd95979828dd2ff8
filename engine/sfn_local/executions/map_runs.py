"""All Map Runs of an engine, and what keeps them over a restart."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sfn_local.executions.execution import Execution
from sfn_local.executions.map_run import MapRun
from sfn_local.quotas import QUOTAS
from sfn_local.scheduler import Channel

MOST_CHILDREN_KEPT = 10_000  # of each Map Run; AWS keeps all for 90 days


@dataclass(slots=True)
class Outcome:
    """How a child has ended, and what of its result is kept."""

    index: int
    status: str
    texts: list[str]


class Keeper:
    """Keeps Map Runs over a restart; this one keeps nothing, for an engine without a data_dir."""

    def changed(self, run: MapRun) -> None:
        """A Map Run is another than it was."""

    def keep_child(self, child: Execution) -> None:
        """Keep a STANDARD child's history; it has not started."""

    def started(self, run: MapRun, index: int, child: Execution) -> None:
        """A child has started."""

    def ended(self, run: MapRun, child: Execution, outcome: Outcome) -> None:
        """A child has ended."""

    def outcomes(self, run: MapRun) -> Iterator[Outcome]:  # noqa: ARG002
        """How its children have ended, as far as it is known."""
        yield from ()

    def done(self, run: MapRun) -> None:
        """The Map Run has succeeded: nothing will go on with it."""

    def forget(self, run: MapRun) -> None:
        """The Map Run is let go of, with its children."""

    def forget_child(self, child: Execution) -> None:
        """A child is let go of."""


class MapRuns:
    """All Map Runs of an engine, and their latest children."""

    def __init__(self) -> None:
        """None yet."""
        self.keeper = Keeper()
        self._runs: dict[str, MapRun] = {}
        self._of_execution: defaultdict[str, list[MapRun]] = defaultdict(list)
        self._children: dict[str, Execution] = {}
        self._open: set[str] = set()
        self._backlog: dict[str, Channel[None]] = {}

    @property
    def open(self) -> int:
        """The number of open Map Runs."""
        return len(self._open)

    @property
    def backlog(self) -> int:
        """The number of Map Runs that wait until fewer are open."""
        return len(self._backlog)

    async def wait_for_place(self, run: MapRun) -> None:
        """Wait in the backlog while as many Map Runs are open as the quota allows."""
        if len(self._open) < QUOTAS.open_map_runs:
            self._open.add(run.arn)
        else:
            place: Channel[None] = Channel()
            self._backlog[run.arn] = place
            await place

    @contextmanager
    def closing(self, run: MapRun) -> Iterator[None]:
        """Close a Map Run at the end, wherever it is by then, and open those that wait."""
        try:
            yield
        finally:
            self._backlog.pop(run.arn, None)
            self._open.discard(run.arn)
            while self._backlog and len(self._open) < QUOTAS.open_map_runs:
                following = next(iter(self._backlog))
                self._open.add(following)
                self._backlog.pop(following).put(None)

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

    def add_child(self, run: MapRun, child: Execution) -> None:
        """Keep a STANDARD child, and forget the oldest that has ended where there are too many."""
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

    def child(self, arn: str) -> Execution | None:
        """The child of an ARN."""
        found = self._children.get(arn)
        if found is None and ":express:" in arn:
            every = (child for run in self._runs.values() for child in run.express_children)
            found = next((child for child in every if child.arn == arn), None)
        return found
