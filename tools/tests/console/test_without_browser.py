"""A machine without Chromium says so in one line, and how to get one."""

import os
import sys

from tests.support.commands import ran
from tests.support.without_browser import (
    NO_BROWSER,
    WAY,
    missing_browser,
    pytest_terminal_summary,
)

HOOK = "from tests.support.without_browser import pytest_terminal_summary"
TEST = f"""
import pytest

@pytest.mark.parametrize("number", range(3))
def test_a_page(number):
    pytest.skip("{NO_BROWSER} (how to get one): it is not there")

def test_another():
    pytest.skip("for another reason")
"""


def test_a_run_ends_with_the_line_and_the_way(tmp_path):
    (tmp_path / "conftest.py").write_text(
        "from tests.support.without_browser import pytest_terminal_summary\n"
    )
    (tmp_path / "test_pages.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    words = (*command, "-c", os.devnull, f"--rootdir={tmp_path}", tmp_path)
    shown = ran(*words, env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}).stdout

    line = f"3 tests of the console were NOT run, for want of a Chromium: {WAY}"
    assert line in shown.splitlines()


def test_a_run_with_a_browser_says_nothing():
    assert missing_browser(["for another reason"]) == ""


def test_our_own_runs_end_so(request):
    hook = request.config.hook.pytest_terminal_summary

    assert pytest_terminal_summary in [one.function for one in hook.get_hookimpls()]
