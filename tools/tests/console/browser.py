"""A real Chromium: Debian's, the one without windows first, or Playwright's."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Error, Page, Playwright
from tests.support.without_browser import NO_BROWSER, WAY

A_MINUTE = 60_000
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--in-process-gpu",
    "--renderer-process-limit=1",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOADED = ("script", "stylesheet", "image", "font")
ANSWERED = "Failed to load resource: the server responded"
"""Whether that is right the test knows; what a page loads beside itself must be there."""


@contextmanager
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Start a browser; skip where none can be had, but never in CI."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    try:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
    except Error as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{NO_BROWSER} ({WAY}): {str(error).splitlines()[0]}")
    yield browser
    browser.close()


class Watched:
    """What went wrong in a page, and what it asked of others."""

    def __init__(self, page: Page, origin: str) -> None:
        self.problems: list[str] = []
        self.foreign: list[str] = []
        self._page = page
        self._heard = {
            "console": self._said,
            "pageerror": lambda error: self.problems.append(str(error)),
            "response": self._answered,
            "request": lambda request: self._asked(request.url, origin),
        }
        for event, heard in self._heard.items():
            page.on(event, heard)

    def close(self) -> None:
        """Hear nothing more: the page is another test's from now on."""
        for event, heard in self._heard.items():
            self._page.remove_listener(event, heard)

    def _said(self, message) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(ANSWERED):
            self.problems.append(message.text)

    def _answered(self, response) -> None:
        if response.status >= 400 and response.request.resource_type in LOADED:
            self.problems.append(f"{response.status} {response.url}")

    def _asked(self, url: str, origin: str) -> None:
        if not url.startswith((f"{origin}/", "data:", "blob:")):
            self.foreign.append(url)


def visit(page, console, path):
    page.goto(f"{console.url}{path}", wait_until="load")
