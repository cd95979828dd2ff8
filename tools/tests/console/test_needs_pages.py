"""What needs somebody, and how anything is found, as a browser shows it."""

import json
import re
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect
from tests.support.orders import NOWHERE
from tests.support.over_http import fetch
from tools.tests.console.browser import DESK, PHONE, visit
from tools.tests.console.state import api_of, create, publish, wait
from tools.tests.console.tour import arn_of, token_of, tour

from sfn_cqrs.care import sweep
from sfn_cqrs.kernel.keys import CommandRef, ItemKey
from sfn_cqrs.machines.workflow.wait_table import WaitTable
from sfn_cqrs_tools.client.upload import upload
from sfn_cqrs_tools.console import needs
from sfn_local.calls.functions import FunctionError

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def broken(stack):
    """Three failed versions of one error, of a tenant of their own."""
    api = api_of(stack, tenant="needs")
    for code in ("n-1", "n-2", "n-3"):
        publish(api, code, "To an unknown country", NOWHERE)
        wait(api, f"/commands/ORDER/{code}/1", "outcome", ("FAILED",))
    return api


def test_what_failed_alike_is_one_row_with_its_count_and_one_repair(page, console, broken):
    visit(page, console, "?tenant=needs")
    group = page.locator("[id^=group-]", has_not_text="tenant")  # who has another says so
    expect(group).to_contain_text("3 versions of ORDER")
    expect(group).to_contain_text("orders_by_customer: KeyError: 'XX'")
    group.get_by_role("button", name="Retry 3 …").click()

    expect(page.locator("main")).to_contain_text("3 have failed. Nothing is repaired yet.")
    visit(page, console, "/repairs")
    expect(page.locator("main")).to_contain_text("not started")

    page.locator("tr", has_text="not started").get_by_role("link").click()
    expect(page.get_by_role("button", name="Retry 3")).to_be_visible()
    assert broken.get("/commands/ORDER/n-1/1")["attempt"] == 1


@pytest.mark.parametrize("path", ["?tenant=needs", "/repairs", "/repairs?tenant=needs"])
@pytest.mark.usefixtures("broken", "ids")
def test_each_repair_is_within_a_phones_width(page, console, path):
    page.set_viewport_size(PHONE)
    visit(page, console, path)

    buttons = page.locator(".list td.act :is(a, button)")
    expect(buttons.first).to_be_visible()
    places = [button.bounding_box() for button in buttons.all()]
    page.set_viewport_size(DESK)
    assert max(place["x"] + place["width"] for place in places) <= PHONE["width"]


def test_runs_of_own_workflows_that_wait_or_failed_need_somebody(page, console, stack):
    tour(stack, "needs-an-answer")
    token_of(stack, "needs-an-answer")
    sfn = stack.client("stepfunctions")
    tour(stack, "needs-a-repair")
    sfn.send_task_failure(taskToken=token_of(stack, "needs-a-repair"), error="Refused", cause="no")

    visit(page, console, "")

    expect(page.locator("main")).to_contain_text("waits for an answer in ask")
    expect(page.locator("[id^=group-]", has_text="needs-a-repair")).to_contain_text("Refused")
    sfn.stop_execution(executionArn=arn_of(stack, "needs-an-answer"))


def test_an_erasure_that_nobody_has_confirmed_needs_an_operator(monkeypatch):
    asked = {"id": "e-123456", "askedBy": "ada", "askedAt": "2026-12-02T03:00:00+00:00"}
    found = [{**asked, "status": "ASKED"}, {**asked, "status": "DONE"}]
    rebuilds = [{"name": "orders", "stage": "READY"}, {"name": "stock", "stage": "SERVING"}]
    monkeypatch.setattr(needs, "first_page", lambda *_: found)
    ask = SimpleNamespace(
        who=SimpleNamespace(is_operator=True), api=SimpleNamespace(pages=lambda _: rebuilds)
    )

    assert [(one.label, one.status) for one in needs.decisions(ask)] == [
        ("Rebuild of orders", "READY"),
        ("Erasure …123456", "ASKED"),
    ]


def test_a_plan_that_was_refused_needs_somebody(monkeypatch):
    asked = []
    plan = {"type": "ORDER", "code": "o/1", "plan": "price", "status": "REFUSED"}
    plan |= {"statusAt": "2026-12-02T03:00:00+00:00", "reason": "version_conflict: version 2"}
    monkeypatch.setattr(needs, "first_page", lambda *_, **query: asked.append(query) or [plan])

    (need,) = needs.refused(SimpleNamespace())

    assert asked == [{"status": "REFUSED"}]
    assert (need.label, need.path, need.status, need.error) == (
        "ORDER/o/1 plan price",
        "/items/ORDER/~by8x",
        "REFUSED",
        "version_conflict: version 2",
    )


