"""A sweep: who may go through what is open, and until when."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
