"""The parts of an engine that its API shares: stores, starts and restarts of executions."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfn_local import names
from sfn_local.calls.functions import FunctionInvoker
from sfn_local.calls.services import NoServices, Services
from sfn_local.document import Document, complaint
from sfn_local.engine.limits import check_size
from sfn_local.errors import (
    ExecutionAlreadyExists,
    ExecutionDoesNotExist,
    InvalidExecutionInput,
    ResourceNotFound,
    ValidationException,
)
from sfn_local.executions.execution import Execution
from sfn_local.executions.express import ExpressLog
from sfn_local.executions.line import Line
from sfn_local.executions.machine import Machine
from sfn_local.executions.map_run import MapRun
from sfn_local.executions.map_runs import MapRuns
from sfn_local.executions.measured import Measured
from sfn_local.executions.roles import Roles
from sfn_local.executions.runtime import Runtime
from sfn_local.mocks import MockCase, MockConfig, MockError, MockFile
from sfn_local.registry.machines import Machines
from sfn_local.registry.redrives import Redrives
from sfn_local.registry.retention import KEEP, Executions, Retention
from sfn_local.registry.tags import Tags
from sfn_local.registry.versions import is_qualified
from sfn_local.scheduler import ManualScheduler, Scheduler, ThreadScheduler
from sfn_local.scheduler.clock import Clock, RealClock, VirtualClock

if TYPE_CHECKING:
    from sfn_local.persistence.keeper import Persistence


logger = logging.getLogger(__name__)

StatusListener = Callable[[dict[str, Any]], None]


class Core:
    """An engine without its API."""

    def __init__(
        self,
        *,
        functions: FunctionInvoker,
        clock: Clock | None = None,
        scheduler: Scheduler | None = None,
        region: str = "us-east-1",
        account: str = "000000000000",
        services: Services | None = None,
        express_log: Path | None = None,
        mocks: MockConfig | MockFile | None = None,
        wait_time_scale: float = 1.0,
        data_dir: Path | None = None,
        express_repeats: float = 0.0,
        retention: Retention = KEEP,
        roles: Roles | None = None,
    ) -> None:
        """A virtual clock comes with a ManualScheduler unless another is given.

        Functions run what Task states name. With a ThreadScheduler, the default, executions run
        on its thread; with a ManualScheduler while run_until_idle or run_until is called.
        Services are what S3 readers, result writers and service integrations call. The histories
        of EXPRESS executions are added to the file express_log, if it is given.
        Mocks are the test cases that executions are started with, as `arn#TestCase`; Wait states
        and the pauses before retries last their seconds times wait_time_scale. With a data_dir,
        machines and executions survive a restart, and those that run go on. That share of the
        EXPRESS executions started asynchronously runs twice, as AWS promises at least once only.
        The retention says how many ended executions are kept. With roles, a
        call of a task fails that the policies of its machine's role do not allow.

        Raises:
            JournalError: the data_dir cannot be used.
        """
        self.clock: Clock = RealClock() if clock is None else clock
        if scheduler is None:
            is_virtual = isinstance(self.clock, VirtualClock)
            scheduler = ManualScheduler() if is_virtual else ThreadScheduler()
        scheduler.attach(self.clock)
        self.scheduler = scheduler
        self.region = region
        self.account = account
        self.on_status_change: list[StatusListener] = []
        self._measured: list[Measured] = []
        self._lock = scheduler.lock
        self._map_runs = MapRuns()
        self._runtime = runtime = Runtime(
            scheduler, functions, services or NoServices(), self._map_runs, region
        )
        runtime.new_line = partial(Line, runtime)
        runtime.start_execution = self._start
        runtime.find_execution = self._execution
        runtime.wait_time_scale = wait_time_scale
        runtime.roles = roles
        self._express_log = None if express_log is None else ExpressLog(express_log)
        self._mocks = mocks
        self._express_repeats = express_repeats
        self._machines = Machines(self.clock.time, runtime.random, runtime.new_uuid, self._save)
        self.versions = self._machines.versions
        self._tags = Tags(self._has_tags, self._save)
        self._executions = Executions(retention, self._weigh, self._forget)
        self._redrives = Redrives()
        self._persistence: Persistence | None = None
        if data_dir is not None:
            self._restore(_open_journal(data_dir, self._runtime))

    def _restore(self, persistence: "Persistence") -> None:
        with self._lock:
            persistence.restore_resources(self._machines, self._tags)
            for arn in persistence.forgotten():
                self._executions.remember(arn)
            restored = persistence.restore_executions(
                self._map_runs, self._status_changed, self._mock_case
            )
            self._persistence = persistence
            for execution in restored:
                self._executions.add(execution)
            for execution in restored:
                if execution.is_running:
                    execution.resume()
            for express_arn, machine, given in persistence.restore_express():
                document = Document.parse(given["input"])
                case = given["mocks"]
                mocks = None if case is None else self._mock_case(machine.name, case)
                self._start_express(
                    machine, given["name"], document, mocks, given["trace"], arn=express_arn
                )
            self._save()

    def persist(self) -> None:
        """Write what has changed, so that it survives a kill.

        Raises:
            JournalError: it cannot be written now, as on a full disk; it is tried again.
        """
        with self._lock:
            if self._persistence is not None:
                self._persistence.flush()

    @property
    def trouble(self) -> str:
        """Return why what has changed could not be written the last time; empty if it could."""
        persistence = self._persistence
        return "" if persistence is None else persistence.trouble

    def _save(self) -> None:
        """Keep what was done to machines and what belongs to them."""
        if self._persistence is not None:
            self._persistence.save_resources(self._machines, self._tags)

    def _start(
        self,
        arn: str,
        name: str | None,
        text: str,
        trace: str | None = None,
        *,
        is_awaited: bool = False,
    ) -> Execution:
        document = _parse_input(text)
        arn, has_case, case = arn.partition("#")
        with self._lock:
            machine = self._machines.find_to_run(arn)
            mocks = self._mock_case(machine.name, case) if has_case else None
            name = self._runtime.new_uuid() if name is None else name
            names.check_name(name)
            if machine.is_express:
                return self._start_express(
                    machine, name, document, mocks, trace, is_awaited=is_awaited
                )
            execution_arn = names.execution_arn(machine.arn, name)
            existing = self._executions.find(execution_arn)
            if existing is not None and existing.is_running and existing.input.text == text:
                return existing
            if existing is not None or execution_arn in self._executions.forgotten:
                raise ExecutionAlreadyExists(execution_arn)
            execution = Execution(
                execution_arn, name, machine, document, self._runtime, self._status_changed
            )
            execution.mocks = mocks
            execution.trace_header = trace
            if is_qualified(arn):
                execution.alias_arn = arn if self.versions.has_alias(arn) else None
                execution.version_arn = self.versions.arn_of(machine)
            self._executions.add(execution)
            if self._persistence is not None:
                self._persistence.keep(execution)
            execution.start()
            if self._persistence is not None:
                self._persistence.flush()
        return execution

    def _start_express(
        self,
        machine: Machine,
        name: str,
        document: Document,
        mocks: MockCase | None,
        trace: str | None = None,
        *,
        is_awaited: bool = False,
        arn: str | None = None,
    ) -> Execution:
        """Start an execution that nobody can describe or list; its history may go to a file.

        One that is awaited is not run again after a restart: its caller knows that it failed.
        One that is run again after a restart keeps its ARN, so its functions recognise it.
        """
        arn = arn or names.express_arn(machine.arn, name, self._runtime.new_uuid())
        log = self._express_log
        execution = Execution(
            arn,
            name,
            machine,
            document,
            self._runtime,
            self._measure,
            keeps_history=log is not None,
        )
        execution.mocks = mocks
        execution.trace_header = trace
        if log is not None:
            execution.when_ended(partial(log.write, execution))
        if self._persistence is not None and not is_awaited:
            self._persistence.keep_express(execution)
        execution.start()
        return execution

    def _mock_case(self, machine: str, case: str) -> MockCase:
        if self._mocks is None:
            raise ValidationException(
                f"there is no test case {case}: the engine was started without a mock "
                "configuration; name its file in SFN_MOCK_CONFIG"
            )
        try:
            return self._mocks.case(machine, case)
        except MockError as error:
            raise ValidationException(str(error)) from None

    def _execution(self, arn: str) -> Execution:
        child = self._map_runs.child(arn)
        if child is not None:
            return child
        names.check_execution_arn(arn)
        execution = self._executions.find(arn)
        if execution is None:
            raise ExecutionDoesNotExist(arn)
        return execution

    def _map_run(self, arn: str) -> MapRun:
        names.check_arn(names.MAP_RUN_ARN, arn)
        run = self._map_runs.find(arn)
        if run is None:
            raise ResourceNotFound(arn)
        return run

    def _has_tags(self, arn: str) -> bool:
        """Whether an ARN is that of a machine or an activity."""
        activities = self._runtime.activities.all()
        return arn in self._machines.by_arn or arn in {activity.arn for activity in activities}

    def _weigh(self, execution: Execution) -> int:
        """How many events of an execution and its Map Runs' children are kept."""
        return len(execution.history) + self._map_runs.events_of(execution.arn)

    def _forget(self, execution: Execution) -> None:
        """Keep nothing of an execution but its name."""
        self._map_runs.forget(execution.arn)
        if self._persistence is not None:
            self._persistence.forget(execution)

    def _status_changed(self, execution: Execution) -> None:
        if execution.map_run_arn is None:
            self._measure(execution)
            self._executions.status_changed(execution)
        description = execution.describe() if self.on_status_change else {}
        self.scheduler.add(partial(self._tell, description))

    def _measure(self, execution: Execution) -> None:
        """Count a change of status; for EXPRESS executions nothing else is done."""
        for measured in self._measured:
            measured.status_changed(execution)

    def _tell(self, description: dict[str, Any]) -> None:
        for listener in self.on_status_change if description else ():
            try:
                listener(description)
            except Exception:
                logger.exception("a listener failed at %s", description["executionArn"])


def _open_journal(folder: Path, runtime: Runtime) -> "Persistence":
    from sfn_local.persistence.keeper import Persistence  # noqa: PLC0415 - SQLite is slow to import

    return Persistence(folder, runtime)


def _parse_input(text: str) -> Document:
    check_size(text, "input")
    try:
        return Document.parse(text)
    except ValueError as error:
        raise InvalidExecutionInput(complaint(text, error)) from None