@pytest.mark.usefixtures("broken", "failed")
def test_an_operator_sees_the_failures_of_his_tenant_alone(page, console, stack, failed):
    ref = CommandRef(ItemKey("tenant1", "ORDER", failed), 1, 1)
    run = ref.execution_name(stack.outputs["CommandsTableName"])
    visit(page, console, "?tenant=needs")
    expect(page.locator("form.moved")).to_contain_text("of the tenant needs")
    expect(page.locator("[id^=group-]")).to_have_count(1)

    visit(page, console, f"/executions/command/{run}")

    expect(page.locator("main")).to_contain_text("You look as the tenant needs")
    visit(page, console, f"/executions?name={run}")
    expect(page.locator("main")).to_contain_text("No such execution")


@pytest.mark.parametrize("path", ["/items", "/executions", "/search?q="])
def test_a_blocked_version_is_never_green_in_a_list(page, console, failed, path):
    visit(page, console, f"{path}{failed}" if path.endswith("=") else path)

    row = page.locator("tr", has_text=f"ORDER/{failed}").first
    expect(row.locator(".pill").first).to_have_text(re.compile("BLOCKED|FAILED"))


def test_rows_of_a_plan_are_chosen_and_each_says_what_it_is_now(page, console, broken):
    made = create(broken, "/repairs", {"kind": "command", "action": "skip", "type": "ORDER"})
    visit(page, console, f"/repairs/{made}?tenant=needs")
    page.get_by_label("Select n-2").check()
    page.get_by_role("button", name="Skip selected").click()

    expect(page.locator("tbody tr", has_text="n-2")).to_contain_text("SKIPPED")
    expect(page.locator("tbody tr", has_text="n-1")).to_contain_text("FAILED")
    assert broken.get("/commands/ORDER/n-1/1")["outcome"] == "FAILED"


def test_failed_tasks_and_imports_need_somebody_with_their_counts(page, console, ids):
    visit(page, console, "")

    expect(page.locator("#figure-task")).to_contain_text("need")
    expect(page.locator("#figure-import")).to_contain_text("1 needs you")
    expect(page.locator("main")).to_contain_text("2 rows failed")
    assert ids["import"]


def test_a_recovery_job_that_ends_with_an_error_is_told(page, console, stack, monkeypatch):
    def broken(*_):
        raise ValueError("a defect of ours")

    with monkeypatch.context() as patch:
        patch.setattr(sweep, "_swept_all", broken)
        with pytest.raises(FunctionError):
            stack.functions.invoke("ScheduleSweepSagasFunction", b"{}")
    visit(page, console, "/queues")
    expect(page.locator("#sweep-saga")).to_contain_text("ends with ValueError")

    stack.functions.invoke("ScheduleSweepSagasFunction", b"{}")

    expect(page.locator("#sweep-saga")).to_contain_text("on time")


def test_trends_are_of_the_span_that_is_chosen(page, console):
    visit(page, console, "")
    page.locator("select[name=span]").select_option("last 7 days")

    expect(page).to_have_url(re.compile(r"span=7d$"))
    told = re.compile(r"executions in the last 7 days$")
    expect(page.locator("#figure-command .spark")).to_have_attribute("aria-label", told)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("o-3", "ORDER/o-3"),
        ("EGLL", "London Heathrow Airport"),
        ("order s-2", "order-saga order s-2"),
        ("airports_by", "airports_by_country"),
        ("Thursday", "Reminders of Thursday"),
        ("airports.csv", "airports.csv</bdi>"),
        ("order-sag", "order-saga"),
    ],
)
def test_anything_is_found_by_what_one_knows_of_it(console, asked, told):
    _, html, _ = fetch(f"{console.url}/search?{query_of(asked)}")

    assert told in html.replace("&#39;", "'")


def test_codes_that_begin_so_follow_the_code_itself(page, console):
    visit(page, console, "/search?q=o-1")

    expect(page.get_by_role("region", name="ORDER", exact=True)).to_contain_text("ORDER/o-1")
    expect(page.get_by_role("region", name="ORDER/o-1…")).to_contain_text("ORDER/o-13")


def test_an_error_is_found_with_all_that_failed_so(page, console):
    visit(page, console, "/search?q=KeyError")

    expect(page.get_by_label("Failures")).to_contain_text("SyncHandlerError orders_by_customer")
    expect(page.get_by_label("Failures").get_by_role("link").first).to_be_visible()


