"""Lists, times and a stack that has stopped, as a browser shows them."""

import csv
import hashlib
import json
import re
import shlex
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect
from tests.support.over_http import fetch
from tools.tests.console.browser import DESK, PHONE, visit
from tools.tests.console.state import api_of, create, publish, saga, wait
from tools.tests.console.tour import MACHINE, mapped, token_of, tour

from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.tables.dynamodb import marshal
from sfn_cqrs.machines.command.items import row_item
from sfn_cqrs_tools.console.backend import Backend
from sfn_cqrs_tools.console.server import ConsoleServer
from sfn_cqrs_tools.testing.builders import a_command

pytestmark = pytest.mark.stack
MOST_ON_THE_WIRE = 60 * 1024
ROWS = "tbody tr"


@pytest.fixture(scope="module")
def many(stack):
    """More items than a page has, of a tenant of their own."""
    client, table = stack.client("dynamodb"), stack.outputs["DataTableName"]
    for number in range(1, 53):
        more = {"name": f"Lamp {number}", "attributes": {"customer": "ada", "total": number}}
        row = a_command(ItemKey("lists", "ORDER", f"l-{number}"), **more).as_row()
        client.put_item(TableName=table, Item=marshal(row_item(row)))
    return "lists"


def test_a_filter_changes_the_address_and_stays_while_the_page_is_live(page, console):
    visit(page, console, "/executions")
    page.get_by_label("Status").select_option("FAILED")
    expect(page).to_have_url(re.compile(r"/executions\?status=FAILED$"))
    page.get_by_label("Error").fill("SyncHandler")

    expect(page).to_have_url(re.compile(r"status=FAILED&error=SyncHandler$"))
    page.locator("h1").click()
    page.evaluate("change(main.innerHTML, 'none')")  # a live update comes
    page.evaluate("live()")
    expect(page.locator("#main")).not_to_have_attribute("data-digest", "none")
    assert set(page.locator(f"{ROWS} .pill").all_text_contents()) == {"FAILED"}
    page.reload()
    expect(page.get_by_label("Error")).to_have_value("SyncHandler")
    page.go_back()
    expect(page).to_have_url(re.compile(r"/executions\?status=FAILED$"))


def test_a_list_has_pages_both_ways_and_says_how_long_it_is(page, console, many):
    visit(page, console, f"/items?type=ORDER&tenant={many}")
    expect(page.locator("#pages")).to_contain_text("1–50 of 52")
    page.get_by_role("link", name="Next").click()
    expect(page.locator("#pages")).to_contain_text("51–52 of 52")
    expect(page.locator(ROWS)).to_have_count(2)

    page.get_by_role("link", name="Previous").click()

    expect(page.locator("#pages")).to_contain_text("1–50")


def test_a_column_sorts_up_and_down_and_a_text_is_looked_for_in_the_data(page, console, many):
    visit(page, console, f"/items?type=ORDER&tenant={many}")
    page.get_by_role("link", name="Code", exact=True).click()
    expect(page.locator(ROWS).nth(1)).to_contain_text("l-2")
    page.get_by_role("link", name="Code", exact=True).click()
    expect(page.locator(ROWS).first).to_contain_text("l-52")
    expect(page.locator("[aria-sort=descending]")).to_have_text("Code")

    page.get_by_label("Code, name or attributes").fill("lamp 17")

    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator("#pages")).to_contain_text("1–1 of 1")


def test_what_is_filtered_can_be_saved_as_a_whole(page, console, many):
    visit(page, console, f"/items?type=ORDER&tenant={many}&sort=-code&q=lamp")

    with page.expect_download() as started:
        page.get_by_role("link", name="CSV").click()

    with started.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert started.value.suggested_filename == "items.csv"
    assert [row["code"] for row in rows] == [f"l-{number}" for number in range(52, 0, -1)]
    assert (rows[0]["attributes.customer"], rows[0]["attributes.total"]) == ("ada", "52")


