import json
from typing import Any

import pytest
from tests.template.stack import MACHINES, ROOT, TASKS, TEMPLATE, State

from sfn_cqrs.domain.keys import CommandRef
from sfn_local.events import matches

EVENTS = ROOT / "events"
TASK_IDS = [f"{state.machine}.{state.name}" for state in TASKS]


def sample(path: str) -> Any:
    return json.loads((EVENTS / path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("state", TASKS, ids=TASK_IDS)
def test_a_sample_is_what_its_state_sends(state: State) -> None:
    event = sample(f"{state.machine}/{state.name}.json")
    payload = {key.removesuffix(".$") for key in state.body["Parameters"]["Payload"]}
    context = event["context"]

    assert event.keys() == payload
    assert context["State"]["Name"] == state.name
    assert context["Execution"]["Input"] == sample(f"{state.machine}/start_execution.json")
    assert context.get("Task", {}).get("Token") == event.get("taskToken")


@pytest.mark.parametrize("state", TASKS, ids=TASK_IDS)
def test_a_sample_runs_in_the_machine_and_under_the_name_of_its_attempt(state: State) -> None:
    context = sample(f"{state.machine}/{state.name}.json")["context"]
    machine = MACHINES[state.machine]
    ref = CommandRef.from_input(context["Execution"]["Input"])
    name = ref.execution_name(TEMPLATE.name("CommandsTable"))

    assert context["StateMachine"] == {"Id": machine.arn, "Name": machine.name}
    assert context["Execution"]["Name"] == name
    assert context["Execution"]["Id"] == (
        f"{machine.arn.replace(':stateMachine:', ':execution:')}:{name}"
    )


def test_the_streams_records_pass_its_filter() -> None:
    (source,) = (one for one in TEMPLATE.event_sources if one.type == "DynamoDB")
    patterns = [
        json.loads(one["Pattern"]) for one in source.properties["FilterCriteria"]["Filters"]
    ]
    records = sample("stream/on_process_changed.json")["Records"]

    assert [any(matches(one, record) for one in patterns) for record in records] == [True, True]


def test_the_end_of_an_execution_passes_the_sweeps_rule() -> None:
    (source,) = (one for one in TEMPLATE.event_sources if one.type == "EventBridgeRule")

    assert matches(source.properties["Pattern"], sample("schedule/sweep_execution_ended.json"))


def test_the_notice_passes_the_queues_filter() -> None:
    subscription = TEMPLATE.of_type("AWS::SNS::Subscription")["NotificationSubscription"]
    (record,) = sample("queue/on_notification.json")["Records"]
    envelope = json.loads(record["body"])

    assert (
        envelope["MessageAttributes"]["action"]["Value"] in subscription["FilterPolicy"]["action"]
    )
    assert json.loads(envelope["Message"])["action"] == "command-status"


def test_no_sample_holds_a_token_that_could_be_real() -> None:
    tokens = {
        text
        for path in EVENTS.rglob("*.json")
        for text in _strings(json.loads(path.read_text(encoding="utf-8")), "")
    }

    assert tokens == {"AAAA-sample-task-token-that-opens-nothing", "Bearer sample.id.token"}


def _strings(value: Any, key: str) -> list[str]:
    """The texts under any key that names a token."""
    if isinstance(value, dict):
        return [text for name, inner in value.items() for text in _strings(inner, name)]
    if isinstance(value, list):
        return [text for inner in value for text in _strings(inner, key)]
    is_secret = key.lower() in {"token", "tasktoken", "task_token", "authorization"}
    return [value] if is_secret else []
