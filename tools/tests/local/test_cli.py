import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import click
import pytest
from click.testing import CliRunner
from tests.support.command_line import line_of_orders
from tests.support.orders import NOWHERE, REGION
from tests.support.waiting import waited

from sfn_cqrs.care.repairs import service
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.keys import ItemKey, TaskKind
from sfn_cqrs.kernel.tables.dynamodb import marshal
from sfn_cqrs.machines.command.items import process_item
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.task.items import TASKS
from sfn_cqrs.machines.task.rules import Counts, TaskStatus
from sfn_cqrs_tools.cli import COMMANDS, SECTIONS, chain, cli, doctor, read_model
from sfn_cqrs_tools.cli.arguments import read_text
from sfn_cqrs_tools.client.api import ApiProblem, item_path
from sfn_cqrs_tools.client.diagnosis import Diagnosis
from sfn_cqrs_tools.client.failed_work import FailedWork
from sfn_cqrs_tools.project import CHECKOUT
from sfn_cqrs_tools.runtime.identity import DEFAULT_TENANT
from sfn_cqrs_tools.runtime.state import StateFolder
from sfn_cqrs_tools.terminal.drawing import draw_chain
from sfn_cqrs_tools.testing.builders import RESIZE, a_process, a_task

TEMPLATE = str(CHECKOUT / "template.yaml")
ORDER = '{"customer":"c1","total":5.10}'
TO_NOWHERE = json.dumps(NOWHERE)


@pytest.fixture
def on_stack(sfn_cqrs, stack):
    """Return what runs a command on the stack."""
    return lambda *arguments: sfn_cqrs(*arguments, "--state", stack.state.path)


def settled(on_stack, code: str, *outcomes: str, tenant: str = DEFAULT_TENANT) -> list[dict]:
    """Wait until the versions of an order, the first first, have these outcomes."""
    shown = ("chain", "show", "ORDER", code, "--tenant", tenant, "--json")
    return waited(
        lambda: on_stack(*shown).json[::-1],
        lambda versions: tuple(one["outcome"] for one in versions) == outcomes,
    )


