import pytest
from botocore.exceptions import ClientError

from sfn_cqrs_tools.client.quotas import QUOTAS, quotas_of


class ServiceQuotas:
    """Two pages of defaults, and one quota that was raised."""

    def __init__(self, **refused: bool) -> None:
        self.refused = refused

    def get_paginator(self, operation):
        self.operation = operation
        return self

    def paginate(self, ServiceCode):  # noqa: N803 - AWS's word
        if self.refused:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, self.operation)
        defaults = {
            "lambda": [("Concurrent executions", 1_000), ("Function memory", 10_240)],
            "states": [
                ("StartExecution throttle token bucket size (Standard)", 1_300),
                ("StartExecution throttle token refill rate per second (Standard)", 300),
                ("StateTransition throttle token refill rate per second", 5_000),
            ],
        }
        raised = {"lambda": [("Concurrent executions", 10.0)], "states": []}
        given = raised if self.operation == "list_service_quotas" else defaults
        for name, value in given.get(ServiceCode, []):
            yield {"Quotas": [{"QuotaName": name, "Value": value}]}


def found(*args):
    return {each.quota: (each.value, each.is_assumed) for each in quotas_of(*args)}


def test_what_the_account_was_given_stands_over_what_every_account_has() -> None:
    seen = found("us-east-1", ServiceQuotas())

    assert seen["concurrent executions"] == (10.0, False)
    assert seen["StartExecution a second"] == (300, False)
    assert seen["state transitions a second"] == (5_000, False)
    assert seen["SendTaskSuccess a second"] == (500, True)


@pytest.mark.parametrize(
    ("region", "starts", "transitions"), [("us-east-1", 300, 5_000), ("ap-northeast-1", 150, 800)]
)
@pytest.mark.parametrize("client", [None, ServiceQuotas(refused=True)], ids=["none", "refused"])
def test_what_nobody_says_is_assumed_by_the_region(client, region, starts, transitions) -> None:
    seen = found(region, client)

    assert seen["StartExecution a second"] == (starts, True)
    assert seen["state transitions a second"] == (transitions, True)
    assert len(seen) == len(QUOTAS)


def test_what_a_quota_allows_is_said_in_commands_and_imports() -> None:
    allowed = {each.quota: each.allows for each in quotas_of("us-east-1", None)}

    assert allowed["state transitions a second"] == "500 commands a second in the standard lane"
    assert allowed["StartExecution a second, express lane"] == "6,000 commands a second"
    assert allowed["concurrent executions"] == (
        "20 imports at full speed, or 1,250 commands a second, and nothing else"
    )
