"""Machines, executions and histories, read from Step Functions; ended ones are kept in memory."""

from __future__ import annotations

import base64
import heapq
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from math import inf
from typing import Any, Final, Generic, TypeVar

from botocore.exceptions import ClientError

from sfn_cqrs.kernel.aws.error_codes import suppressing
from sfn_cqrs_tools.client.express_runs import ExpressRun, logged_runs
from sfn_cqrs_tools.client.runs import LOOKED_BACK, Place, Run, Runs
from sfn_cqrs_tools.console.backend import Backend
from sfn_cqrs_tools.console.masking import masked, masked_event
from sfn_cqrs_tools.console.subjects import tenant_of

K = TypeVar("K")
V = TypeVar("V")

PAGE: Final = 50
MOST_EXAMINED: Final = 2_000
"""A filtered list examines at most so many; then it shows how far it came and asks to go on."""
AT_ONCE: Final = 8
EVENTS_PAGE: Final = 1_000
NO_HISTORY: Final = ("InvalidArn", "StateMachineTypeNotSupported")
LANES: Final = ("STANDARD", "EXPRESS")
LOG_SECONDS: Final = 10.0
"""How long a log read on AWS is kept."""


class Kept(Generic[K, V]):
    """A bounded cache of values that no longer change; drops the least recently used first."""

    def __init__(self, most: int) -> None:
        """Keep at most so many."""
        self._most = most
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """Return the value kept under a key."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: K, value: V) -> V:
        """Keep a value, and give it back."""
        with self._lock:
            self._kept[key] = value
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return value


@dataclass(frozen=True)
class Machine:
    """A state machine of the stack; `short` is its name without the stack's."""

    name: str
    short: str
    arn: str
    type: str

    @property
    def is_express(self) -> bool:
        """Return whether Step Functions keeps no executions of it, so only its log has them."""
        return self.type == "EXPRESS"


@dataclass(frozen=True)
class Filter:
    """The filter of a list of executions."""

    machine: str = ""
    status: str = ""
    name: str = ""
    error: str = ""
    lane: str = ""
    since: datetime | None = None
    until: datetime | None = None
    tenant: str = ""
    """Executions whose input names another tenant are left out."""
    least: float | None = None
    most: float | None = None
    """The shortest and the longest that is taken, in seconds; one that runs lasts until now."""

    def takes(self, run: Run) -> bool:
        """Return whether an execution passes what its list entry tells."""
        if self.name and self.name.lower() not in run.name.lower():
            return False
        if self.until is not None and run.started > self.until:
            return False
        ended = run.stopped or datetime.now(UTC)
        seconds = (ended - run.started).total_seconds()
        return (self.least or 0.0) <= seconds <= (inf if self.most is None else self.most)

    def takes_data(self, run: Run) -> bool:
        """Return whether an execution passes what its description tells."""
        if self.tenant and tenant_of(run.input) not in (None, self.tenant):
            return False
        return self.error.lower() in f"{run.error} {run.cause}".lower()


@dataclass(frozen=True)
class Listed:
    """A page of a list; `examined` executions were looked at, `cursor` goes on behind them."""

    runs: list[Run]
    cursor: str | None
    examined: int


@dataclass
class History:
    """The events of an execution, and how they were when they were read last."""

    events: list[dict[str, Any]] = field(default_factory=list)
    is_over: bool = False


class Log:
    """The log of EXPRESS machines: a file of the local engine, or a log group on AWS.

    A file is read again when it has grown, but reading takes at most a tenth of the time.
    """

    def __init__(self, backend: Backend) -> None:
        """Read one stack's."""
        self._target = backend.target
        self._lock = threading.Lock()
        self._key: object = None
        self._until = 0.0
        self._runs: list[ExpressRun] = []

    def runs(self, name: str = "") -> list[ExpressRun]:
        """Return the runs of the last day, or those of a name; the newest first."""
        path = self._target.express_log
        with self._lock:
            began = time.monotonic()
            key = name if path is None else path.exists() and path.stat().st_size
            if key == self._key and (path is not None or began < self._until):
                return self._runs
            if path is not None and began < self._until:
                return self._runs
            since = datetime.now(UTC) - LOOKED_BACK
            self._runs = logged_runs(self._target, since, (name,) if name else ())
            ended = time.monotonic()
            self._until = ended + (LOG_SECONDS if path is None else 9 * (ended - began))
            self._key = key
            return self._runs


