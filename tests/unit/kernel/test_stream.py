from importlib import import_module

import pytest
from botocore.exceptions import ClientError

from sfn_cqrs.kernel.aws.topics import NotTakenError
from sfn_cqrs.kernel.functions.stream import PATIENCE, stream_of

THROTTLED = ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem")
DENIED = ClientError({"Error": {"Code": "AccessDeniedException"}}, "PutItem")


@pytest.fixture
def event(world):
    """Return a maker of an event of records, three usually, that were written so long ago."""

    def make(seconds, count=3):
        written = world.clock().timestamp() - seconds
        return {"Records": [a_record(number + 1, written) for number in range(count)]}

    return make


def a_record(number, written):
    return {
        "dynamodb": {
            "ApproximateCreationDateTime": written,
            "Keys": {"pk": {"S": f"item{number}"}},
            "NewImage": {"number": {"N": str(number)}},
            "SequenceNumber": f"{number}00",
        }
    }


def a_consumer(errors, tells=1, alarms=()):
    """A consumer to whom the records by these numbers do what is given, and its handled ones."""
    handled = []

    @stream_of("number", lambda image: image["number"])
    def consume(number, outbox):
        if number in errors:
            raise errors[number]
        handled.append(number)
        outbox.notices += [{"action": "told", "number": number}] * tells
        outbox.alarms += [{"action": "failed", "number": number}] * (number in alarms)

    return consume, handled


def test_the_first_record_that_meets_a_busy_aws_comes_again_and_all_behind_it(event, world):
    consume, handled = a_consumer({2: THROTTLED})

    assert consume(event(0), None) == {"batchItemFailures": [{"itemIdentifier": "200"}]}
    assert handled == [1]
    assert [notice["number"] for notice in world.events.messages] == [1]


def test_a_busy_aws_is_waited_for_however_old_the_record_is(event, world):
    consume, handled = a_consumer({2: THROTTLED})

    again = consume(event(PATIENCE.total_seconds() * 100), None)

    assert again == {"batchItemFailures": [{"itemIdentifier": "200"}]}
    assert (handled, world.dead_letters.letters) == ([1], [])


def test_what_fails_for_another_reason_comes_again_for_ten_minutes(event, world):
    consume, handled = a_consumer({2: DENIED})

    again = consume(event(PATIENCE.total_seconds() - 1), None)

    assert again == {"batchItemFailures": [{"itemIdentifier": "200"}]}
    assert (handled, world.dead_letters.letters) == ([1], [])


def test_then_it_goes_to_the_dead_letters_and_does_not_hold_up_those_behind_it(event, world):
    consume, handled = a_consumer({2: DENIED})

    assert consume(event(PATIENCE.total_seconds()), None) == {"batchItemFailures": []}

    ((keys, reason),) = world.dead_letters.letters
    assert keys == {"pk": {"S": "item2"}}
    assert reason.startswith("ClientError: An error occurred (AccessDeniedException)")
    assert handled == [1, 3]


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ({}, "KeyError: 'number'"),
        (None, "KeyError: 'NewImage'"),
        ({"number": {"X": "1"}}, "KeyError: 'X'"),
    ],
)
def test_what_is_no_such_item_goes_to_the_dead_letters_at_once(image, told, event, world):
    consume, handled = a_consumer({})
    records = event(0)
    written = records["Records"][0]["dynamodb"]
    if image is None:
        del written["NewImage"]
    else:
        written["NewImage"] = image

    assert consume(records, None) == {"batchItemFailures": []}

    ((_, reason),) = world.dead_letters.letters
    assert reason.startswith(f"no number: {told}")
    assert handled == [2, 3]


@pytest.mark.parametrize(
    ("kind", "name", "lacks"),
    [
        ("approval", "approval", "attempt"),
        ("import", "import", "tenant"),
        ("process", "process item", "version"),
        ("saga", "saga", "ulid"),
        ("task", "task", "attempt"),
    ],
)
def test_each_consumer_puts_what_is_none_of_its_records_aside(kind, name, lacks, sample, world):
    (record, *_) = sample(f"stream/on_{kind}_changed")["Records"]
    del record["dynamodb"]["NewImage"][lacks]
    consume = import_module(f"functions.stream.on_{kind}_changed.app").lambda_handler

    assert consume({"Records": [record]}, None) == {"batchItemFailures": []}

    letter = (record["dynamodb"]["Keys"], f"no {name}: KeyError: '{lacks}'")
    assert world.dead_letters.letters == [letter]


