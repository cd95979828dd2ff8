import json
import re
from typing import Any

import pytest
from functions.command.check_version.app import POLLS
from functions.import_csv.csv_rows_handler.app import RETRIES as BATCH_RETRIES
from tests.support.places import LAYER
from tests.template.stack import (
    MACHINES,
    OF_SHOP,
    SHOP,
    STATES,
    TASKS,
    TEMPLATE,
    State,
    attribute,
    called,
    is_batch,
    modules,
    of_type,
    statements_of,
)

from sfn_cqrs.kernel import errors
from sfn_cqrs.kernel.failure import BUSY_ERRORS
from sfn_cqrs.machines.approval.rules import TRIES_PER_ROUND
from sfn_cqrs.machines.approval.types import MAX_TIME
from sfn_cqrs.machines.import_csv.state import LAST_TRY_WITHIN
from sfn_local.lint import lint

DIED = ["Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError", "States.Timeout"]
BUDGET = 30 * 60
"""Seconds of AWS's bad day that a machine outlasts on average, and more."""
CHILD_SECONDS = 5 * 60
"""What an EXPRESS execution may take."""
LANE = "command-express"
POLL = ["NotYetError"]
ITERATIONS = {
    (LANE, "sync_data"),
    ("command", "sync_data"),  # what it raises leaves by the Map's Catch
    ("rebuild", "work_on_segment"),  # the first that cannot go on stops the others
    ("import-csv", "csv_rows_handler"),  # a batch without a marker has failed
    ("import-csv", "csv_rows_handler_jsonl"),
}
RECORDERS = {
    "task": "finalize_task",
    "import-csv": "finalize_parent_job",
    "zip-orchestrator": "finalize_zip_job",
    "order-saga": "park_saga",
    "rebuild": "stopped",
    "saga": "park_saga",
}  # of the others, mark_failed
RECORDING = {
    ("task", "finalize_task"): "not_recorded",
    ("order-saga", "reserve_stock"): "release_stock",  # a step that failed is undone, too
    ("order-saga", "charge_payment"): "refund_payment",
    ("order-saga", "ship_order"): "cancel_shipment",
    ("order-saga", "finish_saga"): "not_recorded",
    ("order-saga", "park_saga"): "not_recorded",
    ("saga", "run_steps"): "undo_steps",
    ("saga", "finish_saga"): "not_recorded",
    ("saga", "park_saga"): "not_recorded",
    ("import-csv", "finalize_parent_job"): "not_recorded",
    ("zip-orchestrator", "extract_file"): "not_extracted",  # the last state records it
    ("zip-orchestrator", "trigger_single_csv_and_wait"): "file_failed",
    ("zip-orchestrator", "finalize_zip_job"): "not_recorded",
    ("task", "iterator"): "gave_up",  # tells finalize_task, and lets the other items go on
}
OF_A_VPC = {
    "EC2ThrottledException",
    "EC2UnexpectedException",
    "ENILimitReachedException",
    "ENINotReadyException",
    "ResourceNotReadyException",
    "SubnetIPAddressLimitReachedException",
}
"""Source: AWS Lambda API Reference, Invoke, errors."""
UNDOING = {"release_stock", "refund_payment", "cancel_shipment", "undo_steps"}
ROUNDS = {("approval", "request_approval"): "check_decision"}  # a wait that is over is none
LIMITED = {("saga", "run_steps")}
"""States that end when the step says whose time they were entered for."""
CALLBACK = ".waitForTaskToken"
BATCH_PAYLOAD = {
    "source": "step-function",
    "context": {
        "Execution": {
            "Id.$": "$$.Execution.Id",
            "Input.$": "$.BatchInput",
            "Name.$": "$$.Execution.Name",
            "StartTime.$": "$$.Execution.StartTime",
        },
        "State.$": "$$.State",
        "StateMachine.$": "$$.StateMachine",
    },
    "input.$": "$.Items",
}
KEY_ORDER = [
    "Comment",
    "Type",
    "TimestampPath",
    "Resource",
    "Parameters",
    "Label",
    "ItemReader",
    "ItemsPath",
    "ItemSelector",
    "ItemBatcher",
    "MaxConcurrency",
    "MaxConcurrencyPath",
    "ToleratedFailurePercentage",
    "ItemProcessor",
    "ResultWriter",
    "Choices",
    "Error",
    "ErrorPath",
    "Cause",
    "CausePath",
    "Retry",
    "Catch",
    "TimeoutSeconds",
    "HeartbeatSeconds",
    "TimeoutSecondsPath",
    "ResultPath",
    "OutputPath",
    "Default",
    "Next",
    "End",
]
AWS_ERRORS = ("States.", "Lambda.", "Sandbox.", "Runtime.")


