import pytest
from tests.support.stubs import a_client, stub_of

from sfn_cqrs.machines.command.service import CommandService


@pytest.fixture
def service(world):  # noqa: ARG001 - whoever publishes needs the fakes in place
    """Publishing for tenant1 into the world of fakes."""
    return CommandService("tenant1")


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
def step_functions(monkeypatch):
    """The stub of Step Functions' client."""
    client = a_client("stepfunctions")
    monkeypatch.setattr("boto3.client", lambda _service: client)
    with stub_of(client) as stub:
        yield stub
