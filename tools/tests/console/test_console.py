"""The console as people use it: a running stack, and a real browser in front of it."""

import base64
import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial
from html.parser import HTMLParser
from http.client import HTTPConnection
from itertools import count
from urllib.parse import quote, urlencode, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from tests.support.declared_orders import declared_orders
from tests.support.held_up import held_up
from tests.support.orders import NOWHERE
from tests.support.over_http import fetch
from tests.support.proof import deep, shares, without
from tools.tests.console.browser import DESK, Watched, visit
from tools.tests.console.state import HOSTILE, api_of, create, publish, wait
from tools.tests.console.tour import arn_of, tour
from websockets.sync.client import connect

from sfn_cqrs.care.repairs import work
from sfn_cqrs.kernel.keys import CommandRef, ItemKey
from sfn_cqrs.kernel.tables.dynamodb import marshal
from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.command.items import process_item
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.workflow.wait_table import WaitTable
from sfn_cqrs_tools.client.api import item_path
from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.client.diagnosis import Diagnosis
from sfn_cqrs_tools.console import policy
from sfn_cqrs_tools.console.backend import deployed
from sfn_cqrs_tools.console.failures import Failures
from sfn_cqrs_tools.console.masking import MASK
from sfn_cqrs_tools.console.pages import overview
from sfn_cqrs_tools.console.security import LARGEST_FORM
from sfn_cqrs_tools.console.server import ConsoleServer
from sfn_cqrs_tools.console.subjects import item_page
from sfn_cqrs_tools.project import CHECKOUT
from sfn_cqrs_tools.runtime.fabric import session
from sfn_cqrs_tools.runtime.live.authorizer import Authorizer
from sfn_cqrs_tools.runtime.live.server import LiveServer
from sfn_cqrs_tools.stack.local_stack import SUBSCRIBE_FUNCTION
from sfn_cqrs_tools.testing.builders import a_process

pytestmark = pytest.mark.stack
RULES = {"resultTypes": ["violations"]}
TOKEN = re.compile(r"AAAAA[A-Za-z0-9_-]{59}")


@pytest.fixture
def warehouse(monkeypatch):
    """Let no order be released; return what says that it can be from now on."""
    known = approval_types.find("ORDER_RELEASE")
    is_open = []

    def release(decided):
        if not is_open:
            raise ValueError("the warehouse is closed")
        known.granted(decided)

    monkeypatch.setitem(approval_types._types, "ORDER_RELEASE", replace(known, granted=release))
    return lambda: is_open.append(True)


def hostile_run(stack):
    """The name of the execution of a hostile item's version."""
    ref = CommandRef(ItemKey("tenant1", "ORDER", HOSTILE), 1, 1)
    return ref.execution_name(stack.outputs["CommandsTableName"])


def paths(stack, ids):
    """Every page, by its path below /console."""
    sfn = stack.client("stepfunctions")
    run, importing = (
        sfn.list_executions(stateMachineArn=stack.outputs[name])["executions"][-1]
        for name in ("TaskStateMachineArn", "ImportCsvStateMachineArn")
    )
    (map_run,) = sfn.list_map_runs(executionArn=importing["executionArn"])["mapRuns"]
    children = urlencode({"arn": map_run["mapRunArn"]})
    run = run["name"]
    hostile = item_page("ORDER", HOSTILE)
    return [
        "",
        "/items",
        "/items?type=ORDER",
        "/items/ORDER/o-1",
        "/items/ORDER/o-13?v=1",
        "/items/ORDER/o-13/1/skip",
        "/items/ORDER/o-13/1/correct",
        hostile,
        "/publish?type=ORDER&code=o-1",
        "/publish?type=STOCK&code=BOOK",
        "/executions",
        "/executions?status=FAILED",
        f"/executions?name={hostile_run(stack)}",
        "/machines/command",
        f"/executions/task/{run}",
        f"/executions/task/{run}/steps/0",
        f"/executions/task/{run}/events/1",
        f"/executions/task/{run}/calls",
        f"/executions/task/{run}/log",
        f"/executions/task/{run}/usual",
        f"/executions/import-csv/{importing['name']}",
        f"/executions/import-csv/{importing['name']}/children?{children}",
        "/imports",
        "/imports/new",
        f"/imports/{ids['import']}/undo",
        "/search?q=o-1",
        f"/imports/{ids['import']}",
        "/tasks",
        "/tasks/new",
        f"/tasks/{ids['task']}",
        "/sagas",
        "/sagas/new",
        f"/sagas/{ids['declined']}",
        "/approvals",
        "/approvals/new",
        f"/approvals/{ids['approval']}",
        f"/approvals/{ids['hostile approval']}",
        f"/tasks/{ids['hostile task']}",
        f"/sagas/{ids['hostile saga']}",
        f"/executions?{urlencode({'name': HOSTILE, 'error': HOSTILE})}",
        "/executions?lane=EXPRESS",
        f"/repairs?{urlencode({'error': HOSTILE, 'type': HOSTILE})}",
        "/repairs",
        f"/repairs/{ids['repair']}",
        "/read-models",
        "/read-models/orders_by_customer",
        item_path("read-models", "orders_by_customer", HOSTILE),
        item_path("read-models", "orders_by_customer", HOSTILE, HOSTILE),
        "/read-models/airports_by_icao/airports",
        "/rebuilds/orders_by_customer",
        "/rebuilds/orders_by_customer/rebuild",
        "/rebuilds/orders_by_customer/switch",
        "/queues",
        "/queues/StreamDeadLetter",
        "/usage",
        "/erasures",
        f"/erasures/{ids['erasure']}",
        "/nothing/here",
    ]


def examined(page, console, pages, *, theme, width):
    """What is wrong with pages, for whoever sees or hears them."""
    axe = Axe()
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({**DESK, "width": width})
    wrong = []
    for path in pages:
        visit(page, console, path)
        found = axe.run(page, options=RULES).response["violations"]
        wrong += [(path, one["id"], one["nodes"][0]["target"]) for one in found]
        for narrow in (width, 400):
            page.set_viewport_size({**DESK, "width": narrow})
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wrong.append((path, "is wider than", narrow))
        page.set_viewport_size({**DESK, "width": width})
    page.set_viewport_size(DESK)
    page.emulate_media(color_scheme="light")
    return wrong


def test_pages_are_accessible_fit_the_window_and_ask_nobody_else(page, console, stack, ids):
    pages = paths(stack, ids)[::12]

    assert examined(page, console, pages, theme="light", width=1280) == []
    assert examined(page, console, pages[:1], theme="dark", width=1280) == []


@pytest.mark.proof
def test_on_4k_a_page_is_as_wide_as_it_needs_and_its_text_is_larger(browser, console, stack, ids):
    pages = paths(stack, ids)[::4]
    made = browser.new_context(viewport={"width": 3840, "height": 2160})
    page = made.new_page()
    size = "parseFloat(getComputedStyle(document.documentElement).fontSize)"
    wrong = []
    for path in pages:
        visit(page, console, path)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong.append((path, "is wider than the window"))
        if not 18 <= page.evaluate(size) <= 24:
            wrong.append((path, "has small text"))
    made.close()

    assert wrong == []