def each(states: list[State]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "state", states, ids=lambda state: f"{state.machine}.{state.name}"
    )


@each(TASKS)
def test_a_task_sends_context_and_input_and_answers_the_payload(state: State) -> None:
    payload = {"source": "step-function", "context.$": "$$", "input.$": "$"}
    if state.body["Resource"].endswith(CALLBACK):
        payload["taskToken.$"] = "$$.Task.Token"
    if is_batch(state):  # `$$` would carry the batch a second time
        payload = BATCH_PAYLOAD

    assert state.body["Parameters"]["Payload"] == payload
    assert state.body["OutputPath"] == "$.Payload"
    assert "ResultPath" not in state.body


@each([state for state in TASKS if (state.machine, state.name) not in {*ROUNDS, *LIMITED}])
def test_a_task_ends_after_its_function_and_never_before(state: State) -> None:
    template = SHOP if state.machine in OF_SHOP else TEMPLATE
    function = template.state_function(state.machine, state.name)

    assert state.body["TimeoutSeconds"] > function.timeout


def delays(retrier: dict[str, Any]) -> list[float]:
    """The longest that each retry may wait; the average, with FULL jitter, is half of it."""
    rounds = range(retrier["MaxAttempts"])
    interval, rate = retrier["IntervalSeconds"], retrier["BackoffRate"]
    return [min(interval * rate**each, retrier["MaxDelaySeconds"]) for each in rounds]


@each([state for state in TASKS if not is_batch(state) and state.machine != LANE])
def test_a_task_outlasts_half_an_hour_of_a_busy_aws(state: State) -> None:
    busy, died = state.body["Retry"]
    is_callback = state.body["Resource"].endswith(CALLBACK)

    assert busy["ErrorEquals"] == list(BUSY_ERRORS)
    assert sum(delays(busy)) / 2 >= BUDGET
    assert busy["MaxDelaySeconds"] <= 120  # so soon after the bad day is over all goes on
    if "HeartbeatSeconds" in state.body:
        assert died["ErrorEquals"] == [*DIED, "States.HeartbeatTimeout"]
    else:
        assert died["ErrorEquals"] == (DIED[:-1] if is_callback else DIED)
    assert (died["IntervalSeconds"], died["MaxAttempts"], died["MaxDelaySeconds"]) == (2, 6, 60)
    assert all(retrier["JitterStrategy"] == "FULL" for retrier in state.body["Retry"])
    assert all(retrier["BackoffRate"] == 2 for retrier in state.body["Retry"])


@each([state for state in TASKS if "lambda:invoke" in state.body["Resource"]])
def test_what_a_vpc_does_to_a_function_is_no_failure_for_ever(state: State) -> None:
    """After idle weeks Lambda makes its interfaces again, which may take a minute."""
    retried = {error for one in state.body["Retry"] for error in one["ErrorEquals"]}

    assert {f"Lambda.{error}" for error in OF_A_VPC} <= retried


