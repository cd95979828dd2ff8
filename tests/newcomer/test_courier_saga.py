"""The parcel company's saga in two files: they run, and the page says how long they are."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.template.stack import ROOT

COURIER = ROOT / "tests/newcomer/courier"
MOST = 130


def lines_of(file: Path) -> int:
    return len(file.read_text("utf-8").splitlines())


def test_the_saga_and_its_tests_run_in_a_package_of_their_own(tmp_path):
    package = tmp_path / "parcels"
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(COURIER / "courier.py", package)
    shutil.copy(COURIER / "test_courier.py", tmp_path)

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        env={**os.environ, "APP_PACKAGE": "parcels", "PYTEST_ADDOPTS": "", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stdout.splitlines()[-1].split(" in ")[0]) == (0, "4 passed")


def test_the_page_says_how_long_they_are():
    page = (ROOT / "docs/sagas.md").read_text("utf-8")
    (said,) = re.findall(r"\| a declared saga \| 2 \| (\d+) \|", page)

    found = sum(lines_of(COURIER / name) for name in ("courier.py", "test_courier.py"))

    assert int(said) == found <= MOST