@pytest.mark.proof
@pytest.mark.parametrize(
    ("theme", "width"),
    [
        ("light", 400),
        ("dark", 1280),
        *deep([], [("light", 2560), ("dark", 400), ("light", 1280), ("dark", 2560)]),
    ],
)
def test_every_page_is_so_in_both_themes_at_every_width(page, console, stack, ids, theme, width):
    assert examined(page, console, paths(stack, ids), theme=theme, width=width) == []


def test_a_failed_version_is_retried_after_its_consequences_were_shown(
    page, console, stack, failed
):
    visit(page, console, f"/items/ORDER/{failed}?v=1")
    page.get_by_role("link", name="Retry …").first.click()
    dialog = page.get_by_role("dialog")

    expect(dialog).to_contain_text("It runs again, as attempt 2")
    expect(dialog).to_contain_text("Behind it waits v2")
    dialog.get_by_role("button", name="Retry").click()

    expect(page).to_have_url(f"{console.url}/items/ORDER/{failed}?v=1")
    wait(api_of(stack), f"/commands/ORDER/{failed}/1", "attempt", (2,))


def test_a_failed_version_is_skipped_and_the_page_shows_it_by_itself(page, console, failed):
    visit(page, console, f"/items/ORDER/{failed}?v=1")
    page.get_by_role("link", name="Skip …").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Skip", exact=True).click()

    expect(page.locator("#v1 .pill").first).to_have_text("SKIPPED")
    expect(page.locator("#v1")).to_contain_text("skipped by kenji")
    expect(page.locator("#v2 .pill").first).to_have_text("APPLIED")
    expect(page.locator("#v2 .waits")).to_have_count(0)


@pytest.mark.parametrize("begins", ["Skip …", "Correct …"])
def test_a_failed_version_is_skipped_and_what_was_applied_before_is_published(
    page, console, stack, begins
):
    api, code = api_of(stack), f"back-{begins[0].lower()}"
    before = {"customer": "ada", "total": 1}
    publish(api, code, "Before", before)
    wait(api, f"/commands/ORDER/{code}/1", "outcome", ("APPLIED",))
    publish(api, code, "To an unknown country", NOWHERE, version=1)
    wait(api, f"/commands/ORDER/{code}/2", "outcome", ("FAILED",))
    visit(page, console, f"/items/ORDER/{code}?v=2")
    page.get_by_role("link", name=begins).first.click()
    if begins == "Correct …":
        page.get_by_role("link", name="skip and restore").click()
    page.get_by_role("dialog").get_by_role("button", name="Skip and restore").click()

    expect(page.locator("#v3 .pill").first).to_have_text("APPLIED")
    expect(page.locator("#v2 .pill").first).to_have_text("SKIPPED")
    row = api.get(f"/data/ORDER/{code}")
    assert (row["name"], row["attributes"], row["version"]) == ("Before", before, 3)


def test_what_is_published_elsewhere_appears_without_a_reload(page, console, stack):
    api = api_of(stack)
    publish(api, "live-1", "Before", {"customer": "ada", "total": 1})
    wait(api, "/commands/ORDER/live-1/1", "outcome", ("APPLIED",))
    visit(page, console, "/items/ORDER/live-1")
    expect(page.locator("#v1")).to_be_visible()
    page.evaluate("document.querySelector('#main').dataset.mark = 'same page'")

    publish(api, "live-1", "After", {"customer": "ada", "total": 2}, version=1)

    expect(page.locator("#v2 .pill").first).to_have_text("APPLIED")
    assert page.get_attribute("#main", "data-mark") == "same page"


def test_a_version_is_published_by_the_form(page, console, stack):
    visit(page, console, "/publish?type=ORDER&code=form-1&form=json")
    page.get_by_label("Name").fill("Über die Maske")
    page.get_by_label("Attributes").fill('{"customer": "ada", "total": 7}')
    page.get_by_role("button", name="Publish").click()

    expect(page).to_have_url(f"{console.url}/items/ORDER/form-1?v=1")
    found = wait(api_of(stack), "/commands/ORDER/form-1/1", "outcome", ("APPLIED",))
    assert found["name"] == "Über die Maske"


def test_what_is_wrong_is_told_at_its_field_and_nothing_is_lost(page, console):
    visit(page, console, "/publish?type=ORDER&code=form-2&form=json")
    page.get_by_label("Name").fill("Kept")
    page.get_by_label("Attributes").fill('{"total": 1,\n no json}')
    page.get_by_role("button", name="Publish").click()

    expect(page.locator("#wrong-attributes")).to_contain_text("Not valid JSON")
    expect(page.locator("#wrong-attributes")).to_contain_text("line 2, column 2")
    expect(page.locator("main .notice code")).to_have_text("invalid_input")
    expect(page.get_by_label("Attributes")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Name")).to_have_value("Kept")
    page.get_by_label("Attributes").fill('{"customer": "ada", "total": 1}')
    page.get_by_role("button", name="Publish").click()
    expect(page).to_have_url(f"{console.url}/items/ORDER/form-2?v=1")


def test_whoever_was_slower_keeps_the_text_and_is_told_the_version(page, console, stack):
    api = api_of(stack)
    publish(api, "slow-1", "First", {"customer": "ada", "total": 1})
    wait(api, "/commands/ORDER/slow-1/1", "outcome", ("APPLIED",))
    visit(page, console, "/publish?type=ORDER&code=slow-1")
    publish(api, "slow-1", "Faster", {"customer": "ada", "total": 2}, version=1)
    wait(api, "/commands/ORDER/slow-1/2", "outcome", ("APPLIED",))
    page.get_by_label("Name").fill("Mine")
    page.get_by_role("button", name="Publish").click()

    expect(page.locator("main")).to_contain_text("The item is at version 2 now.")
    expect(page.get_by_label("Name")).to_have_value("Mine")


def test_an_approval_is_decided_with_a_reason_by_another_person(page, console, stack):
    given = {"type": "ORDER_RELEASE", "subject": "o-5", "payload": {"total": 9}, "note": "<i>now"}
    id_ = create(api_of(stack), "/approvals", given)

    visit(page, console, "")
    expect(page.locator(f"#need-{id_}")).to_contain_text("ORDER_RELEASE o-5")
    visit(page, console, f"/approvals/{id_}")
    expect(page.locator("blockquote")).to_contain_text("<i>now")
    expect(page.locator("main")).to_contain_text("About ORDER o-5 version 1")
    page.get_by_label("Your reason (optional)").fill("as agreed")
    page.get_by_role("button", name="Approve").click()

    expect(page.locator(".decisions")).to_contain_text("as agreed")
    assert wait(api_of(stack), f"/approvals/{id_}", "status", ("GRANTED",))


def test_four_eyes_hide_the_buttons_from_whoever_asked(page, console, stack):
    given = {"type": "ORDER_RELEASE", "subject": "o-6"}
    id_ = create(api_of(stack, user="kenji"), "/approvals", given)

    visit(page, console, f"/approvals/{id_}")

    expect(page.locator("main")).to_contain_text("Four eyes: you have requested it")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)


def test_a_file_is_looked_at_and_imported(page, console, tmp_path):
    file = tmp_path / "空港.csv"
    file.write_bytes(
        "icao;name;country;lat;lon;tz\nRJGG;中部国際空港;JP;34.86;136.81;Asia/Tokyo\n".encode(
            "cp932"
        )
    )
    visit(page, console, "/imports/new")
    page.set_input_files("[type=file]", file)

    expect(page.locator("#preview")).to_contain_text("cp932")
    expect(page.locator("#preview")).to_contain_text("semicolon")
    expect(page.locator("#preview")).to_contain_text("中部国際空港")
    page.get_by_label("Table").select_option("airports")
    page.get_by_role("button", name="Import").click()

    expect(page.locator("h1")).to_have_text("空港.csv")
    expect(page.locator(".heading .pill")).to_have_text("COMPLETED")
    expect(page.locator(".counts")).to_contain_text("created1")