def test_both_command_machines_have_the_same_states_but_for_what_time_they_have() -> None:
    ours, lane = (dict(MACHINES[key].states()) for key in ("command", LANE))
    shared = ours.keys() & lane.keys() - {"check_version_result", "mark_failed_result"}
    differ = {"Retry", "Catch", "TimeoutSeconds", "ItemProcessor"}

    assert ours.keys() - lane.keys() == {"wait_prev_command"}
    assert lane.keys() - ours.keys() == {"handed_over"}
    for name in shared:
        assert {key: ours[name][key] for key in ours[name].keys() - differ} == {
            key: lane[name][key] for key in lane[name].keys() - differ
        }


@each([state for state in TASKS if state.machine == LANE])
def test_in_the_express_lane_two_minutes_of_a_busy_aws_are_sat_out(state: State) -> None:
    *polls, busy, died = state.body["Retry"]
    recorder = MACHINES[LANE].asl["States"]["mark_failed"]
    limit = state.body["TimeoutSeconds"] + sum(delays(busy)) + recorder["TimeoutSeconds"]

    assert busy["ErrorEquals"] == list(BUSY_ERRORS)
    assert 60 <= sum(delays(busy)) <= 120
    assert limit < MACHINES[LANE].asl["TimeoutSeconds"] < CHILD_SECONDS
    assert died["ErrorEquals"] == [
        "Lambda.Unknown",
        "Runtime.ExitError",
    ]  # the slow are handed over
    assert [retrier["ErrorEquals"] for retrier in polls] == (
        [POLL] if state.name == "check_version" else []
    )
    assert all(retrier["MaxAttempts"] == POLLS for retrier in polls)


def test_in_the_express_lane_all_states_may_take_all_their_time_and_the_last_records_it() -> None:
    states = [state for state in TASKS if state.machine == LANE]
    polls = states[0].body["Retry"][0]
    looks = [polls["IntervalSeconds"] * polls["BackoffRate"] ** each for each in range(POLLS)]
    limits = [state.body["TimeoutSeconds"] for state in states]

    assert states[0].name == "check_version"
    assert {state.name: limit for state, limit in zip(states, limits, strict=True)} == {
        state.name: TEMPLATE.state_function(LANE, state.name).timeout + 5 for state in states
    }
    assert sum(limits) + sum(looks) < MACHINES[LANE].asl["TimeoutSeconds"]


@each([state for state in TASKS if is_batch(state)])
def test_all_tries_of_a_batch_fit_into_the_five_minutes_of_its_execution(state: State) -> None:
    busy, died = state.body["Retry"]
    limit, tries = state.body["TimeoutSeconds"], died["MaxAttempts"] + 1
    last_ends = LAST_TRY_WITHIN + limit + busy["MaxDelaySeconds"] + limit

    assert (busy["ErrorEquals"], died["ErrorEquals"]) == (list(BUSY_ERRORS), DIED)
    assert all(retrier["JitterStrategy"] == "FULL" for retrier in state.body["Retry"])
    assert busy["MaxAttempts"] == BATCH_RETRIES
    assert sum(delays(busy)) <= CHILD_SECONDS - limit
    assert last_ends <= CHILD_SECONDS
    assert tries * limit + sum(delays(died)) <= CHILD_SECONDS - 15


@each(TASKS)
def test_no_state_is_tried_so_often_that_its_tries_cannot_be_told_apart(state: State) -> None:
    tries = 1 + sum(retrier["MaxAttempts"] for retrier in state.body["Retry"])

    assert tries < TRIES_PER_ROUND


