"""Which errors of AWS pass by themselves."""

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

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
