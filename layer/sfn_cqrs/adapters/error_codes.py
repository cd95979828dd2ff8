"""Errors of AWS are told by their codes.

Never by `client.exceptions`: botocore makes these classes with their first use, so two threads at
once have two of each, and what one raises the other does not catch.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError

WAIT_HAS_ENDED = ("TaskDoesNotExist", "TaskTimedOut")
"""Nobody waits for an answer with this task token any more."""


def error_code(error: ClientError) -> str:
    """What AWS calls an error, such as TaskTimedOut; empty if it does not say."""
    return error.response.get("Error", {}).get("Code", "")


@contextmanager
def suppressing(*codes: str) -> Iterator[None]:
    """Go on behind the block where AWS refuses a call in it with one of these codes."""
    try:
        yield
    except ClientError as error:
        if error_code(error) not in codes:
            raise
