import json
import random

import pytest

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.functions import queue
from sfn_cqrs.kernel.functions.queue import RECEIVES, consumer_of

ASL_SECONDS = 34 * 60
"""How long machines try, on average."""


def message(number, receives=1, body='{"Message": "{}"}'):
    return {
        "messageId": f"m-{number}",
        "receiptHandle": f"r-{number}",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(receives)},
    }


@pytest.fixture
def refuse(world):  # noqa: ARG001 - the fakes
    """Return a way to deliver messages to a function that refuses some, by their number."""

    def run(*messages, numbers=range(100)):
        seen = iter(message["messageId"] for message in messages)

        @consumer_of(bootstrap.notifications)
        def consume(_delivery):
            if next(seen) in {f"m-{number}" for number in numbers}:
                raise ValueError("not now")

        return consume({"Records": list(messages)}, None)

    return run


def test_what_fails_comes_again_alone_and_soon(refuse, world):
    answer = refuse(message(1), message(2), message(3), numbers=(1, 3))

    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == ["m-1", "m-3"]
    assert world.notifications.postponed.keys() == {"r-1", "r-3"}
    assert set(world.notifications.postponed.values()) <= {1, 2}


def test_where_nothing_fails_nothing_is_asked_of_the_queue(refuse, monkeypatch):
    def unheard():
        raise AssertionError("the queue was asked for")

    monkeypatch.setattr(bootstrap, "notifications", unheard)

    assert refuse(message(1), numbers=()) == {"batchItemFailures": []}


def test_what_nobody_can_read_comes_again_later_too(refuse, world):
    refuse(message(1, receives=5, body="no JSON"))

    assert 16 <= world.notifications.postponed["r-1"] <= 32


@pytest.mark.parametrize(
    ("receives", "longest"), [(1, 2), (2, 4), (4, 16), (8, 256), (9, 300), (RECEIVES, 300)]
)
def test_each_time_takes_twice_as_long_up_to_five_minutes_and_is_never_the_same(receives, longest):
    pauses = {queue.pause(receives) for _ in range(200)}

    assert longest / 2 <= min(pauses) <= max(pauses) <= longest
    assert len(pauses) > 1


def test_a_message_outlives_a_bad_day_that_machines_outlive(monkeypatch):
    monkeypatch.setattr(random, "uniform", lambda low, high: (low + high) / 2)

    lives = sum(queue.pause(receives) for receives in range(1, RECEIVES))

    assert ASL_SECONDS <= lives <= 2 * ASL_SECONDS


@pytest.mark.parametrize("error", [ValueError("no such receipt"), ConnectionError("no SQS")])
def test_a_queue_that_cannot_be_asked_delivers_in_its_own_time(refuse, world, error, log):
    def refused(_seconds):
        raise error

    world.notifications.postpone = refused

    answer = refuse(message(1), message(2), numbers=(2,))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-2"}]}
    told = [json.loads(line)["message"] for line in log.getvalue().splitlines()]
    assert told[-1] == "messages may come again later than they could"


def test_a_queue_that_is_busy_is_asked_again(refuse, world):
    failures, postpone = [ConnectionError("no SQS")] * 2, world.notifications.postpone

    def busy(seconds):
        if failures:
            raise failures.pop()
        postpone(seconds)

    world.notifications.postpone = busy
    refuse(message(1), numbers=(1,))

    assert world.notifications.postponed.keys() == {"r-1"}


@pytest.mark.parametrize(
    ("receives", "left"), [(RECEIVES - 1, 1), (RECEIVES, 0), (RECEIVES + 1, 0)]
)
def test_how_often_a_message_comes_again_is_told(receives, left, world):  # noqa: ARG001 - the fakes
    told = []

    consumer_of(bootstrap.notifications)(lambda each: told.append(each.tries_left))(
        {"Records": [message(1, receives)]}, None
    )

    assert told == [left]
