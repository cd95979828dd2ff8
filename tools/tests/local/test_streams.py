import json
import queue
import threading
import time

import pytest

from sfn_cqrs_tools.runtime.streams import StreamMapping, StreamSettings
from sfn_local import FunctionError

NOW = time.time()


def record(number: int, item: str = "A", age: float = 0) -> dict:
    return {
        "eventSource": "aws:dynamodb",
        "dynamodb": {
            "Keys": {"pk": {"S": item}},
            "SequenceNumber": str(number),
            "ApproximateCreationDateTime": NOW - age,
        },
    }


class Consumer:
    """A function that fails on some sequence numbers, and remembers what it was given."""

    def __init__(self, broken: dict[str, int] | None = None, *, raises: bool = True) -> None:
        self.broken = broken or {}
        self.raises = raises
        self.batches: list[str] = []
        self.notices: list[dict] = []
        self.pauses: list[float] = []

    def __call__(self, payload: bytes) -> bytes:
        records = json.loads(payload)["Records"]
        numbers = [one["dynamodb"]["SequenceNumber"] for one in records]
        self.batches.append("".join(numbers))
        failed = [number for number in numbers if self.broken.get(number, 0) > 0]
        for number in failed:
            self.broken[number] -= 1
        if failed and self.raises:
            raise FunctionError("ValueError", "{}")
        return json.dumps(
            {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
        ).encode()

    def mapping(self, **settings) -> StreamMapping:
        arns = {"function_arn": "arn:function", "stream_arn": "arn:stream"}
        return StreamMapping(
            StreamSettings(**arns, **settings),
            self,
            lambda notice: self.notices.append(json.loads(notice)),
            self.pauses.append,
        )


FIVE = [record(number) for number in range(1, 6)]
ALWAYS = 10**6


def test_a_batch_that_fails_is_delivered_again_as_a_whole():
    consumer = Consumer({"3": 2})

    consumer.mapping().deliver(FIVE)

    assert consumer.batches == ["12345"] * 3
    assert consumer.pauses == [0.1, 0.2]
    assert consumer.notices == []


def test_a_partial_failure_is_delivered_again_from_the_first_failed_record_on():
    consumer = Consumer({"3": 1, "5": 1}, raises=False)

    consumer.mapping(partial_failures=True).deliver(FIVE)

    assert consumer.batches == ["12345", "345"]


def test_a_batch_that_is_turned_around_is_delivered_again_from_its_first_failed_record_on():
    consumer = Consumer({"3": 1}, raises=False)
    mapping = consumer.mapping(partial_failures=True)
    mapping.reordered = lambda batch: [*reversed(batch), batch[2]]

    mapping.deliver(FIVE)

    assert consumer.batches == ["543213", "3213"]


def test_partial_failures_mean_nothing_without_the_setting():
    consumer = Consumer({"3": 1}, raises=False)

    consumer.mapping().deliver(FIVE)

    assert consumer.batches == ["12345"]


def test_an_identifier_that_is_none_of_the_batch_fails_all_of_it():
    answers = iter([{"batchItemFailures": [{"itemIdentifier": "99"}]}, None])
    batches = []

    def invoke(payload: bytes) -> bytes:
        batches.append(payload)
        return json.dumps(next(answers)).encode()

    settings = StreamSettings("arn:function", "arn:stream", partial_failures=True)
    StreamMapping(settings, invoke, pytest.fail, lambda _: None).deliver(FIVE)

    assert len(batches) == 2


def test_bisecting_isolates_the_poison_record_and_the_others_are_done():
    consumer = Consumer({"4": ALWAYS})

    consumer.mapping(bisect=True, max_retries=2).deliver(FIVE)

    assert consumer.batches == ["12345", "12", "345", "3", "45", "4", "4", "4", "5"]
    assert [notice["DDBStreamBatchInfo"]["startSequenceNumber"] for notice in consumer.notices] == [
        "4"
    ]


def test_what_is_given_up_is_told_with_its_place_in_the_stream():
    consumer = Consumer({"2": ALWAYS})

    consumer.mapping(max_retries=1).deliver([record(1), record(2)])

    (notice,) = consumer.notices
    assert notice["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert notice["requestContext"]["approximateInvokeCount"] == 2
    info = notice["DDBStreamBatchInfo"]
    assert (info["startSequenceNumber"], info["endSequenceNumber"]) == ("1", "2")
    assert (info["batchSize"], info["streamArn"]) == (2, "arn:stream")


def test_a_record_that_is_too_old_is_given_up():
    consumer = Consumer({"1": ALWAYS})

    consumer.mapping(max_age_seconds=60).deliver([record(1, age=61)])

    assert [one["requestContext"]["condition"] for one in consumer.notices] == ["RecordAgeExceeded"]


def test_retries_are_counted_anew_after_progress():
    consumer = Consumer({"1": 2, "2": 5}, raises=False)

    consumer.mapping(partial_failures=True, max_retries=2).deliver([record(1), record(2)])

    assert consumer.batches == ["12", "12", "12", "2", "2", "2"]
    assert consumer.notices == []


def test_lanes_keep_the_order_of_each_item_and_the_size_of_a_batch():
    seen: dict[str, list[int]] = {}
    sizes: list[int] = []
    finished = threading.Semaphore(0)
    lock = threading.Lock()

    def invoke(payload: bytes) -> bytes:
        records = json.loads(payload)["Records"]
        with lock:
            sizes.append(len(records))
            for one in records:
                item = one["dynamodb"]["Keys"]["pk"]["S"]
                seen.setdefault(item, []).append(int(one["dynamodb"]["SequenceNumber"]))
        finished.release(len(records))
        return b"null"

    settings = StreamSettings("arn:function", "arn:stream", batch_size=7, parallelization=4)
    mapping = StreamMapping(settings, invoke, pytest.fail)
    mapping.start()
    for start in range(0, 400, 40):
        mapping.offer([record(n, item=f"item{n % 9}") for n in range(start, start + 40)])
    for _ in range(400):
        assert finished.acquire(timeout=60)
    mapping.close()

    assert all(numbers == sorted(numbers) for numbers in seen.values())
    assert max(sizes) <= 7


def test_a_window_collects_what_comes_within_it_into_one_batch():
    batches: queue.SimpleQueue[int] = queue.SimpleQueue()

    def invoke(payload: bytes) -> bytes:
        batches.put(len(json.loads(payload)["Records"]))
        return b"null"

    settings = StreamSettings("arn:function", "arn:stream", batch_size=3, window_seconds=60)
    mapping = StreamMapping(settings, invoke, lambda _: None)
    mapping.start()
    for number in range(3):
        mapping.offer([record(number)])
    size = batches.get(timeout=60)
    mapping.close()

    assert size == 3


def test_the_settings_are_those_of_the_deployed_mapping():
    settings = StreamSettings.of(
        {
            "FunctionArn": "f",
            "EventSourceArn": "s",
            "BatchSize": 25,
            "MaximumBatchingWindowInSeconds": 2,
            "ParallelizationFactor": 10,
            "BisectBatchOnFunctionError": True,
            "MaximumRetryAttempts": 8,
            "MaximumRecordAgeInSeconds": 21600,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "DestinationConfig": {"OnFailure": {"Destination": "arn:queue"}},
        }
    )

    assert settings == StreamSettings("f", "s", 25, 2, 10, True, 8, 21600, True, "arn:queue")