def test_failed_rows_are_a_table_with_reasons(page, console, ids):
    visit(page, console, f"/imports/{ids['import']}")

    expect(page.locator(".cells")).to_contain_text("<b>Nowhere</b>")
    expect(page.locator(".cells")).to_contain_text("must be between -90 and 90")


def test_the_graph_and_the_waterfall_show_the_same_run(page, console, stack):
    arn = stack.outputs["CommandStateMachineArn"]
    sfn = stack.client("stepfunctions")
    run = sfn.list_executions(stateMachineArn=arn, statusFilter="FAILED")["executions"][-1]
    visit(page, console, f"/executions/command/{run['name']}")

    graph = page.locator(".graph svg")
    expect(graph.locator("[data-state=check_version].succeeded")).to_have_count(1)
    expect(graph.locator("[data-state=fail].failed")).to_have_count(1)
    page.locator(".graph [data-state=check_version]").click()
    expect(page.locator("#detail #state")).to_contain_text("check_version")
    expect(page.locator("#detail .json").first).to_contain_text('"tenant": "tenant1"')


def test_events_are_searched_in_their_data(page, console, stack):
    ref = CommandRef(ItemKey("tenant1", "ORDER", "o-13"), 1, 1)
    name = ref.execution_name(stack.outputs["CommandsTableName"])
    visit(page, console, f"/executions/command/{name}")

    page.get_by_placeholder("Search in events and data").fill("KeyError")
    expect(page.locator("#events")).to_contain_text("of the events hold “KeyError”")
    page.locator("#events a[data-open]").first.click()

    expect(page.get_by_role("dialog")).to_contain_text("KeyError")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_child_of_a_map_run_is_shown_with_its_rows(page, console, ids):
    visit(page, console, f"/imports/{ids['import']}")
    page.get_by_role("link", name="Open execution").click()
    page.locator(".map-run a").first.click()
    page.locator("tbody a").first.click()

    expect(page.locator("main")).to_contain_text("Tokyo Haneda International Airport")
    expect(page.locator("main")).to_contain_text("EXPRESS keeps no events")
    expect(page.locator("h1 + .pill")).to_have_text("SUCCEEDED")
    other = page.url.replace("/import-csv/", "/command/")
    assert page.request.get(other).status == 404


def test_a_task_is_started_by_the_form_and_what_failed_is_tried_again(page, console, stack):
    visit(page, console, "/tasks/new?type=ORDER_REMINDER")
    page.get_by_label("Items").fill('[{"order": "o-1", "to": "nowhere"}]')
    page.get_by_role("button", name="Start").click()
    expect(page.locator("h1 + .pill")).to_have_text("FAILED")
    expect(page.locator("#i0")).to_contain_text("'[personal]' is not an e-mail address")

    page.get_by_role("button", name="Retry what failed").click()

    expect(page.locator(".facts")).to_contain_text("Attempt2")
    id_ = page.url.rpartition("/")[2]
    assert wait(api_of(stack), f"/tasks/{id_}", "status", ("FAILED",))["attempt"] == 2


def test_a_task_that_runs_is_cancelled(page, console, stack):
    body = {"taskType": "ORDER_REMINDER", "input": [{"order": "o-1", "to": "a@b.c"}] * 30}
    with held_up():
        id_ = create(api_of(stack), "/tasks", body)
        visit(page, console, f"/tasks/{id_}")
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("main")).to_contain_text("stopping: cancelled")

    expect(page.locator("h1 + .pill")).to_have_text("CANCELLED")


def test_a_sagas_page_leads_to_its_execution(page, console, ids):
    visit(page, console, f"/sagas/{ids['declined']}")

    page.get_by_role("link", name="Open execution").click()

    expect(page).to_have_url(re.compile(r"/executions/order-saga/g-\w+-a1$"))


def test_a_declared_saga_is_drawn_as_it_was_declared_and_a_refused_step_is_not_red(
    page, console, stack
):
    line = {"sku": "BOOK", "quantity": 1}
    order = {"order": "o-78", "customer": "ada", "card": "declined", "total": 40, "lines": [line]}
    with declared_orders():
        id_ = create(api_of(stack), "/sagas", {"saga": "order-saga", "input": order})
        wait(api_of(stack), f"/sagas/{id_}", "status", ("COMPENSATED",))
        visit(page, console, f"/sagas/{id_}")

    drawn = [one.get_attribute("data-state") for one in page.locator(".graph .node").all()]
    assert drawn == [
        "reserve_stock",
        "release_stock",
        "charge_payment",
        "refund_payment",
        "ship_order",
        "cancel_shipment",
        "COMPLETED",
    ]
    refused = page.get_by_role("row").filter(has_text="charge_payment")
    expect(refused.locator(".pill.warn")).to_have_text("REFUSED")
    expect(refused).to_contain_text("card_declined")
    expect(refused.locator(".pill.good")).to_have_text("DONE")
    expect(page.locator(".todo")).to_contain_text("not made")
    expect(page.locator("main .bad, main .failed")).to_have_count(0)
    page.locator('.graph .node[data-state="ship_order"]').hover()
    expect(page.locator("tr.lit")).to_contain_text("ship_order")


def test_a_failed_step_of_a_declared_saga_names_the_users_line(page, console, stack, monkeypatch):
    line = {"sku": "BOOK", "quantity": 1}
    order = {"order": "o-79", "customer": "ada", "card": "visa", "total": 40, "lines": [line]}
    with declared_orders():
        monkeypatch.setitem(saga_types.find("order-saga").steps, "ship_order", no_van)
        id_ = create(api_of(stack), "/sagas", {"saga": "order-saga", "input": order})
        wait(api_of(stack), f"/sagas/{id_}", "status", ("COMPENSATED",))
        visit(page, console, f"/sagas/{id_}")

    failed = page.get_by_role("row").filter(has_text="ship_order")
    expect(failed.locator(".pill.bad")).to_have_text("FAILED")
    expect(failed).to_contain_text("KeyError")
    summary = failed.locator("summary")
    expect(summary).to_contain_text(re.compile(r"test_console\.py\", line \d+, in no_van"))
    summary.click()
    expect(failed.locator("pre")).to_contain_text('return step.input["van"]')


def no_van(step):
    """A step of a user's with a mistake."""
    return step.input["van"]


def test_a_saga_is_started_by_the_form_and_a_parked_one_goes_on(page, console, bank):
    visit(page, console, "/sagas/new")
    line = {"sku": "BOOK", "quantity": 1}
    order = {"order": "o-77", "customer": "ada", "card": "declined", "total": 40, "lines": [line]}
    page.get_by_label("Input").fill(json.dumps(order))
    page.get_by_role("button", name="Start").click()
    expect(page.locator("h1 + .pill")).to_have_text("PARKED")
    expect(page.locator(".todo")).to_have_count(2)

    bank()
    page.get_by_role("button", name="Retry").click()

    expect(page.locator("h1 + .pill")).to_have_text("COMPENSATED")
    expect(page.locator(".todo")).to_have_count(0)


