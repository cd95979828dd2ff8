"""How deep the running code is: how many handlers of notices have led to it, one by the other.

A handler of notices may publish, and so cause the next notice. AWS finds endless loops through its
queues and topics; it does not see one through a table. So what is stored below a notice has that
notice's depth and one more, whatever lies between.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

DEEPEST: Final = 16
"""The depth of a notice that no handler gets, unless it declares another one."""
_depth: ContextVar[int] = ContextVar("depth", default=0)


def here() -> int:
    """Return the depth of what the running code stores; 0 outside of any handler of notices."""
    return _depth.get()


@contextmanager
def at(depth: int) -> Iterator[None]:
    """Set the depth of what the block stores."""
    before = _depth.set(depth)
    try:
        yield
    finally:
        _depth.reset(before)