def test_the_help_lists_every_command_without_waiting_for_boto3_and_rich():
    code = """
import sys
from sfn_cqrs_tools.cli import cli
cli.main(["--help"], standalone_mode=False)
print([name for name in ("boto3", "rich", "yaml") if name in sys.modules])
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    *text, imported = answer.stdout.splitlines()
    assert imported == "[]"
    listed = [line.split()[0] for line in text if re.match(r"  [a-z][a-z-]* {2,}[A-Z]", line)]
    assert sorted(listed) == sorted(COMMANDS)
    assert [line[:-1] for line in text if line[:-1] in SECTIONS] == [*SECTIONS]
    assert "Commands:" not in text  # each command has its section


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_tells_how_it_is_used(sfn_cqrs, name):
    result = sfn_cqrs(name, "--help")

    assert (result.code, result.error) == (0, "")
    assert result.output.startswith("Usage: ")


@pytest.mark.parametrize(
    ("name", "example"),
    [("engine", "sfn-cqrs engine --port 8083"), ("run", "sfn-cqrs run order.asl.json --mock")],
)
def test_the_engines_commands_speak_of_this_program(sfn_cqrs, name, example):
    shown = sfn_cqrs(name, "--help").output

    assert example in shown
    assert "sfn-local" not in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch"], "No such command 'nosuch'"),
        (["data", "get", "ORDER"], "Missing argument 'CODE'"),
        (["up", "--parameter", "x"], "--parameter takes NAME=VALUE, not 'x'"),
        (["chain", "retry", "ORDER", "o-1", "zero"], "'zero' is not a valid integer"),
    ],
)
def test_wrong_usage_exits_64(sfn_cqrs, arguments, message):
    result = sfn_cqrs(*arguments)

    assert (result.code, result.output) == (64, "")
    assert message in result.error


def test_without_a_stack_a_command_says_how_to_start_one(sfn_cqrs, tmp_path):
    result = sfn_cqrs("data", "list", "ORDER", "--state", tmp_path)

    assert (result.code, result.output) == (1, "")
    assert result.error == (
        f"error: no stack runs on {tmp_path}: start one with `sfn-cqrs up`, or name its --state\n"
    )


def test_a_stack_that_is_being_deployed_is_not_started_again(sfn_cqrs, tmp_path):
    owner = StateFolder(tmp_path)
    owner.acquire()

    result = sfn_cqrs("data", "list", "ORDER", "--state", tmp_path)
    owner.release()

    assert (result.code, result.output) == (1, "")
    assert result.error == (
        f"error: the stack on {tmp_path} is just being deployed: try again in a moment\n"
    )


def test_on_aws_a_token_is_needed(sfn_cqrs, monkeypatch):
    monkeypatch.delenv("SFN_CQRS_TOKEN", raising=False)

    result = sfn_cqrs("data", "list", "ORDER", "--stack", "sfn-cqrs-dev")

    assert result == (1, "", "error: set SFN_CQRS_TOKEN to an ID token of your user pool\n")


def test_translate_writes_plain_cloudformation(sfn_cqrs, tmp_path):
    output = tmp_path / "deep" / "template.json"

    result = sfn_cqrs("translate", "--output", output, "--template", TEMPLATE)

    assert result == (0, "", "")
    kinds = {one["Type"] for one in json.loads(output.read_text())["Resources"].values()}
    assert "AWS::Lambda::Function" in kinds
    assert not [kind for kind in kinds if kind.startswith("AWS::Serverless::")]


def test_event_prints_the_sample_of_a_state(sfn_cqrs):
    result = sfn_cqrs("event", "command", "check_version", "--template", TEMPLATE)

    assert result.json["context"]["State"]["Name"] == "check_version"


def test_an_event_that_is_not_there_is_answered_with_those_that_are(sfn_cqrs):
    result = sfn_cqrs("event", "command", "nosuch", "--template", TEMPLATE)

    assert result.code == 1
    assert "command check_version, command finish" in result.error


@pytest.mark.parametrize(
    ("code", "path"),
    [
        ("NRT", "/data/ORDER/NRT"),
        ("taro@example.com", "/data/ORDER/taro%40example.com"),
        ("東", "/data/ORDER/%E6%9D%B1"),
        ("a/b", "/data/ORDER/~YS9i"),
        ("..", "/data/ORDER/~Li4"),
        ("~x", "/data/ORDER/~fng"),
    ],
)
def test_a_code_that_no_path_can_carry_is_encoded(code, path):
    assert item_path("data", "ORDER", code) == path


def test_a_chain_is_drawn_from_the_first_version_to_the_last():
    versions = [
        {
            "version": 10,
            "outcome": "WAITING",
            "status": "wait_prev_command:STARTED",
            "attempt": 1,
            "lane": "EXPRESS",
            "waitsFor": 9,
        },
        {
            "version": 9,
            "outcome": "FAILED",
            "repairedBy": "ada",
            "status": "sync_data:FAILED",
            "attempt": 2,
            "lane": "EXPRESS",
            "error": "ValueError",
            "cause": f"""no customer
  File "{CHECKOUT}/app/shop/orders.py", line 20, in orders_by_customer
    customer = …""",
        },
        {
            "version": 8,
            "outcome": "APPLIED",
            "status": "finish:FINISHED",
            "attempt": 1,
            "mode": "SYNC",
            "lane": "STANDARD",
            "isDeleted": True,
        },
    ]

    assert draw_chain(versions).plain.splitlines() == [
        " v8  ● APPLIED  finish:FINISHED · deletion · sync",
        "     │",
        " v9  ✗ FAILED   sync_data:FAILED · attempt 2 · retried by ada",
        "     │  ValueError: no customer",
        """     │    File "app/shop/orders.py", line 20, in orders_by_customer""",
        "     │      customer = …",
        " v10 ◔ WAITING  wait_prev_command:STARTED · waits for v9 · express",
    ]


def test_a_comparison_counts_rows_and_a_replay_items():
    at = {"skipped": 3, "failed": 1}

    assert read_model._note("COMPARING", at) == "compared: 3 in one only, 1 different"
    assert read_model._note("REPLAYING", at) == "replayed: 3 skipped, 1 failed"


def test_a_chain_ends_with_the_command_that_helps():
    versions = [{"version": 3, "outcome": "WAITING"}, {"version": 2, "outcome": "OPEN"}]
    failed = [*versions, {"version": 1, "outcome": "FAILED"}]

    log = "to see what v2 does: sfn-cqrs logs --item 'ORDER/o 1'"
    assert chain.next_line("ORDER", "o 1", versions) == log
    retry = "once it is repaired: sfn-cqrs chain retry ORDER 'o 1' 1"
    assert chain.next_line("ORDER", "o 1", failed) == retry
    assert chain.next_line("ORDER", "o 1", []) == ""


def test_a_chain_shows_a_whole_reason_and_marks_the_end_of_an_endless_one():
    version = {"version": 1, "outcome": "FAILED", "status": "sync_data:FAILED", "attempt": 1}
    version |= {"lane": "EXPRESS", "error": "ValueError"}

    whole, endless = ({**version, "cause": "x" * length} for length in (300, 3_000))

    assert draw_chain([whole]).plain.endswith(f": {'x' * 300}")
    assert draw_chain([endless]).plain.endswith(f": {'x' * 999}…")


@pytest.mark.stack
@pytest.mark.real_time("a version of the express lane looks after a second for the one before")
def test_an_item_is_published_changed_and_shown(on_stack):
    first = on_stack("publish", "ORDER", "o-1", "--name", "first", "--attributes", ORDER)
    change = ["--version", "1", "--partial", "--attributes", '{"total":7}']
    second = on_stack("publish", "ORDER", "o-1", *change, "--json")
    settled(on_stack, "o-1", "APPLIED", "APPLIED")

    assert first == (0, "ORDER o-1 version 1 is accepted\n", "")
    assert (second.json["version"], second.error) == (2, "")
    row = on_stack("data", "get", "ORDER", "o-1", "--json").json
    assert (row["version"], row["attributes"]) == (2, {"customer": "c1", "total": 7})
    (earlier,) = on_stack("data", "history", "ORDER", "o-1", "--json").json
    assert earlier["attributes"] == {"customer": "c1", "total": 5.1}
    assert "o-1   2        APPLIED  first" in on_stack("data", "list", "ORDER").output


@pytest.mark.stack
@pytest.mark.real_time("a slow machine applies a version after it was asked for")
def test_whoever_publishes_may_wait_for_the_version(on_stack):
    options = ["--name", "x", "--wait"]
    good = on_stack("publish", "ORDER", "o-w", "--attributes", ORDER, *options)
    bad = on_stack("publish", "ORDER", "o-w2", "--attributes", TO_NOWHERE, *options)
    read = on_stack("data", "get", "ORDER", "o-w", "--at-least", "1", "--json")
    unread = on_stack("data", "get", "ORDER", "o-w2", "--at-least", "2")
    on_stack("chain", "skip", "ORDER", "o-w2", "1")

    assert good == (0, "ORDER o-w version 1 is applied\n", "")
    assert (bad.code, bad.output) == (1, "ORDER o-w2 version 1 is failed\n")
    assert bad.error.startswith("error: version 1 is FAILED: SyncHandlerError\n")
    assert bad.error.endswith("to see why: sfn-cqrs chain show ORDER o-w2\n")
    assert read.json["version"] == 1
    assert unread.error.startswith("error: not_found: ORDER o-w2 has no version 2")


@pytest.mark.stack
@pytest.mark.real_time("a slow machine applies a version after it was asked for")
def test_whoever_skips_a_version_may_publish_what_was_applied_before(on_stack):
    change = ["--name", "x", "--attributes"]
    on_stack("publish", "ORDER", "o-again", *change, ORDER, "--wait")
    on_stack("publish", "ORDER", "o-again", *change, TO_NOWHERE, "--version", "1", "--wait")

    skipped = on_stack("chain", "skip", "ORDER", "o-again", "2", "--restore")
    settled(on_stack, "o-again", "APPLIED", "SKIPPED", "APPLIED")

    said = "version 2 is skipped; version 3 has the content that was applied before it"
    assert skipped == (0, f"ORDER o-again {said}\n", "")
    assert on_stack("data", "get", "ORDER", "o-again", "--json").json["version"] == 3


@pytest.mark.stack
def test_a_conflict_names_the_current_version_and_the_command_that_works(on_stack, stack):
    on_stack("publish", "ORDER", "o-2", "--name", "x", "--attributes", ORDER, "--sync")

    result = on_stack("publish", "ORDER", "o-2", "--name", "y", "--attributes", ORDER)

    assert result == (
        1,
        "",
        "error: version_conflict: the current version is 1\n"
        "to build on it: sfn-cqrs publish ORDER o-2 --name y --attributes"
        f" '{ORDER}' --state {stack.state.path} --version 1\n"
        "to see it: sfn-cqrs data get ORDER o-2\n",
    )


@pytest.mark.stack
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give --name and --attributes, or --partial, or --delete"),
        (["--delete", "--sync"], "--delete goes with --version only"),
        (["--name", "x", "--attributes", "{"], "--attributes is not JSON"),
        (["--name", "x", "--attributes", "[]"], "--attributes must be a JSON object"),
        (["--name", "x", "--attributes", "@/none"], "No such file"),
    ],
)
def test_publish_refuses_what_it_cannot_send(on_stack, options, message):
    result = on_stack("publish", "ORDER", "o-3", *options)

    assert result.code == 64
    assert message in result.error


@pytest.mark.stack
def test_types_are_listed_and_shown_and_a_wrong_field_is_named(on_stack):
    listed, shown = on_stack("type", "list"), on_stack("type", "show", "PAYMENT")
    options = ["--name", "x", "--attributes", '{"available": -1, "colour": "red"}']
    refused = on_stack("publish", "STOCK", "BOOK", *options)

    assert "STOCK" in listed.output
    assert "available" in listed.output
    assert "publish code only imports code only" in " ".join(shown.output.split())
    assert "CHARGED | REFUNDED" in shown.output
    schema = on_stack("type", "show", "PAYMENT", "--json").json["schema"]
    assert schema["required"] == ["customer", "amount", "status"]
    assert (refused.code, refused.error) == (
        1,
        "error: invalid_input: these fields are wrong:\n"
        "  attributes.available: must be an integer, at least 0\n",
    )


@pytest.mark.stack
def test_a_body_above_four_megabytes_is_refused_by_its_own_code(on_stack, tmp_path):
    file = tmp_path / "large.json"
    file.write_text(json.dumps({"text": "x" * (5 * 1024 * 1024)}))

    result = on_stack("publish", "ORDER", "o-large", "--name", "x", "--attributes", f"@{file}")

    assert (result.code, result.output) == (1, "")
    assert "a body has at most 4194304 bytes" in result.error


@pytest.mark.stack
def test_attributes_are_read_from_a_file_or_standard_input(on_stack, tmp_path, monkeypatch):
    file = tmp_path / "order.json"
    file.write_text(ORDER)
    monkeypatch.setattr(sys, "stdin", io.StringIO(ORDER))

    for code, source in (("o-file", f"@{file}"), ("o-stdin", "@-")):
        options = ["--name", "x", "--attributes", source, "--sync"]
        assert on_stack("publish", "ORDER", code, *options).code == 0
        row = on_stack("data", "get", "ORDER", code, "--json").json
        assert row["attributes"] == {"customer": "c1", "total": 5.1}


@pytest.mark.stack
def test_what_has_failed_is_planned_first_and_repaired_then(on_stack):
    on_stack("publish", "ORDER", "bulk", "--name", "x", "--attributes", TO_NOWHERE)
    settled(on_stack, "bulk", "FAILED")

    plan = ("repair", "plan", "command", "skip", "--type", "ORDER", "--error", "KeyError")
    planned = on_stack(*plan, "--json").json
    shown = on_stack(*plan).output
    assert on_stack("repair", "show", planned["id"], "--json").json == planned
    waiting = on_stack("repair", "list", "--planned", "--json").json
    assert planned["id"] in [one["id"] for one in waiting]
    assert f"sfn-cqrs repair start {waiting[0]['id']}" in on_stack("repair", "list").output
    done = on_stack("repair", "start", planned["id"])

    assert (planned["total"], planned["status"]) == (1, "PLANNED")
    assert shown.startswith("1 have failed\n")
    assert "skip them: sfn-cqrs repair start p-" in shown
    told = f"{planned['id']} is COMPLETED: 1 done, 0 unchanged, 0 left, 0 failed\n"
    assert (done.code, done.output) == (0, told)
    assert on_stack("repair", "show", planned["id"], "--watch").output == told
    settled(on_stack, "bulk", "SKIPPED")
    assert on_stack(*plan).output == "0 have failed\n"


@pytest.mark.stack
def test_operators_of_the_stack_repair_plan_by_plan_what_has_failed_of_all_tenants(
    on_stack, monkeypatch
):
    codes, now = {"ours": DEFAULT_TENANT, "theirs": "other", "far": "far"}, datetime.now(UTC)
    for code, tenant in codes.items():
        whose = ("--tenant", tenant)
        on_stack("publish", "ORDER", code, "--name", "x", "--attributes", TO_NOWHERE, *whose)
    for code, tenant in codes.items():
        settled(on_stack, code, "FAILED", tenant=tenant)
    monkeypatch.setattr(service, "MAX_ENTRIES", 2)
    filters = ("--failed", "--type", "ORDER", "--since", now.isoformat(), "--tenant", "*")

    first = on_stack("repair", "plan", "command", "skip", *filters[1:]).output
    skipped = on_stack("chain", "skip", *filters, "--yes")

    assert first.startswith("2 have failed, and there may be more\n")
    assert "there may be more: plan again with --after p-" in first
    assert skipped.code == 0
    assert re.findall(r"is COMPLETED: (\d) done, 0 unchanged", skipped.output) == ["2", "1"]
    for code, tenant in codes.items():
        settled(on_stack, code, "SKIPPED", tenant=tenant)
    assert on_stack("data", "list", "ORDER", "--tenant", "*").code == 1


@pytest.mark.stack
def test_tenants_do_not_see_each_other(on_stack):
    on_stack("publish", "ORDER", "o-t", "--name", "x", "--attributes", ORDER, "--sync")

    assert on_stack("data", "get", "ORDER", "o-t").code == 0
    other = on_stack("data", "get", "ORDER", "o-t", "--tenant", "other")
    assert (other.code, other.error[:16]) == (1, "error: not_found")


@pytest.mark.stack
def test_a_deleted_item_is_shown_on_request_only(on_stack):
    on_stack("publish", "ORDER", "a/b", "--name", "x", "--attributes", ORDER, "--sync")

    assert on_stack("publish", "ORDER", "a/b", "--delete").output.endswith("2 is accepted\n")
    settled(on_stack, "a/b", "APPLIED", "APPLIED")

    assert on_stack("data", "get", "ORDER", "a/b").error.startswith("error: deleted: ")
    assert on_stack("data", "get", "ORDER", "a/b", "--deleted", "--json").json["isDeleted"]


def test_a_file_of_an_argument_that_is_not_there_is_named():
    with pytest.raises(click.UsageError, match=r"^--attributes: none\.json: No such file"):
        read_text("@none.json", "--attributes")


@pytest.mark.parametrize("group", ["import", "read-model", "repair", "task"])
def test_a_list_of_commands_has_the_whole_sentence_of_each(group, sfn_cqrs):
    shown = sfn_cqrs(group, "--help").output

    assert "Commands:" in shown
    assert "..." not in shown.partition("Commands:")[2]


@pytest.mark.stack
def test_the_doctor_looks_at_a_stack_whose_template_is_broken(on_stack, tmp_path):
    template = tmp_path / "template.yaml"
    template.write_text("Resources: [")

    looked = on_stack("doctor", "--template", template)

    assert looked.code == 1
    assert f"{template} is not YAML: " in looked.output
    assert "; the stack continues with the last one that could be read" in looked.output
    assert "something needs attention" in looked.output


@pytest.mark.stack
def test_the_doctor_names_what_aws_would_refuse_in_a_machine(on_stack, tmp_path):
    (tmp_path / "odd.asl.json").write_text('{"StartAt": "gone", "States": {}}')
    template = tmp_path / "template.yaml"
    template.write_text(
        "Resources:\n"
        "  OddMachine:\n"
        "    Type: AWS::Serverless::StateMachine\n"
        "    Properties: {DefinitionUri: odd.asl.json}\n"
    )

    looked = on_stack("doctor", "--template", template)

    assert looked.code == 1
    assert "odd.asl.json: " in looked.output
    assert "; the stack continues with the last definition" in looked.output


@pytest.mark.stack
def test_an_item_of_one_version_has_no_earlier_states(on_stack):
    on_stack("publish", "ORDER", "only", "--name", "x", "--attributes", ORDER, "--sync")

    shown = on_stack("data", "history", "ORDER", "only")

    assert shown.output == "no earlier states of ORDER only\n"


@pytest.mark.stack
def test_a_failed_version_is_found_by_the_doctor_and_skipped(on_stack):
    on_stack("publish", "ORDER", "bad", "--name", "x", "--attributes", TO_NOWHERE)
    settled(on_stack, "bad", "FAILED")
    on_stack("publish", "ORDER", "bad", "--version", "1", "--name", "x", "--attributes", ORDER)
    settled(on_stack, "bad", "FAILED", "BLOCKED")

    ill = on_stack("doctor", "--json")
    shown = on_stack("doctor").output
    drawing = on_stack("chain", "show", "ORDER", "bad").output
    retried = on_stack("chain", "retry", "ORDER", "bad", "1")
    settled(on_stack, "bad", "FAILED", "BLOCKED")
    skipped = on_stack("chain", "skip", "ORDER", "bad", "1")
    settled(on_stack, "bad", "SKIPPED", "APPLIED")
    well = on_stack("doctor")

    assert ill.code == 1
    assert [(one["code"], one["version"], one["outcome"]) for one in ill.json["findings"]] == [
        ("bad", 1, "FAILED"),
        ("bad", 2, "BLOCKED"),
    ]
    next_ = "sfn-cqrs chain retry ORDER bad 1 --tenant tenant1"
    group = rf"^✗ ORDER/bad v1 FAILED, .*: SyncHandlerError: .*: KeyError.*\n  {next_}$"
    assert re.search(group, shown, re.MULTILINE)
    assert "◌ ORDER/bad v2 BLOCKED" in shown
    assert drawing.splitlines()[2:5] == [
        "    │  SyncHandlerError: orders_by_customer: KeyError: 'XX'",
        f'    │    File "app/shop/orders.py", line {line_of_orders()}, in orders_by_customer',
        f"    │      {REGION}",
    ]
    assert drawing.endswith("once it is repaired: sfn-cqrs chain retry ORDER bad 1\n")
    assert "v2 ◌ BLOCKED" in drawing
    assert "waits for v1" in drawing
    assert retried.output == "ORDER bad version 1 runs again, attempt 2\n"
    assert skipped.output == "ORDER bad version 1 is skipped\n"
    assert well == (0, "nothing open\nall is well\n", "")


OVERDUE = {
    "import": ("ImportTmpTableName", {"status": "PROCESSING", "open_shard": 1}),
    "archive": ("ImportTmpTableName", {"status": "CREATED", "open_shard": 101}),
    "approval": ("ApprovalsTableName", {"stage": "WAITING", "open_shard": 3}),
    "saga": ("SagasTableName", {"status": "COMPENSATING", "open_shard": 3}),
}
BEHIND = [
    ("LATE", "1", Outcome.OPEN, "2026-01-02T00:00:00.000Z"),
    ("LATE", "2", Outcome.WAITING, "2026-01-01T00:00:00.000Z"),
    ("LATER", "1", Outcome.OPEN, "2025-01-01T00:00:00.000Z"),
    ("BLOCKED", "1", Outcome.BLOCKED, "2025-01-01T00:00:00.000Z"),
]
LATELY = replace(RESIZE, tenant="tenant1", ulid="01KAXK3V9Q0M3W8C5R6T7Y8Z78")


ALONE = replace(LATELY, kind=TaskKind.SINGLE)


def ailing(outputs):
    """What ails a stack, by table: it is open for long, or has failed lately."""
    for type_, code, outcome, opened_at in BEHIND:
        process = a_process(ItemKey("tenant1", type_, code), outcome=outcome, opened_at=opened_at)
        odd = {**process_item(process, 0), "kind": "not for the consumers"}
        yield outputs["CommandsTableName"], odd
    for kind, (table, item) in OVERDUE.items():
        odd = {"kind": "not for the consumers", "tenant": "tenant1", "id": f"{kind}-1"}
        for sk, year in ((kind, 2026), (f"{kind} later", 2999)):
            keys = {"pk": "TEST", "sk": sk, "opened_at": f"{year}-01-01T00:00:00.000Z"}
            yield outputs[table], {**odd, "attempt": 2, **item, **keys}
    tasks = outputs["TasksTableName"]
    task = a_task(replace(RESIZE, ulid="01KAXK3V9Q0M3W8C5R6T7Y8Z77"), status=TaskStatus.PROCESSING)
    yield tasks, {**TASKS.item(task), "input": None, "open_shard": TASKS.shard(task.key)}
    counts = Counts(800, 100)
    failed = TASKS.item(a_task(LATELY, status=TaskStatus.FAILED, total=900, counts=counts))
    for at, sk in ((iso(datetime.now(UTC)), LATELY.sk), (BEHIND[0][-1], f"{LATELY.sk}-old")):
        more = {"updated_at": at, "sk": sk, "open_shard": None, "input": None}
        yield tasks, {k: v for k, v in {**failed, **more}.items() if v is not None}
    alone = {**TASKS.item(a_task(ALONE, status=TaskStatus.FAILED, counts=Counts(0, 1))), **more}
    now = {"updated_at": iso(datetime.now(UTC)), "sk": ALONE.sk}
    yield tasks, {k: v for k, v in {**alone, **now}.items() if v is not None}


@pytest.fixture(scope="module")
def examined(stack):
    """What the doctor says of all of this: as JSON, as text, patiently, and of what is late."""
    dynamodb, items = stack.client("dynamodb"), [*ailing(stack.outputs)]
    for table, item in items:
        dynamodb.put_item(TableName=table, Item=marshal(item))
    patient = ("--older-than", str(10**9), "--behind", str(10**9), "--json")
    try:
        return [
            CliRunner().invoke(cli, ["doctor", "--state", str(stack.state.path), *options])
            for options in (("--json",), ("--all",), patient, (*patient[:2], "--json"))
        ]
    finally:
        for table, item in items:
            key = marshal({name: item[name] for name in ("pk", "sk")})
            dynamodb.delete_item(TableName=table, Key=key)


@pytest.mark.stack
def test_the_doctor_says_how_far_each_type_is_behind(examined):
    ill, shown, patient, _ = examined
    behind = json.loads(ill.stdout)["oldest_unapplied"]

    oldest = datetime(2026, 1, 1, tzinfo=UTC)
    assert list(behind) == ["LATER", "LATE"]
    assert abs((datetime.now(UTC) - oldest).total_seconds() - behind["LATE"]) < 60
    late = r"^  LATER: [\d.]+ d behind\n  LATE: [\d.]+ d behind$"
    assert re.search(late, shown.stdout, re.MULTILINE)
    counted = r"^\d+ open, the oldest for [\d.]+ d: versions are behind$"
    assert re.search(counted, shown.stdout, re.MULTILINE)
    assert not json.loads(patient.stdout)["is_behind"]


@pytest.mark.stack
def test_the_doctor_names_the_oldest_version_of_each_type_that_is_behind(examined):
    found = json.loads(examined[3].stdout)["findings"]

    assert [(one["type"], one["code"]) for one in found if one["outcome"] != "BLOCKED"] == [
        ("LATE", "2"),
        ("LATER", "1"),
    ]


@pytest.mark.stack
def test_a_task_that_is_open_for_long_is_found_by_the_doctor(examined):
    ill, shown, patient, _ = examined

    id_ = "t-01KAXK3V9Q0M3W8C5R6T7Y8Z77"
    (found,) = json.loads(ill.stdout)["kinds"]["task"]["findings"]
    assert (ill.exit_code, found["id"], found["status"], found["attempt"]) == (
        1,
        id_,
        "PROCESSING",
        1,
    )
    kind = json.loads(patient.stdout)["kinds"]["task"]
    assert (kind["open"], kind["findings"]) == (1, [])
    assert "tasks: 1 open, the oldest for" in shown.stdout
    assert f"next: sfn-cqrs task show {id_} --tenant tenant1\n" in shown.stdout


@pytest.mark.stack
def test_a_task_that_failed_lately_is_listed_by_the_doctor_with_the_command_that_shows_it(examined):
    ill, shown, *_ = examined

    (found,) = [one for one in json.loads(ill.stdout)["failed_work"] if one["id"] == LATELY.id]
    assert (found["kind"], found["error"]) == ("task", "100 of 900 items failed")
    assert found["what"] == LATELY.type
    assert LATELY.id in shown.stdout
    assert ALONE.id in shown.stdout
    assert "--tenant tenant1" in shown.stdout.splitlines()[-1]


def test_a_stack_is_well_though_work_of_a_tenant_has_failed(capsys):
    work = FailedWork("task", "tenant1", LATELY.id, "RESIZE", "100 of 900 items failed", 60.0)
    found = Diagnosis(0, 0.0, [], {}, {}, [], failed_work=[work])

    doctor._print(found)

    assert found.is_well
    told = f"the stack is well; next: {work.shown_by} --tenant tenant1"
    assert capsys.readouterr().out.splitlines()[-1] == told


def test_one_dead_letter_is_a_message(capsys):
    doctor._print(Diagnosis(0, 0.0, [], {}, {"AQueue": 1, "BQueue": 2}, []))

    told = capsys.readouterr().out
    assert re.findall(r"Queue: (.*);", told) == ["1 message", "2 messages"]
    assert told.count("; `sfn-cqrs console` shows them under Queues") == 2
    assert "docs/" not in told  # a project that pip has installed has no pages


def test_an_answer_that_is_not_the_apis_own_names_the_log():
    problem = ApiProblem(500, {"message": "Internal Server Error"})

    said = "HTTP 500: Internal Server Error\n`sfn-cqrs logs --level ERROR` has the reason"
    assert problem.message == said


def test_a_mistyped_machine_is_answered_with_each_machine_once():
    told = CliRunner().invoke(cli, ["invoke", "nosuch", "state", "--template", TEMPLATE])

    listed = told.output.partition("there are ")[2].strip().split(", ")
    assert [one for one in listed if one.startswith("import")] == ["import-csv"]
    assert {"command", "command-express", "queue", "zip-orchestrator"} < {*listed}


@pytest.mark.stack
@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("import", "PROCESSING"),
        ("archive", "CREATED"),
        ("approval", "WAITING"),
        ("saga", "COMPENSATING"),
    ],
)
def test_whatever_is_open_for_long_is_found_by_the_doctor(kind, status, examined):
    ill, *_ = examined

    found = json.loads(ill.stdout)["kinds"][kind]
    assert (ill.exit_code, found["open"]) == (1, 1)
    assert [(one["id"], one["status"], one["attempt"]) for one in found["findings"]] == [
        (f"{kind}-1", status, 2)
    ]


@pytest.mark.stack
def test_invoke_prints_what_a_function_returns(on_stack, monkeypatch):
    event = '{"Records": []}'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(event.encode())))

    result = on_stack("invoke", "queue", "on_notification", "-e", "-", "--template", TEMPLATE)

    assert (result.code, result.json) == (0, {"batchItemFailures": []})


@pytest.mark.stack
def test_invoke_shows_the_error_and_the_stack_of_a_function_that_fails(on_stack, monkeypatch):
    event = (CHECKOUT / "events/command/check_version.json").read_bytes()  # of nobody's version
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(event)))

    result = on_stack("invoke", "command", "check_version", "-e", "-", "--template", TEMPLATE)

    assert (result.code, result.output) == (1, "")
    assert 'File "' in result.error
    assert "error: SupersededError: " in result.error


@pytest.mark.stack
def test_a_stack_is_found_by_its_name_through_the_aws_protocol(on_stack):
    """The functions' environment leads to the fabric, which has the stack as AWS would."""
    invoke = ["invoke", "command", "check_version", "--template", TEMPLATE, "--stack"]

    examined = on_stack("doctor", "--json", "--stack", "sfn-cqrs")
    invoked = on_stack(*invoke, "sfn-cqrs")

    assert set(examined.json["dead_letters"].values()) == {0}
    assert "error: SupersededError: " in invoked.error
    for command in (["doctor", "--stack"], invoke):
        assert on_stack(*command, "nosuch").error.startswith(
            "error: the stack nosuch cannot be read: "
        )


