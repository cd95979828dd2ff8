"""Keeps an engine's machines and executions in a journal, and brings them back.

What changes is marked, and written soon after in one transaction: with a kill, what happened in
the last milliseconds is done again. Of EXPRESS executions only those are kept that were started
asynchronously and have not ended: AWS promises to run them at least once, so they start anew.
"""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from sfn_local.document import Document, Json
from sfn_local.errors import JournalError
from sfn_local.executions.execution import Execution
from sfn_local.executions.history import Event, History
from sfn_local.executions.machine import Machine
from sfn_local.executions.map_run import MapRun
from sfn_local.executions.map_runs import MapRuns
from sfn_local.executions.progress import Progress
from sfn_local.executions.runtime import Runtime
from sfn_local.executions.tokens import Tokens
from sfn_local.mocks import MockCase
from sfn_local.persistence.journal import Changes, Journal
from sfn_local.persistence.map_runs import KeptMapRuns
from sfn_local.registry.compiler import compile_machine
from sfn_local.registry.machines import Machines
from sfn_local.registry.tags import Tags
from sfn_local.registry.versions import Alias, Published, Version
from sfn_local.scheduler.clock import VirtualClock

SERIALS_TO_SKIP = 1_000_000  # more tokens than can be handed out before a write
RETRY_SECONDS = 1.0
"""After how long what could not be written is tried again."""
PLAIN = (
    "status",
    "started",
    "stopped",
    "output",
    "error",
    "cause",
    "redrive_count",
    "redriven",
    "version_arn",
    "alias_arn",
    "trace_header",
    "number",
    "map_item_count",
)

Notify = Callable[[Execution], None]
FindCase = Callable[[str, str], MockCase]

logger = logging.getLogger(__name__)


class KeptHistory(History):
    """A history whose new events are written to a journal."""

    __slots__ = ("_marked", "written")

    def __init__(self, marked: Callable[[], None], events: list[Event] | None = None) -> None:
        """Marked is called at each event; events are those that the journal has."""
        super().__init__()
        self._marked = marked
        self._events = events or []
        self.written = len(self._events)

    def _append(
        self, moment: float, previous: int, event_type: str, details: dict[str, Any] | None
    ) -> int:
        number = super()._append(moment, previous, event_type, details)
        self._marked()
        return number


