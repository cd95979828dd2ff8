"""Eight tasks of a first-time user, from the overview on: how many clicks each takes."""

import json
import os
import re
import time
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect
from tools.tests.console import pretty
from tools.tests.console.browser import visit
from tools.tests.console.shown import shown
from tools.tests.console.state import api_of

from sfn_cqrs_tools.project import CHECKOUT

pytestmark = [
    pytest.mark.stack,
    pytest.mark.proof,
    pytest.mark.real_time("what the stack began with is tried again while a person looks around"),
]
PAGE = CHECKOUT / "docs/console-tasks.md"
ROW = re.compile(r"^\| \d \| ([^|]+) \| (\d+) \| (\d+) \|", re.MULTILINE)
TOLD = {name: (int(clicks), int(texts)) for name, clicks, texts in ROW.findall(PAGE.read_text())}
"""Clicks and typed texts that the page says of each task."""


folder, stack, ids, console = shown("module", pretty.fill)


@pytest.fixture(scope="module")
def taken():
    """What each task took: clicks, texts typed, and seconds."""
    found = {}
    yield found
    for name, (clicks, texts, seconds) in found.items():
        print(f"{name}: {clicks} clicks, {texts} texts, {seconds:.1f} s")
    if path := os.environ.get("SFN_CQRS_TASKS"):
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - named by whoever asks
            json.dump(found, file)


class Hand:
    """A person who begins at the overview: counts clicks and typed texts."""

    def __init__(self, page, console):
        self.page = page
        self.clicks = self.texts = 0
        visit(page, console, "")
        self._began = time.monotonic()

    def click(self, role, name, within=None, exact=False):
        self.clicks += 1
        (within or self.page).get_by_role(role, name=name, exact=exact).first.click()

    def search(self, text):
        self.clicks += 1
        self.page.locator("#search, [type=search]").first.click()
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")
        self.texts += 1

    def fill(self, field, text):
        field.fill(text)
        self.texts += 1

    @property
    def result(self):
        return self.clicks, self.texts, round(time.monotonic() - self._began, 1)


@pytest.fixture
def hand(page, console, taken, request):
    """A person at the overview; the page says what the task of the test's name takes."""
    person = Hand(page, console)
    yield person
    name = task_of(request.node.name)
    taken[name] = person.result
    assert person.result[:2] == TOLD[name]


def task_of(test):
    return test.removeprefix("test_").replace("_", " ")


def test_find_an_order_by_its_customers_name(hand):
    hand.search("hedy")
    hand.click("link", re.compile("^ORDER.o-"))

    expect(hand.page.locator("main")).to_contain_text('"hedy"')


def test_see_why_it_failed(hand):
    hand.search("w-40")

    expect(hand.page.locator("main")).to_contain_text("ORDER/w-40")
    hand.click("link", "ORDER/w-40")
    expect(hand.page.locator("main")).to_contain_text("KeyError: 'XX'")


def test_find_the_slow_state(hand):
    hand.click("link", "Executions", exact=True)
    hand.click("link", re.compile("order-saga|Saga …|order o-26"), hand.page.locator("main"))
    rows = hand.page.locator(".fall-row[data-row]")
    expect(rows.first).to_be_visible()
    hand.click("button", "Show the calls")

    expect(hand.page.locator("#calls")).to_contain_text("Slowest: ")


def test_approve(hand, ids, stack):
    hand.click("link", "Decide", hand.page.locator(f"#need-{ids['approval']}"))
    hand.click("button", "Approve")

    expect(hand.page.locator("h1 + .pill")).to_have_text(re.compile("GRANTED|APPROVED"))
    assert api_of(stack).get(f"/approvals/{ids['approval']}")["status"] == "GRANTED"


def test_undo_an_import(hand, ids):
    hand.click("link", "Imports", exact=True)
    hand.click("link", "regional.csv")
    hand.click("link", "Undo …")
    hand.click("button", re.compile("^Undo"), hand.page.locator("#dialog-body"))

    expect(hand.page).not_to_have_url(re.compile(ids["good import"]))
    expect(hand.page.locator("main")).to_contain_text("COMPLETED")


def test_find_what_happened_at_a_time_in_tokyo(hand, stack):
    moment = api_of(stack).get("/commands/ORDER/w-40/1")["createdAt"]
    at = datetime.fromisoformat(moment) + timedelta(hours=9)
    hand.search(f"{at:%H:%M} Asia/Tokyo")
    hand.click("link", "Executions around then")

    expect(hand.page).to_have_url(re.compile("from="))
    expect(hand.page.locator("tbody tr").first).to_be_visible()


@pytest.mark.real_time("the rebuild waits until every function knows its generation")
def test_rebuild_a_read_model(hand):
    hand.click("link", "Read models", exact=True)
    hand.click("link", re.compile("orders_by_customer is "))
    hand.click("link", "Rebuild …")
    hand.click("button", "Rebuild", hand.page.locator("#dialog-body"))

    expect(hand.page.locator("h1 + .pill")).to_have_text("READY")


def test_retry_ninety(hand, stack):
    group = hand.page.locator("[id^=group-]", has_text="versions of ORDER").first
    expect(group).to_contain_text(f"{pretty.FAILED} versions of ORDER")
    hand.click("button", f"Retry {pretty.FAILED} …", group)
    hand.click("button", f"Retry {pretty.FAILED}", exact=True)

    expect(hand.page.locator(".heading .pill")).to_have_text("COMPLETED")
    assert api_of(stack).get("/commands/ORDER/w-90/1")["attempt"] == 2


def test_the_page_names_every_task(request):
    own = request.node.name
    tests = [name for name in vars(request.module) if name.startswith("test_") and name != own]

    assert list(TOLD) == list(map(task_of, tests))
