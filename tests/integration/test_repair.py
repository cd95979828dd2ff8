"""What fails is told of, blocks what follows, and heals."""

import json
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError
from tests.simulation.crashes import failing
from tests.support.airports import Airport
from tests.support.calls import AwsCall
from tests.support.moto_system import MotoSystem
from tests.support.system import API, killing

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.process import Mode

DAY = 24 * 3600
START = "start"


@pytest.fixture
def failed(system, airport):
    """Three versions, of which the first has failed in a handler and blocks the others."""
    for name in ("one", "two", "three"):
        airport.publish(name)
    with failing(system):
        system.run()
    return airport


@contextmanager
def busy(system, operation, code, status, *, times):
    """The next calls are refused after all tries of botocore: fewer than Retry allows."""
    refused = []

    def refuse(call, moment):
        if (call.operation, moment) == (operation, "before") and len(refused) < times:
            refused.append(code)
            answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(answer, operation)

    with system.calls.observed_by(refuse):
        yield refused


@pytest.fixture
def expiring(log):  # noqa: ARG001 - what is logged stays out of the test's output
    """A system that keeps closed versions for 30 days."""
    with MotoSystem(variables={"COMMAND_TTL_DAYS": "30"}) as system:
        yield system


def loses_starts(system):
    system.stream.dropped = lambda record: record["dynamodb"]["NewImage"]["status"]["S"] == START


def hold_the_first(system, airport, names=("one", "two")):
    """Publish versions, of which the first is not started; answers the record of its start."""
    for name in names:
        airport.publish(name)
    system.poll()
    held = system.stream.pending.pop(0)
    system.run()
    return held


def heal(system, airport, held):
    """Start the first version after all, and retry the second."""
    system.stream.pending.append(held)
    system.run()
    airport.operate(2, "retry")
    system.run()
    airport.assert_complete()


def test_a_handler_that_raises_fails_its_version_and_blocks_the_rest(failed):
    status, chain = failed.system.api("GET", "/commands/AIRPORT/NRT")

    assert status == 200
    assert [(item["version"], item["outcome"]) for item in chain["items"]] == [
        (3, "BLOCKED"),
        (2, "BLOCKED"),
        (1, "FAILED"),
    ]
    assert chain["items"][2]["error"] == "SyncHandlerError"
    cause = chain["items"][2]["cause"]
    assert cause.startswith("airports_by_country: RuntimeError: the read model is out of order")


def test_a_failure_raises_one_alarm_and_is_told_of_with_those_it_blocks(failed):
    alarms, notices = failed.system.failures(), failed.system.notices()

    process = failed.system.process(failed.key, 1)
    assert [(alarm["action"], alarm["id"]) for alarm in alarms] == [
        ("sfn-alarm", process.command_id)
    ]
    message = alarms[0]["content"]["errorMessage"]
    assert message.startswith("SyncHandlerError: airports_by_country: RuntimeError")
    outcomes = {each["content"]["version"]: each["content"]["outcome"] for each in notices}
    assert outcomes == {1: "FAILED", 2: "BLOCKED", 3: "BLOCKED"}


def test_a_retry_heals_the_version_and_all_behind_it(failed):
    status = failed.operate(1, "retry")
    failed.system.run()

    assert status == 202
    failed.assert_complete()
    assert [failed.system.process(failed.key, each).attempt for each in (1, 2, 3)] == [2, 2, 2]


def test_a_second_retry_is_refused(failed):
    assert failed.operate(1, "retry") == 202
    assert failed.system.api("POST", "/commands/AIRPORT/NRT/1/retry")[0] == 409


def test_a_skip_lets_the_rest_go_on_without_it(failed):
    status = failed.operate(1, "skip")
    failed.system.run()

    assert status == 202
    assert failed.outcomes() == ["SKIPPED", "APPLIED", "APPLIED"]
    failed.assert_shows_the_last()


def test_a_blocked_version_that_is_skipped_is_looked_through(failed):
    failed.operate(2, "skip")
    failed.system.run()
    failed.operate(1, "retry")
    failed.system.run()

    assert failed.outcomes() == ["APPLIED", "SKIPPED", "APPLIED"]
    failed.assert_shows_the_last()
    assert [version for version, _ in failed.history()] == [1]


def test_the_next_version_after_a_skipped_one_is_applied_however_late(expiring):
    airport = Airport(expiring)
    airport.publish("one")
    with failing(expiring):
        expiring.run()
    airport.operate(1, "skip")
    expiring.run()
    expiring.pass_time(400 * DAY)

    airport.publish("two")
    expiring.run()

    assert airport.outcomes() == ["SKIPPED", "APPLIED"]


