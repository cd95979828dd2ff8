"""The logger of every function: JSON, and never a task token."""

from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools import Logger

logger = Logger(use_rfc3339=True)


@contextmanager
def logged_as(**names: object) -> Iterator[None]:
    """Name what is worked on in every line that this thread logs in the block."""
    logger.thread_safe_append_keys(**names)
    try:
        yield
    finally:
        logger.thread_safe_clear_keys()
