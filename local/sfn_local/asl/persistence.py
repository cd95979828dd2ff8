"""Keeps an engine's machines and executions in a journal, and brings them back.

What changes is marked, and written soon after in one transaction: with a kill, what happened in
the last milliseconds is done again. EXPRESS executions and the children of Map Runs are not kept.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sfn_local.asl.clock import VirtualClock
from sfn_local.asl.document import Document, Json
from sfn_local.asl.execution import Execution, Runtime
from sfn_local.asl.history import Event, History
from sfn_local.asl.journal import Journal
from sfn_local.asl.machine import Machine, compile_machine
from sfn_local.asl.machines import Machines
from sfn_local.asl.mocks import MockCase
from sfn_local.asl.progress import Progress
from sfn_local.asl.tags import Tags
from sfn_local.asl.tokens import Tokens
from sfn_local.asl.versions import Alias, Published, Version

SERIALS_TO_SKIP = 1_000_000  # more tokens than can be handed out before a write
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
)

Notify = Callable[[Execution], None]
FindCase = Callable[[str, str], MockCase]


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
        self._saved: dict[tuple[str, str], Any] = {}
        self._is_due = False
        self._machines: dict[str, Machine] = {}
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
        self._saved = current
        if changed:
            self._journal.write(changed, [])

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
        self._marked.pop(execution.arn, None)
        self._journal.forget(execution.arn)
        self._journal.write(
            {("execution", execution.arn): None, ("forgotten", execution.arn): True}, []
        )

    def restore_executions(self, notify: Notify, find_case: FindCase) -> list[Execution]:
        """Bring executions back, the oldest first; those that ran go on. Needs the lock."""
        events: dict[str, list[Event]] = {}
        for arn, event in self._journal.events():
            events.setdefault(arn, []).append(event)
        restored = [
            self._restore(arn, value, events.get(arn, []), notify, find_case)
            for arn, value in self._journal.records("execution")
        ]
        return sorted(restored, key=lambda execution: execution.started)

    def flush(self) -> None:
        """Write all that is marked. Needs the lock."""
        self._is_due = False
        if not self._marked:
            return
        records: dict[tuple[str, str], Any] = {
            ("execution", arn): _execution(each) for arn, each in self._marked.items()
        }
        records["meta", "tokens"] = self._tokens()
        records["meta", "time"] = self._runtime.scheduler.clock.time()
        events: list[tuple[str, Event]] = []
        for arn, execution in self._marked.items():
            history = execution.history
            if isinstance(history, KeptHistory):
                events += [(arn, event) for event in history.events()[history.written :]]
                history.written = len(history)
        self._marked.clear()
        self._journal.write(records, events)

    def close(self) -> None:
        """Write what is marked, and let another engine have the folder. Needs the lock."""
        self.flush()
        self._journal.close()

    def _mark(self, execution: Execution) -> None:
        self._marked[execution.arn] = execution
        if not self._is_due:
            self._is_due = True
            self._runtime.scheduler.add(self._flush_soon)

    def _flush_soon(self) -> None:
        with self._runtime.scheduler.lock:
            if self._is_due:
                self.flush()

    def _tokens(self) -> dict[str, Any]:
        tokens = self._runtime.tokens
        return {"key": tokens.key.hex(), "issued": tokens.issued}

    def _restore_meta(self) -> None:
        meta = dict(self._journal.records("meta"))
        clock = self._runtime.scheduler.clock
        if isinstance(clock, VirtualClock):
            clock.move_to(meta.get("time", 0.0))
        if "tokens" in meta:
            key, issued = bytes.fromhex(meta["tokens"]["key"]), meta["tokens"]["issued"]
            self._runtime.tokens = Tokens(key, issued + SERIALS_TO_SKIP)
        else:
            self._journal.write({("meta", "tokens"): self._tokens()}, [])

    def _restore(
        self,
        arn: str,
        value: dict[str, Any],
        events: list[Event],
        notify: Notify,
        find_case: FindCase,
    ) -> Execution:
        machine = self._compile(value["machine"])
        document = Document.parse(value["input"])
        execution = Execution(arn, value["name"], machine, document, self._runtime, notify)
        for name in PLAIN:
            setattr(execution, name, value[name])
        execution.history = KeptHistory(lambda: self._mark(execution), events)
        if value["progress"] is not None:
            execution.progress = Progress.of_json(value["progress"])
        if value["mocks"] is not None and execution.is_running:
            case = execution.mocks = find_case(machine.name, value["mocks"]["name"])
            case.calls.update(value["mocks"]["calls"])
        if execution.is_running:
            execution.resume()
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
            arn: {
                "routes": dict(alias.routes),
                "description": alias.description,
                "created": alias.created,
                "updated": alias.updated,
            }
            for arn, alias in published.aliases.items()
        },
    }


def _execution(execution: Execution) -> dict[str, Json]:
    progress, mocks = execution.stands(), execution.mocks
    return {
        **{name: getattr(execution, name) for name in PLAIN},
        "name": execution.name,
        "machine": execution.machine.record(),
        "input": execution.input.text,
        "progress": None if progress is None else progress.as_json(),
        "mocks": None if mocks is None else {"name": mocks.name, "calls": mocks.calls},
    }
