"""Lambda's event source mapping for a DynamoDB stream: retries, bisecting, partial failures.

The AWS fabric filters the records and hands them over in order; what Lambda promises from there
on is kept here, because the fabric takes a batch as done however little of it the function did.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
import uuid
import zlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sfn_local import FunctionError

logger = logging.getLogger(__name__)

FIRST_BACKOFF_SECONDS: Final = 0.1
LONGEST_BACKOFF_SECONDS: Final = 5.0
UNLIMITED: Final = -1
CHECKPOINT_SECONDS: Final = 1.0

Record = Mapping[str, Any]
Invoke = Callable[[bytes], bytes]
Discard = Callable[[str], None]


@dataclass(frozen=True)
class StreamSettings:
    """What the mapping declares; UNLIMITED retries or age until the record leaves the stream."""

    function_arn: str
    stream_arn: str
    batch_size: int = 100
    window_seconds: float = 0
    parallelization: int = 1
    bisect: bool = False
    max_retries: int = UNLIMITED
    max_age_seconds: int = UNLIMITED
    partial_failures: bool = False
    on_failure: str | None = None

    @property
    def mapping(self) -> str:
        """Return its name in the fabric: the function's name and the table's."""
        function, table = self.function_arn.rpartition(":")[2], self.stream_arn.split("/")[1]
        return f"{function}|{table}"

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> StreamSettings:
        """Read what GetEventSourceMapping answers."""
        destination = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        return cls(
            function_arn=mapping["FunctionArn"],
            stream_arn=mapping["EventSourceArn"],
            batch_size=mapping.get("BatchSize", 100),
            window_seconds=mapping.get("MaximumBatchingWindowInSeconds", 0),
            parallelization=mapping.get("ParallelizationFactor", 1),
            bisect=mapping.get("BisectBatchOnFunctionError", False),
            max_retries=mapping.get("MaximumRetryAttempts", UNLIMITED),
            max_age_seconds=mapping.get("MaximumRecordAgeInSeconds", UNLIMITED),
            partial_failures="ReportBatchItemFailures" in mapping.get("FunctionResponseTypes", []),
            on_failure=destination,
        )


class StreamMapping:
    """Delivers the records of one stream to one function, in order for each item."""

    def __init__(
        self,
        settings: StreamSettings,
        invoke: Invoke,
        discard: Discard,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Call `invoke` with each batch, and `discard` with the notice of each that is given up.

        A test of disorder may make another list of a batch by `reordered`.
        """
        self._settings = settings
        self._invoke = invoke
        self._discard = discard
        self._sleep = sleep
        self._now = now
        self.reordered: Callable[[Sequence[Record]], list[Record]] = list
        self._outstanding: set[str] = set()
        self._lock = threading.Lock()
        self._lanes: list[queue.SimpleQueue[Record | None]] = [
            queue.SimpleQueue() for _ in range(settings.parallelization)
        ]
        self._closed = False

    def start(self) -> None:
        """Start one thread for each lane."""
        for lane in self._lanes:
            threading.Thread(target=self._run, args=(lane,), daemon=True, name="stream").start()

    def close(self) -> None:
        """Deliver nothing more."""
        self._closed = True
        for lane in self._lanes:
            lane.put(None)

    def offer(self, records: Sequence[Record]) -> None:
        """Queue records behind those of the same item."""
        with self._lock:
            self._outstanding.update(map(_number, records))
        for record in records:
            keys = json.dumps(record["dynamodb"]["Keys"], sort_keys=True)
            self._lanes[zlib.crc32(keys.encode()) % len(self._lanes)].put(record)

    def done(self, given: str) -> str:
        """Return the number up to which all records are done; `given` was offered before."""
        with self._lock:
            if not self._outstanding:
                return given
            lowest = min(self._outstanding)
        return min(given, f"{int(lowest) - 1:0{len(lowest)}}")

    def deliver(self, records: Sequence[Record]) -> None:
        """Deliver one batch; when this returns, each record is done or discarded."""
        waiting = deque([self.reordered(records)])
        attempt = 0
        while waiting and not self._closed:
            batch = waiting.popleft()
            done = self._try(batch)
            if done == len(batch):
                attempt = 0
            elif done:
                waiting.appendleft(batch[done:])
                attempt = 0
            elif self._settings.bisect and len(batch) > 1:
                middle = len(batch) // 2
                waiting.extendleft([batch[middle:], batch[:middle]])
            elif condition := self._given_up(batch, attempt):
                self._discard(json.dumps(self._notice(batch, condition, attempt + 1)))
                attempt = 0
            else:
                waiting.appendleft(batch)
                self._sleep(
                    min(FIRST_BACKOFF_SECONDS * 2 ** min(attempt, 16), LONGEST_BACKOFF_SECONDS)
                )
                attempt += 1

    def _run(self, lane: queue.SimpleQueue[Record | None]) -> None:
        while not self._closed:
            batch = self._collect(lane)
            records = [record for record in batch if record is not None]
            try:
                self.deliver(records)
            except Exception:
                logger.exception("a batch of %s was lost", self._settings.stream_arn)
            if not self._closed:  # else records in progress are delivered again after a restart
                with self._lock:
                    self._outstanding.difference_update(map(_number, records))

    def _collect(self, lane: queue.SimpleQueue[Record | None]) -> list[Record | None]:
        """Take what is there once the batch is full, or its window is over."""
        batch = [lane.get()]
        until = time.monotonic() + self._settings.window_seconds
        while len(batch) < self._settings.batch_size and batch[-1] is not None:
            try:
                batch.append(lane.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
        return batch

    def _try(self, batch: Sequence[Record]) -> int:
        """Invoke the function; return how many records from the start on are done."""
        try:
            answer = json.loads(self._invoke(json.dumps({"Records": batch}).encode()))
        except FunctionError:
            return 0
        failures = (answer or {}).get("batchItemFailures") if isinstance(answer, dict) else None
        if not self._settings.partial_failures or not failures:
            return len(batch)
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
        try:
            return min(numbers.index(failure["itemIdentifier"]) for failure in failures)
        except (KeyError, TypeError, ValueError):  # an invalid identifier: all have failed
            return 0

    def _given_up(self, batch: Sequence[Record], attempt: int) -> str | None:
        settings = self._settings
        oldest = min(float(one["dynamodb"]["ApproximateCreationDateTime"]) for one in batch)
        if (
            settings.max_age_seconds != UNLIMITED
            and self._now() - oldest > settings.max_age_seconds
        ):
            return "RecordAgeExceeded"
        if settings.max_retries != UNLIMITED and attempt >= settings.max_retries:
            return "RetryAttemptsExhausted"
        return None

    def _notice(self, batch: Sequence[Record], condition: str, count: int) -> dict[str, Any]:
        """Build what Lambda sends to the OnFailure destination: where the records are, not they."""
        first, last = batch[0]["dynamodb"], batch[-1]["dynamodb"]
        return {
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": self._settings.function_arn,
                "condition": condition,
                "approximateInvokeCount": count,
            },
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": "Unhandled",
            },
            "version": "1.0",
            "timestamp": _iso(self._now()),
            "DDBStreamBatchInfo": {
                "shardId": "shardId-00000000000000000000-00000000",
                "startSequenceNumber": first["SequenceNumber"],
                "endSequenceNumber": last["SequenceNumber"],
                "approximateArrivalOfFirstRecord": _iso(first["ApproximateCreationDateTime"]),
                "approximateArrivalOfLastRecord": _iso(last["ApproximateCreationDateTime"]),
                "batchSize": len(batch),
                "streamArn": self._settings.stream_arn,
            },
        }


class Checkpoints:
    """Tells the fabric, from time to time, which records are done, so that it forgets them.

    Records not yet reported are delivered again after a restart.
    """

    def __init__(
        self,
        mappings: Mapping[str, StreamMapping],
        tell: Callable[[Mapping[str, str]], dict[str, str]],
    ) -> None:
        """`tell` answers which records each mapping has been given so far, by sequence number."""
        self._mappings = mappings
        self._tell = tell
        self._given: dict[str, str] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="checkpoints")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Report for the last time."""
        self._closed.set()
        self._thread.join()

    def look(self) -> None:
        """Tell what is done of what had been given when this was called the last time."""
        done = {
            name: self._mappings[name].done(number)
            for name, number in self._given.items()
            if name in self._mappings
        }
        self._given = self._tell(done)

    def _run(self) -> None:
        while True:
            is_last = self._closed.wait(CHECKPOINT_SECONDS)
            try:
                self.look()
            except Exception as error:
                logger.warning("what streams have delivered is not written: %s", error)
            if is_last:
                return


def _number(record: Record) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(float(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
