"""`sfn-cqrs invoke MACHINE STATE`: every sample does on a running stack what its state does."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from tests.support.command_line import command_line
from tests.support.waiting import waited
from tests.template.stack import TASKS, TEMPLATE

from sfn_cqrs import bootstrap
from sfn_cqrs_tools.cli import cli
from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.client.diagnosis import diagnose
from sfn_cqrs_tools.client.executions import SAMPLE_TOKEN
from sfn_cqrs_tools.project import CHECKOUT
from sfn_cqrs_tools.testing.quick_stack import quick_stack

pytestmark = pytest.mark.stack

UNDECLARED = "api.receive_webhook"
"""The example has no webhook, and says so; a project's is in test_new_project.py."""
DONE = {"batchItemFailures": []}
BEGUN = {"started": 1}
ANSWERS = {
    "approval.check_decision": {"result": "GRANTED"},
    "approval.expired": {"result": "EXPIRED"},
    "approval.process_approval": {"result": "GRANTED"},
    "approval.rejected": {"result": "REJECTED"},
    "approval.request_approval": {"result": "parked"},
    "command.check_version": {"result": 0},
    "command.sync_data": {"handler": "airports_by_country", "ok": True},
    "command.wait_prev_command": {"result": "parked"},
    "import_csv.csv_rows_handler": {"result": 2},
    "import_csv.csv_rows_handler_jsonl": {"result": 2},
    "import_csv.finalize_parent_job": {"result": "COMPLETED"},
    "live.on_subscribe": None,
    "order_saga.finish_saga": {"result": "COMPLETED"},
    "order_saga.resume": {"result": "forward"},
    "queue.digest_failures": DONE,
    "queue.on_import_action": DONE,
    "queue.on_notification": DONE,
    "queue.on_task_action": DONE,
    "queue.publish_live": DONE,
    "rebuild.work_on_segment": {"stage": "REPLAYING", "name": "ORDER#05", "result": "done"},
    "schedule.finish_imports_ended": {"unstarted": 1},
    "schedule.sweep_approvals_ended": BEGUN,
    "schedule.sweep_commands_ended": BEGUN,
    "schedule.sweep_imports_ended": BEGUN,
    "schedule.sweep_sagas_ended": BEGUN,
    "schedule.sweep_tasks_ended": BEGUN,
    "stream.on_approval_changed": DONE,
    "stream.on_import_changed": DONE,
    "stream.on_import_changed_zip": DONE,
    "stream.on_process_changed": DONE,
    "stream.on_saga_changed": DONE,
    "stream.on_task_changed": DONE,
    "task.iterator": {"index": 1, "ok": True},
    "zip_orchestrator.extract_file": {"index": 1, "ok": True},
    "zip_orchestrator.list_zip": {"result": [0, 1]},
    "zip_orchestrator.trigger_single_csv_and_wait": None,
}
"""What some of them answer; of the others a step of the saga is DONE, and the rest is a result."""
SAMPLES = sorted(f"{one.parent.name}.{one.stem}" for one in CHECKOUT.glob("events/*/*.json"))
INVOKED = [one for one in SAMPLES if not one.endswith(".start_execution")]
OF_STATES = {f"{one.folder}.{one.name}" for one in TASKS}
STARTED = {one.machine for one in TASKS if one.machine not in ("command-express", "rebuild")}
ENDS = {
    "approval": ("approval show",),
    "zip-orchestrator": ("import show", "SUCCEEDED"),  # its file may be imported by now
}
SWEEPS = [one for one in TEMPLATE.functions if one.startswith("Schedule")]
ENDS_BY_ITSELF = ("task", "import", "archive", "saga")
PATIENCE = timedelta(minutes=10)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A stack with all that a sample is for."""
    parameters = {"ApprovalLinks": "enabled", "ImportOnUpload": "enabled"}
    folder = tmp_path_factory.mktemp("state")
    with quick_stack(state_dir=folder, live=True, parameters=parameters) as started:
        yield started
        assert started.denied == []  # each function's role allows all that its samples do


@pytest.fixture(scope="module")
def invoked(stack):
    """Return what invokes a sample, the first time that it is asked for."""
    ran = {}

    def invoke(sample):
        if sample not in ran:
            words = [*sample.split("."), "--state", str(stack.state.path)]
            ran[sample] = CliRunner().invoke(cli, ["invoke", *words])
        return ran[sample]

    return invoke


@pytest.fixture
def sfn_cqrs(monkeypatch, capsys, stack):
    return command_line(monkeypatch, capsys, after=("--state", stack.state.path))


def printed(output):
    """The JSON that a command printed; functions of the stack log into the same stream here."""
    if "{\n" not in output:
        return None
    found, _ = json.JSONDecoder().raw_decode(output[output.index("{\n") :])
    return found


@pytest.mark.parametrize("sample", INVOKED)
def test_a_sample_does_something(sample, invoked):
    ran = invoked(sample)

    assert ran.exit_code == 0, ran.stderr
    assert "no module of app/" not in ran.stderr
    answer = printed(ran.stdout)
    assert answer == ANSWERS.get(sample, answer)
    if sample in OF_STATES:
        assert answer is None or answer.keys() & {"result", "ok", "error"}
    if sample.startswith("api."):
        assert answer["statusCode"] in ((404,) if sample == UNDECLARED else (200, 202))


def test_a_file_that_was_put_is_imported(invoked, stack):
    begun = printed(invoked("event.on_file_uploaded").stdout)["id"]

    words = ["import", "show", begun, "--tenant", "sample", "--watch", "--state"]
    shown = CliRunner().invoke(cli, [*words, str(stack.state.path)])
    assert "COMPLETED" in shown.output


@pytest.mark.parametrize("machine", sorted(STARTED))
def test_the_sample_of_a_machine_starts_an_execution_that_ends_or_waits(machine, sfn_cqrs):
    ran = sfn_cqrs("start", machine)

    assert ran.code == 0, ran.error
    assert any(word in ran.output for word in ENDS.get(machine, ("SUCCEEDED",)))


def test_a_waiting_state_has_the_token_of_an_execution_that_waits(invoked, stack):
    """The import of the file ends the wait of its archive's sample."""
    invoked("zip_orchestrator.trigger_single_csv_and_wait")
    sfn = stack.client("stepfunctions")

    waited(lambda: "SUCCEEDED" in {one["status"] for one in executions(sfn, "sample-wait")})


