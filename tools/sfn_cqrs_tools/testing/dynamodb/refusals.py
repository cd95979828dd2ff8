"""The errors with which DynamoDB refuses a call, as botocore raises them."""

from typing import Any

from botocore.exceptions import ClientError


class RefusedError(Exception):
    """A call is not valid; its operation is not known here yet."""


class UnfitError(RefusedError):
    """A write would make an invalid item; a transaction names this among its reasons."""


def refusal(operation: str, code: str, message: str, **more: Any) -> ClientError:
    """Return botocore's error for an answer."""
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": 400, "RetryAttempts": 0},
        **more,
    }
    return ClientError(answer, operation)