def test_times_are_typed_in_the_zone_that_is_shown_and_it_is_named(page, console, stack):
    api = api_of(stack)
    publish(api, "zone-1", "Before", {"customer": "ada", "total": 1})
    wait(api, "/commands/ORDER/zone-1/1", "outcome", ("APPLIED",))
    at = (datetime.now(UTC) + timedelta(hours=9, seconds=-3600)).replace(second=7)  # in Tokyo
    visit(page, console, "/items/ORDER/zone-1")
    field = page.get_by_label("At (Asia/Tokyo)")
    field.fill(at.strftime("%Y-%m-%dT%H:%M:%S"))
    page.get_by_role("button", name="Show", exact=True).click()

    expect(page).to_have_url(re.compile(r"at=\d{4}-.*Z$"))
    expect(page.locator("main")).to_contain_text("It was not there then.")
    expect(field).to_have_value(at.strftime("%Y-%m-%dT%H:%M:%S"))

    page.get_by_role("button", name="Times in Asia/Tokyo").click()

    expect(page.get_by_label("At (UTC)")).to_have_value(
        (at - timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M:%S")
    )


def test_today_begins_at_midnight_of_the_zone(page, console, stack):
    saga(api_of(stack), "of-today", "visa")
    visit(page, console, "/sagas")
    page.get_by_label("When").select_option("today")

    expect(page).to_have_url(re.compile(r"within=today&offset=540$"))
    expect(page.locator(ROWS).filter(has_text="of-today")).to_be_visible()


class Stopped(Backend):
    """A stack that does not answer while it is said to be away."""

    def answers(self) -> bool:
        return not _away


_away: list[bool] = []


def test_a_stack_that_has_stopped_is_told_and_its_buttons_do_nothing(context, console):
    backend = console.backend
    stopped = Stopped(**{name: getattr(backend, name) for name in FIELDS})
    server = ConsoleServer(replace(stopped, look_seconds=0.1))
    try:
        page = context.new_page()
        page.goto(f"{server.url}/publish?type=ORDER&code=o-1")
        _away.append(True)
        expect(page.get_by_role("alert")).to_contain_text("The stack has not answered since")
        expect(page.get_by_role("button", name="Publish")).to_be_disabled()

        _away.clear()

        expect(page.get_by_role("alert")).to_have_count(0)
        expect(page.get_by_role("button", name="Publish")).to_be_enabled()
    finally:
        _away.clear()
        server.close()


FIELDS = ("name", "target", "api", "default", "is_local")


def test_the_console_itself_may_stop_too(context, console):
    server = ConsoleServer(console.backend)
    page = context.new_page()
    page.goto(f"{server.url}/queues")

    server.close()

    expect(page.get_by_role("alert")).to_contain_text("Trying again")


@pytest.mark.parametrize("path", ["", "/executions", "/items?type=ORDER"])
def test_a_page_with_all_that_it_loads_is_small_on_the_wire(context, console, path):
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes = []
    session.on("Network.loadingFinished", lambda found: sizes.append(found["encodedDataLength"]))
    visit(page, console, path)
    page.wait_for_load_state("load")

    assert 5_000 < sum(sizes) < MOST_ON_THE_WIRE


def test_a_page_is_not_sent_again_once_it_is_open(console):
    _, whole, headers = fetch(f"{console.url}/read-models")
    mine = {"cookie": headers["set-cookie"].partition(";")[0], "hx-request": "true"}

    _, content, _ = fetch(f"{console.url}/read-models", mine)

    digest = hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
    assert f'data-digest="{digest}"' in whole


def test_each_graph_is_readable_and_its_states_take_the_focus(page, console, stack):
    arn = stack.outputs["CommandStateMachineArn"]
    sfn = stack.client("stepfunctions")
    run = sfn.list_executions(stateMachineArn=arn, statusFilter="FAILED")["executions"][-1]
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        visit(page, console, f"/executions/command/{run['name']}")
        smallest = page.evaluate(
            """() => Math.min(...[...document.querySelectorAll(".canvas text")].map((one) =>
                parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a))"""
        )
        assert smallest >= 11
    page.set_viewport_size(DESK)
    wide = page.locator(".canvas svg").evaluate("(one) => one.clientWidth")
    page.get_by_role("button", name="Larger").click()
    assert page.locator(".canvas svg").evaluate("(one) => one.clientWidth") > wide
    page.locator(".graph [data-state=check_version]").focus()
    page.keyboard.press("Enter")

    expect(page.locator("#detail #state")).to_contain_text("check_version")


def test_a_status_that_code_knows_is_offered(console):
    _, html, _ = fetch(f"{console.url}/approvals")

    assert '<option value="STALE"' in html


# ------------------------------------------------------------------------ beyond the peers


def test_a_time_is_chosen_on_the_plot_or_pasted_in_any_notation(page, context, console):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit(page, console, "")
    plot = page.locator(".u-over").bounding_box()
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + 20)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] - 1, plot["y"] + 20, steps=4)
    page.mouse.up()

    expect(page).to_have_url(re.compile(r"/executions\?within=between&from=\d.*Z&to=\d.*Z$"))
    from_ = page.get_by_label("From (Asia/Tokyo)")
    page.evaluate("navigator.clipboard.writeText('Sun, 29 Nov 2026 00:27:05 +0000')")
    from_.focus()
    page.keyboard.press("Control+V")
    expect(page).to_have_url(re.compile("from=2026-11-29T00%3A27%3A05.000Z"))
    expect(from_).to_have_value("2026-11-29T09:27:05")

    page.get_by_role("searchbox", name="Search").fill("09:27 JST")
    page.keyboard.press("Enter")

    link = page.get_by_role("link", name="Executions around then")
    assert re.search(r"from=\d{4}-\d\d-\d\dT00%3A22%3A00", link.get_attribute("href"))


