"""Lists, times and a stack that has stopped, as a browser shows them."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect
from tests.console.browser import fetch, visit
from tests.console.state import api_of, publish, wait

from sfn_cqrs_tools.console.backend import Backend
from sfn_cqrs_tools.console.server import ConsoleServer

pytestmark = pytest.mark.stack
MOST_ON_THE_WIRE = 60 * 1024
ROWS = "tbody tr"


@pytest.fixture(scope="module")
def many(stack):
    """More items than a page has, of a tenant of their own."""
    api = api_of(stack, tenant="lists")
    for number in range(1, 61):
        publish(api, f"l-{number}", f"Lamp {number}", {"customer": "ada", "total": number})
    wait(api, "/commands/ORDER/l-60/1", "outcome", ("APPLIED",))
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
    expect(page.locator("#pages")).to_contain_text("1–50 of 60")
    page.get_by_role("link", name="Next").click()
    expect(page.locator("#pages")).to_contain_text("51–60 of 60")
    expect(page.locator(ROWS)).to_have_count(10)

    page.get_by_role("link", name="Previous").click()

    expect(page.locator("#pages")).to_contain_text("1–50")


def test_a_column_sorts_up_and_down_and_a_text_is_looked_for_in_the_data(page, console, many):
    visit(page, console, f"/items?type=ORDER&tenant={many}")
    page.get_by_role("link", name="Code", exact=True).click()
    expect(page.locator(ROWS).nth(1)).to_contain_text("l-2")
    page.get_by_role("link", name="Code", exact=True).click()
    expect(page.locator(ROWS).first).to_contain_text("l-60")
    expect(page.locator("[aria-sort=descending]")).to_have_text("Code")

    page.get_by_label("Code, name or attributes").fill("lamp 17")

    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator("#pages")).to_contain_text("1–1 of 1")


def test_times_are_typed_in_the_zone_that_is_shown_and_it_is_named(page, console, stack):
    api = api_of(stack)
    publish(api, "zone-1", "Before", {"customer": "ada", "total": 1})
    wait(api, "/commands/ORDER/zone-1/1", "outcome", ("APPLIED",))
    at = datetime.now(UTC) + timedelta(hours=9, seconds=-3600)  # an hour ago, in Tokyo
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


def test_today_begins_at_midnight_of_the_zone(page, console):
    visit(page, console, "/sagas")
    page.get_by_label("When").select_option("today")

    expect(page).to_have_url(re.compile(r"within=today&offset=540$"))
    expect(page.locator(ROWS).first).to_be_visible()


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
    sizes = []
    session.on("Network.loadingFinished", lambda found: sizes.append(found["encodedDataLength"]))
    visit(page, console, path)
    page.wait_for_load_state("load")

    assert 5_000 < sum(sizes) < MOST_ON_THE_WIRE


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
    wide = page.locator(".canvas svg").evaluate("(one) => one.clientWidth")
    page.get_by_role("button", name="Larger").click()
    assert page.locator(".canvas svg").evaluate("(one) => one.clientWidth") > wide
    page.locator(".graph [data-state=check_version]").focus()
    page.keyboard.press("Enter")

    expect(page.locator("#detail #state")).to_contain_text("check_version")


def test_a_status_that_code_knows_is_offered(console):
    _, html, _ = fetch(f"{console.url}/approvals")

    assert '<option value="STALE"' in html
