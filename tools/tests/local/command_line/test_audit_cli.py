import json
import shutil
import sys
from datetime import UTC, datetime

import pytest
from tests.support.commands import ran
from tests.support.original import ULID, command, exported, state, task

from sfn_cqrs import bootstrap
from sfn_cqrs.care.usage.rules import PARTS, OfDay, OfType, Part
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.tables.dynamodb import marshal
from sfn_cqrs_tools.project import CHECKOUT
from sfn_cqrs_tools.terminal import progress

pytestmark = pytest.mark.stack
CHANGED = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Environment:
      Variables: { APP_PACKAGE: shop }
    Runtime: python3.13
    Handler: app.lambda_handler
Resources:
  ShowFunction:
    Type: AWS::Serverless::Function
    Properties: { CodeUri: functions/show/ }
  AppLayer:
    Type: AWS::Serverless::LayerVersion
    Properties: { ContentUri: app/ }
"""
"""A project whose package is a changed copy of the example."""
HEADER = "icao,name,country,lat,lon,tz\n"


def imported(run, path, name, tenant="tenant1"):
    path.write_text(f"{HEADER}ZZZA,{name},JP,35.7,140.3,Asia/Tokyo\n")
    options = ("--table", "airports", "--mode", "direct", "--tenant", tenant, "--json")
    result = run("import", "start", path, *options)
    return result.json["id"]


def test_an_import_is_undone_and_an_audit_finds_all_well_until_something_is_damaged(
    run, stack, tmp_path
):
    imported(run, tmp_path / "a.csv", "Before")
    changed = imported(run, tmp_path / "b.csv", "After")

    trial = run("import", "undo", changed, "--dry-run")
    undone = run("import", "undo", changed, "--watch")

    assert trial.code == undone.code == 0, (trial, undone)
    assert f", a dry run, it undoes {changed}: 1 rows, 1 reversed, 0 kept," in trial.output
    assert f" is COMPLETED, it undoes {changed}: 1 rows, 1 reversed, 0 kept," in undone.output
    assert run("data", "get", "AIRPORT", "ZZZA", "--json").json["name"] == "Before"
    audited = run("audit", "--tenant", "tenant1")
    assert (audited.code, audited.output.endswith(" 0 findings\n")) == (0, True), audited

    key = ItemKey("tenant1", "AIRPORT", "ZZZA")
    stack.client("dynamodb").update_item(
        TableName=stack.outputs["DataTableName"],
        Key=marshal({"pk": key.data_pk, "sk": key.sk}),
        UpdateExpression="SET command_id = :other",
        ExpressionAttributeValues=marshal({":other": "x"}),
    )
    found = run("audit", "--json")
    assert (found.code, [one["rule"] for one in found.json["findings"]]) == (1, ["data_differs"])

    repaired = run("audit", "--tenant", "tenant1", "--repair")

    assert "tenant1 AIRPORT/ZZZA: the data row is written again" in repaired.output
    assert run("audit", "--tenant", "tenant1").code == 0


def test_long_work_says_into_a_file_how_far_it_is(run, tmp_path, monkeypatch):
    imported(run, tmp_path / "a.csv", "Counted", tenant="counted")
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.0)

    audited = run("audit", "--tenant", "counted")
    exported = run("tenant", "export", "counted", "-o", tmp_path / "out")
    states = run("export", "history", "--tenant", "counted", "-o", tmp_path / "states")

    assert "looked at: 1\n" in audited.error, audited
    assert "lines written: 1\n" in exported.error, exported
    assert "states written: 1\n" in states.error, states


def test_the_tables_of_the_typescript_framework_are_imported(run, tmp_path):
    rows = {
        "commands": [command(1), command(2), command(3, status="sync_data:FAILED")],
        "data": [state(2, attributes={"country": "JP"})],
    }
    rows |= {"tasks": [task(), task(index=0)]}
    for kind, found in rows.items():
        (tmp_path / kind).write_text("".join(f"{json.dumps(exported(row))}\n" for row in found))
    given = [part for kind in rows for part in (f"--{kind}", tmp_path / kind)]
    given += ["--type", "RESIZE=OFFER_REMINDER"]
    problems = tmp_path / "problems.jsonl"

    trial = run("import-original", *given, "--dry-run", "--json")
    done = run("import-original", *given, "--problems", problems, "--work", tmp_path / "work")
    again = run("import-original", *given, "--json", "--work", tmp_path / "work")

    assert trial.json["types"]["AIRPORT"] == {
        "created": 1,
        "unchanged": 0,
        "kept": 0,
        "versions": 2,
    }
    assert (done.code, done.output.splitlines()[-1]) == (0, "0 refused, 1 left there"), done
    (left,) = problems.read_text().splitlines()
    assert json.loads(left)["reason"] == (
        "version 3 was never applied; its status is sync_data:FAILED"
    )
    assert again.json["types"]["AIRPORT"]["unchanged"] == 1
    assert run("data", "get", "AIRPORT", "p-1", "--tenant", "acme", "--json").json["version"] == 2
    shown = run("task", "show", f"t-{ULID}", "--tenant", "acme", "--json").json
    assert (shown["taskType"], shown["status"]) == ("OFFER_REMINDER", "COMPLETED")
    audited = run("audit", "--tenant", "acme")
    assert (audited.code, audited.output.endswith(" 0 findings\n")) == (0, True), audited


@pytest.mark.proof
@pytest.mark.real_time("a rebuild waits until every function knows the next generation")
def test_a_rebuild_fills_the_read_models_with_what_was_imported(run, tmp_path):
    row = state(1, pk="AIRPORT#rebuilt", attributes={"country": "JP"})
    (tmp_path / "rows").write_text(json.dumps(row) + "\n")
    assert run("import-original", "--data", tmp_path / "rows").code == 0

    for step in ("rebuild", "switch"):
        assert run("read-model", step, "airports_by_country", "--tenant", "rebuilt").code == 0

    countries = run("read-model", "show", "airports_by_country", "--tenant", "rebuilt")
    assert "JP" in countries.output, countries


def test_an_import_of_the_original_says_what_is_wrong(run, tmp_path):
    (tmp_path / "rows").write_text("no row\n")
    refused = tmp_path / "refused"
    refused.write_text(json.dumps(state(1, tenantCode="other")) + "\n")

    assert run("import-original").code == 64
    assert run("import-original", "--data", tmp_path / "rows", "--type", "x").code == 64
    unread = run("import-original", "--data", tmp_path / "rows")
    found = run("import-original", "--data", refused)

    assert (unread.code, "line 1, is not JSON" in unread.error) == (1, True)
    assert (found.code, "tenantCode is 'other'" in found.output) == (2, True)


def test_a_sample_is_one_part_of_some(run):
    assert run("audit", "--sample", "2/3").code == 64


def test_history_is_exported_whole_and_from_a_moment_on(run, tmp_path):
    imported(run, tmp_path / "c.csv", "First")
    imported(run, tmp_path / "d.csv", "Second")
    file = tmp_path / "states.jsonl"

    exported = run("export", "history", "--tenant", "tenant1", "-o", file)
    later = run("export", "history", "--since", "2999-01-01")

    states = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    ours = [each for each in states if each["code"] == "ZZZA"]
    assert exported.code == later.code == 0
    assert {"First", "Second"} <= {each["name"] for each in ours}
    versions = [each["version"] for each in ours]
    assert sorted(versions) == list(range(1, max(versions) + 1))
    assert ours[0]["attributes"]["country"] == "JP"
    assert f"{len(states)} states; next time --since 20" in exported.error
    assert (later.output, later.error.startswith("0 states; ")) == ("", True)


def test_usage_is_shown_once_the_audit_has_counted_it(run, tmp_path):
    imported(run, tmp_path / "e.csv", "Counted")
    assert run("usage").output.startswith("nothing is counted yet")
    with bootstrap.override(clock=lambda: datetime(2026, 11, 1, tzinfo=UTC)):
        table = bootstrap.usage()
        days = {"2026-10-31": OfDay(1_000, 2_000)}
        for segment in range(PARTS):
            table.mark(Part(segment, "2026-11-01T12:00:00.000Z", {}))
        table.put("tenant1", Part(0, "2026-11-01T12:00:00.000Z", {"OFFER": OfType(5, 10**9, days)}))

    shown = run("usage")

    assert shown.code == 0
    assert "1,000,000,000" in shown.output
    assert "2026-10-31" in shown.output
    assert run("usage", "--json").json["days"][0]["dollars"] == pytest.approx(
        0.025 + 0.0098, abs=0.002
    )


def test_a_count_of_everything_is_shown_as_usage(run, tmp_path):
    imported(run, tmp_path / "a.csv", "Counted", tenant="counted")
    before = run("usage", "--tenant", "counted")

    counted = run("audit", "--count")

    assert "to count everything now: sfn-cqrs audit --count" in before.output
    assert counted.code == 0, counted
    stored = run("usage", "--tenant", "counted", "--json").json["stored"]
    assert [(one["type"], one["items"], one["known"]) for one in stored] == [("AIRPORT", 1, 1.0)]
    assert run("audit", "--count", "--tenant", "counted").code == 64


@pytest.fixture
def changed(tmp_path):
    """Return what copies the example with a change, and answers the options that name the copy."""

    def change(before, after):
        shutil.copytree(CHECKOUT / "examples/shop/app/shop", tmp_path / "app/shop")
        orders = tmp_path / "app/shop/orders.py"
        text = orders.read_text(encoding="utf-8")
        assert before in text
        orders.write_text(text.replace(before, after), encoding="utf-8")
        (tmp_path / "template.yaml").write_text(CHANGED)
        return "--template", tmp_path / "template.yaml"

    return change


def publish(run, *more):
    attributes = json.dumps({"customer": "ada", "total": 5})
    published = run(
        *("publish", "ORDER", "w-1", "--name", "first", "--attributes", attributes),
        *("--version", "-1", "--wait", *more),
    )
    assert published.code == 0, published


@pytest.fixture
def ordered(run):
    """Publish an order that is applied."""
    publish(run)


def test_a_lake_goes_on_where_it_was_and_duckdb_reads_it(run, tmp_path):
    publish(run, "--tenant", "fishing")
    lake = tmp_path / "lake"
    options = ("--to", lake, "--format", "parquet", "--tenant", "fishing")

    first = run("export", "history", *options)
    second = run("export", "history", *options)
    rewritten = run("export", "history", *options, "--rewrite")
    other = run("export", "history", "--to", lake)

    assert [first.code, second.code, rewritten.code] == [0, 0, 0], (first, second, rewritten)
    assert f"{lake} continues from 20" in first.error
    assert (other.code, "has states of fishing" in other.error) == (64, True)
    assert len(list(lake.glob("states/*/*"))) == 1
    shown = ran(sys.executable, CHECKOUT / "examples/lake.py", lake).stdout
    assert "ORDER: 1 items, " in shown
    assert shown.endswith("w-1: 5\n")


def test_a_tenant_is_exported_removed_and_imported_again_with_its_imports(run, tmp_path):
    id_ = imported(run, tmp_path / "a.csv", "Before", "moved")
    run("import", "show", id_, "--tenant", "moved", "--watch")
    folder = tmp_path / "moved"

    exported = run("tenant", "export", "moved", "-o", folder)
    erased = run("tenant", "erase", "moved", "--yes")
    gone = run("data", "get", "AIRPORT", "ZZZA", "--tenant", "moved")
    back = run("tenant", "import", "moved", folder)

    assert (exported.code, "1 items, 1 imports" in exported.output) == (0, True), exported
    assert (erased.code, gone.code) == (0, 1), (erased, gone)
    assert "1 items, 1 imports are new\n" in back.output
    assert run("import", "show", id_, "--tenant", "moved", "--json").json["status"] == "COMPLETED"
    audited = run("audit", "--tenant", "moved")
    assert "1 items, 1 imports, " in audited.output
    assert " 0 findings" in audited.output


def test_a_tenant_is_brought_back_to_a_moment_and_read_models_follow(run, tmp_path):
    def order(total):
        attributes = json.dumps({"customer": "eve", "total": total})
        options = ("--attributes", attributes, "--version", "-1", "--wait")
        done = run("publish", "ORDER", "t-1", "--name", "n", "--tenant", "restored", *options)
        assert done.code == 0, done
        return run("data", "get", "ORDER", "t-1", "--tenant", "restored", "--json").json

    then = order(5)["updatedAt"]
    order(7)
    report = tmp_path / "left.jsonl"
    options = ("--to", then, "--report", report)

    tried = run("tenant", "restore", "restored", *options, "--dry-run")
    done = run("tenant", "restore", "restored", *options, "--json")
    found = run("data", "get", "ORDER", "t-1", "--tenant", "restored", "--at-least", "3", "--json")

    counted = "1 restored, 0 deleted, 0 unchanged, 0 kept, 0 failed; nothing was published\n"
    assert (tried.code, tried.output) == (0, counted), tried
    assert (done.code, done.json["counts"]["restored"], report.read_text()) == (0, 1, ""), done
    assert (found.code, found.json["attributes"]["total"]) == (0, 5), found
    audited = run("audit", "--tenant", "restored")
    assert "0 findings" in audited.output
    order(9)
    kept = run("tenant", "restore", "restored", *options)
    assert "kept: ORDER/t-1: version 4 by api has changed it since\n" in kept.output
    assert json.loads(report.read_text())["code"] == "changed_since"
    wrong = run("tenant", "restore", "restored", "--to", "2999-01-01")
    assert (wrong.code, "must be a moment of the past" in wrong.error) == (1, True), wrong


def test_unique_values_are_looked_at_and_enforced(run):
    def customer(code, email, *more):
        attributes = json.dumps({"email": email})
        options = ("--name", code, "--attributes", attributes, "--tenant", "shared")
        return run("publish", "CUSTOMER", code, *options, *more)

    first, second = customer("ada", "a@example.com"), customer("bob", "A@example.com")
    looked = run("type", "unique", "CUSTOMER", "--tenant", "shared", "--check")
    enforced = run("type", "unique", "CUSTOMER", "--tenant", "shared", "--enforce", "--json")
    wrong = run("type", "unique", "AIRPORT")

    assert (first.code, second.code) == (0, 1), (first, second)
    assert "attributes.email: CUSTOMER ada has it" in second.error
    assert (looked.code, looked.output) == (
        0,
        "shared: 1 items, 0 values not reserved, 0 shared\n",
    ), looked
    assert enforced.json["tenants"]["shared"]["filled"] == 0
    assert (wrong.code, "AIRPORT has no unique values" in wrong.error) == (1, True), wrong


@pytest.mark.usefixtures("ordered")
def test_handlers_that_have_not_changed_change_no_row(run):
    result = run("what-if", "--type", "ORDER")

    assert (result.code, result.error) == (0, ""), result
    assert " 0 rows differ" in result.output
    audited = run("audit", "--read-models", "--tenant", "tenant1", "--json")
    rules = {one["rule"] for one in audited.json["findings"]}
    assert not {rule for rule in rules if "read_model" in rule or "handler" in rule}


@pytest.mark.usefixtures("ordered")
def test_the_rows_of_a_changed_handler_are_compared_before_it_is_deployed(run, changed):
    options = changed('"name": command.name,', '"name": command.name.upper(),')

    result = run("what-if", "--type", "ORDER", "--item", "w-1", *options)

    assert result.code == 1, result
    assert "changes: orders_by_customer tenant1 ada w-1, by ORDER/w-1" in result.output
    assert "name: 'first' -> 'FIRST'" in result.output
    found = run("audit", "--read-models", "--tenant", "tenant1", "--json", *options)
    keys = {one["key"]: one for one in found.json["findings"]}
    finding = keys["tenant1 orders_by_customer ada w-1"]
    assert (found.code, finding["rule"]) == (1, "read_model_differs")
    assert finding["evidence"] == "name differ from what the handler makes of ORDER/w-1"


@pytest.mark.usefixtures("ordered")
def test_a_changed_handler_that_fails_or_cannot_be_imported_is_told(run, changed):
    failing = changed("REGIONS[order.country]", 'REGIONS["XX"]')

    failed = run("what-if", "--type", "ORDER", *failing, "--json")

    assert (failed.code, failed.json["errors"][0]["kind"]) == (1, "KeyError")
    (failing[1].parent / "app/shop/orders.py").write_text("1 / 0")
    broken = run("what-if", *failing)
    assert (broken.code, "ZeroDivisionError" in broken.error) == (1, True), broken
