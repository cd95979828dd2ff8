"""`make docs` builds a site that works in a real browser and asks no other host."""

import fcntl
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.support.proof import PROOF
from tests.template.stack import ROOT
from tools.tests.console.browser import PHONE, Watched

pytestmark = [PROOF, pytest.mark.real_time("builds the site, and waits for its search")]
VERSION = "99.0.0"
WIDTH = "document.documentElement.scrollWidth"


class Silent(SimpleHTTPRequestHandler):
    """Answers files and logs nothing."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def built(testrun_uid: str) -> Path:
    """Build the site once in a run, whichever of its processes asks first."""
    (ROOT / ".build").mkdir(exist_ok=True)
    with (ROOT / ".build/site.run").open("a+", encoding="utf-8") as run:
        fcntl.flock(run, fcntl.LOCK_EX)
        run.seek(0)
        if run.read() != testrun_uid:
            subprocess.run(["make", "docs", f"DOCS_VERSION={VERSION}"], cwd=ROOT, check=True)
            run.truncate(0)
            run.write(testrun_uid)
    return ROOT / ".build/site"


@pytest.fixture(scope="module")
def address(built: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(built))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def pages(built: Path) -> list[str]:
    found = sorted((built / VERSION).rglob("*.html"))
    return [path.relative_to(built).as_posix() for path in found if path.name != "404.html"]


def test_no_page_asks_another_host_or_has_an_error_or_is_wider_than_a_phone(
    browser: Browser, built: Path, address: str
) -> None:
    page = browser.new_page(viewport=PHONE)  # type: ignore[arg-type]
    watched = Watched(page, address)
    wide = []
    for path in pages(built):
        page.goto(f"{address}/{path}")
        if page.evaluate(WIDTH) > PHONE["width"]:
            wide.append(path)
    page.wait_for_load_state("networkidle")

    assert (watched.foreign, watched.problems, wide) == ([], [], [])


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_a_page_follows_the_systems_colours(
    browser: Browser, address: str, scheme: str, *, is_dark: bool
) -> None:
    page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(f"{address}/{VERSION}/index.html")

    expected = "slate" if is_dark else "default"
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", expected)


def test_diagrams_are_drawn_and_the_search_finds_a_command(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/{VERSION}/architecture.html")
    expect(page.locator("div.mermaid").first).to_be_visible()

    page.keyboard.press("/")
    page.keyboard.type("read-model rebuild")

    expect(page.get_by_text("sfn-cqrs read-model rebuild").first).to_be_visible()


ASKED = {
    "test my handler": "testing.html",
    "change a field in production": "change-a-type.html",
    "import failed at row": "import-stopped.html",
    "add a column to a read model": "change-a-read-model.html",
    "my handler is slow": "handlers.html",
    "call it from React": "browser.html",
    "who may see what": "who-may-publish.html",
    "what does it cost": "capacity.html",
    "get paged": "runbooks/index.html",
    "upgrade": "upgrading.html",
    "delete the stack": "delete.html",
    "two regions": "restore.html",
    "a command is stuck": "stuck.html",
    "existing table": "existing-table.html",
    "limits": "limits.html",
}
"""What somebody asks who comes from AWS Lambda Powertools, and the page that answers."""
HITS, A_MINUTE = 3, 60_000


def test_the_search_answers_what_a_newcomer_asks(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/{VERSION}/index.html")
    page.keyboard.press("/")
    box, hits = page.get_by_role("combobox", name="Search"), {}
    expect(page.get_by_text("Loading search")).to_be_hidden(timeout=A_MINUTE)
    for asked, answer in ASKED.items():
        box.fill(asked)
        marked = page.locator(f"a[href*='?h={asked.replace(' ', '+')}']")
        expect(marked.first).to_be_visible(timeout=A_MINUTE)
        found = [link.get_attribute("href") or "" for link in marked.all()[:HITS]]
        hits[asked] = answer if any(f"{answer}?" in link for link in found) else found

    assert hits == ASKED
