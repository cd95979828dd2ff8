import json
from typing import Any

import pytest
from tests.template.stack import (
    EXAMPLE,
    MACHINES,
    OF_SHOP,
    ROOT,
    TASKS,
    TEMPLATE,
    State,
    is_batch,
)

from sfn_cqrs.kernel.keys import ApprovalRef, CommandRef, ImportKey, SagaRef, TaskRef, ZipRef
from sfn_cqrs.kernel.read_models.rules import ViewRef
from sfn_cqrs.machines.workflow.executions import execution_name
from sfn_cqrs_tools.runtime.events import matches

EVENTS = ROOT / "events"
ATTEMPTS: dict[str, tuple[Any, str]] = {
    "approval": (ApprovalRef, "ApprovalsTable"),
    "command-express": (CommandRef, "CommandsTable"),
    "command": (CommandRef, "CommandsTable"),
    "order-saga": (SagaRef, "SagasTable"),
    "saga": (SagaRef, "SagasTable"),
    "task": (TaskRef, "TasksTable"),
    "import-csv": (ImportKey, "ImportTmpTable"),
    "rebuild": (ViewRef, "ReadModelsTable"),
    "zip-orchestrator": (ZipRef, "ImportTmpTable"),
}
TASK_IDS = [f"{state.machine}.{state.name}" for state in TASKS]


def sample(path: str) -> Any:
    of_example = path.partition("/")[0] in {machine.folder for machine in OF_SHOP.values()}
    events = EXAMPLE / "events" if of_example else EVENTS
    return json.loads((events / path).read_text(encoding="utf-8"))


def name_of_attempt(machine: str, data: dict[str, Any]) -> str:
    """Its attempt's name, or one made of the id that a workflow of the user's is started for."""
    if machine not in ATTEMPTS:
        return execution_name(machine, data["id"])
    kind, table = ATTEMPTS[machine]
    return kind.from_input(data).execution_name(TEMPLATE.name(table))


@pytest.mark.parametrize("state", TASKS, ids=TASK_IDS)
def test_a_sample_is_what_its_state_sends(state: State) -> None:
    event = sample(f"{state.folder}/{state.name}.json")
    payload = {key.removesuffix(".$") for key in state.body["Parameters"]["Payload"]}
    context = event["context"]

    assert event.keys() == payload
    assert context["State"]["Name"] == state.name
    assert context["Execution"]["Input"] == sample(f"{state.folder}/start_execution.json")
    assert context.get("Task", {}).get("Token") == event.get("taskToken")


@pytest.mark.parametrize(
    "state",
    [state for state in TASKS if not is_batch(state) and state.machine != "command-express"],
    ids=lambda state: state.name,
)
def test_a_sample_runs_in_the_machine_and_under_the_name_of_its_attempt(state: State) -> None:
    context = sample(f"{state.folder}/{state.name}.json")["context"]
    machine = MACHINES[state.machine]
    name = name_of_attempt(state.machine, context["Execution"]["Input"])

    arn = machine.arn.removesuffix(machine.name) + f"sfn-cqrs-{machine.key}"  # of any project
    assert context["StateMachine"] == {"Id": arn, "Name": f"sfn-cqrs-{machine.key}"}
    assert context["Execution"]["Name"] == name
    assert context["Execution"]["Id"] == f"{arn.replace(':stateMachine:', ':execution:')}:{name}"


@pytest.mark.parametrize(
    ("event", "function"),
    [
        ("on_approval_changed", "on_approval_changed"),
        ("on_process_changed", "on_process_changed"),
        ("on_saga_changed", "on_saga_changed"),
        ("on_task_changed", "on_task_changed"),
        ("on_import_changed", "on_import_changed"),
        ("on_import_changed_zip", "on_import_changed"),
    ],
)
def test_a_streams_records_pass_its_filter(event: str, function: str) -> None:
    (source,) = (
        one
        for one in TEMPLATE.event_sources
        if one.type == "DynamoDB" and TEMPLATE.functions[one.function].folder.name == function
    )
    patterns = [
        json.loads(one["Pattern"]) for one in source.properties["FilterCriteria"]["Filters"]
    ]
    records = sample(f"stream/{event}.json")["Records"]

    assert {any(matches(one, record) for one in patterns) for record in records} == {True}


def rule_of(function: str) -> Any:
    """The EventBridge rule of a function."""
    (source,) = (
        one
        for one in TEMPLATE.event_sources
        if one.type == "EventBridgeRule" and one.function == function
    )
    return source


@pytest.mark.parametrize(
    ("key", "passes"),
    [
        ("uploads/tenant1/auto/airports/2026/airports.csv", True),
        ("uploads/tenant1/auto/airports/a.csv", True),
        ("uploads/tenant1/auto/a.csv", False),
        ("uploads/tenant1/01JDHZ0000000000000000000A/a.csv", False),
        ("jobs/tenant1/c-1/errors.csv", False),
    ],
)
def test_a_file_passes_the_rule_of_uploads_by_its_place(key: str, passes: bool) -> None:
    event = sample("event/on_file_uploaded.json")
    event["detail"]["object"]["key"] = key
    event["detail"]["bucket"]["name"] = TEMPLATE.name("ImportBucket")

    assert matches(rule_of("EventOnFileUploadedFunction").properties["Pattern"], event) is passes


@pytest.mark.parametrize(
    ("event", "function"),
    [
        ("sweep_approvals_ended", "ScheduleSweepApprovalsFunction"),
        ("sweep_commands_ended", "ScheduleSweepCommandsFunction"),
        ("sweep_sagas_ended", "ScheduleSweepSagasFunction"),
        ("sweep_tasks_ended", "ScheduleSweepTasksFunction"),
        ("finish_imports_ended", "ScheduleFinishImportsFunction"),
        ("sweep_imports_ended", "ScheduleSweepImportsFunction"),
    ],
)
def test_the_end_of_an_execution_passes_its_sweeps_rule(event: str, function: str) -> None:
    source = rule_of(function)

    assert matches(source.properties["Pattern"], sample(f"schedule/{event}.json"))


@pytest.mark.parametrize(
    ("event", "subscription", "action"),
    [
        ("on_notification", "NotificationSubscription", "command-status"),
        ("on_task_action", "TaskActionSubscription", "task-execute"),
        ("on_import_action", "ImportActionSubscription", "import-execute"),
    ],
)
def test_a_message_passes_its_queues_filter(event: str, subscription: str, action: str) -> None:
    policy = TEMPLATE.of_type("AWS::SNS::Subscription")[subscription]["FilterPolicy"]
    (record,) = sample(f"queue/{event}.json")["Records"]
    envelope = json.loads(record["body"])

    assert envelope["MessageAttributes"]["action"]["Value"] in policy["action"]
    assert json.loads(envelope["Message"])["action"] == action


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