def query_of(text):
    return f"q={text.replace(' ', '+')}"


def test_a_name_or_a_text_of_the_data_is_found_by_looking_through_it(page, console):
    visit(page, console, "")
    page.keyboard.press("/")
    page.keyboard.type("heathrow")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("AIRPORT/EGLL")

    page.get_by_role("link", name="AIRPORT/EGLL").click()

    expect(page.locator("h1")).to_have_text("EGLL")


def test_the_beginning_of_an_id_and_of_an_executions_name_is_enough(console, ids, stack):
    _, html, _ = fetch(f"{console.url}/search?q={ids['saga'][:20]}")
    assert f"/sagas/{ids['saga']}" in html
    sfn = stack.client("stepfunctions")
    arn = stack.outputs["TaskStateMachineArn"]
    run = sfn.list_executions(stateMachineArn=arn)["executions"][0]["name"]

    _, html, _ = fetch(f"{console.url}/search?q={run[:12]}")

    assert f"/executions/task/{run}" in html


def test_an_execution_that_the_engine_has_no_longer_tells_what_its_version_knows(console):
    known = "type=ORDER&code=o-13&version=1"
    status, html, _ = fetch(f"{console.url}/executions/command/c-gone-v1-a1?{known}")

    assert status == 200
    assert "no longer has this execution" in html
    assert "KeyError" in html
    assert fetch(f"{console.url}/executions/command/c-gone-v1-a1")[0] == 404


def test_failed_rows_begin_with_row_and_reason_and_the_bad_cell_is_marked(page, console, ids):
    visit(page, console, f"/imports/{ids['import']}")
    expect(page.locator("h1")).to_have_text("airports.csv")
    expect(page.locator("main")).to_contain_text("Done, 2 rows failed")
    expect(page.locator(".cells th").nth(1)).to_have_text("Reason")
    expect(page.locator(".bad-cell").first).to_have_text("-99")

    page.get_by_role("link", name=re.compile("1 × lat: must be between")).click()

    expect(page.locator(".cells tbody tr")).to_have_count(1)


def test_plans_of_another_console_are_listed_with_who_made_them(page, console, stack):
    plan = {"kind": "command", "action": "retry", "type": "ORDER"}
    made = api_of(stack, user="hanako", tenant="needs").post("/repairs", json.dumps(plan))
    assert made["total"] > 0
    visit(page, console, "/repairs?tenant=needs")

    row = page.locator(f"#plan-{made['id']}")
    expect(row).to_contain_text(f"Retry versions: {made['total']} of ORDER")
    expect(row).to_contain_text("not started")
    expect(row).to_contain_text("hanako")


def test_an_import_is_undone_after_it_was_said_what_that_does(page, console, stack, tmp_path):
    path = tmp_path / "undone.csv"
    path.write_text("icao,name,country,lat,lon,tz\nRJBB,Kansai,JP,34.43,135.24,Asia/Tokyo\n")
    api = api_of(stack)
    key = upload(api, path, "airports", lambda _sent, **_more: None)
    id_ = create(api, "/imports", {"key": key, "tableName": "airports"})
    wait(api, f"/imports/{id_}", "status", ("COMPLETED",))
    visit(page, console, f"/imports/{id_}")
    page.get_by_role("link", name="Undo …").click()
    expect(page.get_by_role("dialog")).to_contain_text("changed since is kept")
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()

    expect(page.locator(".facts")).to_contain_text("Undoes")
    undo = page.url.rpartition("/")[2]
    wait(api, f"/imports/{undo}", "status", ("COMPLETED",))
    assert api.get("/data/AIRPORT/RJBB", deleted="true")["isDeleted"]
    visit(page, console, f"/imports/{id_}")
    expect(page.get_by_role("link", name="Undo …")).to_have_count(0)
    visit(page, console, "/imports")
    row = page.get_by_role("row").filter(has=page.locator(f"[href$='{undo}']"))
    expect(row.locator("td").first).to_contain_text("undo")


