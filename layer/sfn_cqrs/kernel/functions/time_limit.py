"""A limit on how long a block of code may take."""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sfn_cqrs.kernel.errors import ItemTimeoutError


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise ItemTimeoutError in the block if it takes longer.

    Works in any thread, unlike a signal. The error is raised between two steps of Python: a single
    blocking call, such as a long sleep, ends first. Lambda's own limit still applies.
    """
    thread = ctypes.c_ulong(threading.get_ident())
    lock = threading.Lock()
    is_over = False

    def interrupt() -> None:
        with lock:
            if not is_over:
                error = ctypes.py_object(ItemTimeoutError)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, error)

    timer = threading.Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            is_over = True
        timer.cancel()
