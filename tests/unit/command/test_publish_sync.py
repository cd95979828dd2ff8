import pytest

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.clock import Retention
from sfn_cqrs.kernel.errors import ChainBusyError, TransientError
from sfn_cqrs.kernel.keys import CommandRef
from sfn_cqrs.machines.command import change as commands
from sfn_cqrs.machines.command.chain import Park, Restart
from sfn_cqrs.machines.command.change import TRIES
from sfn_cqrs.machines.command.process import Mode, Outcome
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs_tools.testing.builders import NRT, a_command, a_process

NOON = "2026-11-25T12:00:00.000Z"
JP = {"country": "JP"}


def publish(service, name="Narita", attributes=None, **more):
    return service.publish_sync("AIRPORT", "NRT", name=name, attributes=attributes or JP, **more)


def stored(world):
    """Where every version stands."""
    processes = world.stored_processes()
    return {each.version: (each.outcome.value, each.attempt) for each in processes}


def test_a_version_is_applied_before_the_answer(service, world):
    published = publish(service)

    assert (published.version, published.is_applied) == (1, True)
    assert world.data.find(NRT) == world.commands.find(NRT, 1).as_row()
    assert world.read_model("airports_by_icao").get("tenant1", "airports", "NRT")["version"] == 1
    assert world.processes.find(NRT, 1) == a_process(
        mode=Mode.SYNC,
        outcome=Outcome.APPLIED,
        status="publish_sync:FINISHED",
        command_id=published.command_id,
        source="",
        opened_at=NOON,
        updated_at=NOON,
    )
    assert world.executions.started == []


def test_the_state_before_is_kept_in_the_history(service, world):
    publish(service, name="first")
    publish(service, name="second", version=1)

    history = world.history.page(NRT, 20, None).items
    assert [(row.version, row.name) for row in history] == [(1, "first")]
    assert world.data.find(NRT).name == "second"


@pytest.mark.parametrize("outcome", ["OPEN", "WAITING", "FAILED", "BLOCKED"])
def test_a_chain_with_an_earlier_version_that_is_not_applied_is_busy(outcome, service, world):
    world.seed_commands(a_command())
    world.seed(a_process(outcome=Outcome(outcome)))

    with pytest.raises(ChainBusyError, match=f"version 1 is {outcome}; wait for it") as busy:
        publish(service, version=1)

    assert (busy.value.version, busy.value.outcome) == (1, outcome)
    assert world.commands.latest(NRT).version == 1
    assert world.data.find(NRT) is None


def test_a_predecessor_that_has_no_process_and_no_data_is_not_built_on(service, world):
    world.seed_commands(a_command())

    with pytest.raises(ChainBusyError, match="version 1 is not applied"):
        publish(service, version=1)


def test_handlers_are_given_large_attributes_and_the_row_points_to_them(
    service, world, handlers_of_airport
):
    given = []
    handlers_of_airport(target=given.append)
    large = {**JP, "text": "x" * 150_000}

    published = publish(service, attributes=large)

    assert given[0].attributes == large
    assert world.data.find(NRT).attributes == large
    assert world.data.find(NRT).attributes_s3 == f"attributes/tenant1/{published.command_id}.json"
    assert len(world.objects.bodies) == 1


def test_the_version_before_expires_where_its_type_has_a_retention(make_world):
    world = make_world(command_ttl=Retention(None, {"AIRPORT": 30}))
    service = CommandService("tenant1")

    publish(service, name="first")
    publish(service, name="second", version=1)

    assert world.command_ttl(NRT, 1) is not None
    assert world.command_ttl(NRT, 2) is None


