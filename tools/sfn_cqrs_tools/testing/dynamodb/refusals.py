"""What DynamoDB refuses a call with, as botocore raises it."""

from typing import Any

from botocore.exceptions import ClientError


class RefusedError(Exception):
    """A call is not valid; its operation is not known here yet."""


class UnfitError(RefusedError):
    """What a write would make is not valid; a transaction names it among its reasons."""


def refusal(operation: str, code: str, message: str, **more: Any) -> ClientError:
    """Return the error that botocore makes of an answer."""
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": 400, "RetryAttempts": 0},
        **more,
    }
    return ClientError(answer, operation)
