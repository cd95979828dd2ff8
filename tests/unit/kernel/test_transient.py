import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    ParamValidationError,
    ReadTimeoutError,
)
from urllib3.exceptions import ProtocolError

from sfn_cqrs.kernel.aws.transient import is_busy, is_transient, naming_busy
from sfn_cqrs.kernel.errors import BusyError, SupersededError, TransientError


def refused(code, status=400):
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "AnyOperation")


def cancelled(*codes):
    reasons = [{"Code": code} for code in codes]
    answer = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
    return ClientError(answer, "TransactWriteItems")


BUSY = [
    refused("ProvisionedThroughputExceededException"),
    refused("RequestLimitExceeded"),
    refused("ThrottlingException"),
    refused("Throttled"),
    refused("TooManyRequestsException", 429),
    refused("ExecutionLimitExceeded"),
    refused("TransactionConflictException"),
    refused("TransactionInProgressException"),
    refused("ReplicatedWriteConflictException"),
    refused("KMSThrottlingException"),
    refused("OperationAborted", 409),
    refused("RequestTimeout"),
    refused("SlowDown", 503),
    refused("InternalServerError", 500),
    refused("ServiceUnavailable", 503),
    cancelled("None", "TransactionConflict"),
    cancelled("ThrottlingError", "None", "ProvisionedThroughputExceeded"),
    ConnectTimeoutError(endpoint_url="https://dynamodb"),
    ReadTimeoutError(endpoint_url="https://dynamodb"),
    EndpointConnectionError(endpoint_url="https://dynamodb"),
    ConnectionClosedError(endpoint_url="https://dynamodb"),
    IncompleteReadError(actual_bytes=1, expected_bytes=2),
    ProtocolError("the connection broke"),
    BusyError("others keep writing the row"),
]
LASTING = [
    refused("ConditionalCheckFailedException"),
    refused("AccessDeniedException"),
    refused("ValidationException"),
    refused("ResourceNotFoundException"),
    refused("StateMachineDoesNotExist"),
    cancelled("ConditionalCheckFailed", "TransactionConflict"),
    cancelled("ThrottlingError", "ItemCollectionSizeLimitExceeded"),
    cancelled("None", "ValidationError"),
    cancelled(),
    ClientError({}, "AnyOperation"),
    ParamValidationError(report="no such parameter"),
    SupersededError("a newer attempt owns it"),
    ValueError("no error of AWS"),
]


@pytest.mark.parametrize("error", BUSY, ids=repr)
def test_an_aws_that_is_busy_or_unreachable_passes(error):
    assert is_busy(error)
    assert is_transient(error)


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_what_a_second_try_cannot_cure_does_not_pass(error):
    assert not is_busy(error)
    assert not is_transient(error)


def test_who_asks_for_another_try_has_not_met_a_busy_aws():
    error = TransientError("the printer is out of paper")

    assert is_transient(error)
    assert not is_busy(error)


@pytest.mark.parametrize("error", BUSY, ids=repr)
def test_the_code_of_users_is_told_by_one_name_that_aws_is_busy(error):
    with pytest.raises(BusyError), naming_busy():
        raise error


@pytest.mark.parametrize("error", [*LASTING, TransientError("out of paper")], ids=repr)
def test_whatever_else_the_code_of_users_raises_stays_as_it_is(error):
    with pytest.raises(type(error)) as raised, naming_busy():
        raise error

    assert raised.value is error
