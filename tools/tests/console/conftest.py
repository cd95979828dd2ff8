"""One stack, one console and one browser for all tests of pages."""

from itertools import count

import pytest
from playwright.sync_api import expect, sync_playwright
from tests.support.orders import NOWHERE
from tools.tests.console.browser import A_MINUTE, DESK, Watched, chromium
from tools.tests.console.shown import shown
from tools.tests.console.state import api_of, fill, publish, wait

_numbers = count(1)


folder, stack, ids, console = shown("package", fill)


@pytest.fixture(scope="package")
def playwright():
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def browser(playwright):
    with chromium(playwright) as started:
        yield started


@pytest.fixture(scope="package")
def kept(browser):
    """A context whose first page stays: one that is made anew costs more than what it loads."""
    quiet = {"viewport": DESK, "reduced_motion": "reduce"}
    made = browser.new_context(locale="en-GB", timezone_id="Asia/Tokyo", **quiet)
    made.set_default_timeout(A_MINUTE)
    made.new_page()
    yield made
    made.close()


@pytest.fixture
def context(kept):
    """A context that remembers nothing of other tests."""
    expect.set_options(timeout=A_MINUTE)  # a busy machine is late; what is wrong never comes
    yield kept
    first, *others = kept.pages
    session = kept.new_cdp_session(first)
    for origin in {"/".join(opened.url.split("/")[:3]) for opened in kept.pages}:
        stored = {"origin": origin, "storageTypes": "local_storage"}
        session.send("Storage.clearDataForOrigin", stored)
    session.detach()
    for opened in others:
        opened.close()
    kept.clear_cookies()
    kept.clear_permissions()


@pytest.fixture
def page(context, console):
    """A page of somebody who may everything; it ends well only if nothing went wrong in it."""
    opened = context.pages[0]
    if not opened.url.startswith(console.origin):
        opened.goto("about:blank")  # what it shows still asks the console of a file that has ended
    watched = Watched(opened, console.origin)
    yield opened
    watched.close()
    assert watched.problems == []
    assert watched.foreign == []


@pytest.fixture
def failed(stack):
    """An order whose first version has failed, and whose second waits behind it."""
    api = api_of(stack)
    code = f"f-{next(_numbers)}"
    publish(api, code, "To an unknown country", NOWHERE)
    wait(api, f"/commands/ORDER/{code}/1", "outcome", ("FAILED",))
    publish(api, code, "To a known one", {"customer": "eve", "total": 3}, version=1)
    wait(api, f"/commands/ORDER/{code}/2", "outcome", ("BLOCKED",))
    return code