def test_an_audit_finds_no_damage_in_what_samples_make_nor_in_their_read_models(invoked, sfn_cqrs):
    for sample in INVOKED:
        invoked(sample)

    audited = sfn_cqrs("audit", "--read-models", "--tenant", "sample", "--json")

    findings = json.loads(audited.output[audited.output.index("{\n") :])["findings"]
    assert [(one["key"], one["rule"], one["evidence"]) for one in findings] == []


def test_what_all_samples_leave_ends_well(invoked, stack):
    for sample in INVOKED:
        invoked(sample)
    target, later = find_target(stack.state.path, None), datetime.now(UTC)

    until = time.monotonic() + 60
    while is_open(found := diagnose(target, PATIENCE, with_claims=False)):
        assert time.monotonic() < until, found
        later += PATIENCE
        with bootstrap.override(clock=lambda at=later: at):
            for sweep in SWEEPS:
                stack.functions.invoke(sweep, b"{}")
        time.sleep(0.1)

    assert found.is_well, found
    assert set(found.dead_letters.values()) == {0}
    failed = failed_executions(stack.client("stepfunctions"))
    assert {error for _, error in failed} <= {"ImportFailed"}  # one sample has a row with a flaw
    assert SAMPLE_TOKEN not in stored(stack)


def is_open(found):
    """Whether something has not ended that nobody has to decide on."""
    return found.open or any(found.kinds[kind].open for kind in ENDS_BY_ITSELF)


def executions(sfn, name):
    """The executions of a machine; those of an EXPRESS one are in no list."""
    machines = sfn.list_state_machines()["stateMachines"]
    for one in machines:
        if one["name"] == name and one["type"] == "STANDARD":
            return sfn.list_executions(stateMachineArn=one["stateMachineArn"])["executions"]
    return []


def failed_executions(sfn):
    """The executions that have not ended well, with their errors."""
    machines = [one["name"] for one in sfn.list_state_machines()["stateMachines"]]
    return [
        (one["name"], sfn.describe_execution(executionArn=one["executionArn"])["error"])
        for machine in machines
        for one in executions(sfn, machine)
        if one["status"] not in ("RUNNING", "SUCCEEDED")
    ]


def stored(stack):
    """All that is in the tables, as text."""
    dynamodb = stack.client("dynamodb")
    tables = dynamodb.list_tables()["TableNames"]
    pages = (
        page
        for table in tables
        for page in dynamodb.get_paginator("scan").paginate(TableName=table)
    )
    return json.dumps([page["Items"] for page in pages], default=str)


def test_a_sample_runs_as_often_as_one_likes_and_says_whose_items_it_makes(sfn_cqrs):
    first = sfn_cqrs("invoke", "order-saga", "ship_order")
    again = sfn_cqrs("invoke", "order-saga", "ship_order")
    shipped = sfn_cqrs("data", "list", "ORDER", "--tenant", "sample", "--json")
    mine = sfn_cqrs("data", "list", "ORDER", "--json")

    assert printed(first.output) == printed(again.output) == {"result": "DONE"}
    assert first.error.splitlines() == [
        "reserve_stock runs first, for what it leaves",
        "charge_payment runs first, for what it leaves",
        "the items are those of --tenant sample",
    ]
    assert shipped.output.count('"SHIPPED"') >= 2
    assert "SHIPPED" not in mine.output


def test_a_state_of_the_express_lane_has_the_sample_of_the_other(sfn_cqrs):
    ran = sfn_cqrs("invoke", "command-express", "check_version")

    assert (ran.code, printed(ran.output)) == (0, {"result": 0})


def test_the_event_of_an_execution_is_the_real_one_without_its_token(sfn_cqrs):
    attributes = json.dumps({"customer": "ada", "total": 5})
    sfn_cqrs("publish", "ORDER", "e-1", "--name", "x", "--attributes", attributes, "--wait")
    asked = sfn_cqrs("approval", "request", "ORDER_RELEASE", "--subject", "e-1").output.strip()
    waits = waited(
        lambda: sfn_cqrs("event", "approval", "request_approval", "--from", asked),
        lambda found: found.code == 0,
    )
    checked = printed(sfn_cqrs("event", "command", "check_version", "--from", "ORDER/e-1").output)
    not_called = sfn_cqrs("event", "command", "wait_prev_command", "--from", "ORDER/e-1")

    assert checked["input"]["code"] == "e-1"
    assert checked["context"]["State"]["Name"] == "check_version"
    waiting = printed(waits.output)
    assert waiting["taskToken"] == waiting["context"]["Task"]["Token"] == SAMPLE_TOKEN
    assert not_called.code == 1
    assert "has called no function in wait_prev_command" in not_called.error