class Executions(Runs):
    """Reads executions for the pages, masks them, and keeps what no longer changes."""

    def __init__(self, backend: Backend) -> None:
        """Read one stack's."""
        super().__init__(backend.target)
        self._backend = backend
        self._described: Kept[tuple[str, str, int], Run] = Kept(5_000)
        self._histories: Kept[str, History] = Kept(60)
        self._definitions: Kept[str, dict[str, Any]] = Kept(100)
        self._log = Log(backend)
        self.usual: Kept[str, tuple[float, Any]] = Kept(100)

    def machines(self) -> list[Machine]:
        """Return the stack's machines, by name."""
        prefixes = self._backend.prefixes
        arns = set(self._backend.outputs.values())
        pages = self.client.get_paginator("list_state_machines").paginate()
        found = [
            Machine(
                one["name"], self._backend.short(one["name"]), one["stateMachineArn"], one["type"]
            )
            for page in pages
            for one in page["stateMachines"]
            if one["stateMachineArn"] in arns or one["name"].startswith(prefixes)
        ]
        return sorted(found, key=lambda machine: machine.name)

    def machine(self, short: str) -> Machine:
        """Return a machine by its short name.

        Raises:
            LookupError: there is none.
        """
        for machine in self.machines():
            if short in (machine.short, machine.name):
                return machine
        raise LookupError(f"the stack has no state machine {short!r}")

    def keeps(self, short: str) -> bool:
        """Return whether executions that succeeded can be read without searching a log on AWS."""
        return self._backend.is_local or not self.machine(short).is_express

    def definition(self, machine: Machine, run: Run | None = None) -> dict[str, Any]:
        """Return a machine's definition; for an execution, the definition when it started."""
        if run is None or run.logged is not None:  # Step Functions knows none of an EXPRESS run
            return self.current_definition(machine.arn)
        kept = self._definitions.get(run.arn)
        if kept is not None:
            return kept
        return self._definitions.put(run.arn, self.definition_of(run.arn))

    def page(self, wanted: Filter, cursor: str | None = None, limit: int = PAGE) -> Listed:
        """Return the executions that a filter takes, the latest first.

        Raises:
            LookupError: the stack has no such machine.
        """
        machines = [self.machine(wanted.machine)] if wanted.machine else self.machines()
        state = _state_of(cursor)
        lanes = [
            (self._logged_lane if machine.is_express else self._lane)(
                machine, wanted.status, state.get(machine.short)
            )
            for machine in machines
            if self._is_listed(machine, wanted)
        ]
        merged = heapq.merge(*lanes, key=lambda found: found[0].started, reverse=True)
        runs: list[Run] = []
        examined = 0
        while len(runs) < limit and examined < MOST_EXAMINED:
            batch = list(islice(merged, limit - len(runs)))
            since = wanted.since
            within = [one for one in batch if since is None or one[0].started >= since]
            examined += len(within)
            runs += self._taken(within, wanted)
            state |= {run.machine: place for run, place in within}
            if not batch or len(within) < len(batch):
                return Listed(runs, None, examined)
        has_more = next(merged, None) is not None
        return Listed(runs, _cursor_of(state) if has_more else None, examined)

    def started(self, machine: Machine, since: datetime, most: int) -> Iterator[Run]:
        """Executions of a machine as they are listed, back to a moment."""
        lane = self._logged_lane if machine.is_express else self._lane
        for run, _ in islice(lane(machine, "", None, EVENTS_PAGE), most):
            if run.started < since:
                return
            yield run

    def describe(self, arn: str) -> Run:
        """Return an execution with its data, its tokens masked.

        Raises:
            LookupError: there is none.
        """
        express = self._express_of(arn)
        if express is not None:
            return self._logged(express, arn.rpartition(":")[2])
        with suppressing("ExecutionDoesNotExist", "InvalidArn"):
            found = self.client.describe_execution(executionArn=arn)
            return self.run_of(found, self._short(found["stateMachineArn"]))
        raise LookupError(f"there is no execution {arn.rpartition(':')[2]!r}")

    def arn(self, short: str, name: str) -> str:
        """Return the ARN of an execution."""
        machine = self.machine(short)
        kind = ":express:" if machine.is_express else ":execution:"
        return f"{machine.arn.replace(':stateMachine:', kind)}:{name}"

    def children(self, arn: str) -> list[dict[str, Any]]:
        """Return the Map Runs of an execution, with their counts."""
        runs = self.client.list_map_runs(executionArn=arn, maxResults=100)["mapRuns"]
        return [self.client.describe_map_run(mapRunArn=run["mapRunArn"]) for run in runs]

    def runs_of_map(self, map_run: str, status: str = "") -> list[Run]:
        """Return the latest children of a Map Run."""
        given = {"statusFilter": status} if status else {}
        page = self.client.list_executions(mapRunArn=map_run, maxResults=100, **given)
        return [self.run_of(one, self._short(one["stateMachineArn"])) for one in page["executions"]]

    def history(self, run: Run) -> list[dict[str, Any]]:
        """Return all events of an execution, masked, oldest first; read only the new ones."""
        if run.logged is not None:
            return [masked_event(event) for event in run.logged.events]
        key = f"{run.arn}|{run.redrives}"
        kept = self._histories.get(key) or self._histories.put(key, History())
        if not kept.is_over:
            kept.events = [*kept.events, *self._newer(run.arn, len(kept.events))]
            kept.is_over = run.stopped is not None
        return kept.events

    def history_of_child(self, run: Run) -> list[dict[str, Any]]:
        """Return the events of a Map Run's child; an EXPRESS child has no history."""
        try:
            return self.history(run)
        except ClientError as error:
            if error.response["Error"]["Code"] not in NO_HISTORY:
                raise
            return []

    def unread(self, run: Run) -> int:
        """Return how many events of an execution were never read."""
        if run.logged is not None:
            return 0
        kept = self._histories.get(f"{run.arn}|{run.redrives}")
        if kept is not None and kept.is_over:
            return 0
        last = self.client.get_execution_history(
            executionArn=run.arn, maxResults=1, reverseOrder=True, includeExecutionData=False
        )
        known = len(kept.events) if kept is not None else 0
        return int(last["events"][0]["id"]) - known

    def start(self, machine: Machine, given: str, name: str) -> None:
        """Start an execution with an input, which is JSON, and a name."""
        self.client.start_execution(stateMachineArn=machine.arn, input=given, name=name)

    def redrive(self, arn: str) -> None:
        """Continue from the failed state; completed states are not repeated."""
        self.client.redrive_execution(executionArn=arn)

    def stop(self, arn: str, who: str) -> None:
        """End an execution from outside."""
        self.client.stop_execution(
            executionArn=arn, error="Stopped", cause=f"by {who}, in the console"
        )

    def _short(self, machine_arn: str) -> str:
        name = machine_arn.partition(":stateMachine:")[2].partition("/")[0].partition(":")[0]
        return self._backend.short(name)

    def _is_listed(self, machine: Machine, wanted: Filter) -> bool:
        """Return whether a list holds a machine's; a log on AWS is read if it is asked for."""
        if wanted.lane and wanted.lane != machine.type:
            return False
        is_asked = machine.short == wanted.machine or wanted.lane == machine.type
        return not machine.is_express or is_asked or self._backend.is_local

    def _lane(
        self, machine: Machine, status: str, place: Place | None, page: int = 100
    ) -> Iterator[tuple[Run, Place]]:
        return self.listed(machine.short, machine.arn, status, place, page)

    def _logged_lane(
        self, machine: Machine, status: str, place: Place | None, _page: int = 0
    ) -> Iterator[tuple[Run, Place]]:
        """Yield the logged executions of an EXPRESS machine; the place is the last one."""
        runs = [self._run_of(logged, machine) for logged in self._log.runs()]
        placed = {f"{run.started.isoformat()}|{run.name}": run for run in runs}
        for at, run in sorted(placed.items(), reverse=True):
            if status in ("", run.status) and (place is None or at < str(place[0])):
                yield run, (at, 0)

    def _express_of(self, arn: str) -> Machine | None:
        """Return the EXPRESS machine whose execution an ARN names; a child of a Map is none."""
        if ":express:" not in arn:
            return None
        name = arn.split(":")[6]
        return next((one for one in self.machines() if one.is_express and one.name == name), None)

    def _logged(self, machine: Machine, name: str) -> Run:
        for logged in self._log.runs(name):
            if logged.name == name:
                return self._run_of(logged, machine)
        raise LookupError(
            f"there is no execution {name!r} in the log of {machine.short}, which has what failed,"
            " or all where its level is ALL; the item tells what it did"
        )

    def _run_of(self, logged: ExpressRun, machine: Machine) -> Run:
        arn = f"{machine.arn.replace(':stateMachine:', ':express:')}:{logged.name}"
        return self.run_of_log(logged, machine.short, arn)

    def _taken(self, batch: list[tuple[Run, Place]], wanted: Filter) -> list[Run]:
        runs = self.with_data([run for run, _ in batch if wanted.takes(run)])
        return [run for run in runs if wanted.takes_data(run)]

    def with_data(self, runs: list[Run]) -> list[Run]:
        """Return the runs with their descriptions; a run that has ended is read only once."""
        keys = [(run.arn, run.status, run.redrives) for run in runs]
        known = {key: self._described.get(key) for key in keys}
        missing = [run for run, key in zip(runs, keys, strict=True) if known[key] is None]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for run, found in zip(missing, pool.map(self._description, missing), strict=True):
                known[run.arn, run.status, run.redrives] = found
        return [known[key] or run for run, key in zip(runs, keys, strict=True)]

    def _description(self, run: Run) -> Run:
        if run.logged is not None:
            return run
        try:
            found = self.describe(run.arn)
        except LookupError:
            return run
        if found.stopped is not None:
            self._described.put((run.arn, run.status, run.redrives), found)
        return found

    def _newer(self, arn: str, known: int) -> list[dict[str, Any]]:
        """Return the events after the known ones: from the last one back, or from the first on."""
        is_backwards = known > 0
        more: dict[str, Any] = {}
        events: list[dict[str, Any]] = []
        while True:
            page = self.client.get_execution_history(
                executionArn=arn, maxResults=EVENTS_PAGE, reverseOrder=is_backwards, **more
            )
            new = [masked_event(event) for event in page["events"] if event["id"] > known]
            events += new
            is_done = "nextToken" not in page or (is_backwards and len(new) < len(page["events"]))
            if is_done:
                return events[::-1] if is_backwards else events
            more = {"nextToken": page["nextToken"]}

    def run_of(self, found: Mapping[str, Any], machine: str) -> Run:
        """Return an execution without the task tokens in its data."""
        run = super().run_of(found, machine)
        return replace(
            run,
            input=masked(run.input),
            output=masked(run.output),
            error=masked(run.error),
            cause=masked(run.cause),
        )


def texts(event: Mapping[str, Any]) -> Iterable[str]:
    """Yield every text of an event, for a search."""
    for name, value in event.items():
        if isinstance(value, dict):
            yield from texts(value)
        else:
            yield f"{name}={value}"


def matching(
    events: list[dict[str, Any]], query: str, is_error: Callable[[Mapping[str, Any]], bool] | None
) -> list[dict[str, Any]]:
    """Return the events that hold a text; None takes those that failed or did not."""
    text = query.lower()
    return [
        event
        for event in events
        if (not text or any(text in one.lower() for one in texts(event)))
        and (is_error is None or is_error(event))
    ]


def _state_of(cursor: str | None) -> dict[str, Place]:
    """Return the place at which each machine's list continues.

    Raises:
        ValueError: it is not a cursor.
    """
    if not cursor:
        return {}
    try:
        state = json.loads(base64.urlsafe_b64decode(cursor))
        return {lane: (place[0], int(place[1])) for lane, place in state.items()}
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise ValueError("this is not a cursor of the list: open the list again") from error


def _cursor_of(state: Mapping[str, Place]) -> str:
    return base64.urlsafe_b64encode(json.dumps(state).encode()).decode()
