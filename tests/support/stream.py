"""A table's stream: records that pass the mapping's filters, and who takes them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sfn_cqrs_tools.runtime.events import matches
from sfn_cqrs_tools.runtime.streams import StreamMapping, StreamSettings
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.testing.dynamodb import Change
from sfn_local import Clock

FUNCTION = "StreamOnProcessChangedFunction"
Record = dict[str, Any]


@dataclass
class Disorder:
    """How often records come in any order, come twice, or come again much later."""

    random: Random
    shuffles: bool = False
    duplicates: float = 0.0
    replays: float = 0.0


@dataclass
class Stream:
    """What is to be delivered, what has been, and what was given up."""

    settings: StreamSettings
    patterns: list[dict[str, Any]]
    pending: list[Record] = field(default_factory=list)
    delivered: list[Record] = field(default_factory=list)
    given_up: list[dict[str, Any]] = field(default_factory=list)
    dropped: Callable[[Record], bool] = field(default=lambda _: False)

    @classmethod
    def of(cls, template: Template, function: str = FUNCTION) -> "Stream":
        """A consumer's mapping as the template declares it."""
        source = next(each for each in template.event_sources if each.function == function)
        arns = {"FunctionArn": function, "EventSourceArn": source.properties["Stream"]}
        filters = source.properties["FilterCriteria"]["Filters"]
        patterns = [json.loads(each["Pattern"]) for each in filters]
        return cls(StreamSettings.of({**source.properties, **arns}), patterns)

    def offer(self, record: Record) -> None:
        """Take a record, if it passes the filters and is not lost."""
        passes = any(matches(pattern, record) for pattern in self.patterns)
        if passes and not self.dropped(record):
            self.pending.append(record)

    def take(self, disorder: Disorder | None) -> list[Record]:
        """The next batch."""
        if disorder is None:
            size = self.settings.batch_size
        else:
            size = disorder.random.randint(1, self.settings.batch_size)
            if disorder.shuffles:
                disorder.random.shuffle(self.pending)
        batch, self.pending = self.pending[:size], self.pending[size:]
        self.delivered += batch
        if disorder is not None:
            again = [each for each in batch if disorder.random.random() < disorder.duplicates]
            if disorder.random.random() < disorder.replays:
                again.append(disorder.random.choice(self.delivered))
            self.pending += again
        return batch

    def deliver(
        self,
        batch: list[Record],
        invoke: Callable[[bytes], bytes],
        clock: Clock,
        sleep: Callable[[float], None],
    ) -> None:
        """Deliver a batch until each record is done or given up."""
        StreamMapping(
            self.settings,
            invoke,
            lambda notice: self.given_up.append(json.loads(notice)),
            sleep,
            clock.time,
        ).deliver(batch)


def record_of(change: Change, number: int, at: float, stream: Stream) -> Record:
    """What a stream tells of a write."""
    item = change.item
    image = {} if item is None else {"NewImage": item}
    return {
        "eventID": str(number),
        "eventName": change.event,
        "eventSource": "aws:dynamodb",
        "eventSourceARN": stream.settings.stream_arn,
        "dynamodb": {
            "ApproximateCreationDateTime": at,
            "Keys": change.keys,
            "SequenceNumber": f"{number:020d}",
            **image,
        },
    }
