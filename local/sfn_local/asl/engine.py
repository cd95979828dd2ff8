"""The engine: state machines, executions and task tokens, with AWS's semantics.

Every public method may be called from any thread.
"""

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from sfn_local.asl import names
from sfn_local.asl.clock import Clock, RealClock, VirtualClock
from sfn_local.asl.distributed.map_run import MapRun, MapRuns
from sfn_local.asl.document import Document, Json, byte_size
from sfn_local.asl.errors import (
    ExecutionAlreadyExists,
    ExecutionDoesNotExist,
    ExecutionNotRedrivable,
    InvalidExecutionInput,
    InvalidOutput,
    ResourceNotFound,
    StateFailure,
    StateMachineTypeNotSupported,
    ValidationException,
)
from sfn_local.asl.execution import Execution, Runtime
from sfn_local.asl.executions import KEEP, Executions, Retention
from sfn_local.asl.express import ExpressLog, billing
from sfn_local.asl.functions import FunctionInvoker
from sfn_local.asl.machine import Machine
from sfn_local.asl.machines import Machines, describe_for_execution
from sfn_local.asl.mocks import MockCase, MockConfig, MockError, MockFile
from sfn_local.asl.persistence import Persistence
from sfn_local.asl.quotas import QUOTAS
from sfn_local.asl.redrives import Redrives
from sfn_local.asl.scheduler import ManualScheduler, Scheduler, ThreadScheduler
from sfn_local.asl.services import NoServices, Services
from sfn_local.asl.settings import Settings
from sfn_local.asl.tags import Tags
from sfn_local.asl.tested_state import LONGEST_SECONDS as LONGEST_TEST
from sfn_local.asl.tested_state import Question, StateTest
from sfn_local.asl.versions import Version, is_qualified

logger = logging.getLogger(__name__)

LONGEST_ERROR = 256
NOT_OF_THIS_TYPE = "This operation is not supported by this type of state machine"

StatusListener = Callable[[dict[str, Any]], None]