def test_an_approval_is_asked_for_by_the_form(page, console, stack):
    visit(page, console, "/approvals/new")
    page.get_by_label("Type").select_option("ORDER_RELEASE")
    page.get_by_label("Subject").fill("o-7")
    page.get_by_label("Note for the approvers").fill("it is urgent")
    page.get_by_role("button", name="Ask").click()

    expect(page.locator("h1 + .pill")).to_have_text("OPEN")
    expect(page.locator("blockquote")).to_contain_text("it is urgent")
    id_ = page.url.rpartition("/")[2]
    assert api_of(stack).get(f"/approvals/{id_}")["requestedBy"] == "kenji"


def test_an_effect_that_failed_is_run_again(page, console, stack, warehouse):
    id_ = create(api_of(stack), "/approvals", {"type": "ORDER_RELEASE", "subject": "o-8"})
    visit(page, console, f"/approvals/{id_}")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("main")).to_contain_text("the warehouse is closed")

    warehouse()
    page.get_by_role("button", name="Retry the effect").click()

    wait(api_of(stack), f"/approvals/{id_}", "stage", ("DONE",))
    expect(page.get_by_role("button", name="Retry the effect")).to_have_count(0)


def test_what_failed_of_an_import_is_imported_again(page, console, ids):
    visit(page, console, f"/imports/{ids['import']}")
    page.get_by_role("button", name="Retry failed rows").click()

    expect(page.locator(".facts")).to_contain_text("Retries")
    assert not page.url.endswith(ids["import"])


def test_a_workflow_of_ones_own_is_run_again_with_another_input_and_its_name_says_by_whom(
    page, console, stack
):
    visit(page, console, f"/executions/tour/{tour(stack, 'again-1')}")
    page.get_by_role("link", name="Retry with input …").click()
    page.get_by_role("textbox", name="Input").fill("{no json")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#wrong-input")).to_contain_text("Not valid JSON")
    expect(page.get_by_role("textbox", name="Input")).to_have_value("{no json")
    first = page.url.removesuffix("/again")
    visit(page, console, first.removeprefix(console.url))
    page.get_by_role("link", name="Retry with input …").click()
    page.get_by_role("dialog").get_by_role("textbox", name="Input").fill('{"room": 7}')
    page.get_by_role("dialog").get_by_role("button", name="Start").click()
    expect(page).to_have_url(re.compile(r"/executions/tour/again-by-kenji-\w{26}$"))
    expect(page.locator("#detail")).to_contain_text('"room"')


def test_an_input_of_keys_is_not_edited_and_an_execution_is_stopped(page, console, stack):
    given = {"type": "ORDER_RELEASE", "subject": "o-4"}
    id_ = create(api_of(stack), "/approvals", given)
    visit(page, console, f"/approvals/{id_}")
    page.get_by_role("link", name="Open execution").click()
    expect(page.get_by_role("link", name="Stop …")).to_be_visible()
    expect(page.get_by_role("link", name="Retry with input …")).to_have_count(0)
    path = page.url.removeprefix(console.url)
    _, html, headers = fetch(page.url)
    assert send(console, f"{path}/again", html, headers, "&input=%7B%7D") == 409

    page.get_by_role("link", name="Stop …").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop it").click()

    expect(page.locator("h1 + .pill")).to_have_text("ABORTED")


def test_keys_go_search_list_and_explain(page, console):
    visit(page, console, "")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")

    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page.locator("h1")).to_have_text("Executions")
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#fall-title")).to_be_visible()

    page.keyboard.press("/")
    page.keyboard.type("ORDER o-1")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("o-1")


@pytest.mark.proof
def test_each_key_goes_to_its_page_and_a_list_is_walked_without_a_mouse(page, console):
    visit(page, console, "")
    for key, title in GOES.items():
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page.locator("h1")).to_have_text(title)
    visit(page, console, "/items?type=ORDER")
    for key in ("j", "j", "k"):
        page.keyboard.press(key)
    first = page.locator("[data-list] a[data-open]").first
    expect(first).to_be_focused()

    page.keyboard.press("?")
    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.get_by_role("dialog", name="Keys")).not_to_be_visible()


GOES = {
    "i": "Items",
    "m": "Imports",
    "t": "Tasks",
    "s": "Sagas",
    "a": "Approvals",
    "r": "Bulk repair",
    "d": "Read models",
    "e": "Executions",
    "q": "Queues",
    "o": "Overview",
}


def test_the_theme_is_chosen_and_kept(page, console):
    visit(page, console, "/queues")
    page.keyboard.press("t")
    page.reload()

    assert page.get_attribute("html", "data-theme") == "dark"
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(13, 16, 22)"


def test_times_are_the_readers_with_utc_on_hover(page, console, ids):
    visit(page, console, f"/tasks/{ids['task']}")
    time = page.locator("main time").first

    utc = re.fullmatch(
        r"\S+ (\S+) Asia/Tokyo · \d{4}-\d\d-\d\d (\d\d):(\d\d):\d\d\.\d{3} UTC",
        time.get_attribute("title"),
    )
    assert utc[1].startswith(f"{(int(utc[2]) + 9) % 24:02}:{utc[3]}")
    assert utc[1][:8] in time.text_content()


class Markup(HTMLParser):
    """What of a page is markup that no template of ours has, and the page's text."""

    def __init__(self, html):
        super().__init__()
        self.foreign, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        written = [name for name, _ in attributes if name.startswith("on") or name == "style"]
        if tag in ("img", "b", "i", "iframe", "style") or written:
            self.foreign.append((tag, written))
        self.text += " ".join(value or "" for name, value in attributes if name in SHOWN)

    def handle_data(self, data):
        self.text += data


numbers = count(1)
now = partial(datetime.now, UTC)
SHOWN = ("aria-label", "placeholder", "title", "value")
SILENT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def test_whatever_a_name_holds_is_text_on_every_page(fetched):
    marked = {path: Markup(html) for path, ((_, html, _), _) in fetched.items()}

    assert {path: one.foreign for path, one in marked.items() if one.foreign} == {}
    assert [path for path, one in marked.items() if SILENT.search(one.text)] == []
    told = [path for path, one in marked.items() if 'onerror="alert(1)"' in one.text]
    assert len(told) >= 15
    assert [path for path in told if "⟨U+202E⟩RTL" not in marked[path].text] == []


def test_a_browser_shows_a_hostile_name_and_runs_nothing(page, console, stack):
    page.on("dialog", asked := lambda dialog: pytest.fail(dialog.message))
    for path in (item_page("ORDER", HOSTILE), f"/executions?name={hostile_run(stack)}"):
        visit(page, console, path)
        assert page.locator("img").count() == 0
        expect(page.locator("main")).to_contain_text("<img src=x onerror=")
        expect(page.locator("main")).to_contain_text("⟨U+202E⟩RTL⟨U+202C⟩")
    page.remove_listener("dialog", asked)