class TestHandOver:
    def test_a_hand_over_that_fails_is_the_sweeps(
        self, service, world, handlers_of_airport, log, monkeypatch
    ):
        def fails(_key, _write):
            raise ConnectionError("DynamoDB is away")

        handlers_of_airport(target=_broken)
        monkeypatch.setattr(world.processes, "write", fails)

        published = publish(service)

        assert (published.version, published.is_applied) == (1, False)
        assert world.processes.find(NRT, 1).is_with_its_publisher
        assert "the sweep will hand it over" in log.getvalue()

    def test_a_handler_that_fails_hands_the_version_over_to_the_machine(
        self, service, world, handlers_of_airport, log
    ):
        handlers_of_airport(target=_broken)

        published = publish(service)

        process = world.processes.find(NRT, 1)
        assert (published.version, published.is_applied) == (1, False)
        assert (process.mode, process.status) == (Mode.SYNC, "start")
        assert process.ref == CommandRef(NRT, 1, 2)
        assert world.data.find(NRT).version == 1
        assert "a synchronous publish is handed over" in log.getvalue()

    def test_the_next_synchronous_publish_waits_until_it_is_repaired(
        self, service, handlers_of_airport
    ):
        handlers_of_airport(target=_broken)
        publish(service)

        with pytest.raises(ChainBusyError, match="version 1 is OPEN"):
            publish(service, name="second", version=1)

    def test_what_may_pass_is_tried_again_first(self, service, handlers_of_airport, slept):
        errors = [TransientError("busy")] * (TRIES - 1)
        given = []

        def target(command):
            if errors:
                raise errors.pop()
            given.append(command.version)

        handlers_of_airport(target=target)

        assert publish(service).is_applied
        assert given == [1]
        assert len(slept) == TRIES - 1

    def test_what_never_passes_is_handed_over(self, service, world, handlers_of_airport, slept):
        handlers_of_airport(target=_busy)

        assert not publish(service).is_applied

        assert world.processes.find(NRT, 1).attempt == 2
        assert len(slept) == TRIES - 1

    def test_a_sweep_that_came_first_owns_the_version(
        self, service, world, handlers_of_airport, log
    ):
        def slow(command):
            world.processes.write(NRT, Restart(command.version, 1))

        handlers_of_airport(target=slow)

        assert not publish(service).is_applied

        assert world.processes.find(NRT, 1).ref == CommandRef(NRT, 1, 2)
        assert log.getvalue() == ""

    def test_a_handler_that_fails_after_a_sweep_came_does_not_restart_it_again(
        self, service, world, handlers_of_airport
    ):
        def slow_and_broken(command):
            world.processes.write(NRT, Restart(command.version, 1))
            _broken(command)

        handlers_of_airport(target=slow_and_broken)
        publish(service)

        assert world.processes.find(NRT, 1).ref == CommandRef(NRT, 1, 2)


class TestRace:
    def test_a_version_that_came_meanwhile_and_waits_goes_on(
        self, service, world, handlers_of_airport
    ):
        def another_one_comes(command):
            if command.version == 1:
                service.publish("AIRPORT", "NRT", name="second", attributes=JP, version=1)
                world.processes.write(NRT, Park(2, 1, "token-2", 0))

        handlers_of_airport(target=another_one_comes)

        assert publish(service).is_applied

        output = {"Payload": {"result": "resumed_by_prev_version", "prevVersion": 1}}
        assert world.executions.succeeded == [("token-2", output)]

    def test_whoever_builds_on_the_latest_finds_the_chain_busy_then(
        self, service, world, meanwhile
    ):
        publish(service)
        meanwhile(
            lambda: service.publish("AIRPORT", "NRT", name="winner", attributes=JP, version=1)
        )

        with pytest.raises(ChainBusyError, match="version 2 is OPEN"):
            publish(service, name="loser", version=-1)

        assert stored(world) == {1: ("APPLIED", 1), 2: ("OPEN", 1)}

    def test_data_that_moved_between_the_reads_and_the_write_are_read_again(
        self, service, world, meanwhile
    ):
        world.seed_commands(a_command())
        world.seed(a_process(outcome=Outcome.SKIPPED))
        meanwhile(lambda: world.seed_rows(a_command()))

        assert publish(service, name="second", version=1).is_applied

        history = world.history.page(NRT, 20, None).items
        assert (world.data.find(NRT).version, [row.version for row in history]) == (2, [1])

    def test_the_row_and_the_version_are_written_together_or_not_at_all(
        self, service, world, monkeypatch
    ):
        monkeypatch.setattr(world.commands, "publish", _unreachable)

        with pytest.raises(ConnectionError):
            publish(service)

        assert (len(world.stored_commands()), len(world.stored_rows())) == (0, 0)


class TestIdempotency:
    KEYED = Caller("taro", idempotency_key="key-1")

    def test_the_same_request_gets_the_first_answer_and_runs_no_handler_again(
        self, service, handlers_of_airport
    ):
        given = []
        handlers_of_airport(target=given.append)
        first = publish(service, caller=self.KEYED)

        again = publish(service, caller=self.KEYED)

        assert again == first
        assert len(given) == 1

    def test_a_publisher_that_died_after_its_write_does_not_write_again(
        self, service, world, monkeypatch
    ):
        with monkeypatch.context() as dying:
            dying.setattr(commands, "_finish", _unreachable)
            with pytest.raises(ConnectionError):
                publish(service, caller=self.KEYED)

        again = publish(service, caller=self.KEYED)

        assert (again.version, again.is_applied) == (1, False)
        assert stored(world) == {1: ("OPEN", 1)}

    def test_a_version_that_was_handed_over_is_not_said_to_be_applied(
        self, service, handlers_of_airport
    ):
        handlers_of_airport(target=_broken)
        first = publish(service, caller=self.KEYED)

        assert not first.is_applied
        assert publish(service, caller=self.KEYED) == first


def _broken(_command):
    raise KeyError("country")


def _busy(_command):
    raise TransientError("busy")


def _unreachable(*_):
    raise ConnectionError("unreachable")
