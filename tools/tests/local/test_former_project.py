"""A project that the release before has made passes its tests and its check with this release.

`former_project` has the files of `sfn-cqrs init lending --type LOAN` and of the generators, as they
were before there were doors (56bb1c30). Nobody changes them.
"""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from tests.support.commands import ran

FORMER = Path(__file__).parent / "former_project"
TESTS = 77
OLD_PATH = re.compile(r"\bsfn_cqrs\.(adapters|domain|routes|service)\b")
WARNED = re.compile(r"^ +(\S+):\d+: DeprecationWarning: sfn_cqrs\S* is gone: import ", re.MULTILINE)


@pytest.fixture(scope="module")
def lending(tmp_path_factory):
    """A copy of the project, after the upgrade."""
    return shutil.copytree(FORMER, tmp_path_factory.mktemp("former") / "lending")


def test_its_tests_pass_and_each_file_with_an_old_path_is_warned_of(lending):
    by_old_paths = {
        str(path) for path in lending.rglob("*.py") if OLD_PATH.search(path.read_text("utf-8"))
    }

    options = {"PYTEST_ADDOPTS": f"--basetemp={lending}.tmp"}  # or it would sweep those of others
    done = ran(sys.executable, "-m", "pytest", cwd=lending, env=os.environ | options)

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert re.search(rf"= {TESTS} passed, \d+ warnings in ", done.stdout)
    assert len(by_old_paths) == 36
    assert set(WARNED.findall(done.stdout)) == by_old_paths


def test_its_check_finds_nothing(lending):
    done = ran(Path(sys.executable).with_name("sfn-cqrs"), "check", cwd=lending)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "3 machines of your own, 71 functions: nothing is wrong\n"