@pytest.mark.proof
def test_five_megabytes_are_refused_by_a_form_and_shown_in_part(page, console, stack):
    large = "<b>" * 100_000
    publish(api_of(stack), "large-1", "Large", {"customer": "ada", "total": 1, "text": large})
    wait(api_of(stack), "/commands/ORDER/large-1/1", "outcome", ("APPLIED",))
    visit(page, console, "/items/ORDER/large-1")
    expect(page.locator("main")).to_contain_text("characters more")
    assert page.locator("main b").count() == 0

    visit(page, console, "/publish?type=ORDER&code=large-1")
    page.get_by_label("customer", exact=True).fill("x" * 5_000_000)
    page.get_by_role("button", name="Publish").click()

    expect(page.locator("main code")).to_have_text("too_large")


def test_no_task_token_leaves_the_console(console, stack):
    sfn = stack.client("stepfunctions")
    arn = stack.outputs["ApprovalStateMachineArn"]
    run = sfn.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"][0]
    history = sfn.get_execution_history(executionArn=run["executionArn"])
    assert TOKEN.search(json.dumps(history, default=str))
    number = next(one["id"] for one in history["events"] if one["type"] == "TaskScheduled")
    path = f"/executions/approval/{run['name']}"

    seen = [
        fetch(f"{console.url}{path}{rest}")[1]
        for rest in ("", "/events?q=token", f"/events/{number}", "/steps/0", "/history.json")
    ]

    assert [text for text in seen if TOKEN.search(text)] == []
    assert MASK in seen[-1]


def act_as(page, console, field, value):
    visit(page, console, "/queues")
    page.locator(".who summary").click()
    page.get_by_label(field).fill(value)
    page.get_by_role("button", name="Act as").click()
    expect(page.locator(".who")).to_contain_text(value or "member")


def test_the_menu_names_the_groups_of_its_user(page, console):
    act_as(page, console, "Roles", "auditor")

    expect(page.locator(".who small")).to_have_text("tenant1 · auditor")


def test_many_are_listed_first_then_repaired_and_what_had_gone_on_is_told(page, console, stack):
    api = api_of(stack, tenant="bulk")
    for code in ("b-1", "b-2", "b-3"):
        publish(api, code, "To an unknown country", NOWHERE)
        wait(api, f"/commands/ORDER/{code}/1", "outcome", ("FAILED",))
    act_as(page, console, "Tenant", "bulk")
    visit(page, console, "/items?type=ORDER")
    page.get_by_role("link", name="Repair failed ones").click()
    page.get_by_label("What to do").select_option("Skip versions for good")
    page.get_by_label("Error contains").fill("KeyError")
    page.get_by_role("button", name="List them first").click()

    expect(page.locator("tbody tr")).to_have_count(3)
    expect(page.locator("main")).to_contain_text("3 have failed. Nothing is repaired yet.")
    api.post("/commands/ORDER/b-2/1/retry")  # by somebody else, in the meantime
    page.get_by_role("button", name="Skip 3").click()

    expect(page.locator(".heading .pill")).to_have_text("COMPLETED")
    expect(page.locator(".counts")).to_have_text(
        re.compile(r"skipped\s*2\s*already running again\s*1")
    )
    outcomes = [api.get(f"/commands/ORDER/b-{n}/1")["outcome"] for n in (1, 2, 3)]
    assert outcomes[::2] == ["SKIPPED", "SKIPPED"] != outcomes[1]
    visit(page, console, "/repairs")
    page.get_by_role("link", name="Skip versions for good: 3").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Skip versions for good")


def test_a_repair_that_ended_early_goes_on_with_what_is_left(page, console, stack, monkeypatch):
    api = api_of(stack, tenant="bulk-2")
    publish(api, "b-1", "To an unknown country", NOWHERE)
    wait(api, "/commands/ORDER/b-1/1", "outcome", ("FAILED",))
    planned = create(api, "/repairs", {"kind": "command", "action": "retry"})
    right = work._repair

    def broken(*_):
        raise RuntimeError("a defect of ours")

    monkeypatch.setattr(work, "_repair", broken)
    started = api.post(f"/repairs/{planned}/start")
    wait(api, f"/tasks/{started['taskId']}", "status", ("FAILED",))
    monkeypatch.setattr(work, "_repair", right)
    act_as(page, console, "Tenant", "bulk-2")
    visit(page, console, f"/repairs/{planned}")
    page.get_by_role("button", name="Resume").click()

    expect(page.locator(".heading .pill")).to_have_text("COMPLETED")
    assert api.get("/commands/ORDER/b-1/1")["attempt"] == 2


OPERATORS = re.compile(
    "<(?:a|button)[^>]*>(Retry|Skip|Retry …|Skip …|Bulk repair|Repair failed ones|Stop …"
    "|Stop it|Retry with input …|Retry with changes …|Correct …|Publish, and skip v1"
    "|Retry the effect|Start|List them first"
    "|Resume|Rebuild …|Rebuild|SERVING|READY)<"
)
MEMBER = {"cookie": "sfn_cqrs_who=user=mia&roles="}
MEMBERS_START = {"/tasks/new", "/sagas/new"}
"""Members, too, start tasks and sagas."""
CORRECT = ["Correct …"]
"""Of rows that failed: who may import them may correct them."""


@shares(4)
def test_a_member_sees_no_operators_button_on_any_page(console, stack, ids, failed, fetched, nth):
    buttons = [f"/items/ORDER/{failed}?v=1", "/items?type=ORDER", "/repairs"]
    pages = [*paths(stack, ids)[::nth], *buttons]
    as_member = {path: fetch(f"{console.url}{path}", MEMBER)[1] for path in pages}
    of_operator = [here[1] for path, (here, _) in fetched.items() if path in pages]
    as_operator = [*of_operator, *(fetch(f"{console.url}{path}")[1] for path in buttons)]

    seen = {path: OPERATORS.findall(html) for path, html in as_member.items()}
    rows = {path for path, one in seen.items() if path[:9] == "/imports/" and one == CORRECT}
    assert {p: one for p, one in seen.items() if one and p not in MEMBERS_START | rows} == {}
    assert len({one for html in as_operator for one in OPERATORS.findall(html)}) >= 5


def test_what_a_member_sends_by_hand_is_refused(console, stack, ids, failed):
    sfn = stack.client("stepfunctions")
    running = sfn.list_executions(
        stateMachineArn=stack.outputs["ApprovalStateMachineArn"], statusFilter="RUNNING"
    )["executions"]
    run = f"/executions/approval/{running[0]['name']}"
    nowhere = quote(json.dumps(NOWHERE))
    forms = {
        f"/items/ORDER/{failed}/1/retry": "",
        f"/items/ORDER/{failed}/1/skip": "",
        f"/items/ORDER/{failed}/1/correct": f"&name=x&attributes={nowhere}&version=2",
        "/repairs": "&what=command+skip&type=ORDER",
        f"/repairs/{ids['repair']}/start": "",
        f"/repairs/{ids['repair']}/after": "",
        f"/sagas/{ids['declined']}/retry": "",
        f"/approvals/{ids['approval']}/retry": "",
        f"/approvals/{ids['approval']}/decide": "&decision=approve",
        "/rebuilds/orders_by_customer/rebuild": "",
        "/rebuilds/orders_by_customer/drop": "",
        f"{run}/again": "&input={}",
        f"{run}/stop": "",
    }
    _, html, headers = fetch(f"{console.url}/queues", MEMBER)

    answers = {
        path: send(console, path, html, headers, rest, MEMBER["cookie"])
        for path, rest in forms.items()
    }

    assert answers == dict.fromkeys(forms, 403)
    assert api_of(stack).get(f"/commands/ORDER/{failed}/1")["attempt"] == 1
    assert sfn.describe_execution(executionArn=running[0]["executionArn"])["status"] == "RUNNING"


