"""GitHub's workflows run what a checkout runs: make targets and scripts that exist, and no more.

`make check` asks zizmor and the schema; these are the rules that neither has.
"""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.template.stack import ROOT

from sfn_cqrs_tools.scaffold import texts

WORKFLOWS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in (".", "examples/shop")
    for path in (ROOT / folder / ".github/workflows").glob("*.yml")
)
PINNED = re.compile(r"uses: (?:\./\S+|[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)")
MAKE = re.compile(r'make "?([a-z0-9.-]+)"?')
SCRIPT = re.compile(r"(?:python3|bash) (\S+)(?: .+)?")
JOB_LIMIT = 60


def workflow(path: str) -> tuple[str, dict[str, Any]]:
    text = (ROOT / path).read_text(encoding="utf-8")
    return text, yaml.safe_load(text)


def commands(job: dict[str, Any]) -> Iterator[str]:
    """Yield each line that a job runs, for each cell of its matrix."""
    matrix = job.get("strategy", {}).get("matrix", {})
    cells = itertools.product(
        *([(name, str(v)) for v in values] for name, values in matrix.items())
    )
    for cell in cells:
        for step in job["steps"]:
            line = step.get("run", "")
            for name, value in step.get("env", {}).items():
                for axis, of_cell in cell:
                    if value == f"${{{{ matrix.{axis} }}}}":
                        line = line.replace(f"${name}", of_cell)
            yield from filter(None, line.splitlines())


def targets(makefile: Path) -> list[str]:
    """Return the targets that somebody may name, as patterns."""
    names = re.findall(r"^([a-z0-9.%-]+):.*## ", makefile.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.escape(name).replace("%", r"[\d.]+") for name in names]


def problems(text: str, root: Path) -> list[str]:
    """Return what is wrong with a workflow of a repository."""
    parsed = yaml.safe_load(text)
    found = [] if parsed["permissions"] == {} else ["the workflow has rights"]
    found += [
        f"not pinned: {line.strip()}"
        for line in text.splitlines()
        if "uses:" in line and not PINNED.search(line)
    ]
    for name, job in parsed["jobs"].items():
        if not 0 < job.get("timeout-minutes", 0) <= JOB_LIMIT:
            found.append(f"{name} has no time limit")
        if "permissions" not in job:
            found.append(f"{name} does not say its rights")
        found += [f"{name}: {line}" for line in commands(job) if not _exists(line, root)]
    return found


def _exists(line: str, root: Path) -> bool:
    if made := MAKE.fullmatch(line):
        return any(re.fullmatch(one, made[1]) for one in targets(root / "Makefile"))
    ran = SCRIPT.fullmatch(line)
    return bool(ran) and (root / ran[1]).is_file()


@pytest.mark.parametrize("path", WORKFLOWS)
def test_a_workflow_runs_what_is_there_with_the_rights_it_needs(path: str) -> None:
    root = ROOT / path.partition(".github")[0]

    assert problems((ROOT / path).read_text(encoding="utf-8"), root) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("permissions: {}", "permissions: {contents: write}", "the workflow has rights"),
        (r"@[0-9a-f]{40} # v7.0.1", "@v7", "not pinned: - uses: actions/checkout@v7"),
        (r" # v7.0.1", "", "not pinned: - uses: actions/checkout@3d3c42e5"),
        ("    timeout-minutes: 30\n", "", "check has no time limit"),
        ("    permissions:\n.*\n", "", "check does not say its rights"),
        ("make build", "make bilud", "check: make bilud"),
        ("make build", "pip install sam", "check: pip install sam"),
        ("make build", "bash scripts/build.sh", "check: bash scripts/build.sh"),
    ],
)
def test_a_fault_is_named(old: str, new: str, problem: str) -> None:
    text, _ = workflow("examples/shop/.github/workflows/check.yml")

    (found,) = problems(re.sub(old, new, text, count=1), ROOT / "examples/shop")

    assert found.startswith(problem)


def test_a_project_begins_with_the_examples_workflow() -> None:
    text, _ = workflow("examples/shop/.github/workflows/check.yml")

    assert texts.text("project/check.yml") == text


def test_ci_runs_on_pull_requests_what_the_repositorys_own_ci_runs() -> None:
    _, ci = workflow(".github/workflows/ci.yml")
    own = (ROOT / ".ci/run").read_text(encoding="utf-8")
    (versions,) = re.findall(r"^for version in (.+); do$", own, re.MULTILINE)

    here = {*re.findall(r"^ *make ([a-z-]+)$", own, re.MULTILINE)} - {"environments"}
    here |= {f"test-on-{version}" for version in versions.split()}
    there = {line for job in ci["jobs"].values() for line in commands(job)}

    assert {made[1] for line in there if (made := MAKE.fullmatch(line))} == here
    assert "pull_request" in ci[True]  # what YAML makes of `on`


def test_a_release_is_published_by_jobs_that_run_nothing_else_and_only_after_every_try() -> None:
    _, release = workflow(".github/workflows/release.yml")
    jobs = release["jobs"]
    may_write = {
        name for name, job in jobs.items() if "write" in {*(job["permissions"] or {}).values()}
    }

    assert may_write == {"pypi", "github"}
    assert {line for name in may_write for line in commands(jobs[name])} == {
        "bash .github/release.sh"
    }
    assert (jobs["try"]["needs"], jobs["pypi"]["needs"], jobs["github"]["needs"]) == (
        "files",
        "try",
        "pypi",
    )


def test_each_package_names_the_pythons_that_ci_tests() -> None:
    _, ci = workflow(".github/workflows/ci.yml")
    _, release = workflow(".github/workflows/release.yml")
    tested = ci["jobs"]["python"]["strategy"]["matrix"]["python"]
    assert release["jobs"]["try"]["strategy"]["matrix"]["python"] == tested

    for package in ("pyproject.toml", "engine/pyproject.toml", "tools/pyproject.toml"):
        text = (ROOT / package).read_text(encoding="utf-8")
        assert re.findall(r'"Programming Language :: Python :: (3\.\d+)"', text) == tested
        assert f'requires-python = ">={tested[0]}"' in text