def test_an_import_without_a_table_says_so_in_a_sentence(page, console, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("icao,name\nRJBB,Kansai\n")
    visit(page, console, "/imports/new")
    page.set_input_files("[type=file]", file)
    page.get_by_label("Table").select_option("")
    page.get_by_role("button", name="Import").click()

    expect(page.locator("[data-problem]")).to_have_text("tableName: is missing")
    expect(page.get_by_label("Table")).to_have_attribute("aria-invalid", "true")


def test_an_execution_shows_what_its_functions_logged(page, console, stack):
    ref = CommandRef(ItemKey("tenant1", "ORDER", "o-13"), 1, 1)
    name = ref.execution_name(stack.outputs["CommandsTableName"])
    visit(page, console, f"/executions/command/{name}")
    page.get_by_role("button", name="Show the log").click()

    expect(page.locator("#log")).to_contain_text("KeyError")
    expect(page.locator("#log")).to_contain_text("sync_data")


def test_an_execution_says_which_call_was_slow_and_which_failed(page, console, stack):
    ref = CommandRef(ItemKey("tenant1", "ORDER", "o-13"), 1, 1)
    name = ref.execution_name(stack.outputs["CommandsTableName"])
    visit(page, console, f"/executions/command/{name}")
    page.get_by_role("button", name="Show the calls").click()

    shown = page.locator("#calls")
    expect(shown).to_contain_text("failed")
    expect(shown).to_contain_text("Slowest: ")
    expect(shown).to_contain_text("DynamoDB UpdateItem")
    expect(shown.get_by_role("listitem").filter(has_text="KeyError").first).to_be_visible()
    assert "to an unknown country" not in shown.inner_text().lower()  # the item's name


def test_a_failed_version_is_corrected_in_one_step_with_the_model_checked(
    page, console, stack, failed
):
    visit(page, console, f"/items/ORDER/{failed}")
    page.get_by_role("link", name="Correct …").click()
    area = page.get_by_role("textbox", name="Attributes")
    expect(area).to_have_value(re.compile('"country": "XX"'))
    area.fill('{"customer": ')
    page.get_by_role("button", name="Publish, and skip v1").click()
    expect(page.locator("#wrong-attributes")).to_contain_text("Not valid JSON")
    assert api_of(stack).get(f"/commands/ORDER/{failed}/1")["outcome"] == "FAILED"
    area.fill('{"customer": "ada", "total": 9}')
    page.get_by_role("button", name="Publish, and skip v1").click()

    expect(page.locator("#v3 .pill").first).to_have_text("APPLIED")
    expect(page.locator("#v1 .pill").first).to_have_text("SKIPPED")
    expect(page.locator("#v2 .pill").first).to_have_text("APPLIED")
    made = api_of(stack).get(f"/commands/ORDER/{failed}/3")
    assert (made["attributes"], made["updatedBy"]) == ({"customer": "ada", "total": 9}, "kenji")


def test_a_saga_is_started_again_with_what_another_one_was_given(page, console, ids):
    visit(page, console, f"/sagas/new?given={ids['declined']}")

    expect(page.get_by_role("textbox", name="Input")).to_have_value(re.compile('"declined"'))
    expect(page.get_by_role("textbox", name="Name")).to_have_value("order s-2")


@pytest.mark.parametrize(
    ("how", "ends"), [("Send success", "SUCCEEDED"), ("Send failure", "FAILED")]
)
def test_a_wait_is_answered_in_the_page_and_no_token_is_in_it(page, console, stack, how, ends):
    name = tour(stack, f"answer-{ends.lower()}")
    waits = WaitTable(
        stack.client("dynamodb"),
        stack.outputs["RequestsTableName"],
        partial(datetime.now, UTC),
    )
    token = token_of(stack, name)
    waits.park(name, "ask", token, "1")
    visit(page, console, f"/executions/tour/{name}")
    expect(page.locator("main")).to_contain_text("Waits for an answer")
    assert token not in page.content()
    page.get_by_role("link", name="Answer …").click()
    page.get_by_label("Result").fill("{no json")
    page.get_by_role("button", name="Send success").click()
    expect(page.locator("#wrong-result")).to_contain_text("Not valid JSON")
    page.get_by_label("Result").fill('{"ok": true}')
    page.get_by_role("button", name=how).click()

    expect(page.locator("h1 + .pill")).to_have_text(ends)


def test_an_own_execution_goes_on_from_its_failed_state(page, console, stack):
    name = tour(stack, "redriven")
    sfn = stack.client("stepfunctions")
    token = token_of(stack, name)
    sfn.send_task_failure(taskToken=token, error="Away", cause="nobody was there")
    visit(page, console, f"/executions/tour/{name}")
    expect(page.locator("h1 + .pill")).to_have_text("FAILED")
    page.get_by_role("button", name="Retry from the failed state").click()

    expect(page.locator("main")).to_contain_text("Redriven")
    expect(page.locator("h1 + .pill")).to_have_text("RUNNING")
    sfn.stop_execution(executionArn=arn_of(stack, name))