class Engine:
    """Runs state machines."""

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
    ) -> None:
        """A virtual clock comes with a ManualScheduler unless another is given.

        Functions run what Task states name. With a ThreadScheduler, the default, executions run
        by themselves; with a ManualScheduler while run_until_idle or run_until is called.
        Services are what S3 readers, result writers and service integrations call. The histories
        of EXPRESS executions are added to the file express_log, if it is given.
        Mocks are the test cases that executions are started with, as `arn#TestCase`; Wait states
        and the pauses before retries last their seconds times wait_time_scale. With a data_dir,
        machines and executions survive a restart, and those that run go on. That share of the
        EXPRESS executions started asynchronously runs twice, as AWS promises at least once only.
        Of the executions that have ended, the retention says how many are kept.

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
        self._lock = scheduler.lock
        self._map_runs = MapRuns()
        self._runtime = runtime = Runtime(
            scheduler, functions, services or NoServices(), self._map_runs, region
        )
        runtime.start_execution = self._start
        runtime.find_execution = self._execution
        runtime.wait_time_scale = wait_time_scale
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
            self._restore(Persistence(data_dir, self._runtime))

    def create_state_machine(
        self,
        name: str,
        definition: str | dict[str, Json],
        type: str = "STANDARD",  # noqa: A002 - AWS's word
        role_arn: str | None = None,
        settings: Settings | None = None,
    ) -> str:
        """Create a state machine; its ARN. The same name and definition again change nothing.

        Raises:
            InvalidName: the name is not one.
            InvalidDefinition: the definition is not one that can run.
            StateMachineAlreadyExists: the name is taken by another definition.
            StateMachineTypeNotSupported: the type is neither STANDARD nor EXPRESS.
        """
        names.check_name(name)
        arn = names.machine_arn(self.region, self.account, name)
        role_arn = role_arn or f"arn:aws:iam::{self.account}:role/local"
        with self._lock:
            self._machines.create(arn, definition, type, role_arn, settings or {})
        return arn

    def update_state_machine(
        self,
        arn: str,
        definition: str | dict[str, Json] | None = None,
        role_arn: str | None = None,
        settings: Settings | None = None,
    ) -> datetime:
        """Give a machine another definition, role or settings; executions that run keep theirs.

        Raises:
            StateMachineDoesNotExist: there is no such machine.
            InvalidDefinition: the definition is not one that can run.
        """
        with self._lock:
            self._machines.update(arn, definition, role_arn, settings or {})
            return self.clock.now()

    def publish_version(
        self, arn: str, description: str | None = None, revision: str | None = None
    ) -> Version:
        """Publish a machine as it is now; what is published already stays the version it is.

        Raises:
            StateMachineDoesNotExist: there is no such machine.
            ConflictException: the machine is not at that revision.
        """
        with self._lock:
            return self.versions.publish(self._machines.find(arn), description, revision)

    def describe_state_machine(self, arn: str) -> dict[str, Any]:
        """The answer of DescribeStateMachine.

        Raises:
            StateMachineDoesNotExist: there is no such machine.
        """
        with self._lock:
            return self._machines.describe(arn)

    def list_state_machines(self) -> list[dict[str, Any]]:
        """The entries of ListStateMachines, by name."""
        with self._lock:
            return self._machines.list_all()

    def delete_state_machine(self, arn: str) -> None:
        """Forget a machine, if it exists; its executions go on and can still be described."""
        with self._lock:
            self._machines.delete(arn)

    def start_execution(self, arn: str, name: str | None = None, input: str = "{}") -> str:  # noqa: A002 - AWS's word
        """Start an execution of a machine, or of a test case `arn#TestCase` of it; its ARN.

        While an execution of that name and input runs, the call returns it and starts nothing.

        Raises:
            StateMachineDoesNotExist: there is no such machine.
            InvalidName: the name is not one.
            InvalidExecutionInput: the input is no JSON.
            ExecutionAlreadyExists: the name is taken by another input, or by one that has ended.
            ValidationException: the input is too large, or there is no such test case.
        """
        return str(self.started_execution(arn, name, input)["executionArn"])

    def started_execution(
        self, arn: str, name: str | None, text: str, trace: str | None = None
    ) -> dict[str, Any]:
        """Start an execution as start_execution does; the answer of StartExecution."""
        execution = self._start(arn, name, text, trace)
        if execution.machine.is_express and self._express_repeats > 0:
            self._repeat(execution)
        started = datetime.fromtimestamp(execution.started, UTC)
        return {"executionArn": execution.arn, "startDate": started}

    def start_sync_execution(
        self,
        arn: str,
        name: str | None = None,
        input: str = "{}",  # noqa: A002 - AWS's word
        trace: str | None = None,
    ) -> dict[str, Any]:
        """Run an EXPRESS machine to its end; the answer of StartSyncExecution.

        Raises:
            StateMachineDoesNotExist: there is no such machine.
            StateMachineTypeNotSupported: the machine is STANDARD.
            InvalidName: the name is not one.
            InvalidExecutionInput: the input is no JSON.
            ValidationException: the input is too large.
        """
        with self._lock:
            if not self._machines.find_to_run(arn.partition("#")[0]).is_express:
                raise StateMachineTypeNotSupported(NOT_OF_THIS_TYPE)
            execution = self._start(arn, name, input, trace, is_awaited=True)
        self.run_until(lambda: not execution.is_running)
        with self._lock:
            described = execution.describe()
        for field in ("redriveCount", "redriveStatus", "redriveStatusReason"):
            described.pop(field, None)
        included = {"outputDetails": {"included": True}}
        return {**described, **included, "billingDetails": billing(execution)}

    def test_state(self, question: Question, level: str = "INFO") -> dict[str, Any]:
        """Run one state by itself, for at most five minutes; the answer of TestState.

        Raises:
            InvalidDefinition: the state is not well formed.
        """
        with self._lock:
            test = StateTest(question, self._runtime, self.account)
        if not self.run_until(lambda: test.is_done, LONGEST_TEST):
            with self._lock:
                test.cancel()
        return test.outcome.answer(level)

    def stop_execution(
        self, arn: str, error: str | None = None, cause: str | None = None
    ) -> datetime:
        """End an execution; one that has ended stays as it is. When it was stopped.

        Raises:
            ExecutionDoesNotExist: there is no such execution.
        """
        _check_reasons(error, cause)
        with self._lock:
            execution = self._execution(arn)
            if execution.is_running:
                execution.stop(error, cause)
            return datetime.fromtimestamp(execution.stopped or 0.0, UTC)

    def redrive_execution(self, arn: str, client_token: str | None = None) -> datetime:
        """Go on with an execution where it did not succeed; when it was redriven.

        The same client token within 15 minutes redrives it once.

        Raises:
            ExecutionDoesNotExist: there is no such execution.
            ExecutionNotRedrivable: it runs, has succeeded, ended 14 days ago, or is a child.
        """
        with self._lock:
            execution = self._execution(arn)
            earlier = self._redrives.find(arn, client_token, self.clock.time())
            if earlier is not None:
                return earlier
            if execution.map_run_arn is not None:
                raise ExecutionNotRedrivable("Execution is redriven by its Map Run")
            execution.redrive()
            return self._redrives.keep(arn, client_token, self.clock.now())

    def describe_execution(self, arn: str) -> dict[str, Any]:
        """The answer of DescribeExecution.

        Raises:
            ExecutionDoesNotExist: there is no such execution.
        """
        with self._lock:
            return self._execution(arn).describe()

    def describe_state_machine_for_execution(self, arn: str) -> dict[str, Any]:
        """The answer of DescribeStateMachineForExecution.

        Raises:
            ExecutionDoesNotExist: there is no such execution.
        """
        with self._lock:
            execution = self._execution(arn)
        return describe_for_execution(execution.machine, execution.map_run_arn)

    def list_executions(self, arn: str, status: str | None = None) -> list[dict[str, Any]]:
        """The entries of ListExecutions, the newest first.

        Raises:
            StateMachineDoesNotExist: there is no such machine.
        """
        return self.page_executions(arn, status, most=sys.maxsize)[0]

    def page_executions(
        self, arn: str, status: str | None, most: int, before: int | None = None
    ) -> tuple[list[dict[str, Any]], int | None]:
        """At most that many entries of ListExecutions, and where the next page starts.

        Raises:
            StateMachineDoesNotExist: there is no such machine.
        """
        with self._lock:
            machine = self._machines.find_to_run(arn)
            if machine.is_express:
                raise StateMachineTypeNotSupported(NOT_OF_THIS_TYPE)
            wanted = (
                execution
                for execution in self._executions.newest_first(machine.arn, before)
                if status in (None, execution.status) and execution.is_of(arn)
            )
            page = list(islice(wanted, most))
            following = page[-1].number if next(wanted, None) is not None else None
            return [execution.summary() for execution in page], following

    def describe_map_run(self, arn: str) -> dict[str, Any]:
        """The answer of DescribeMapRun.

        Raises:
            ResourceNotFound: there is no such Map Run.
        """
        with self._lock:
            return self._map_run(arn).describe()

    def list_map_runs(self, execution_arn: str) -> list[dict[str, Any]]:
        """The entries of ListMapRuns, the newest first.

        Raises:
            ExecutionDoesNotExist: there is no such execution.
        """
        with self._lock:
            self._execution(execution_arn)
            return [run.summary() for run in self._map_runs.of_execution(execution_arn)]

    def list_children(
        self, map_run_arn: str, status: str | None = None, redriven: str | None = None
    ) -> list[dict[str, Any]]:
        """The entries of ListExecutions for the STANDARD children of a Map Run, newest first.

        Redriven is REDRIVEN or NOT_REDRIVEN where only those are wanted.

        Raises:
            ResourceNotFound: there is no such Map Run.
        """
        with self._lock:
            children = [child.summary() for child in self._map_run(map_run_arn).children.values()]
        return [
            child
            for child in reversed(children)
            if status in (None, child["status"])
            and redriven in (None, "REDRIVEN" if child["redriveCount"] else "NOT_REDRIVEN")
        ]

    def update_map_run(
        self,
        arn: str,
        most_at_once: int | None = None,
        tolerated_count: int | None = None,
        tolerated_percentage: float | None = None,
    ) -> None:
        """Change the limits of a Map Run on its way; None leaves one as it is.

        Raises:
            ResourceNotFound: there is no such Map Run.
            ValidationException: the Map Run has ended.
        """
        with self._lock:
            self._map_run(arn).update(most_at_once, tolerated_count, tolerated_percentage)

    def history(self, arn: str) -> list[dict[str, Any]]:
        """The events of GetExecutionHistory, the oldest first.

        Raises:
            ExecutionDoesNotExist: there is no such execution.
        """
        with self._lock:
            events = self._execution(arn).history.events()
        return [event.as_aws_shows_it() for event in events]

    def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
        """Give a machine or an activity tags; those of the same keys are replaced.

        Raises:
            ResourceNotFound: there is no such machine or activity.
            TooManyTags: it would have more than 50.
        """
        with self._lock:
            self._tags.add(arn, tags)

    def untag_resource(self, arn: str, keys: list[str]) -> None:
        """Take tags away.

        Raises:
            ResourceNotFound: there is no such machine or activity.
        """
        with self._lock:
            self._tags.remove(arn, keys)

    def list_tags(self, arn: str) -> dict[str, str]:
        """The tags of a machine or an activity.

        Raises:
            ResourceNotFound: there is no such machine or activity.
        """
        with self._lock:
            return self._tags.of(arn)

    def advance(self, seconds: float) -> None:
        """Let virtual time pass, timer by timer, and run what is due.

        Raises:
            ValidationException: the clock is the real one, or the time would run backwards.
        """
        if not isinstance(self.clock, VirtualClock) or seconds < 0:
            raise ValidationException("only a virtual clock can be advanced, and only forward")
        self.scheduler.advance(self.clock, seconds)

    def create_activity(
        self,
        name: str,
        tags: dict[str, str] | None = None,
        encryption: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Create an activity, unless it exists; its ARN and when it was created.

        Raises:
            InvalidName: the name is not one.
            ActivityAlreadyExists: the name is taken by one with another encryption.
            TooManyTags: there are more than 50.
        """
        names.check_name(name)
        arn = names.activity_arn(self.region, self.account, name)
        with self._lock:
            activity = self._runtime.activities.create(arn, self.clock.time(), encryption)
            self._tags.add(arn, tags or {})
            return activity.summary()

    def describe_activity(self, arn: str) -> dict[str, Any]:
        """The answer of DescribeActivity.

        Raises:
            ActivityDoesNotExist: there is no such activity.
        """
        names.check_activity_arn(arn)
        with self._lock:
            return self._runtime.activities.find(arn).describe()

    def list_activities(self) -> list[dict[str, Any]]:
        """The entries of ListActivities, by name."""
        with self._lock:
            return [activity.summary() for activity in self._runtime.activities.all()]

    def delete_activity(self, arn: str) -> None:
        """Forget an activity, if it exists."""
        names.check_activity_arn(arn)
        with self._lock:
            self._runtime.activities.delete(arn)
            self._save()

    def get_activity_task(
        self, arn: str, worker: str | None = None, seconds: float = 0.0
    ) -> dict[str, str]:
        """A task for a worker, its token and its input; empty if none comes within real seconds.

        Raises:
            ActivityDoesNotExist: there is no such activity.
        """
        names.check_activity_arn(arn)
        with self._lock:
            attempt = self._runtime.activities.take(arn, seconds)
            return {} if attempt is None else attempt.take(worker)

    def send_task_success(self, token: str, output: str) -> None:
        """End the task that waits with the token; its output is a JSON text.

        Raises:
            InvalidOutput: the output is no JSON.
            InvalidToken: the text is no token.
            TaskDoesNotExist: it was never handed out here.
            TaskTimedOut: its task is over.
            ValidationException: the output is too large.
        """
        try:
            document = Document.parse(output)
        except ValueError as error:
            raise InvalidOutput(str(error)) from None
        _check_size(output, "output")
        with self._lock:
            self._runtime.tokens.find(token).report(document)

    def send_task_failure(
        self, token: str, error: str | None = None, cause: str | None = None
    ) -> None:
        """Fail the task that waits with the token.

        Raises:
            InvalidToken: the text is no token.
            TaskDoesNotExist: it was never handed out here.
            TaskTimedOut: its task is over.
            ValidationException: the error or the cause is too long.
        """
        _check_reasons(error, cause)
        with self._lock:
            self._runtime.tokens.find(token).report(StateFailure(error, cause))

    def send_task_heartbeat(self, token: str) -> None:
        """Show that the task that waits with the token is alive.

        Raises:
            InvalidToken: the text is no token.
            TaskDoesNotExist: it was never handed out here.
            TaskTimedOut: its task is over.
        """
        with self._lock:
            self._runtime.tokens.find(token).beat()

    def run_until_idle(self) -> None:
        """Run all that can run now, without moving the clock; needs a ManualScheduler."""
        self._manual().run_until_idle()

    def run_until_waiting(self) -> None:
        """Run until all that is left waits for somebody outside; needs a ManualScheduler.

        Wait states and the pauses before retries pass; the time limits of tasks that wait for
        a token or a function do not.
        """
        self._manual().run_until_waiting()

    def run_until(self, goal: str | Callable[[], bool], limit: float | None = None) -> bool:
        """Run until an execution has ended, or a predicate holds; whether it came to that.

        With a ManualScheduler the virtual clock moves to the next timer whenever nothing else
        can run, and at most limit seconds in all. With a ThreadScheduler this only waits, at
        most limit real seconds.
        """
        reached = partial(self._has_ended, goal) if isinstance(goal, str) else goal
        return self.scheduler.run_until(reached, limit)

    def run_for(self, seconds: float) -> None:
        """Let that much virtual time pass, running whatever is due; needs a ManualScheduler."""
        self._manual().run_until(lambda: False, seconds)

    def close(self) -> None:
        """Run nothing more; with a data_dir, another engine may go on."""
        self.scheduler.close()
        with self._lock:
            if self._persistence is not None:
                self._persistence.close()
                self._persistence = None

    def _restore(self, persistence: Persistence) -> None:
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
            for machine, given in persistence.restore_express():
                document = Document.parse(given["input"])
                case = given["mocks"]
                mocks = None if case is None else self._mock_case(machine.name, case)
                self._start_express(machine, given["name"], document, mocks, given["trace"])
            self._save()

    def _save(self) -> None:
        """Keep what was done to machines and what belongs to them."""
        if self._persistence is not None:
            self._persistence.save_resources(self._machines, self._tags)

    def _manual(self) -> ManualScheduler:
        if not isinstance(self.scheduler, ManualScheduler):
            raise TypeError("this engine runs by itself; pass scheduler=ManualScheduler()")
        return self.scheduler

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
    ) -> Execution:
        """Start an execution that nobody can describe or list; its history may go to a file.

        One that is awaited is not run again after a restart: its caller knows that it failed.
        """
        arn = names.express_arn(machine.arn, name, self._runtime.new_uuid())
        log = self._express_log
        execution = Execution(
            arn,
            name,
            machine,
            document,
            self._runtime,
            _ignore,
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

    def _repeat(self, execution: Execution) -> None:
        """Run an EXPRESS execution a second time, by chance."""
        with self._lock:
            if self._runtime.random() < self._express_repeats:
                machine, document = execution.machine, execution.input
                self._start_express(machine, execution.name, document, execution.mocks)

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
        names.check_execution_arn(arn)
        execution = self._executions.find(arn) or self._map_runs.child(arn)
        if execution is None:
            raise ExecutionDoesNotExist(arn)
        return execution

    def _map_run(self, arn: str) -> MapRun:
        names.check_map_run_arn(arn)
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

    def _has_ended(self, arn: str) -> bool:
        with self._lock:
            return arn in self._executions.forgotten or not self._execution(arn).is_running

    def _status_changed(self, execution: Execution) -> None:
        if execution.map_run_arn is None:
            self._executions.status_changed(execution)
        description = execution.describe() if self.on_status_change else {}
        self.scheduler.add(partial(self._tell, description))

    def _tell(self, description: dict[str, Any]) -> None:
        for listener in self.on_status_change if description else ():
            try:
                listener(description)
            except Exception:
                logger.exception("a listener failed at %s", description["executionArn"])


def _parse_input(text: str) -> Document:
    _check_size(text, "input")
    try:
        return Document.parse(text)
    except ValueError as error:
        raise InvalidExecutionInput(str(error)) from None


def _check_size(text: str, what: str) -> None:
    if byte_size(text) > QUOTAS.payload_bytes:
        raise ValidationException(f"{what} may have at most {QUOTAS.payload_bytes} bytes")


def _check_reasons(error: str | None, cause: str | None) -> None:
    if error is not None and len(error) > LONGEST_ERROR:
        raise ValidationException(f"error may have at most {LONGEST_ERROR} characters")
    if cause is not None and len(cause) > QUOTAS.cause_characters:
        raise ValidationException(f"cause may have at most {QUOTAS.cause_characters} characters")


def _ignore(_: Execution) -> None:
    """Nobody is told of the status of EXPRESS executions."""