def test_a_read_model_is_looked_through_to_the_item(page, console):
    visit(page, console, "")
    page.keyboard.press("g")
    page.keyboard.press("d")
    expect(page.locator("h1")).to_have_text("Read models")
    page.get_by_role("link", name="orders_by_customer", exact=True).click()
    page.get_by_label("Customer").fill("grace")
    page.get_by_role("button", name="Show").click()

    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("link", name="o-3").click()
    expect(page.locator(".json")).to_contain_text('"total": 1200')


def test_a_read_model_of_one_partition_is_shown_at_once(page, console):
    visit(page, console, "/read-models/airports_by_icao")

    expect(page.locator("tbody tr").first).to_contain_text("Frankfurt am Main Airport")


@pytest.mark.real_time("every function knows of a generation after two seconds")
def test_a_read_model_is_rebuilt_switched_rolled_back_and_dropped(page, console):
    def takes(label, told, stage, agreed=""):
        page.get_by_role("link", name=f"{label} …").click()
        expect(page.locator("#dialog-body")).to_contain_text(told)
        if agreed:
            page.get_by_label(agreed).check()
        page.locator("#dialog-body").get_by_role("button", name=label).click()
        expect(page.locator("h1 + .pill")).to_have_text(stage, timeout=20_000)

    visit(page, console, "/read-models")
    page.get_by_role("link", name="orders_by_customer is SERVING").click()
    takes("Rebuild", "no change until you switch", "READY")
    expect(page.get_by_label("What failed or differs")).to_contain_text("ORDER/o-13")
    expect(page.locator("#generation-2")).to_contain_text("not read")
    without_them = "Leave the failed items out"
    takes("Switch", "reads generation 2 instead of 1", "SWITCHED", without_them)
    expect(page.locator("#generation-1")).to_contain_text("not read")
    takes("Roll back", "reads generation 1 again instead of 2", "READY")
    droppable = page.locator("#droppable time").get_attribute("datetime")
    while datetime.now(UTC) <= datetime.fromisoformat(droppable):
        page.wait_for_timeout(100)
    takes("Drop", "The rows of generation 2 are deleted for good", "SERVING")
    expect(page.locator("#generation-2")).to_have_count(0)


def test_an_approval_says_its_rules_its_links_and_what_has_changed_since(page, console, stack):
    api = api_of(stack)
    publish(api, "stale-1", "A desk", {"customer": "ada", "total": 5})
    publish(api, "stale-1", "A desk", {"customer": "ada", "total": 7}, version=-1)
    wait(api, "/commands/ORDER/stale-1/2", "outcome", ("APPLIED",))
    id_ = create(api, "/approvals", {"type": "ORDER_RELEASE", "subject": "stale-1"})
    publish(api, "stale-1", "A desk", {"customer": "ada", "total": 9}, version=-1)
    wait(api, "/commands/ORDER/stale-1/3", "outcome", ("APPLIED",))
    visit(page, console, f"/approvals/{id_}")

    changes, since = page.locator(".diff").all()
    expect(changes.locator("tr.changed")).to_have_text(re.compile(r"total\s*5\s*7"))
    expect(since.locator("tr.changed")).to_have_text(re.compile(r"total\s*7\s*9"))
    expect(page.locator("#rules")).to_contain_text("one rejection rejects")
    expect(page.locator("#rules")).to_contain_text("off: the parameter ApprovalLinks")


def test_the_overview_has_a_trend_of_each_kind_and_the_health_of_what_looks_after_it(
    page, console, stack
):
    for function in ("ScheduleSweepTasksFunction", "ScheduleSweepSagasFunction"):
        stack.functions.invoke(function, b"{}")
    visit(page, console, "")

    told = re.compile(r"^\d\d+ executions in the last hour$")
    expect(page.locator("#figure-command .spark")).to_have_attribute("aria-label", told)
    expect(page.locator("main")).to_contain_text("no dead letters")
    expect(page.locator("main")).to_contain_text("all on time")


def test_a_sweep_that_has_stopped_is_told(page, console, stack):
    table, key = stack.outputs["SagasTableName"], {"pk": {"S": "SWEEP"}, "sk": {"S": "saga"}}
    stack.client("dynamodb").update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET swept_at = :at REMOVE failed_at, failure",
        ExpressionAttributeValues={":at": {"S": "2026-01-01T00:00:00.000Z"}},
    )
    visit(page, console, "/queues")
    expect(page.locator("#sweep-saga")).to_contain_text("stopped")
    expect(page.locator("#sweep-task")).not_to_contain_text("stopped")

    stack.functions.invoke("ScheduleSweepSagasFunction", b"{}")
    expect(page.locator("#sweep-saga")).to_contain_text("on time")


@pytest.mark.proof
def test_thousands_of_live_updates_leave_no_memory_behind(context, console):
    page = context.new_page()
    visit(page, console, "/executions")
    page.evaluate("stream.close()")
    session = context.new_cdp_session(page)
    rounds = """async (count) => {
        const html = [main.innerHTML, main.innerHTML.replaceAll("SUCCEEDED", "RUNNING")];
        for (let i = 0; i < count; i++) await change(html[i % 2], String(i));
    }"""

    def used():
        session.send("HeapProfiler.collectGarbage")
        session.send("HeapProfiler.collectGarbage")
        counters = session.send("Memory.getDOMCounters")
        heap = session.send("Runtime.getHeapUsage")["usedSize"]
        return heap, counters["nodes"], counters["jsEventListeners"]

    page.set_default_timeout(600_000)
    page.evaluate(rounds, 1_000)
    heap, nodes, listeners = used()
    page.evaluate(rounds, deep(5_000, 35_000))
    heap_after, nodes_after, listeners_after = used()

    assert heap_after < heap + deep(1_000_000, 2_000_000)
    assert nodes_after <= nodes * 1.1
    assert listeners_after <= listeners


# ------------------------------------------------------------------ without a browser


def send(console, path, html, headers, rest="", cookie=""):
    """Send a form with the token of a page that was fetched; answers the status."""
    session = headers["set-cookie"].partition(";")[0]
    csrf = re.search(r'name="csrf" content="(\w+)"', html)[1]
    mine = {"cookie": "; ".join(filter(None, (cookie, session)))}
    return fetch(f"{console.url}{path}", mine, f"csrf={csrf}{rest}".encode())[0]


@pytest.mark.parametrize("given", ["", "csrf=x", "csrf="])
def test_a_form_without_its_token_is_refused(console, stack, given):
    url = f"{console.url}/items/ORDER/o-13/1/skip"

    status, text, _ = fetch(url, {"cookie": "sfn_cqrs_console=abc"}, given.encode())

    assert status == 403
    assert "form_expired" in text
    assert api_of(stack).get("/commands/ORDER/o-13/1")["outcome"] == "FAILED"


def test_a_form_that_is_too_large_is_told_so(console):
    status, text, _ = fetch(f"{console.url}/publish", None, b"x" * (LARGEST_FORM + 1))

    assert status == 413
    assert "A form has at most 1,048,576 bytes" in text


