import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.typed import package_of

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.policy import CODE, Access
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs_tools.testing.fakes import World

APPROVAL_MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:sfn-cqrs-approval"
ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"


@pytest.fixture(autouse=True)
def _environment(monkeypatch, request):
    monkeypatch.setenv("STAGE", "dev")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "sfn-cqrs")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "sfn-cqrs")
    monkeypatch.setenv("APP_PACKAGE", package_of(request.path))
    monkeypatch.setenv("MAX_UPLOAD_BYTES", str(1024**3))
    monkeypatch.setenv("COMMANDS_TABLE", "sfn-cqrs-CommandsTable")
    monkeypatch.setenv("TASKS_TABLE", "sfn-cqrs-TasksTable")
    monkeypatch.setenv("SAGAS_TABLE", "sfn-cqrs-SagasTable")
    monkeypatch.setenv("APPROVALS_TABLE", "sfn-cqrs-ApprovalsTable")
    monkeypatch.setenv("OPERATOR_ROLE", "stack-operators")
    monkeypatch.setenv("MACHINES", APPROVAL_MACHINE.removesuffix("approval"))
    monkeypatch.setenv("IMPORT_TMP_TABLE", "sfn-cqrs-ImportTmpTable")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def slept(monkeypatch):
    """The seconds that somebody would have slept."""
    seconds = []
    monkeypatch.setattr("time.sleep", seconds.append)
    return seconds


@pytest.fixture
def make_world():
    """Return a maker of a world of fakes that stands in the adapters' place."""
    with ExitStack() as stack:

        def make(**retentions):
            world = World(**retentions)
            stack.enter_context(bootstrap.override(**world.parts()))
            return world

        yield make


@pytest.fixture
def world(make_world):
    """The fakes, in the adapters' place; nothing expires."""
    return make_world()


@pytest.fixture
def meanwhile(world, monkeypatch):
    """Return a way to let something happen once, between a publish's reads and its write."""

    def happens(action):
        publish = world.commands.publish
        pending = [action]

        def publish_after_it(publication):
            if pending:
                pending.pop()()
            return publish(publication)

        monkeypatch.setattr(world.commands, "publish", publish_after_it)

    return happens


@pytest.fixture
def handle_items(monkeypatch):
    """Return what makes a function the handler of a type of task, for one test."""
    handlers.load()

    def register(
        handler, type_="OFFER_REMINDER", *, timeout=60, retry=3, fail_fast=False, publish=CODE
    ):
        access = Access(publish)
        known = task_types.TaskType(type_, handler, timeout, retry, fail_fast, access)
        monkeypatch.setitem(task_types._types, type_, known)

    return register


@dataclass
class LambdaContext:
    """A Lambda context with some time left."""

    remaining_ms: int = 300_000

    def get_remaining_time_in_millis(self):
        return self.remaining_ms


@pytest.fixture
def lambda_context():
    """A function that has just been invoked and may run for 300 seconds."""
    return LambdaContext()


@pytest.fixture
def rebuild(world, sample, lambda_context):
    """A read model of the world, and the machine of rebuilds."""
    from tests.support.rebuilding import Rebuild  # noqa: PLC0415 - it imports functions

    return Rebuild(world, sample, lambda_context)


@pytest.fixture
def sample():
    """Return a reader of the sample events, such as `command/finish`."""
    return lambda name: json.loads((EVENTS / f"{name}.json").read_text())


@pytest.fixture
def handlers_of_airport(monkeypatch):
    """Return a way to put handlers in the place of the shop's."""
    handlers.check_type("AIRPORT")

    def register(**functions):
        monkeypatch.setitem(handlers.registry.sync, "AIRPORT", functions)

    return register