@each(STATES)
def test_whatever_a_state_cannot_cure_is_recorded(state: State) -> None:
    can_fail = state.body["Type"] in {"Task", "Map", "Parallel"}
    if not can_fail or (state.machine, state.name) in ITERATIONS:
        assert "Catch" not in state.body
        return

    usual = "not_recorded" if state.name == "mark_failed" else "mark_failed"
    recorder = RECORDING.get((state.machine, state.name), RECORDERS.get(state.machine, usual))
    round_ = ROUNDS.get((state.machine, state.name))
    caught = [
        (one["ErrorEquals"], one["Next"], one.get("ResultPath")) for one in state.body["Catch"]
    ]
    over = [(["States.Timeout"], round_, None)] if round_ else []
    in_lane = state.machine == LANE and state.body["Type"] == "Task"
    if (in_lane and state.name != "mark_failed") or state.machine == "rebuild":
        over = [(["SupersededError"], "superseded", None)]
    if recorder in UNDOING:  # nothing is undone for AWS's bad day
        gone = ["UnknownStepError"] if state.machine == "saga" else []
        over = [([*gone, *BUSY_ERRORS], "park_saga", None)]
    assert caught == [*over, (["States.ALL"], recorder, None)]


@each([state for state in TASKS if (state.machine, state.name) in {*ROUNDS, *LIMITED}])
def test_a_round_of_waiting_is_as_long_as_it_is_told_to_be(state: State) -> None:
    assert state.body["TimeoutSecondsPath"] == "$.seconds"
    assert "TimeoutSeconds" not in state.body


@each(STATES)
def test_the_keys_of_a_state_come_in_one_order(state: State) -> None:
    assert list(state.body) == sorted(state.body, key=KEY_ORDER.index)


@each(STATES)
def test_a_comment_is_short_and_does_not_repeat_the_state(state: State) -> None:
    comment = state.body.get("Comment", "")

    assert len(comment) <= 100
    assert not re.search(rf"\b{state.name}\b", comment)


@pytest.mark.parametrize("key", MACHINES)
def test_the_file_alone_is_json_that_old_validators_know_and_has_an_end(key: str) -> None:
    text = MACHINES[key].path.read_text(encoding="utf-8")
    machine = json.loads(text)

    assert "QueryLanguage" not in text  # of November 2024; what all are in is the default
    if key == LANE:  # AWS ends it within five minutes, whatever it has still to do
        return
    limits = [
        state.body.get("TimeoutSeconds", MAX_TIME.total_seconds())
        + sum(delays(state.body["Retry"][0]))
        for state in TASKS
        if state.machine == key
    ]
    assert machine["TimeoutSeconds"] > sum(limits)


@pytest.mark.parametrize("key", MACHINES)
def test_every_placeholder_is_substituted_and_none_is_unused(key: str) -> None:
    machine = MACHINES[key]
    placeholders = re.findall(r'"\$\{(\w+)\}"', machine.path.read_text(encoding="utf-8"))

    assert set(placeholders) == set(machine.substitutions)
    assert machine.path.read_text(encoding="utf-8").count("${") == len(placeholders)


def test_errors_of_our_own_are_classes_of_the_errors_module_and_of_no_other() -> None:
    caught = {
        error
        for state in STATES
        for one in [*state.body.get("Retry", []), *state.body.get("Catch", [])]
        for error in one["ErrorEquals"]
    }
    ours = {error for error in caught if not error.startswith(AWS_ERRORS)}

    assert ours == {"TransientError", "NotYetError", "SupersededError", "UnknownStepError"}
    assert all(issubclass(getattr(errors, error), Exception) for error in ours)
    for path, tree in modules(LAYER, "functions", "app", "examples/shop/app", naming="Error"):
        defined = {getattr(node, "name", "") for node in tree.body}
        assert not defined & ours or path.name == "errors.py"


@pytest.mark.parametrize("key", TEMPLATE.machines)
def test_a_machine_logs_every_event_but_no_data_and_is_traced(key: str) -> None:
    properties = of_type("AWS::StepFunctions::StateMachine")[MACHINES[key].logical_id]
    logging = properties["LoggingConfiguration"]
    log_group = f"{MACHINES[key].logical_id}LogGroup"

    assert properties["StateMachineName"] == {"Fn::Sub": f"${{AWS::StackName}}-{key}"}
    assert (logging["Level"], logging["IncludeExecutionData"]) == (
        "ERROR" if key == LANE else "ALL",
        False,
    )
    assert logging["Destinations"] == [
        {"CloudWatchLogsLogGroup": {"LogGroupArn": attribute(log_group)}}
    ]
    assert of_type("AWS::Logs::LogGroup")[log_group]["LogGroupName"] == {
        "Fn::Sub": f"/aws/vendedlogs/states/${{AWS::StackName}}-{key}"
    }
    assert properties["TracingConfiguration"] == {"Enabled": True}


