"""Which errors of AWS pass by themselves."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from sfn_cqrs.domain.errors import TransientError

_FIRST_SERVER_ERROR = 500
_BUSY = frozenset(
    (
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    )
)


def is_passing(error: Exception) -> bool:
    """Whether the same call may succeed in a moment: AWS is busy, out of order, or unreachable.

    botocore has tried again by itself before it raises any of these.
    """
    if isinstance(error, HTTPClientError | NoConnectionError):
        return True
    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= _FIRST_SERVER_ERROR or error.response["Error"]["Code"] in _BUSY


@contextmanager
def passing_is_transient() -> Iterator[None]:
    """Give errors that pass by themselves the one name that every Retry knows."""
    try:
        yield
    except Exception as error:
        if is_passing(error):
            raise TransientError(f"{type(error).__name__}: {error}") from error
        raise
