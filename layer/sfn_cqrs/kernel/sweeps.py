"""A sweep: who may go through what is open, and until when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

QUEUE_PATIENCE = timedelta(minutes=15)
"""A message that was sent so long ago may be lost, or only one of many that wait."""
QUEUE_LIFE = timedelta(days=4)
"""How long SQS keeps a message in a queue that does not say otherwise."""
Cursor = dict[str, Any]
"""The last item that a sweep has looked at in a shard, by the keys of the index."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to make a sweep. It is over at `until`, whatever has become of its owner.

    It saves work and no more: two sweeps at once only look at something twice.
    """

    sweep: str
    owner: str
    taken_at: datetime
    until: datetime