def names_of(segments: list[dict]) -> set[str]:
    """The names of all segments, those of calls with their operation."""
    names = set()
    for one in segments:
        operation = one.get("aws", {}).get("operation")
        names.add(f"{one['name']} {operation}" if operation else one["name"].split(" command-")[0])
        names |= names_of(one["subsegments"])
    return names


def test_a_trace_goes_from_the_request_to_the_read_model(on_stack):
    on_stack("publish", "ORDER", "traced", "--name", "x", "--attributes", ORDER)
    (version,) = settled(on_stack, "traced", "APPLIED")
    whole = {
        "POST /commands",
        "ApiHandleRequestFunction",
        "DynamoDB TransactWriteItems",
        "CommandSyncDataFunction",
        "handler orders_by_customer",
        "DynamoDB PutItem",
        "CommandFinishFunction",
    }

    def traced():
        answer = on_stack("trace", version["traceId"][:20], "--json")
        return answer.json if answer.code == 0 else {"segments": []}  # told a moment later

    found = waited(traced, lambda found: whole <= names_of(found["segments"]))

    assert found["id"] == version["traceId"]
    assert len(found["segments"]) == 1  # one tree: nothing hangs in the air
    drawn = on_stack("trace", "ORDER/traced").output
    assert drawn == on_stack("trace", "@").output
    assert drawn.startswith(f"{found['id']}  ")
    assert "handler orders_by_customer" in drawn
    assert version["traceId"] in on_stack("chain", "show", "ORDER", "traced").output


