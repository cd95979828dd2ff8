"""What a person on call does in a browser: compare, correct, find, and watch."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect
from tools.tests.console.browser import visit
from tools.tests.console.state import api_of, create, publish, wait
from tools.tests.console.test_list_pages import answered
from tools.tests.console.tour import MACHINE, arn_of, mapped, token_of, tour

from sfn_cqrs.kernel.keys import CommandRef, ItemKey
from sfn_cqrs_tools.client.runs import Run
from sfn_cqrs_tools.client.upload import upload
from sfn_cqrs_tools.console.calls import may_grow

pytestmark = pytest.mark.stack
HEADER = "icao,name,country,lat,lon,tz\n"


def silently(_sent, **_more):
    """Say nothing of an upload."""


def imported(stack, folder, name, rows):
    """Import a file; answers its id once it has ended."""
    api, path = api_of(stack), folder / name
    path.write_text(HEADER + rows, encoding="utf-8")
    key = upload(api, path, "airports", silently)
    id_ = create(api, "/imports", {"key": key, "tableName": "airports"})
    wait(api, f"/imports/{id_}", "status", ("COMPLETED", "FAILED"))
    return id_


def newest(stack, status):
    """The name of the newest execution of commands with a status."""
    arn = stack.outputs["CommandStateMachineArn"]
    sfn = stack.client("stepfunctions")
    return sfn.list_executions(stateMachineArn=arn, statusFilter=status)["executions"][0]["name"]


def test_two_executions_stand_side_by_side_with_path_times_and_data(page, console, stack, failed):
    key = CommandRef(ItemKey("tenant1", "ORDER", "o-3"), 1, 1)
    good, bad = key.execution_name(stack.outputs["CommandsTableName"]), newest(stack, "FAILED")
    visit(page, console, f"/executions/command/{bad}")
    page.get_by_role("link", name="Compare …").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("tbody tr").first).to_be_visible()
    dialog.get_by_label("Name or address").fill(f"{console.url}/executions/command/{good}")
    dialog.get_by_role("button", name="Compare").click()

    states = page.get_by_role("region", name="States of both")
    expect(states.get_by_role("row", name=re.compile("^mark_failed "))).to_contain_text(
        "not entered"
    )
    expect(states.get_by_role("row", name=re.compile("^check_version "))).not_to_contain_text(
        "differs"
    )
    inputs = page.get_by_role("region", name="Input", exact=True)
    expect(inputs.locator("tr.changed").filter(has_text="$.code").locator("ins")).to_have_text(
        failed
    )
    states.get_by_role("link", name="check_version", exact=True).click()

    expect(dialog).to_contain_text("check_version A and B")
    expect(dialog.locator("tr.changed").first).to_contain_text("$.code")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Swap").click()
    expect(page).to_have_url(re.compile(f"/{good}/compare"))


def test_an_execution_of_another_tenant_is_not_compared(page, console, stack, failed):
    bad = newest(stack, "FAILED")
    visit(page, console, f"/executions/command/{bad}/compare?with={bad}&tenant=elsewhere")

    expect(page.locator("main")).to_contain_text("there is no execution")
    assert failed


def test_any_two_versions_are_compared(page, console, ids):
    assert ids
    visit(page, console, "/items/ORDER/o-1?v=3")
    expect(page.get_by_role("heading", name="What v3 changes")).to_be_visible()
    page.get_by_label("Compared with").select_option("v1")

    expect(page).to_have_url(re.compile("v=3&with=1$"))
    card = page.get_by_role("region", name="From v1 to v3")
    expect(card.locator("tr.changed").filter(has_text="total")).to_contain_text("12.518")
    expect(card.locator("tr.added")).to_contain_text(["note"])


def test_a_failed_row_is_corrected_in_place_and_all_failed_rows_go_along(
    page, console, stack, tmp_path
):
    rows = "LSZH,Zürich,CH,-99,8.5,Europe/Zurich\nLOWW,=1+2,AT,99,16.5,Europe/Vienna\n"
    id_ = imported(stack, tmp_path, "مطارات.csv", rows)
    visit(page, console, f"/imports/{id_}")
    page.get_by_role("link", name="Correct row 2").click()
    expect(page.get_by_role("group", name="Row 3")).to_have_count(0)
    cell = page.get_by_label("lat")
    expect(cell).to_have_attribute("aria-invalid", "true")
    cell.fill("47.5")
    page.get_by_role("button", name="Import again").click()

    expect(page.locator("h1")).to_have_text("مطارات.csv")
    expect(page.locator("main")).to_contain_text("Done, 1 row failed")
    expect(page.get_by_role("region", name="Rows that failed", exact=True)).to_contain_text("=1+2")
    again = page.url.rpartition("/")[2]
    first, second = (
        b"".join(api_of(stack).content(f"/imports/{one}/errors.csv")).splitlines()[-1]
        for one in (id_, again)
    )
    assert second.startswith(b""""LOWW","'=1+2","AT","99","16.5","Europe/Vienna",""")
    assert first.startswith(second.partition(b"Vienna")[0])
    visit(page, console, f"/imports/{again}/correct")
    page.get_by_label("lat").fill("48.1")
    page.get_by_role("button", name="Import again").click()
    expect(page.locator("h1 + .pill")).to_have_text("COMPLETED")
    assert api_of(stack).get("/data/AIRPORT/LOWW")["name"] == "=1+2"
    visit(page, console, f"/imports/{id_}/correct")
    expect(page.locator("main")).to_contain_text("have been sent again already")
    expect(page.get_by_role("button", name="Import again")).to_have_count(0)


def test_an_undo_shows_each_cell_before_it_runs(page, console, stack, tmp_path):
    id_ = imported(stack, tmp_path, "two.csv", "LSGG,Geneva,CH,46.2,6.1,Europe/Zurich\n")
    visit(page, console, f"/imports/{id_}")
    page.get_by_role("link", name="Undo …").click()
    page.get_by_role("dialog").get_by_role("button", name="Look at it first").click()

    expect(page.locator("h1")).to_have_text("Undo of two.csv")
    cells = page.get_by_role("region", name="What would change").first
    expect(cells.locator("tbody tr")).to_contain_text(["LSGG"])
    expect(cells.locator("tbody tr").first).to_contain_text("isDeleted")
    assert not api_of(stack).get("/data/AIRPORT/LSGG").get("isDeleted")
    page.get_by_role("link", name="Undo …").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo", exact=True).click()
    expect(page.locator(".facts")).to_contain_text("Undoes")


def test_executions_are_filtered_by_how_long_they_took(page, console, stack):
    tour(stack, "long-1")
    visit(page, console, f"/executions?machine={MACHINE}&least=0+ms")
    expect(page.locator("#run-tour-long-1")).to_be_visible()
    page.get_by_label("at most").fill("0 ms")

    expect(page).to_have_url(re.compile("most=0"))
    expect(page.locator("#run-tour-long-1")).to_have_count(0)
    page.get_by_label("at most").fill("2 years")
    expect(page).to_have_url(re.compile("most=0"))
    visit(page, console, "/executions?most=2+years")
    expect(page.locator("main")).to_contain_text("no length of time: write 300 ms, 2 s or 1.5 min")
    answered(stack, "long-1")


def test_one_iteration_of_a_map_has_a_link_and_is_found_by_its_data(page, context, console, stack):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit(page, console, f"/executions/mapped/{mapped(stack, 'mapped-2')}")
    page.locator("[data-row=which]").click()
    page.get_by_role("searchbox", name="Search in the data of all visits").fill("EVEN")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".visits a")).to_have_count(1)
    page.locator(".visits a").click()
    expect(page).to_have_url(re.compile(r"\?step=\d+$"))
    page.get_by_role("button", name="Copy the link of this visit").click()
    link = page.evaluate("navigator.clipboard.readText()")

    page.goto(link)

    expect(page.locator("#detail #state")).to_contain_text("which")
    expect(page.locator("#detail")).to_contain_text('"even"')


def test_events_keep_coming_while_an_execution_runs(page, console, stack):
    tour(stack, "comes-1")
    token_of(stack, "comes-1")
    visit(page, console, f"/executions/{MACHINE}/comes-1")
    expect(page.locator("#events")).to_contain_text("TaskSubmitted")

    answered(stack, "comes-1")

    expect(page.locator("#events")).to_contain_text("ExecutionSucceeded")
    numbers = page.locator("#events tbody td.number").all_text_contents()
    history = stack.client("stepfunctions").get_execution_history(
        executionArn=arn_of(stack, "comes-1")
    )
    assert numbers == [str(event["id"]) for event in history["events"]]


def test_a_request_is_read_again_until_two_minutes_after_its_execution():
    began = datetime(2026, 12, 3, 9, 0, tzinfo=UTC)
    run = Run("command", "name", "arn", "SUCCEEDED", began, began + timedelta(seconds=3))

    assert may_grow(replace(run, stopped=None), began + timedelta(hours=3))
    assert may_grow(run, began + timedelta(seconds=122))
    assert not may_grow(run, began + timedelta(seconds=123))


def test_a_request_is_shown_from_http_to_its_read_models(page, console, stack):
    api = api_of(stack)
    publish(api, "traced-1", "Traced", {"customer": "ada", "total": 1})
    wait(api, "/commands/ORDER/traced-1/1", "outcome", ("APPLIED",))
    first = CommandRef(ItemKey("tenant1", "ORDER", "traced-1"), 1, 1)
    name = first.execution_name(stack.outputs["CommandsTableName"])
    visit(page, console, f"/executions/command/{name}")
    page.get_by_role("button", name="From the request on").click()

    calls = page.get_by_role("list", name="The request, from HTTP to the read models")
    expect(calls.get_by_role("listitem").first).to_contain_text("POST /commands 202")
    with page.expect_response("**/calls?of=request"):
        pass  # it is read again: handlers may come late
    expect(calls).to_contain_text("orders_by_customer")
    page.get_by_role("button", name="Show the calls").click()
    expect(page.get_by_role("list", name="Calls")).not_to_contain_text("POST /commands")
