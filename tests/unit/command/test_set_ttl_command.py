import pytest
from functions.command.set_ttl_command.app import lambda_handler

from sfn_cqrs.kernel.clock import Retention
from sfn_cqrs_tools.testing.builders import NRT, a_command

IN_30_DAYS = 1798200000  # 2026-12-25T12:00:00Z


@pytest.fixture
def world(make_world):
    return make_world(command_ttl=Retention(None, {"AIRPORT": 30}))


@pytest.fixture
def run(sample):
    """Let version 2 set the ttl of version 1."""
    return lambda: lambda_handler(sample("command/set_ttl_command"), None)


@pytest.mark.parametrize("outcome", ["APPLIED", "SKIPPED"])
def test_the_command_before_expires_once_it_is_settled(outcome, chain_of, run):
    world = chain_of(outcome, "OPEN")

    assert run() == {"result": "expires"}

    assert world.command_ttl(NRT, 1) == IN_30_DAYS
    assert world.command_ttl(NRT, 2) is None


@pytest.mark.parametrize("outcome", ["OPEN", "WAITING", "FAILED", "BLOCKED"])
def test_a_command_that_is_not_settled_never_expires(outcome, chain_of, run):
    world = chain_of(outcome, "OPEN")

    assert run() == {"result": "kept"}

    assert world.command_ttl(NRT, 1) is None


def test_a_command_whose_process_has_gone_expires_too(chain_of, run):
    world = chain_of(None, "OPEN")
    world.seed_commands(a_command())

    assert run() == {"result": "expires"}


def test_a_command_that_has_gone_is_not_made_again(chain_of, run):
    world = chain_of("APPLIED", "OPEN")
    world.delete_command(NRT, 1)

    assert run() == {"result": "kept"}

    assert world.commands.find(NRT, 1) is None


def test_the_first_version_has_none_before_it(chain_of, sample):
    chain_of("OPEN")
    event = sample("command/set_ttl_command")
    event["context"]["Execution"]["Input"]["version"] = 1

    assert lambda_handler(event, None) == {"result": "kept"}


def test_the_status_says_which_state_has_begun(chain_of, run):
    world = chain_of("APPLIED", "OPEN")

    run()

    assert world.processes.find(NRT, 2).status == "set_ttl_command:STARTED"
