"""Errors of AWS, recognised by their codes.

`client.exceptions` is not safe: botocore makes these classes at their first use. Two threads at
once get two classes each, and one does not catch what the other raises.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError

WAIT_HAS_ENDED = ("TaskDoesNotExist", "TaskTimedOut")
"""The codes for a task token whose wait is over."""


def error_code(error: ClientError) -> str:
    """Return AWS's code of an error, such as TaskTimedOut, or an empty text."""
    return error.response.get("Error", {}).get("Code", "")


@contextmanager
def suppressing(*codes: str) -> Iterator[None]:
    """Suppress AWS errors with one of these codes in the block."""
    try:
        yield
    except ClientError as error:
        if error_code(error) not in codes:
            raise
