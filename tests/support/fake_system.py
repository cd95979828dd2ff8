"""A system in memory: as fast as it gets, for many versions and many seeds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

from botocore.exceptions import ClientError
from tests.support.calls import Watched
from tests.support.records import writes_named
from tests.support.stream import Stream, record_of
from tests.support.system import System

from sfn_cqrs.kernel.aws.executions import Executions
from sfn_cqrs.machines.command.process import Process
from sfn_cqrs_tools.testing.fakes import World
from sfn_local import Engine, errors

WATCHED = ("attributes", "events", "failures", "dead_letters")


class InMemory(System):
    """Tables are in memory under the real adapters; topics and queues are fakes.

    Whatever a function asks of DynamoDB is a call of its own, before and after which anything may
    happen; and so is what it asks of the parts in `watched`.
    """

    watched: ClassVar[tuple[str, ...]] = WATCHED

    def __init__(
        self,
        seed: int | None = None,
        *,
        disorder: dict[str, Any] | None = None,
        express: float | None = None,
    ) -> None:
        super().__init__(seed, disorder=disorder, express=express)
        self.world = World(clock=self.clock.now)
        self.world.dynamodb.around = self.calls.around
        self.streams: dict[str, Stream] = {}
        self._read = 0

    def __enter__(self) -> Self:
        self._cleanup.enter_context(writes_named(self.calls))
        return super().__enter__()

    def parts(self) -> dict[str, Any]:
        parts = self.world.parts()
        return parts | {name: self.watch(parts[name]) for name in self.watched}

    def processes(self) -> list[Process]:
        return self.world.stored_processes()

    def poll(self) -> None:
        written = self.world.dynamodb.written[self._read :]
        for number, change in enumerate(written, self._read + 1):
            stream = self.streams.get(change.table)
            if stream is not None:
                stream.offer(record_of(change, number, self.clock.time(), stream))
        self._read += len(written)

    def watch(self, part: Any) -> Any:
        """A part whose methods are calls."""
        return Watched(part, self.calls, lambda *_: None)


class FakeSystem(InMemory):
    """Step Functions is the engine; there are commands only."""

    sweeps = ("ScheduleSweepCommandsFunction", "SchedulePublishDueFunction")

    def __init__(self, seed: int | None = None, **more: Any) -> None:
        super().__init__(seed, **more)
        self.streams["CommandsTable"] = self.stream

    def parts(self) -> dict[str, Any]:
        machines = {"executions": "command", "express_executions": "command-express"}
        return super().parts() | {
            name: self.watch(executions_of(self, machine, "COMMANDS_TABLE"))
            for name, machine in machines.items()
        }


@contextmanager
def as_botocore_raises() -> Iterator[None]:
    """Raise an error of the engine as a client of AWS does."""
    try:
        yield
    except errors.ApiError as error:
        said: Any = {"Error": {"Code": error.code, "Message": str(error)}}
        raise ClientError(said, "an operation") from error


class EngineClient:
    """A client of Step Functions that asks the engine without a word on a wire."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @as_botocore_raises()
    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: A002, N803
        self._engine.start_execution(stateMachineArn, name, input)

    @as_botocore_raises()
    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        return self._engine.describe_execution(executionArn)

    @as_botocore_raises()
    def send_task_success(self, *, taskToken: str, output: str) -> None:  # noqa: N803
        self._engine.send_task_success(taskToken, output)

    @as_botocore_raises()
    def send_task_failure(self, *, taskToken: str, error: str, cause: str) -> None:  # noqa: N803
        self._engine.send_task_failure(taskToken, error, cause)


def executions_of(system: System, machine: str, table: str) -> Executions:
    """The executions of a machine in a system's engine; the table by its environment variable."""
    arn, name = system.template.machines[machine].arn, system.template.environment[table]
    return Executions(EngineClient(system.engine), arn, name)  # type: ignore[arg-type]
