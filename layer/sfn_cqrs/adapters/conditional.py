"""Conditional writes that answer whether they were done."""

from collections.abc import Callable
from typing import ParamSpec

from botocore.exceptions import ClientError

from sfn_cqrs.adapters.dynamodb import is_refused

P = ParamSpec("P")


def is_done(write: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
    """Make a call that writes; False: its condition has refused it."""
    try:
        write(*args, **kwargs)
    except ClientError as error:
        if not is_refused(error):
            raise
        return False
    return True