def test_a_file_without_its_token_is_refused(console):
    status, _, _ = fetch(f"{console.url}/imports/take?name=x.csv&table=airports", None, b"icao\nX")

    assert status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"},
    ],
)
@pytest.mark.parametrize("path", ["", "/live?page=/console", "/static/console.js"])
def test_pages_of_other_sites_read_nothing(console, headers, path):
    assert fetch(f"{console.url}{path}", headers)[0] == 403


def test_a_link_from_elsewhere_opens_a_page(console):
    opened = {
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
    }

    status, _, headers = fetch(f"{console.url}/queues", opened)

    assert (status, headers["x-frame-options"]) == (200, "DENY")


def test_the_front_sends_the_console_on(stack, console):
    stack.front.console = console.origin
    port = urlsplit(stack.http).port
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/console/items?type=ORDER")
    response = connection.getresponse()

    place = f"{console.url}/items?type=ORDER"
    assert (response.status, response.headers["location"]) == (307, place)
    connection.close()


def test_the_search_knows_ids_items_arns_and_names(console, stack, ids):
    arn = stack.outputs["TaskStateMachineArn"].replace(":stateMachine:", ":execution:")
    asked = {
        ids["task"]: f"/tasks/{ids['task']}",
        ids["import"]: f"/imports/{ids['import']}",
        "ORDER o-1": "/items/ORDER/o-1",
        "ORDER": "/items?type=ORDER",
        f"{arn}:t-1": "/executions/task/t-1",
    }

    for text, place in asked.items():
        connection = HTTPConnection("127.0.0.1", console.port, timeout=60)
        connection.request("GET", f"/console/search?q={quote(text)}")
        assert connection.getresponse().headers["location"] == f"/console{place}"
        connection.close()


def test_an_error_text_finds_its_executions(console):
    _, text, _ = fetch(f"{console.url}/executions?error=keyerror")

    assert "ORDER/o-13 v1" in text
    assert "ORDER/o-1 v1" not in text


@pytest.fixture(scope="module")
def cloud(stack):
    """The adapter of a deployed stack, on this one, by boto3 and the API's address alone."""
    asked = set()

    class Recorded(Target):
        def _client(self, service):
            client = session().client(service, endpoint_url=stack.client(service).meta.endpoint_url)
            client.meta.events.register(
                "provide-client-params.*.*",
                lambda params, model, **_: asked.add(
                    (f"{NAMES.get(service, service)}:{model.name}", resource_of(params))
                ),
            )
            return client

    target = Recorded(stack.outputs, {}, stack.name)
    server = ConsoleServer(deployed(stack.name, stack.http, target, bearer("kenji")))
    yield server, asked
    server.close()


def test_rows_of_an_item_are_shown_of_the_read_models_that_a_deployed_stack_lets_one_read(
    cloud, console
):
    pages = [fetch(f"{one.url}/items/ORDER/o-1")[1] for one in (console, cloud[0])]
    here, there = (page.partition('"views-title"')[2].partition("</section>")[0] for page in pages)

    assert here == there
    assert "orders_by_customer · " in there


NAMES = {"stepfunctions": "states"}
RESOURCES = {
    "stateMachineArn": "{}",
    "executionArn": "{}",
    "mapRunArn": "{}",
    "taskToken": "arn:aws:states:us-east-1:000000000000:stateMachine:sfn-cqrs-any",
    "TableName": "arn:aws:dynamodb:us-east-1:000000000000:table/{}",
    "QueueUrl": "arn:aws:sqs:us-east-1:000000000000:{}",
    "logGroupName": "arn:aws:logs:us-east-1:000000000000:log-group:{}:*",
    "StackName": "arn:aws:cloudformation:us-east-1:000000000000:stack/{}/id",
}


def resource_of(params):
    """What a call is about, as IAM names it; * if it is about none."""
    for table in params.get("RequestItems", ()):
        params = {"TableName": table}
    for name, form in RESOURCES.items():
        if name in params:
            found = form.format(
                params[name].rpartition("/")[2] if "Queue" in name else params[name]
            )
            return f"{found}/index/{params['IndexName']}" if "IndexName" in params else found
    return "*"


def allowed(document):
    """Each action of a policy with the resources that it is allowed on."""
    return {action: each["Resource"] for each in document["Statement"] for action in each["Action"]}


def bearer(user):
    claims = {"sub": user, "custom:tenant": "tenant1", "cognito:groups": ["operator"]}
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
    return f"x.{part}.y"


@pytest.fixture(scope="module")
def fetched(cloud, console, stack, ids):
    """What both adapters show of every page, fetched once."""
    urls = console.url, cloud[0].url
    return {path: tuple(fetch(f"{url}{path}") for url in urls) for path in paths(stack, ids)}


def test_both_adapters_show_the_same_and_the_policy_allows_just_what_they_call(
    cloud, fetched, stack
):
    deployed_server, asked = cloud
    for path, (here, there) in fetched.items():
        assert here[0] == there[0], path
        headings = re.compile(r"<h1>.*?</h1>|class=\"pill[^>]*>[^<]*<")
        if path not in ("", "/items/ORDER/o-13?v=1", "/approvals"):
            assert headings.findall(here[1]) == headings.findall(there[1]), path

    stop = api_of(stack).post("/approvals", json.dumps({"type": "ORDER_RELEASE", "subject": "o-2"}))
    wait(api_of(stack), f"/approvals/{stop['id']}", "stage", ("WAITING",))
    _, html, headers = fetch(f"{deployed_server.url}/approvals/{stop['id']}")
    run = re.search(r"/executions/approval/[\w-]+", html)[0]
    send(deployed_server, f"{run}/stop", html, headers)

    own = tour(stack, "policy-1")
    waits = WaitTable(stack.client("dynamodb"), stack.outputs["RequestsTableName"], now)
    waits.park(own, "ask", "A" * 64, "1")
    for how in ("success", "failure"):
        send(
            deployed_server,
            f"/executions/tour/{own}/answer",
            html,
            headers,
            f"&how={how}&state=ask",
        )
    stack.client("stepfunctions").stop_execution(executionArn=arn_of(stack, own))
    send(deployed_server, f"/executions/tour/{own}/redrive", html, headers)

    may = allowed(policy.policy_document(stack.name))
    refused = [
        (action, resource)
        for action, resource in asked
        if not any(fnmatchcase(resource, one) for one in may.get(action, []))
    ]
    assert refused == []
    assert set(may) - {action for action, _ in asked} == {
        "cloudformation:DescribeStacks",
        "cloudformation:ListStackResources",  # a project's stack has another in it
    }


def test_the_overview_names_the_types_that_are_late(page, console, stack):
    dynamodb, table = stack.client("dynamodb"), stack.outputs["CommandsTableName"]
    opened = {
        "LATE": "2026-01-01T00:00:00.000Z",
        "LATER": "2025-01-01T00:00:00.000Z",
        "LATEST": "2024-01-01T00:00:00.000Z",
        "A": "2026-02-01T00:00:00.000Z",
    }
    versions = [
        process_item(a_process(ItemKey("tenant1", type_, "1"), opened_at=opened_at), 0)
        for type_, opened_at in opened.items()
    ]
    for item in versions:
        odd = {**item, "kind": "not for the consumers"}
        dynamodb.put_item(TableName=table, Item=marshal(odd))
    try:
        page.goto(console.url)
        late = page.locator("#figure-command .behind")
        expect(late).to_have_text(
            [re.compile(f"^{one} is .+ behind$") for one in ("LATEST", "LATER", "LATE")]
        )
    finally:
        for item in versions:
            key = marshal({name: item[name] for name in ("pk", "sk")})
            dynamodb.delete_item(TableName=table, Key=key)