def test_the_next_version_after_an_expired_one_is_applied(expiring):
    airport = Airport(expiring)
    airport.publish("one")
    expiring.run()
    expiring.pass_time(400 * DAY)
    assert bootstrap.processes().find(airport.key, 1) is None

    airport.publish("two")
    expiring.run()

    assert expiring.process(airport.key, 2).outcome == "APPLIED"
    airport.assert_shows_the_last()


def test_a_wait_of_24_hours_fails_and_its_retry_goes_on(system, airport):
    held = hold_the_first(system, airport)
    assert airport.outcomes() == ["OPEN", "WAITING"]

    system.pass_time(DAY + 60)

    assert airport.outcomes() == ["OPEN", "FAILED"]
    assert system.process(airport.key, 2).error == "States.Timeout"
    heal(system, airport, held)


def test_what_only_queues_is_left_alone_by_the_sweep_and_never_failed(system, airport):
    hold_the_first(system, airport, names=("one", "two", "three"))
    assert airport.outcomes() == ["OPEN", "WAITING", "WAITING"]

    done = system.sweep()

    assert done == {"command_started": 1, "command_waiting": 2}
    airport.assert_complete()
    assert [system.process(airport.key, each).attempt for each in (1, 2, 3)] == [1, 1, 1]


def test_an_aborted_execution_is_closed_by_its_event_and_retried(system, airport):
    held = hold_the_first(system, airport)

    system.engine.stop_execution(system.executions()[0]["executionArn"])
    system.run()

    assert airport.outcomes() == ["OPEN", "FAILED"]
    assert system.process(airport.key, 2).error == "ABORTED"
    assert len(system.failures()) == 1
    heal(system, airport, held)


def test_a_lost_start_is_swept(system, airport):
    loses_starts(system)
    airport.publish("one")
    airport.publish("two")
    system.run()
    assert airport.outcomes() == ["OPEN", "OPEN"]

    done = system.sweep()

    assert done == {"command_started": 2}
    airport.assert_complete()


def test_a_publisher_that_died_is_swept_into_the_machine(system, airport):
    transaction = AwsCall(API, 1, 8, "TransactWriteItems")
    with killing(system, transaction, "after") as killed:
        airport.publish("one", mode="sync")
    assert killed == [transaction]
    assert system.process(airport.key, 1).mode is Mode.SYNC
    assert airport.outcomes() == ["OPEN"]

    done = system.sweep()

    assert done == {"command_restarted": 1}
    airport.assert_complete()


def test_a_poison_record_goes_to_the_dead_letters_and_the_others_go_on(system, airport):
    airport.publish("one")
    system.poll()
    poison = json.loads(json.dumps(system.stream.pending[0]))
    del poison["dynamodb"]["NewImage"]["version"]
    poison["dynamodb"]["SequenceNumber"] = "1"
    system.stream.pending.insert(0, poison)

    system.run()

    airport.assert_complete()
    letters = system.letters("StreamDeadLetterQueue")
    assert [letter["reason"] for letter in letters] == ["no process item: KeyError: 'version'"]
    assert letters[0]["keys"] == poison["dynamodb"]["Keys"]


def test_a_record_that_fails_for_ten_minutes_is_given_up_and_swept(system, airport):
    def fail(call, moment):
        if (call.operation, moment) == ("StartExecution", "before"):
            raise RuntimeError("Step Functions is out of order")

    airport.publish("one")
    with system.calls.observed_by(fail):
        system.run()

    (letter,) = system.letters("StreamDeadLetterQueue")
    assert letter["reason"] == "RuntimeError: Step Functions is out of order"
    assert system.stream.given_up == []
    system.sweep()
    airport.assert_complete()


@pytest.mark.parametrize("operation", ["GetItem", "UpdateItem", "PutItem", "TransactWriteItems"])
@pytest.mark.parametrize(
    ("code", "status"),
    [("ProvisionedThroughputExceededException", 400), ("InternalServerError", 500)],
)
def test_a_table_that_is_busy_for_a_while_fails_nothing(system, airport, operation, code, status):
    airport.publish("one")
    airport.publish("two")

    with busy(system, operation, code, status, times=3) as refused:
        system.run()

    assert refused == [code] * 3
    airport.assert_complete()
    assert system.failures() == []


def test_what_fails_to_be_recorded_is_closed_by_the_event_of_its_end(system, airport):
    def fail(call, moment):
        if (call.function, moment) == ("CommandMarkFailedFunction", "before"):
            raise RuntimeError("DynamoDB is out of order")

    airport.publish("one")
    with failing(system), system.calls.observed_by(fail):
        system.run()

    assert airport.outcomes() == ["FAILED"]
    assert system.process(airport.key, 1).error == "NotRecorded"
    airport.operate(1, "retry")
    system.run()
    airport.assert_complete()
