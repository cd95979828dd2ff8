import pytest

from sfn_cqrs.machines.command.process import Lane, Outcome
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs_tools.testing.builders import NRT, a_command, a_process


@pytest.fixture
def in_the_lane(world):
    """Return what moves a sample to a run of the express machine, and version 2 with it."""

    def moved(event, *, run="run-1", retries=0):
        execution = event["context"]["Execution"]
        name = "sfn-cqrs-command-express"
        execution["Id"] = f"arn:aws:states:us-east-1:000000000000:express:{name}:{run}"
        event["context"]["State"]["RetryCount"] = retries
        process = a_process(version=2, lane=Lane.EXPRESS)
        if world.processes.find(NRT, 2) is None:
            world.seed(process)
        return event

    return moved


@pytest.fixture
def chain_of(world):
    """Return a maker of Narita's chain: version 1, 2, … each with an outcome, or gone (None).

    An applied version has written the data row; a waiting one has the token `token-<version>`.
    """

    def make(*outcomes):
        for version, outcome in enumerate(outcomes, start=1):
            if outcome is None:
                continue
            command = a_command(version=version)
            world.seed_commands(command)
            is_waiting = outcome == "WAITING"
            process = a_process(
                version=version,
                outcome=Outcome(outcome),
                token=f"token-{version}" if is_waiting else None,
                token_seq=0 if is_waiting else None,
            )
            world.seed(process)
            if outcome == "APPLIED":
                world.seed_rows(command)
        return world

    return make


@pytest.fixture
def service(world):  # noqa: ARG001 - whoever publishes needs the fakes in place
    """Publishing for tenant1 into the world of fakes."""
    return CommandService("tenant1")