def test_a_type_that_is_late_for_less_than_a_minute_is_not_named():
    found = Diagnosis(1, 59.9, [], {}, {}, [], oldest_unapplied={"ORDER": 59.9})

    assert [figure.behind for figure in overview._figures(found, Failures([], 0), [])] == [{}]


# ------------------------------------------------------------------------------ live updates


@pytest.fixture
def live(context, stack):
    """Return what opens live.html to watch something; nothing may go wrong in it."""
    opened = context.new_page()
    watched = Watched(opened, stack.http)

    def watch(kind, type_, id_, tenant="tenant1"):
        asked = {"tenant": tenant, "kind": kind, "type": type_, "id": id_}
        opened.goto(f"{stack.http}/live.html?{urlencode(asked)}")
        return opened

    yield watch
    lost = "WebSocket connection to "  # Chromium says so of one that is refused
    assert [one for one in watched.problems if not one.startswith(lost)] == []
    assert watched.foreign == []


@pytest.fixture
def gone(stack):
    """Return what takes the twin away and brings it back at its place."""
    was = stack.live

    def away():
        was.close()

    def back():
        may_subscribe = Authorizer(stack.functions, SUBSCRIBE_FUNCTION)
        pages = frozenset((stack.http,))
        stack.live = LiveServer("live", may_subscribe, port=was.port, origins=pages)
        stack._cleanup.callback(stack.live.close)

    return away, back


def test_a_page_sees_what_becomes_of_a_command_and_loses_nothing_with_its_connection(
    live, stack, gone
):
    api, (away, back) = api_of(stack), gone
    code = f"told-{next(numbers)}"  # of nobody else: it begins with nothing
    page = live("command", "ORDER", code)
    state, now, told = (page.locator(f"#{name}") for name in ("state", "now", "told li"))
    expect(state).to_have_text("connected")
    expect(now).to_contain_text('"version": 0')

    publish(api, code, "First", {"customer": "ada", "total": 1})
    expect(told).to_have_text([f"command-status {code}: version 1: APPLIED"])
    expect(now).to_contain_text('"name": "First"')

    away()
    expect(state).not_to_have_text("connected")
    publish(api, code, "Second", {"customer": "ada", "total": 2}, version=1)
    wait(api, f"/commands/ORDER/{code}/2", "outcome", ("APPLIED",))
    expect(now).to_contain_text('"name": "First"')

    back()
    expect(state).to_have_text("connected")
    expect(now).to_contain_text('"name": "Second"')
    expect(told).to_have_count(1)
    publish(api, code, "Third", NOWHERE, version=2)
    expect(told.first).to_have_text(f"command-status {code}: version 3: FAILED")
    expect(now).to_contain_text("3: FAILED")


def test_a_page_that_slept_for_an_hour_has_every_row(live, context, stack, gone):
    api, (away, back) = api_of(stack), gone
    context.clock.install()
    first, second, third = (f"slept-{next(numbers)}" for _ in range(3))
    publish(api, first, "First", {"customer": "ada", "total": 1})
    page = live("command", "ORDER", "*")
    state, now = page.locator("#state"), page.locator("#now")
    expect(now).to_contain_text(f'"code": "{first}"')

    away()
    expect(state).not_to_have_text("connected")
    publish(api, second, "Second", {"customer": "ada", "total": 2})
    publish(api, first, "Mended", {"customer": "ada", "total": 3}, version=1)
    publish(api, third, "Third", {"customer": "ada", "total": 4})
    for code, version in ((first, 2), (second, 1), (third, 1)):
        wait(api, f"/commands/ORDER/{code}/{version}", "outcome", ("APPLIED",))
    expect(now).not_to_contain_text(f'"code": "{second}"')
    back()
    context.clock.fast_forward("01:00:00")

    expect(state).to_have_text("connected")
    for code in (second, third):
        expect(now).to_contain_text(f'"code": "{code}"')
    changed = set((now.get_attribute("data-changed") or "").split())
    assert {first, second, third} <= changed


def test_a_page_shows_how_far_an_import_is(live, ids):
    page = live("import", "airports", ids["import"])

    expect(page.locator("#now")).to_contain_text('"total": 6', timeout=15_000)
    expect(page.locator("#progress")).to_have_js_property("value", 100, timeout=15_000)


def test_a_page_says_why_a_channel_is_refused(live):
    page = live("command", "NOTHING", "*")

    expect(page.locator("#state")).to_have_text("refused")
    expect(page.locator("#problem")).to_contain_text("nobody registers this type")


def test_a_name_that_is_no_segment_is_hashed_by_the_page_as_by_the_stack(live, stack, ids):
    api = api_of(stack)
    page = live("task", "ORDER_REMINDER", "*")
    expect(page.locator("#state")).to_have_text("connected")

    reminder = {"order": "o-1", "to": "a@example.com"}
    made = create(api, "/tasks", {"taskType": "ORDER_REMINDER", "input": [reminder]})

    expect(page.locator("#told")).to_contain_text(f"task-status {made}: COMPLETED")
    assert made not in ids.values()


@pytest.mark.parametrize("theme", without(["light", "dark"], ["dark"]))
def test_the_live_page_is_for_everybody(live, theme):
    page = live("command", "ORDER", "o-1")
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({**DESK, "width": 400})
    expect(page.locator("#state")).to_have_text("connected")

    found = Axe().run(page, options=RULES).response["violations"]

    assert [(one["id"], one["nodes"][0]["target"]) for one in found] == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_another_tenants_channel_is_refused_by_the_stack(stack):
    own = {"host": f"127.0.0.1:{stack.live.port}", "x-tenant-code": "tenant2"}
    header = base64.urlsafe_b64encode(json.dumps(own).encode()).decode().rstrip("=")
    offered = ["aws-appsync-event-ws", f"header-{header}"]
    with connect(stack.live.realtime, subprotocols=offered) as client:
        answers = []
        for tenant in ("tenant1", "tenant2"):
            channel = f"/live/{tenant}/command/ORDER/*"
            asked = {"type": "subscribe", "id": tenant, "channel": channel, "authorization": own}
            client.send(json.dumps(asked))
            answers.append(json.loads(client.recv(timeout=60)))

    refused, served = answers
    assert (refused["type"], served["type"]) == ("subscribe_error", "subscribe_success")
    assert "of another tenant" in refused["errors"][0]["message"]


@pytest.mark.timeout(30)
def test_the_sample_client_prints_an_item_as_it_changes(stack):
    api = api_of(stack)
    command = [sys.executable, "examples/live.py", stack.http, stack.live.url]
    asked = [*command, "tenant1", "ORDER", "sample-1"]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as client:
        first = json.loads(client.stdout.readline())
        publish(api, "sample-1", "First", {"customer": "ada", "total": 1})
        second = json.loads(client.stdout.readline())
        client.terminate()

    assert (first["status"], first["code"]) == (404, "not_found")
    assert (second["version"], second["name"]) == (1, "First")


def test_the_sample_client_is_twenty_lines():
    source = (CHECKOUT / "examples/live.py").read_text(encoding="utf-8")
    code = source.partition("import connect\n")[2]

    assert len([line for line in code.splitlines() if line.strip()]) == 20