def test_a_trace_that_nobody_keeps_is_refused(on_stack):
    answer = on_stack("trace", "1-00000000")

    assert answer.code == 1
    assert "no trace 1-00000000 is kept: `sfn-cqrs chain show TYPE CODE`" in answer.error


def test_a_batch_says_what_became_of_each_line(on_stack, tmp_path):
    """Two requests, since one takes 100; lines in the middle are refused, which costs no runs."""
    taken = {1, 2, 99, 100, 101}
    order = {"type": "ORDER", "name": "x", "attributes": json.loads(ORDER)}
    lines = [
        json.dumps({**order, "code": f"lot-{n}"} if n in taken else {"type": "ORDER"})
        for n in range(1, 102)
    ]
    (tmp_path / "orders.jsonl").write_text("\n".join([*lines, "", '{"type": "ORDER"}']))

    answer = on_stack("publish", "--batch", tmp_path / "orders.jsonl")

    told = [line for line in answer.output.splitlines() if line.startswith("line ")]
    assert answer.code == 2
    assert [line.split(": ")[0] for line in told] == [f"line {n}" for n in (*range(1, 102), 103)]
    for line in told:
        number = int(line.split(":")[0].removeprefix("line "))
        refused = line.startswith(f"line {number}: invalid_input: ")
        assert refused or line == f"line {number}: ORDER lot-{number} version 1"
        assert refused == (number not in taken)


