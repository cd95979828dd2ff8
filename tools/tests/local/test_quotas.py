import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from tests.support.command_line import command_line
from tests.template.stack import TEMPLATE

from sfn_cqrs_tools.client import aws
from sfn_cqrs_tools.client.quotas import BATCHES, QUOTAS, quotas_of
from sfn_cqrs_tools.project import CHECKOUT

DEPLOY = re.compile(r"^# Deploy$.*?^0\. .*?`(sfn-cqrs [^`]*)`", re.MULTILINE | re.DOTALL)
"""The first step of a deploy, and its command."""


class ServiceQuotas:
    """Two pages of defaults, and one quota that was raised."""

    meta = SimpleNamespace(region_name="us-east-1")

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
        "10 imports at full speed, or 1,250 commands a second, and nothing else"
    )


def test_an_import_at_full_speed_has_as_many_environments_as_the_template_says() -> None:
    assert TEMPLATE.document["Parameters"]["ImportBatches"]["Default"] == BATCHES


@pytest.fixture
def new_account(monkeypatch):
    """An account with ten environments of Lambda and no stack; return what it was asked for."""
    asked = []

    def client(service):
        asked.append(service)
        if service != "service-quotas":
            raise AssertionError(f"{service} knows no stack yet")
        return ServiceQuotas()

    monkeypatch.setattr(aws, "client_on_aws", client)
    return asked


def test_step_0_of_a_deploy_tells_a_new_accounts_quotas_before_there_is_a_stack(
    new_account, monkeypatch, capfd, tmp_path
) -> None:
    page = (CHECKOUT / "docs/deploy.md").read_text(encoding="utf-8")
    found = DEPLOY.search(page)
    assert found is not None
    name, *words = shlex.split(found[1])
    monkeypatch.chdir(tmp_path)  # neither a template nor a local stack is asked

    told = command_line(monkeypatch, capfd)(*words)

    assert (name, words) == ("sfn-cqrs", ["doctor", "--quotas", "--stack", "STACK"])
    assert (told.code, told.error) == (0, "")
    (line,) = [line for line in told.output.splitlines() if "concurrent executions" in line]
    assert re.search(
        r" 10  .* 0 imports at full speed, or 12 commands a second, and nothing else", line
    )
    (assumed,) = [line for line in told.output.splitlines() if "open executions" in line]
    assert " assumed " in assumed
    assert new_account == ["service-quotas"]
    assert list(Path().iterdir()) == []


def test_step_0_says_in_json_what_it_could_not_read(new_account, monkeypatch, capfd) -> None:
    told = command_line(monkeypatch, capfd)("doctor", "--quotas", "--stack", "shop", "--json")

    values = {one["quota"]: (one["value"], one["is_assumed"]) for one in told.json}
    assert values["concurrent executions"] == (10.0, False)
    assert values["SendTaskSuccess a second"] == (500, True)
    assert len(values) == len(QUOTAS)
    assert new_account == ["service-quotas"]
