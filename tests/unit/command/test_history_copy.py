import pytest
from functions.command.history_copy.app import lambda_handler

from sfn_cqrs_tools.testing.builders import NRT, a_command


@pytest.fixture
def run(sample):
    """Let version 2 keep the row as it is."""
    return lambda: lambda_handler(sample("command/history_copy"), None)


def kept(world):
    return world.history.page(NRT, 20, None).items


def test_the_row_is_kept_as_it_was_before_this_version(chain_of, run):
    world = chain_of("APPLIED", "OPEN")

    assert run() == {"result": "copied"}

    assert kept(world) == [a_command(version=1).as_row()]


def test_an_item_that_is_new_has_nothing_to_keep(chain_of, run):
    world = chain_of("SKIPPED", "OPEN")

    assert run() == {"result": "nothing"}

    assert kept(world) == []


@pytest.mark.parametrize("version", [2, 3])
def test_a_row_that_this_version_has_reached_already_is_not_kept(version, chain_of, run):
    world = chain_of("APPLIED", "OPEN")
    world.seed_rows(a_command(version=version))

    assert run() == {"result": "nothing"}

    assert kept(world) == []


def test_the_status_says_which_state_has_begun(chain_of, run):
    world = chain_of("APPLIED", "OPEN")

    run()

    assert world.processes.find(NRT, 2).status == "history_copy:STARTED"
