import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from sfn_cqrs.adapters.passing import is_passing


def refused(code, status):
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "AnyOperation")


@pytest.mark.parametrize(
    "error",
    [
        refused("ProvisionedThroughputExceededException", 400),
        refused("ThrottlingException", 400),
        refused("SlowDown", 503),
        refused("InternalServerError", 500),
        ConnectTimeoutError(endpoint_url="https://dynamodb"),
        ReadTimeoutError(endpoint_url="https://dynamodb"),
    ],
    ids=repr,
)
def test_an_aws_that_is_busy_or_unreachable_passes(error):
    assert is_passing(error)


@pytest.mark.parametrize(
    "error",
    [
        refused("ConditionalCheckFailedException", 400),
        refused("AccessDeniedException", 400),
        refused("ValidationException", 400),
        ValueError("no error of AWS"),
    ],
    ids=repr,
)
def test_what_a_second_try_cannot_cure_does_not_pass(error):
    assert not is_passing(error)