class Persistence:
    """The journal of one engine; the engine's lock guards it."""

    def __init__(self, folder: Path, runtime: Runtime) -> None:
        """Open the journal in a folder.

        Raises:
            JournalError: it cannot be used.
        """
        self._journal = Journal(folder)
        self._runtime = runtime
        self._marked: dict[str, Execution] = {}
        self._gone: list[str] = []
        self._names: list[str] = []
        self._ended_express: list[str] = []
        self._saved: dict[tuple[str, str], Any] = {}
        self._is_due = False
        self.trouble = ""
        """Why the journal could not be written the last time; empty if it could."""
        self._machines: dict[str, Machine] = {}
        self._map_runs = KeptMapRuns(self._journal, self._become_due, self.keep, self._let_go)
        self._restore_meta()

    def keep(self, execution: Execution) -> None:
        """Write the history of an execution that has not started. Needs the lock."""
        execution.history = KeptHistory(lambda: self._mark(execution))

    def save_resources(self, machines: Machines, tags: Tags) -> None:
        """Write machines, versions, aliases, activities and tags that have changed."""
        published = machines.versions.published
        activities = self._runtime.activities.all()
        current: dict[tuple[str, str], Any] = {
            **{("machine", arn): each.record() for arn, each in machines.by_arn.items()},
            **{("published", arn): _published(each) for arn, each in published.items()},
            **{("tags", arn): each for arn, each in tags.by_arn.items()},
            **{("activity", each.arn): [each.created, each.encryption] for each in activities},
        }
        changed = {key: value for key, value in current.items() if self._saved.get(key) != value}
        changed |= {key: None for key in self._saved if key not in current}
        if changed:
            self._journal.write(Changes(changed))
        self._saved = current

    def restore_resources(self, machines: Machines, tags: Tags) -> None:
        """Bring machines, versions, aliases, activities and tags back."""
        records = self._journal.records
        for arn, value in records("machine"):
            machines.by_arn[arn] = self._compile(value)
        for arn, value in records("published"):
            machines.versions.published[arn] = self._restore_published(value)
        for arn, value in records("tags"):
            tags.by_arn[arn] = value
        for arn, (created, encryption) in records("activity"):
            self._runtime.activities.create(arn, created, encryption)

    def forgotten(self) -> Iterator[str]:
        """The executions of which nothing but the name is kept."""
        return (arn for arn, _ in self._journal.records("forgotten"))

    def forget(self, execution: Execution) -> None:
        """Keep nothing of an execution but its name. Needs the lock."""
        self._let_go(execution)
        self._names.append(execution.arn)

    def keep_express(self, execution: Execution) -> None:
        """Keep an EXPRESS execution until it has ended. Needs the lock."""
        record = {
            "name": execution.name,
            "machine": execution.machine.record(),
            "input": execution.input.text,
            "trace": execution.trace_header,
            "mocks": None if execution.mocks is None else execution.mocks.name,
        }
        self._journal.put("express", execution.arn, record)
        execution.when_ended(partial(self._express_ended, execution.arn))

    def _express_ended(self, arn: str) -> None:
        self._ended_express.append(arn)
        self._become_due()

    def restore_express(self) -> Iterator[tuple[str, Machine, dict[str, Any]]]:
        """The EXPRESS executions that had not ended, by their ARNs."""
        for arn, value in self._journal.records("express"):
            yield arn, self._compile(value["machine"]), value

    def _let_go(self, execution: Execution) -> None:
        self._marked.pop(execution.arn, None)
        self._gone.append(execution.arn)
        self._become_due()

    def restore_executions(
        self, map_runs: MapRuns, notify: Notify, find_case: FindCase
    ) -> list[Execution]:
        """Bring executions and Map Runs back, the oldest first. Needs the lock."""
        map_runs.keeper = self._map_runs
        runs = {run.arn: run for run in self._map_runs.restore()}
        restored = _Restored(
            dict(self._journal.records("execution")),
            runs,
            self._compile,
            partial(self._restore, self._events(), notify, find_case),
        )
        for child in restored.children():
            map_runs.add_child(runs[child.map_run_arn or ""], child)
        for run in runs.values():
            parent = restored.find(run.execution_arn)
            if parent is None:
                continue
            map_runs.add(run)
            if run.status != "SUCCEEDED":
                parent.unfinished[run.entry] = self._map_runs.unfinished(run, map_runs.child)
        return restored.parents()

    def _events(self) -> dict[str, list[Event]]:
        """All events by execution."""
        events: dict[str, list[Event]] = {}
        for arn, event in self._journal.events():
            events.setdefault(arn, []).append(event)
        return events

    def flush(self) -> None:
        """Write all that is marked, which stays marked until it is written. Needs the lock.

        Raises:
            JournalError: it cannot be written now.
        """
        if not self._is_due:
            return
        try:
            self._journal.write(self._changes())
        except JournalError as error:
            self.trouble = str(error)
            raise
        self._is_due = False
        self.trouble = ""
        for execution in self._marked.values():
            if isinstance(execution.history, KeptHistory):
                execution.history.written = len(execution.history)
        for written in (self._marked, self._gone, self._names, self._ended_express):
            written.clear()
        self._map_runs.clear()

    def _changes(self) -> Changes:
        changes = self._map_runs.changes()
        changes.forgotten = list(self._gone)
        changes.records |= {("execution", arn): None for arn in self._gone}
        changes.records |= {("express", arn): None for arn in self._ended_express}
        changes.records |= {("forgotten", arn): True for arn in self._names}
        for arn, execution in self._marked.items():
            changes.records["execution", arn] = _execution(execution)
            history = execution.history
            if isinstance(history, KeptHistory):
                changes.events += [(arn, event) for event in history.events()[history.written :]]
        changes.records["meta", "tokens"] = self._tokens()
        changes.records["meta", "time"] = self._runtime.scheduler.clock.time()
        return changes

    def close(self) -> None:
        """Write what is marked, if it can be, and let another engine have the folder."""
        try:
            self.flush()
        except JournalError as error:
            logger.error("the last moments are not kept, as after a kill: %s", error)
        self._journal.close()

    def _mark(self, execution: Execution) -> None:
        self._marked[execution.arn] = execution
        self._become_due()

    def _become_due(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._runtime.scheduler.add(self._flush_soon)

    def _flush_soon(self) -> None:
        scheduler = self._runtime.scheduler
        with scheduler.lock:
            try:
                self.flush()
            except JournalError as error:
                logger.error("%s; it is tried again", error)
                scheduler.after(RETRY_SECONDS, self._flush_soon)

    def _tokens(self) -> dict[str, Any]:
        tokens = self._runtime.tokens
        return {"key": tokens.key.hex(), "issued": tokens.issued}

    def _restore_meta(self) -> None:
        meta = dict(self._journal.records("meta"))
        starts = meta.get("starts", 0)
        if starts:  # a seeded engine would make the same names again
            random = self._runtime.scheduler.random
            random.seed(f"{random.random()}:{starts}")
        self._journal.put("meta", "starts", starts + 1)
        clock = self._runtime.scheduler.clock
        if isinstance(clock, VirtualClock):
            clock.move_to(meta.get("time", 0.0))
        if "tokens" in meta:
            key, issued = bytes.fromhex(meta["tokens"]["key"]), meta["tokens"]["issued"]
            self._runtime.tokens = Tokens(key, issued + SERIALS_TO_SKIP)
        else:
            self._journal.put("meta", "tokens", self._tokens())

    def _restore(
        self,
        events: dict[str, list[Event]],
        notify: Notify,
        find_case: FindCase,
        arn: str,
        value: dict[str, Any],
        machine: Machine,
    ) -> Execution:
        document = Document.parse(value["input"])
        execution = Execution(arn, value["name"], machine, document, self._runtime, notify)
        for name in PLAIN:
            setattr(execution, name, value[name])
        execution.history = KeptHistory(lambda: self._mark(execution), events.get(arn))
        if value["progress"] is not None:
            execution.progress = Progress.of_json(value["progress"])
        execution.map_run_arn = value["map_run"]
        if value["mocks"] is not None and execution.is_running:
            case = execution.mocks = find_case(machine.name, value["mocks"]["name"])
            case.calls.update(value["mocks"]["calls"])
        return execution

    def _restore_published(self, value: dict[str, Any]) -> Published:
        published = Published(value["count"])
        for arn, version in value["versions"].items():
            machine = self._compile(version["machine"])
            published.versions[arn] = Version(
                arn, machine, version["description"], version["created"]
            )
        for arn, alias in value["aliases"].items():
            published.aliases[arn] = Alias(arn=arn, **alias)
        return published

    def _compile(self, value: dict[str, Any]) -> Machine:
        """A machine from its record; each definition is compiled once."""
        key = json.dumps(value, sort_keys=True)
        if key not in self._machines:
            self._machines[key] = compile_machine(**value)
        return self._machines[key]


class _Restored:
    """The executions of the engine before, each restored after the one that it is a child of."""

    def __init__(
        self,
        records: dict[str, dict[str, Any]],
        runs: dict[str, MapRun],
        compile_: Callable[[dict[str, Any]], Machine],
        make: Callable[[str, dict[str, Any], Machine], Execution],
    ) -> None:
        self._records = records
        self._runs = runs
        self._compile = compile_
        self._make = make
        self._made: dict[str, Execution] = {}
        for arn in sorted(records, key=lambda arn: _order(records[arn])):
            self.find(arn)

    def parents(self) -> list[Execution]:
        """Return those that are not children, the oldest first."""
        return [each for each in self._made.values() if each.map_run_arn is None]

    def children(self) -> list[Execution]:
        """The children of Map Runs, the oldest first."""
        return [each for each in self._made.values() if each.map_run_arn is not None]

    def find(self, arn: str) -> Execution | None:
        """An execution; None for one of which the engine was just letting go as it ended."""
        value = self._records.get(arn)
        if arn not in self._made and value is not None:
            machine = self._machine(value)
            if machine is not None:
                self._made[arn] = self._make(arn, value, machine)
        return self._made.get(arn)

    def _machine(self, value: dict[str, Any]) -> Machine | None:
        """The machine of an execution; that of a Map Run's child is made of its parent's."""
        if value["map_run"] is None:
            return self._compile(value["machine"])
        run = self._runs.get(value["map_run"])
        parent = None if run is None else self.find(run.execution_arn)
        if run is None or parent is None:
            return None
        machine = parent.machine
        return replace(machine, arn=run.child_machine_arn, name=value["machine"], timeout=None)


def _order(value: dict[str, Any]) -> tuple[float, int]:
    return float(value["started"]), int(value["number"])


def _published(published: Published) -> dict[str, Json]:
    return {
        "count": published.count,
        "versions": {
            arn: {
                "machine": version.machine.record(),
                "description": version.description,
                "created": version.created,
            }
            for arn, version in published.versions.items()
        },
        "aliases": {
            arn: {name: value for name, value in asdict(alias).items() if name != "arn"}
            for arn, alias in published.aliases.items()
        },
    }


def _execution(execution: Execution) -> dict[str, Json]:
    progress, mocks = execution.stands(), execution.mocks
    is_child = execution.map_run_arn is not None
    return {
        **{name: getattr(execution, name) for name in PLAIN},
        "name": execution.name,
        "machine": execution.machine.name if is_child else execution.machine.record(),
        "map_run": execution.map_run_arn,
        "input": execution.input.text,
        "progress": None if progress is None else progress.as_json(),
        "mocks": None if mocks is None else {"name": mocks.name, "calls": mocks.calls},
    }