@pytest.mark.parametrize(
    ("text", "arguments", "reason"),
    [
        ("[]", [], "line 1 must be a JSON object"),
        ("{", [], "line 1 is not JSON: "),
        ("{}", ["ORDER", "o-1"], "--batch and --together go alone: the commands say what they are"),
    ],
)
def test_a_batch_that_is_none_is_refused(on_stack, tmp_path, text, arguments, reason):
    (tmp_path / "orders.jsonl").write_text(text)

    answer = on_stack("publish", *arguments, "--batch", tmp_path / "orders.jsonl")

    assert answer.code == 64
    assert reason in answer.error


def test_what_is_published_together_is_so_or_not_at_all(on_stack, tmp_path):
    file = tmp_path / "both.jsonl"
    order = {"type": "ORDER", "name": "x", "attributes": json.loads(ORDER)}
    both = [{**order, "code": f"both-{number}"} for number in (1, 2)]

    def publish(*lines):
        file.write_text("\n".join(map(json.dumps, lines)))
        return on_stack("publish", "--together", file)

    refused = publish(both[0], {**both[1], "version": 7})
    assert (refused.code, "nothing is published: line 2 is refused" in refused.error) == (1, True)
    assert publish(*both).output == "ORDER both-1 version 1\nORDER both-2 version 1\n"
    (version,) = settled(on_stack, "both-1", "APPLIED")
    assert [one["code"] for one in version["together"]] == ["both-2"]
    assert "together with ORDER both-2 v1" in on_stack("chain", "show", "ORDER", "both-1").output


def test_all_that_have_failed_are_retried_and_skipped_at_once(on_stack, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    for number in range(2):
        on_stack("publish", "ORDER", f"ill-{number}", "--name", "x", "--attributes", TO_NOWHERE)
        settled(on_stack, f"ill-{number}", "FAILED")
    filters = ("--failed", "--type", "ORDER", "--error", "KeyError")

    asked = on_stack("chain", "retry", *filters)
    skipped = on_stack("chain", "skip", *filters, "--yes")

    assert (asked.code, asked.output.splitlines()[0]) == (1, "2 have failed")
    assert "retry these 2?" in asked.error
    assert (skipped.code, "2 done" in skipped.output) == (0, True)
    assert on_stack("chain", "skip", *filters, "--yes").output == "0 have failed\n"
    for number in range(2):
        settled(on_stack, f"ill-{number}", "SKIPPED")


@pytest.mark.parametrize("arguments", [[], ["ORDER"], ["ORDER", "o-1", "1", "--failed"]])
def test_one_version_or_all_that_have_failed_are_repaired(on_stack, arguments):
    assert on_stack("chain", "retry", *arguments).code == 64
