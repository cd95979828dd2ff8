"""The pictures of the docs: every area, light and dark, of a shop on a busy morning."""

import base64
import os
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tools.tests.console import pretty
from tools.tests.console.browser import DESK, visit
from tools.tests.console.shown import shown

from sfn_cqrs_tools.project import CHECKOUT

pytestmark = [pytest.mark.stack, pytest.mark.proof]
SHOWN = CHECKOUT / "docs/console"
LARGEST = 90_000
SWEEPERS = (
    "ScheduleFinishImportsFunction",
    *(
        f"ScheduleSweep{kind}Function"
        for kind in ("Approvals", "Commands", "Imports", "Sagas", "Tasks")
    ),
)
AREAS = (
    "approval", "calls", "correct", "execution", "executions", "import", "item", "items",
    "overview", "queues", "read-model", "repairs", "saga", "search", "state", "task",
)  # fmt: skip
DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""Chromium takes no picture of a page that it has not drawn yet."""


def fill(stack, folder):
    """Fill the stack, and let each sweep run once; answers ids."""
    found = pretty.fill(stack, folder)
    for function in SWEEPERS:
        stack.functions.invoke(function, b"{}")
    return found


folder, stack, ids, console = shown("module", fill)


def paths(stack, ids):
    """The page of each area."""
    sfn, arn = stack.client("stepfunctions"), stack.outputs["CommandStateMachineArn"]
    runs = sfn.list_executions(stateMachineArn=arn, statusFilter="FAILED")["executions"]
    run = f"/executions/command/{runs[0]['name']}"
    return {
        "overview": "",
        "items": "/items?type=ORDER&sort=code",
        "item": "/items/ORDER/w-1?v=2",
        "correct": "/items/ORDER/w-2/1/correct",
        "import": f"/imports/{ids['import']}",
        "task": f"/tasks/{ids['task']}",
        "saga": f"/sagas/{ids['declined']}",
        "approval": f"/approvals/{ids['approval']}",
        "repairs": "/repairs",
        "read-model": "/read-models/orders_by_customer/grace",
        "executions": "/executions",
        "execution": run,
        "calls": run,
        "state": run,
        "queues": "/queues",
        "search": "/search?q=o-1",
    }


def photograph(context, page, path):
    """Keep what a window shows."""
    page.evaluate(DRAWN)
    session = context.new_cdp_session(page)
    given = {"format": "webp", "quality": 80}
    path.write_bytes(base64.b64decode(session.send("Page.captureScreenshot", given)["data"]))
    session.detach()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pictures_of_the_docs_show_every_area(browser, console, stack, ids, theme):
    folder = Path(os.environ.get("SFN_CQRS_PICTURES", ".build/console"))
    folder.mkdir(parents=True, exist_ok=True)
    shape = {"locale": "en-GB", "timezone_id": "Europe/Berlin"}
    made = browser.new_context(viewport={**DESK, "height": 800}, color_scheme=theme, **shape)
    page = made.new_page()
    for name, path in paths(stack, ids).items():
        visit(page, console, path)
        if name == "calls":
            page.get_by_role("button", name="Show the calls").click()
            expect(page.locator("#calls")).to_contain_text("Slowest: ")
            page.locator("#calls-title").scroll_into_view_if_needed()
            page.evaluate("document.querySelector('#calls-title').scrollIntoView()")
        if name == "state":
            page.locator("[data-row=check_version]").click()
            expect(page.locator("#detail")).to_contain_text("From input to output")
            expect(page.locator("#fall")).to_contain_text("usual: ")
            page.evaluate("document.querySelector('.columns.execution').scrollIntoView()")
        if name == "search":
            expect(page.locator("main")).not_to_contain_text("Looking through")
        photograph(made, page, folder / f"{name}-{theme}.webp")
    made.close()

    assert sorted(paths(stack, ids)) == sorted(AREAS)
    assert max(path.stat().st_size for path in folder.glob(f"*-{theme}.webp")) <= LARGEST


def test_the_docs_have_a_picture_of_each_area_in_both_themes():
    wanted = {f"{name}-{theme}.webp" for name in AREAS for theme in ("light", "dark")}

    assert {path.name for path in SHOWN.glob("*.webp")} == wanted
