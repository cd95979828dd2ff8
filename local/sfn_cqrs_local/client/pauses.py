"""How commands wait for what happens elsewhere."""

from collections.abc import Iterator
from itertools import repeat
from typing import Final

_FIRST: Final = (0.05, 0.1, 0.2)
_LONGEST: Final = 0.5


def pauses() -> Iterator[float]:
    """Seconds from one look to the next: what is done soon is seen soon."""
    yield from _FIRST
    yield from repeat(_LONGEST)
