"""Quotas hold unless they are lifted.

Source: Step Functions Developer Guide, "Step Functions service quotas".
"""

import json
from typing import Any

import pytest
from engine.tests.conftest import Lab

from sfn_local.errors import InvalidDefinition, ServiceQuotaExceededException, ValidationException
from sfn_local.quotas import lifted_quotas

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
LARGE = json.dumps("x" * 300_000)
PASS: dict[str, Any] = {"Type": "Pass", "End": True}
LOOP = {
    "StartAt": "again",
    "States": {
        "again": {
            "Type": "Choice",
            "Choices": [{"Variable": "$$.State.EnteredTime", "IsNull": True, "Next": "end"}],
            "Default": "step",
        },
        "step": {"Type": "Wait", "Seconds": 1, "Next": "again"},
        "end": {"Type": "Succeed"},
    },
}


def machine(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"StartAt": "it", "States": {"it": state}, **more}


def test_a_payload_may_have_256_kib(lab: Lab) -> None:
    arn = lab.engine.create_state_machine("m", machine(PASS))
    with pytest.raises(ValidationException, match="262144 bytes"):
        lab.engine.start_execution(arn, input=LARGE)
    with lifted_quotas():
        execution = lab.engine.start_execution(arn, input=LARGE)
        lab.engine.run_until(execution)

        assert lab.engine.describe_execution(execution)["status"] == "SUCCEEDED"


def test_a_definition_may_have_1_mib(lab: Lab) -> None:
    large = machine({**PASS, "Result": "x" * 1024 * 1024})
    with pytest.raises(InvalidDefinition):
        lab.engine.create_state_machine("m", large)


def test_a_cause_may_have_32_768_characters(lab: Lab) -> None:
    run = lab.start(machine({"Type": "Wait", "Seconds": 1, "End": True}))
    with pytest.raises(ValidationException, match="32768 characters"):
        lab.engine.stop_execution(run.arn, cause="c" * 32_769)
    with lifted_quotas():
        lab.engine.stop_execution(run.arn, cause="c" * 32_769)

    assert run.status == "ABORTED"


def test_40_inline_iterations_run_at_a_time(lab: Lab) -> None:
    lab.hang = {"f"}
    call = {"Type": "Task", "Resource": FUNCTION, "End": True}
    processor = {"StartAt": "call", "States": {"call": call}}
    each = machine({"Type": "Map", "ItemProcessor": processor, "End": True})
    lab.start(each, list(range(100)))
    assert len(lab.calls) == 40
    lab.calls.clear()
    with lifted_quotas():
        lab.start(each, list(range(100)))

    assert len(lab.calls) == 100


def test_a_history_goes_beyond_25_000_events_only_without_quotas(lab: Lab) -> None:
    limited = lab.run(LOOP)
    assert (limited.error, len(limited.events)) == ("States.Runtime", 25_000)
    with lifted_quotas():
        free = lab.start(LOOP)
        lab.engine.run_for(6_300)

    assert free.status == "RUNNING"
    assert len(free.events) > 25_000


def test_a_machine_has_1000_versions_and_100_aliases(lab: Lab) -> None:
    arn = lab.engine.create_state_machine("m", machine(PASS))
    first = lab.engine.publish_version(arn).arn
    for number in range(999):
        lab.engine.update_state_machine(arn, role_arn=f"arn:aws:iam::1:role/{number}")
        lab.engine.publish_version(arn)
    routing = [{"stateMachineVersionArn": first, "weight": 100}]
    for number in range(100):
        lab.engine.versions.create_alias(f"a{number}", None, routing)
    lab.engine.update_state_machine(arn, role_arn="arn:aws:iam::1:role/last")

    with pytest.raises(ServiceQuotaExceededException):
        lab.engine.publish_version(arn)
    with pytest.raises(ServiceQuotaExceededException):
        lab.engine.versions.create_alias("one-more", None, routing)
    assert lab.engine.versions.create_alias("a0", None, routing).routes == {first: 100}