def answered(stack, name):
    """End a run of the workflow that waits."""
    token = token_of(stack, name)
    sfn = stack.client("stepfunctions")
    sfn.send_task_success(taskToken=token, output='{"Payload": {"ok": true}}')


def test_bars_are_beside_the_usual_times_and_can_be_looked_at_closely(page, console, stack):
    for number in range(3):
        answered(stack, tour(stack, f"usual-{number}"))
    visit(page, console, f"/executions/{MACHINE}/{tour(stack, 'slow')}")

    expect(page.locator("#fall")).to_contain_text("usual: the median of the latest runs")
    expect(page.locator("[data-row=ask]")).to_contain_text("× its usual")
    answered(stack, "slow")
    expect(page.locator("h1 + .pill")).to_have_text("SUCCEEDED")
    bars = page.locator("[data-row=ask] svg")
    bars.scroll_into_view_if_needed()
    box = bars.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5, steps=4)
    page.mouse.up()
    expect(bars).to_have_attribute("viewBox", re.compile(r"^2(49|50)\S* 0 2(49|50)\S* 20$"))
    expect(page.locator("#detail")).not_to_contain_text("From input to output")
    page.get_by_role("button", name="Show all").click()
    page.locator("[data-row=done]").focus()
    page.keyboard.press("z")

    expect(bars).not_to_have_attribute("viewBox", "0 0 1000 20")


def test_a_state_shows_what_it_changed_with_paths_to_copy(page, context, console, stack):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    arn = stack.outputs["CommandStateMachineArn"]
    runs = stack.client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
    visit(page, console, f"/executions/command/{runs[0]['name']}")
    page.locator("[data-row=check_version]").click()
    changed = page.get_by_role("region", name="What the state changed")
    expect(changed.locator("tr.added")).to_contain_text(["$.result"])
    expect(changed.locator("tr.removed")).to_contain_text(["$.attempt", "$.code"])
    expect(page.locator("#detail")).to_contain_text("Result of the task")

    changed.get_by_role("button", name="Copy $.result").click()

    expect(changed.locator(".copied")).to_have_count(1)
    assert page.evaluate("navigator.clipboard.readText()") == "$.result"


