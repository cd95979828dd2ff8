"""Tests are collected in one order, whatever the seed of hashes: pytest -n 2 needs that."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.mutants.code import ROOT
from tests.support.proof import deep, without

PARENTS = ("tests", "tools/tests")
SUITES = [
    "engine/tests",
    *(
        path.relative_to(ROOT).as_posix()
        for parent in PARENTS
        for path in sorted((ROOT / parent).iterdir())
        if any(path.rglob("test_*"))
    ),
]
SAMPLE = ["tests/statemachine"]
COLLECTED = deep([*SAMPLE, "tests/contract", "tests/unit"], SUITES)
SETS = ["{1, 2}", "frozenset('ab')", "{'a': 1}.keys() - 'b'"]


def collecting(suite: str, seed: str, folder: Path = ROOT) -> subprocess.Popen[str]:
    """Begin to collect a suite in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "--collect-only", "-m", "", suite],
        cwd=folder,
        env=os.environ | {"PYTHONHASHSEED": seed, "PYTEST_ADDOPTS": ""},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    "suite", without(COLLECTED, [one for one in COLLECTED if one not in SAMPLE])
)
def test_a_suite_is_collected_in_one_order_whatever_the_seed_of_hashes(suite: str) -> None:
    both = [collecting(suite, seed) for seed in ("1", "2")]
    first, second = (
        [line for line in one.communicate()[0].splitlines() if "::" in line] for one in both
    )

    assert len(first) > 0
    assert first == second


def test_parameters_of_a_set_are_refused(tmp_path: Path) -> None:
    shared = (ROOT / "tests/support/every_suite.py").read_text(encoding="utf-8")
    (tmp_path / "conftest.py").write_text(shared)
    for number, values in enumerate([*SETS, f"sorted({SETS[0]})"]):
        mark = f'@pytest.mark.parametrize("one", {values})'
        test = f"import pytest\n\n{mark}\ndef test_it(one): ...\n"
        (tmp_path / f"test_{number}.py").write_text(test)

    said, _ = collecting(".", "1", tmp_path).communicate()

    assert said.count("the values of test_it come from a set; sort them") == len(SETS)
    assert "test_3.py::test_it[1]" in said
