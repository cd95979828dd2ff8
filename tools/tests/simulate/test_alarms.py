"""Code without a mistake is left alone: the shop's, and what the tutorial has its reader write."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.newcomer.page import blocks, edited
from tests.support.proof import deep

ROOT = Path(__file__).parents[3]
SCHEDULES = deep(200, 10_000)
"""Ten times so many of each with DEEP=1: a hundred thousand."""


@pytest.fixture
def typed(tmp_path):
    """The folder of the tutorial's package, as it is in the end."""
    for block in blocks((ROOT / "docs/tutorial.md").read_text(encoding="utf-8")):
        if block.action and block.file.startswith("app/library/"):
            path = tmp_path / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            text = block.text if block.action == "file" else edited(path.read_text(), block.text)
            path.write_text(text)
    (tmp_path / "app/library/__init__.py").touch()
    return tmp_path / "app"


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(deep(1, 10)))
@pytest.mark.parametrize(("package", "function"), [("shop", "ship"), ("library", "books")])
def test_there_is_no_false_alarm(package, function, seed, typed):
    told = subprocess.run(
        [sys.executable, Path(__file__).with_name("alarms.py"), package, f"{SCHEDULES}", f"{seed}"],
        env={"PYTHONPATH": ":".join([*sys.path, f"{typed}"])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 0, told.stderr[-4_000:]
    assert f"{SCHEDULES:,} schedules hold" in told.stdout
    assert f"{function}_" in told.stdout