def test_failures_inside_a_task_and_a_map_are_grouped_by_error(page, console, stack):
    wrong = [{"order": "o-1", "to": to} for to in ("one", "two", "three")]
    given = {"taskType": "ORDER_REMINDER", "input": [{"order": "o-1", "to": "a@b.c"}, *wrong]}
    api = api_of(stack)
    id_ = create(api, "/tasks", given)
    wait(api, f"/tasks/{id_}", "status", ("FAILED",))
    visit(page, console, f"/tasks/{id_}")
    page.get_by_role("link", name="3 × ValueError").click()

    expect(page).to_have_url(re.compile("status=FAILED&cursor=0#i1$"))
    expect(page.locator(ROWS)).to_have_count(3)
    visit(page, console, f"/executions/mapped/{mapped(stack)}")
    page.locator("[data-row=all]").click()
    groups = page.get_by_role("list", name="What failed, by error")
    expect(groups.locator("li")).to_contain_text(["nobody", "no-one"])

    groups.get_by_role("link", name="2 × ").click()

    expect(page.locator("#detail #state")).to_contain_text("one more")
    expect(page.locator("#detail .notice")).to_contain_text("no-one")


def test_a_page_has_the_command_that_answers_the_same(page, console, stack):
    visit(page, console, "/executions")
    command = page.locator("#command code")
    expect(command).to_have_text("sfn-cqrs execution list")
    page.get_by_label("Status").select_option("FAILED")
    expect(command).to_have_text("sfn-cqrs execution list --status FAILED")
    page.get_by_label("Error").fill("SyncHandler")

    expect(command).to_have_text(re.compile("^curl -s '.*error=SyncHandler&as=jsonl'$"))
    _, lines, _ = fetch(shlex.split(command.text_content())[-1])
    seen = page.locator(f"{ROWS} .mono").evaluate_all("(all) => all.map((one) => one.title)")
    assert [json.loads(line)["name"] for line in lines.splitlines()] == seen != []
    name = tour(stack, "told")
    visit(page, console, f"/executions/{MACHINE}/{name}")
    expect(command).to_have_text("sfn-cqrs execution show told")


RECORDED = """() => {
    window.told = [];
    window.Notification = class extends Notification {
        constructor(title, more) { super(title, more); told.push([title, more.body]); }
    };
}"""


def test_a_list_marks_what_changed_and_who_asks_is_told_of_an_end(page, context, console, stack):
    context.grant_permissions(["notifications"])
    name = tour(stack, "awaited")
    visit(page, console, f"/executions?machine={MACHINE}&name={name}")
    other = context.new_page()
    visit(other, console, f"/executions/{MACHINE}/{name}")
    other.evaluate(RECORDED)
    expect(other).to_have_title(re.compile("^RUNNING · awaited"))
    other.get_by_role("button", name="Tell me when it ends").click()
    expect(other.locator("[data-await]")).to_have_attribute("aria-pressed", "true")

    answered(stack, name)

    expect(page.locator("tr.changed .pill")).to_have_text("SUCCEEDED")
    expect(other).to_have_title(re.compile("^SUCCEEDED · awaited"))
    [[title, text]] = other.evaluate("told")
    assert (title, text.split(",")[0]) == ("awaited", "SUCCEEDED")
    expect(other.locator("[data-await]")).to_be_hidden()


LISTS = [
    *(
        "",
        "/items",
        "/items?type=ORDER",
        "/executions",
        "/tasks",
        "/sagas",
        "/approvals?status=ALL",
    ),
    *("/imports", "/imports?kind=zip", "/read-models", "/rebuilds", "/repairs", "/erasures"),
    *("/queues", "/usage", "/search?q=o-1"),
]
SIDEWAYS = """() => [...document.querySelectorAll("main *")].filter(
    (one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === "auto"
).map((one) => one.innerText)"""


@pytest.mark.usefixtures("ids")
def test_no_list_moves_sideways_on_a_phone_and_none_lacks_a_column_on_a_desk(page, console):
    page.set_viewport_size(PHONE)
    wide = {}
    for path in LISTS:
        visit(page, console, path)
        wide[path] = page.evaluate(SIDEWAYS)
    page.set_viewport_size(DESK)
    visit(page, console, "/tasks")

    assert {path: told for path, told in wide.items() if told} == {}
    expect(page.locator("th:visible")).to_have_count(page.locator("th").count())
