import boto3
import pytest
from botocore.stub import Stubber

from sfn_cqrs.service.commands.service import CommandService


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
    client = boto3.client(
        "stepfunctions", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    monkeypatch.setattr("boto3.client", lambda _service: client)
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()