@pytest.mark.parametrize("key", TEMPLATE.machines)
def test_the_machines_role_may_invoke_exactly_its_functions(key: str) -> None:
    invokes = [
        statement
        for statement in statements_of(MACHINES[key].logical_id)
        if statement["Action"] == "lambda:InvokeFunction"
    ]

    assert [statement["Resource"] for statement in invokes] == [
        [called(function) for function in MACHINES[key].substitutions]
    ]


CHILDREN = {f"states:{name}Execution" for name in ("Start", "Describe", "Redrive", "Stop")}
ASKED = {
    "arn:aws:states:::lambda:invoke": {"lambda:InvokeFunction"},
    "arn:aws:states:::lambda:invoke.waitForTaskToken": {"lambda:InvokeFunction"},
    "arn:aws:states:::s3:getObject": {"s3:GetObject", "s3:GetObjectVersion"},
    "arn:aws:states:::s3:putObject": {
        "s3:PutObject",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts",
    },
}
"""What AWS's guide wants in the role of a machine for a Resource in its definition."""


def asked_by(body: dict[str, Any]) -> set[str]:
    """The actions that a state takes in the machine's own name."""
    parts = [body, body.get("ItemReader", {}), body.get("ResultWriter", {})]
    found = [ASKED[part["Resource"]] for part in parts if "Resource" in part]
    processor = body.get("ItemProcessor", {}).get("ProcessorConfig", {})
    if processor.get("Mode") == "DISTRIBUTED":
        found.append(CHILDREN)
    return set().union(*found)


@pytest.mark.parametrize("key", TEMPLATE.machines)
def test_the_machines_role_may_do_exactly_what_its_states_ask_aws_for(key: str) -> None:
    """The local stack asks the roles of functions; those of machines are held here."""
    actions = [statement["Action"] for statement in statements_of(MACHINES[key].logical_id)]
    allowed = {one for each in actions for one in ([each] if isinstance(each, str) else each)}

    wanted = set().union(*(asked_by(body) for _, body in MACHINES[key].states()))
    assert {one for one in allowed if not one.startswith("logs:")} == wanted


def findings(definitions: dict[str, Any]) -> list[tuple[str, ...]]:
    """What cfn-lint, which opens no DefinitionUri, says of definitions put inline."""
    machines = {
        key.title().replace("-", ""): {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "RoleArn": "arn:aws:iam::123456789012:role/machine",
                "Definition": definition,
            },
        }
        for key, definition in definitions.items()
    }
    import cfnlint.api  # noqa: PLC0415 - takes longer than all other imports of the tests

    found = cfnlint.api.lint_all(json.dumps({"Resources": machines}))
    return [(one.rule.id, *one.path[1:2]) for one in found if not one.rule.id.startswith("I")]


def test_cfn_lint_accepts_all_definitions() -> None:
    assert findings({key: json.loads(one.definition) for key, one in MACHINES.items()}) == []


def test_cfn_lint_would_refuse_a_field_that_no_state_has() -> None:
    definition = json.loads(MACHINES["command"].definition)
    definition["States"]["finish"]["TimeoutSecond"] = 60

    assert findings({"zip-job": definition}) == [("E3601", "ZipJob")]


@pytest.mark.parametrize("key", MACHINES)
def test_our_lint_finds_nothing_in_the_definition(key: str) -> None:
    assert [found.message for found in lint(MACHINES[key].definition)] == []
