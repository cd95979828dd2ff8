"""What a run says of tests that no browser was there for."""

from collections.abc import Iterable

import pytest

NO_BROWSER = "no Chromium starts here"
WAY = "apt-get install chromium, or .venv/bin/playwright install chromium"


def missing_browser(reasons: Iterable[str]) -> str:
    """Return the line that says how to get one; empty if no test was skipped for that."""
    count = sum(NO_BROWSER in reason for reason in reasons)
    if not count:
        return ""
    tests = "1 test of the console was" if count == 1 else f"{count} tests of the console were"
    return f"{tests} NOT run, for want of a Chromium: {WAY}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end of a run that there was no browser, and how to get one."""
    skipped = terminalreporter.stats.get("skipped", [])
    line = missing_browser(str(one.longrepr) for one in skipped)
    if line:
        terminalreporter.write_line(line, yellow=True, bold=True)
