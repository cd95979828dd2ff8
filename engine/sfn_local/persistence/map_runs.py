"""Keeps Map Runs in a journal, with the progress of each of their children.

A child that has ended is not run again; of one that ran, an EXPRESS child is started anew, and a
STANDARD child goes on where it was, as an execution of its own does.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from typing import Any

from sfn_local.distributed.batcher import Input
from sfn_local.distributed.children import Unfinished, Work
from sfn_local.document import Document, Json
from sfn_local.executions.counts import Counts, Tolerance
from sfn_local.executions.execution import Execution
from sfn_local.executions.map_run import MapRun
from sfn_local.executions.map_runs import Keeper, Outcome
from sfn_local.persistence.journal import Changes, Child, Journal

APART = ("changed", "children", "express_children", "tolerance", "executions", "items")
PLAIN = tuple(each.name for each in fields(MapRun) if each.name not in APART)


class KeptMapRuns(Keeper):
    """The Map Runs of one engine; its lock guards them."""

    def __init__(
        self,
        journal: Journal,
        mark: Callable[[], None],
        keep: Callable[[Execution], None],
        let_go: Callable[[Execution], None],
    ) -> None:
        """Mark is called when there is something to write; keep and let_go are for children."""
        self._journal = journal
        self._mark = mark
        self._keep = keep
        self._let_go = let_go
        self._changed: dict[str, MapRun] = {}
        self._children: dict[tuple[str, int], Child] = {}
        self._gone: list[str] = []
        self._dropped: list[str] = []

    def changed(self, run: MapRun) -> None:
        """A Map Run is another than it was."""
        self._changed[run.arn] = run
        self._mark()

    def keep_child(self, child: Execution) -> None:
        """Keep a STANDARD child's history; it has not started."""
        self._keep(child)

    def started(self, run: MapRun, index: int, child: Execution) -> None:
        """A child has started."""
        execution = None if child.machine.is_express else child.arn
        row = Child(run.arn, index, child.map_item_count, child.input.text, execution)
        self._children[run.arn, index] = row
        self.changed(run)

    def ended(self, run: MapRun, child: Execution, outcome: Outcome) -> None:
        """A child has ended; only the input of one that may be redriven is kept."""
        has_succeeded = outcome.status == "SUCCEEDED"
        self._children[run.arn, outcome.index] = Child(
            run.arn,
            outcome.index,
            child.map_item_count,
            None if has_succeeded else child.input.text,
            None if child.machine.is_express else child.arn,
            outcome.status,
            outcome.texts,
        )
        self.changed(run)

    def outcomes(self, run: MapRun) -> Iterator[Outcome]:
        """How its children have ended, as far as the journal knows."""
        for child in self._journal.children(run.arn):
            if child.status is not None:
                yield Outcome(child.number, child.status, child.results or [])

    def done(self, run: MapRun) -> None:
        """The Map Run has succeeded: nothing will go on with it."""
        self._drop_children(run)
        self.changed(run)

    def forget(self, run: MapRun) -> None:
        """The Map Run is let go of, with its children."""
        self._drop_children(run)
        self._changed.pop(run.arn, None)
        self._gone.append(run.arn)
        for child in run.children.values():
            self._let_go(child)

    def forget_child(self, child: Execution) -> None:
        """A child is let go of."""
        self._let_go(child)

    def changes(self) -> Changes:
        """Return the records to write."""
        records: dict[tuple[str, str], Any] = {
            ("map_run", arn): _record(run) for arn, run in self._changed.items()
        }
        records |= {("map_run", arn): None for arn in self._gone}
        return Changes(
            records=records, children=list(self._children.values()), dropped=list(self._dropped)
        )

    def clear(self) -> None:
        """All of it is written."""
        for written in (self._changed, self._children, self._gone, self._dropped):
            written.clear()

    def restore(self) -> Iterator[MapRun]:
        """The Map Runs of the engine before, the oldest first."""
        runs = [_map_run(value) for _, value in self._journal.records("map_run")]
        yield from sorted(runs, key=lambda run: run.started)

    def unfinished(self, run: MapRun, find: Callable[[str], Execution | None]) -> Unfinished:
        """Return what a Map Run needs to go on, if it has not succeeded."""
        again = [
            Work(
                child.number,
                Input(Document.parse(child.input or "null"), child.items),
                child.status,
                None if child.execution is None else find(child.execution),
            )
            for child in self._journal.children(run.arn)
            if child.status != "SUCCEEDED"
        ]
        return Unfinished(run, again)

    def _drop_children(self, run: MapRun) -> None:
        for key in [key for key in self._children if key[0] == run.arn]:
            del self._children[key]
        self._dropped.append(run.arn)
        self._mark()


def _record(run: MapRun) -> dict[str, Json]:
    return {
        **{name: getattr(run, name) for name in PLAIN},
        "tolerance": asdict(run.tolerance),
        "executions": asdict(run.executions),
        "items": asdict(run.items),
    }


def _map_run(value: dict[str, Any]) -> MapRun:
    return MapRun(
        **{name: value[name] for name in PLAIN},
        tolerance=Tolerance(**value["tolerance"]),
        executions=Counts(**value["executions"]),
        items=Counts(**value["items"]),
    )
