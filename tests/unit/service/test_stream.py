import pytest
from botocore.exceptions import ClientError

from sfn_cqrs.domain.errors import TransientError
from sfn_cqrs.service.stream import PATIENCE, stream_of

THROTTLED = ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem")
DENIED = ClientError({"Error": {"Code": "AccessDeniedException"}}, "PutItem")


@pytest.fixture
def event(world):
    """Return a maker of an event of three records that were written so long ago."""

    def make(seconds):
        written = world.clock().timestamp() - seconds
        return {"Records": [a_record(number, written) for number in (1, 2, 3)]}

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


def a_consumer(errors):
    """A consumer to whom the records by these numbers do what is given, and its handled ones."""
    handled = []

    @stream_of("number", lambda image: image["number"])
    def consume(number, outbox):
        if number in errors:
            raise errors[number]
        handled.append(number)
        outbox.notices.append({"action": "told", "number": number})

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


def test_what_is_no_such_item_goes_to_the_dead_letters_at_once(event, world):
    consume, handled = a_consumer({})
    records = event(0)
    del records["Records"][0]["dynamodb"]["NewImage"]["number"]

    assert consume(records, None) == {"batchItemFailures": []}

    assert [reason for _, reason in world.dead_letters.letters] == ["no number: KeyError: 'number'"]
    assert handled == [2, 3]


def test_a_record_that_does_not_say_when_it_was_written_counts_as_new(event):
    consume, _ = a_consumer({1: DENIED})
    records = event(0)
    for record in records["Records"]:
        del record["dynamodb"]["ApproximateCreationDateTime"]

    assert consume(records, None) == {"batchItemFailures": [{"itemIdentifier": "100"}]}


@pytest.mark.parametrize("age", [0, PATIENCE.total_seconds() * 100])
def test_a_topic_that_is_busy_lets_the_batch_come_again(event, world, monkeypatch, age):
    consume, _ = a_consumer({})
    monkeypatch.setattr(world.events, "publish", raising(THROTTLED))

    with pytest.raises(TransientError, match="ThrottlingException"):
        consume(event(age), None)


def test_notices_that_no_topic_takes_are_given_up_after_ten_minutes(event, world, monkeypatch):
    consume, _ = a_consumer({})
    monkeypatch.setattr(world.events, "publish", raising(DENIED))

    with pytest.raises(ClientError, match="AccessDenied"):
        consume(event(0), None)
    assert consume(event(PATIENCE.total_seconds()), None) == {"batchItemFailures": []}

    letters = [keys["pk"]["S"] for keys, _ in world.dead_letters.letters]
    assert letters == ["item1", "item2", "item3"]


def raising(error):
    def publish(_messages):
        raise error

    return publish
