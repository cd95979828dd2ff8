"""A system over the fakes: as fast as it gets, for many versions and many seeds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError
from tests.support.calls import Watched
from tests.support.stream import change
from tests.support.system import System

from sfn_cqrs.adapters.command_items import process_item
from sfn_cqrs.adapters.dynamodb import marshal
from sfn_cqrs.adapters.executions import Executions
from sfn_cqrs.adapters.process_table import open_shard
from sfn_cqrs.domain.process import Process
from sfn_cqrs_tools.testing.fakes import World
from sfn_local import Engine, errors

WATCHED = (
    "commands",
    "data",
    "history",
    "requests",
    "attributes",
    "events",
    "failures",
    "dead_letters",
)


class FakeSystem(System):
    """Tables and topics are the fakes'; Step Functions is the engine; there are commands only."""

    sweeps = ("ScheduleSweepCommandsFunction", "ScheduleSweepBlockedFunction")

    def __init__(
        self,
        seed: int | None = None,
        *,
        disorder: dict[str, Any] | None = None,
        express: float | None = None,
    ) -> None:
        super().__init__(seed, disorder=disorder, express=express)
        self.world = World()
        self._told = 0
        self._written: list[Process] = []

    def parts(self) -> dict[str, Any]:
        self._move_clock()
        watched = {name: Watched(part, self.calls, self._saw) for name, part in self._parts()}
        machines = {"executions": "command", "express_executions": "command-express"}
        executions = {
            name: Watched(executions_of(self, machine, "COMMANDS_TABLE"), self.calls, self._saw)
            for name, machine in machines.items()
        }
        return {
            **watched,
            "generations": self.world.generations,
            "write_budget": self.world.write_budget,
            **executions,
            "read_models": lambda view, **_: Watched(
                self.world.read_model(view), self.calls, self._saw
            ),
        }

    def processes(self) -> list[Process]:
        return self.world.stored_processes()

    def poll(self) -> None:
        written, self._written = self._written, []
        for process in written:
            self._told += 1
            self.stream.offer(self._record(process))

    def _parts(self) -> list[tuple[str, Any]]:
        parts = self.world.parts()
        return [(name, parts[name]) for name in (*WATCHED, "processes")]

    def _saw(self, method: str, args: tuple[Any, ...], answer: Any) -> None:
        """Note what a call has written, and move the fakes' clock."""
        self._move_clock()
        if method in ("begin", "park", "close", "restart", "leave", "renew", "skip"):
            process = answer if method == "begin" else answer.process
            if process is not None and (method == "begin" or answer.done):
                self._written.append(process)
        elif method == "hand_over" and answer:
            self._written.append(args[0])
        elif method in ("publish", "publish_many"):
            is_one = method == "publish"
            publications, refusals = ([args[0]], [answer]) if is_one else (args[0], answer)
            self._written += [
                publication.process
                for publication, refusal in zip(publications, refusals, strict=True)
                if refusal is None and hasattr(publication, "process")
            ]

    def _move_clock(self) -> None:
        late = (self.clock.now() - self.world.clock()).total_seconds()
        self.world.clock.advance(seconds=late)

    def _record(self, process: Process) -> dict[str, Any]:
        item = process_item(process, open_shard(process)) | {
            "task_token": process.token,
            "token_seq": process.token_seq,
            "error": process.error,
            "cause": process.cause,
        }
        return change(self._told, self.clock.time(), marshal(item))


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