def test_a_record_that_does_not_say_when_it_was_written_counts_as_new(event):
    consume, _ = a_consumer({1: DENIED})
    records = event(0)
    for record in records["Records"]:
        del record["dynamodb"]["ApproximateCreationDateTime"]

    assert consume(records, None) == {"batchItemFailures": [{"itemIdentifier": "100"}]}


@pytest.mark.parametrize("age", [0, PATIENCE.total_seconds() * 100])
def test_while_a_topic_is_busy_records_are_handled_and_come_again(event, world, monkeypatch, age):
    consume, handled = a_consumer({})
    monkeypatch.setattr(world.events, "publish", raising(THROTTLED))

    assert consume(event(age), None) == {"batchItemFailures": [{"itemIdentifier": "100"}]}

    assert (handled, world.dead_letters.letters) == ([1, 2, 3], [])


@pytest.mark.parametrize(
    ("untaken", "calls", "again"),
    [(0, 1, "100"), (4, 1, "300"), (7, 1, "400"), (10, 2, "600"), (23, 3, "1200"), (24, 3, None)],
)
def test_from_the_first_record_on_whose_notice_was_not_taken_they_come_again(
    event, world, monkeypatch, untaken, calls, again
):
    """Each tells twice, of which ten go in a call."""
    consume, handled = a_consumer({}, tells=2)
    numbers = []

    def publish(messages):
        numbers.append([each["number"] for each in messages])
        if untaken // 10 == len(numbers) - 1 and untaken < 24:
            raise NotTakenError(untaken % 10, "InternalError")

    monkeypatch.setattr(world.events, "publish", publish)

    answer = consume(event(0, count=12), None)

    assert answer == {"batchItemFailures": [{"itemIdentifier": again}] if again else []}
    assert len(numbers) == calls  # what comes again is not sent now
    assert handled == list(range(1, 13))


def test_a_record_whose_alarm_was_not_taken_comes_again(event, world, monkeypatch):
    consume, _ = a_consumer({}, alarms={2})
    monkeypatch.setattr(world.failures, "publish", raising(THROTTLED))

    assert consume(event(0), None) == {"batchItemFailures": [{"itemIdentifier": "200"}]}


def test_an_alarm_of_a_record_that_comes_again_anyway_is_not_sent_now(event, world, monkeypatch):
    consume, _ = a_consumer({}, alarms={1, 3})
    monkeypatch.setattr(world.events, "publish", raising(NotTakenError(1, "InternalError")))

    assert consume(event(0), None) == {"batchItemFailures": [{"itemIdentifier": "200"}]}

    assert [alarm["number"] for alarm in world.failures.messages] == [1]


def test_notices_that_no_topic_takes_are_given_up_after_ten_minutes(event, world, monkeypatch):
    consume, _ = a_consumer({})
    monkeypatch.setattr(world.events, "publish", raising(DENIED))

    assert consume(event(0), None) == {"batchItemFailures": [{"itemIdentifier": "100"}]}
    assert consume(event(PATIENCE.total_seconds()), None) == {"batchItemFailures": []}

    letters = [keys["pk"]["S"] for keys, _ in world.dead_letters.letters]
    assert letters == ["item1", "item2", "item3"]


def test_notices_of_a_batch_are_not_given_up_while_one_of_its_records_is_new(
    event, world, monkeypatch
):
    consume, _ = a_consumer({})
    monkeypatch.setattr(world.events, "publish", raising(DENIED))
    records = event(PATIENCE.total_seconds() * 2)
    records["Records"][2] = a_record(3, world.clock().timestamp())

    assert consume(records, None) == {"batchItemFailures": [{"itemIdentifier": "100"}]}
    assert world.dead_letters.letters == []


def raising(error):
    def publish(messages):
        if messages:
            raise error

    return publish
