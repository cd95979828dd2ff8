"""The failure policy: errors that are transient in AWS, and so never a failure of the work.

Throttles, conflicts, limits, 5xx answers and lost answers are transient. They are raised as a
`TransientError`, and the same work is done again: by the machine's Retry, by the stream or the
queue, or by the client of the API, which gets a 503.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as NoConnectionError

from sfn_cqrs.kernel.aws.error_codes import error_code
from sfn_cqrs.kernel.errors import BusyError, TransientError
from sfn_cqrs.kernel.tables.dynamodb import cancellation_codes

_FIRST_SERVER_ERROR = 500
_BUSY_CLASSES = (BusyError, HTTPClientError, NoConnectionError, IncompleteReadError)
_BUSY = frozenset(
    (
        "BandwidthLimitExceeded",
        "ConditionalRequestConflict",
        "EC2ThrottledException",
        "ExecutionLimitExceeded",
        "KMSThrottling",
        "KMSThrottlingException",
        "KmsThrottled",
        "OperationAborted",
        "OverLimit",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    )
)
_BUSY_REASONS = frozenset(
    ("ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict")
)


def is_transient(error: BaseException) -> bool:
    """Return whether the error is transient: the same work may succeed in a moment."""
    return isinstance(error, TransientError) or is_busy(error)


def is_busy(error: BaseException) -> bool:
    """Return whether AWS is busy, out of order or unreachable.

    botocore retries before it raises any of these, except for transactions. A cancelled transaction
    counts as busy if only throttles and conflicts cancelled it.
    """
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - urllib3 comes with the first client

    if isinstance(error, (*_BUSY_CLASSES, HTTPError)):
        return True
    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = error_code(error)
    if code == "TransactionCanceledException":
        reasons = {*cancellation_codes(error)} - {"None"}
        return bool(reasons) and reasons <= _BUSY_REASONS
    return status >= _FIRST_SERVER_ERROR or code in _BUSY


@contextmanager
def naming_busy() -> Iterator[None]:
    """Raise a BusyError instead of an error that says that AWS is busy; wrap user code in it.

    This keeps the user's own `TransientError`, which asks for another try, apart from AWS's
    transient errors.
    """
    try:
        yield
    except Exception as error:
        if is_busy(error) and not isinstance(error, BusyError):
            raise BusyError(f"{type(error).__name__}: {error}") from error
        raise
