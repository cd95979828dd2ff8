import json
import re

import pytest
from functions.command.sync_data.app import lambda_handler

from sfn_cqrs.kernel.errors import SyncHandlerError, TransientError, VersionGapError
from sfn_cqrs.machines.command import handlers
from sfn_cqrs_tools.testing.builders import NRT, a_command, a_process


@pytest.fixture
def run(sample):
    """Bring version 2 to a target."""

    def sync(handler="airports_by_country"):
        event = sample("command/sync_data")
        event["input"] = handler
        return lambda_handler(event, None)

    return sync


@pytest.fixture
def handler(monkeypatch):
    """Return a way to register a handler for the length of a test."""

    def register(function):
        monkeypatch.setitem(handlers.registry.sync["AIRPORT"], function.__name__, function)
        return function.__name__

    handlers.check_type("AIRPORT")
    return register


def test_an_execution_of_the_release_before_still_writes_the_data_row_here(chain_of, run):
    world = chain_of("APPLIED", "OPEN")

    assert run("dynamodb") == {"handler": "dynamodb", "ok": True}

    assert world.data.find(NRT) == a_command(version=2).as_row()


def test_a_handler_is_given_the_command_with_its_attributes(chain_of, run, handler):
    chain_of("APPLIED", "OPEN")
    given = []

    def target(command):
        given.append(command)

    assert run(handler(target)) == {"handler": "target", "ok": True}

    assert given == [a_command(version=2)]


def test_the_users_read_model_is_written(chain_of, run):
    world = chain_of("APPLIED", "OPEN")

    run()

    (part,) = world.read_model("airports_by_country").rows("tenant1", "countries")
    assert (part["sort"].partition("#")[0], part["airports"]) == ("JP", 1)


def test_a_handlers_error_names_the_handler_the_error_and_the_users_line(chain_of, run, handler):
    chain_of("APPLIED", "OPEN")

    def target(command):
        return {}[command.key.code]

    with pytest.raises(SyncHandlerError, match=r"^target: KeyError: 'NRT'\n") as raised:
        run(handler(target))

    _, place, source = str(raised.value).splitlines()
    assert re.fullmatch(r'  File ".*/test_sync_data\.py", line \d+, in target', place)
    assert source == "    return {}[command.key.code]"


def test_an_error_that_may_pass_stays_one(chain_of, run, handler):
    chain_of("APPLIED", "OPEN")

    def target(_command):
        raise TransientError("the database is restarting")

    with pytest.raises(TransientError, match=r"^target: the database is restarting$"):
        run(handler(target))


def test_a_handler_that_is_not_registered_any_more_fails_by_its_name(chain_of, run):
    chain_of("APPLIED", "OPEN")

    with pytest.raises(SyncHandlerError, match=r"^removed_handler: KeyError: 'removed_handler'$"):
        run("removed_handler")


def test_a_handler_that_another_version_of_the_code_has_named_is_tried_again(
    chain_of, run, monkeypatch
):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_VERSION", "7")
    chain_of("APPLIED", "OPEN")

    with pytest.raises(TransientError, match=r"^new_handler: not known to this version"):
        run("new_handler")


def test_a_command_that_is_not_stored_is_a_gap(world, run):
    with pytest.raises(VersionGapError, match="version 2 is not stored"):
        run()

    assert world.read_model("airports_by_country").rows("tenant1", "countries") == []


def test_no_status_is_written_as_many_run_at_once(chain_of, run):
    world = chain_of("APPLIED", "OPEN")

    run()

    assert world.processes.find(NRT, 2) == a_process(version=2)


class TestASlowHandler:
    @pytest.fixture
    def slow(self, world, handler):
        """Return what registers a handler that takes so many seconds, and then perhaps fails."""

        def registered(seconds, error=None):
            def letters(_command):
                world.clock.advance(seconds=seconds)
                if error is not None:
                    raise error

            return handler(letters)

        return registered

    @pytest.mark.parametrize(("seconds", "told"), [(59, []), (60, [60.0])])
    def test_is_told_of_in_the_express_lane(
        self, seconds, told, slow, chain_of, sample, in_the_lane, capsys
    ):
        chain_of("APPLIED", "OPEN")
        event = {**in_the_lane(sample("command/sync_data")), "input": slow(seconds)}

        lambda_handler(event, None)

        metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [metric["SlowHandlerSeconds"][0] for metric in metrics] == told
        assert all((one["type"], one["handler"]) == ("AIRPORT", "letters") for one in metrics)

    def test_is_told_of_though_it_fails(self, slow, chain_of, sample, in_the_lane, capsys):
        chain_of("APPLIED", "OPEN")
        event = {**in_the_lane(sample("command/sync_data")), "input": slow(70, KeyError("no"))}

        with pytest.raises(SyncHandlerError):
            lambda_handler(event, None)

        assert json.loads(capsys.readouterr().out)["SlowHandlerSeconds"] == [70.0]

    def test_may_take_its_time_in_the_standard_machine(self, slow, chain_of, run, capsys):
        chain_of("APPLIED", "OPEN")

        run(slow(100))

        assert "SlowHandlerSeconds" not in capsys.readouterr().out
