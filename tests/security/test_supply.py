"""What is installed and what ships: pinned, with hashes, from locks and nothing else."""

import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from requirements import audit, locked, ships
from tests.support.commands import ran

from sfn_cqrs_tools.project import CHECKOUT

FOLDER = CHECKOUT / "requirements"
LOCKS = sorted(FOLDER.glob("*.lock"))
PROJECTS = ("examples/", "tools/tests/local/former_project/")
"""Each is of its own; nothing here is set up by it."""
SETS_UP = (
    *("Makefile", "layer/python.mk", "layer/Makefile", "app/Makefile", ".ci/run", ".ci/python"),
    ".github/release.sh",
    *(f".github/actions/{name}" for name in ("install.sh", "lint/lint.sh", "serve/serve.sh")),
)
CALL = "$(call install,"
"""How the Makefile installs: its definition ends with what a call adds."""
LOCK_OF = {
    "layer/requirements.txt": "layer.lock",
    "layer/postgres/requirements.txt": "postgres.lock",
    "app/requirements.txt": "app.lock",
} | {f"requirements/{source.name}": f"{source.stem}.lock" for source in FOLDER.glob("*.in")}
ADVISORY = {
    "name": "urllib3",
    "version": "2.8.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["2.8.1"]}],
}
SKIPPED = {"name": "urllib3", "skip_reason": "Dependency not found"}


def each_pin(lock: Path) -> list[str]:
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_line_of_a_lock_is_one_version_with_hashes_and_names_no_index(lock: Path) -> None:
    pin = re.compile(r"[\w.-]+==[\w.!+-]+( ; [^#]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")

    assert [line for line in each_pin(lock) if not pin.fullmatch(line)] == []
    assert each_pin(lock)


def test_every_requirement_has_a_version_in_its_lock_that_meets_it() -> None:
    missing = []
    for source, lock in LOCK_OF.items():
        pins = {package.name: package.version for package in ships.pinned(FOLDER / lock)}
        for line in (CHECKOUT / source).read_text(encoding="utf-8").splitlines():
            asked = Requirement(line)
            version = pins.get(asked.name.lower().replace("_", "-"))
            if version is None or version not in SpecifierSet(str(asked.specifier)):
                missing.append(f"{source}: {line}")

    assert missing == []


def test_what_ships_is_what_the_tests_ran_with() -> None:
    tested = {each.name: each for each in ships.pinned(FOLDER / "local.lock")}

    apart = [each.name for each in ships.shipped() if tested[each.name].hashes != each.hashes]
    assert apart == []
    assert {"boto3", "tzdata", "aws-lambda-powertools"} <= {each.name for each in ships.shipped()}


@pytest.mark.parametrize("name", SETS_UP)
def test_nothing_is_installed_but_by_hash_or_from_this_checkout(name: str) -> None:
    text = (CHECKOUT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    installs = [line for line in text.splitlines() if "pip install" in line or CALL in line]
    recipes = [line for line in installs if not line.endswith(" $(2)")]

    folders = r"--editable \./engine --editable \. --editable \./tools\)"
    calls = rf"(--no-deps |{re.escape(CALL)}\$\(VENV\),)--no-build-isolation "
    own = re.compile(rf'{calls}({folders}|"\$root/engine")$')
    free = [line for line in recipes if "--require-hashes" not in line and not own.search(line)]
    assert free == []
    without = [line for line in installs if CALL not in line and "--no-deps" not in line]
    assert without == []


def test_the_set_up_paths_that_are_looked_at_are_all_there_are() -> None:
    listed = subprocess.check_output(["git", "ls-files"], cwd=CHECKOUT, text=True).splitlines()
    scripts = {
        name
        for name in listed
        if name.endswith(("Makefile", ".mk", ".sh")) or name.startswith(".ci/")
        if not name.startswith(PROJECTS)
    }

    assert scripts == set(SETS_UP)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_is_made_from_the_requirements_as_they_are(lock: Path) -> None:
    assert locked.changed(lock) == []
    assert "# made from " in lock.read_text(encoding="utf-8")


def test_a_layer_is_not_built_while_a_requirement_is_not_locked(tmp_path: Path) -> None:
    for folder in ("layer", "app", "requirements"):
        shutil.copytree(CHECKOUT / folder, tmp_path / folder, ignore=lambda *_: ["__pycache__"])
    with (tmp_path / "app/requirements.txt").open("a", encoding="utf-8") as requirements:
        requirements.write("stripe\n")

    artifacts = tmp_path / "artifacts"
    target = ["-f", str(tmp_path / "app/Makefile"), "build-SampleLayer", "require_python="]
    env = {"PATH": "/usr/bin:/bin", "ARTIFACTS_DIR": str(artifacts)}
    built = ran("make", *target, f"PYTHON={sys.executable}", env=env, timeout=60)

    assert built.returncode == 2
    assert "app/requirements.txt changed after app.lock was made: run make lock" in built.stderr
    assert not artifacts.exists()


def test_the_bill_of_materials_has_every_package_that_ships() -> None:
    document = json.loads(
        json.dumps(ships.sbom(ships.shipped(), datetime(2026, 11, 26, tzinfo=UTC)))
    )

    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["metadata"]["timestamp"] == "2026-11-26T00:00:00+00:00"
    components = {component["name"]: component for component in document["components"]}
    assert set(components) == {
        each.name for lock in ships.LAYERS for each in ships.pinned(FOLDER / f"{lock}.lock")
    }
    botocore = components["botocore"]
    assert botocore["purl"] == f"pkg:pypi/botocore@{botocore['version']}"
    assert botocore["licenses"] == [{"expression": "Apache-2.0"}]
    assert {each["alg"] for each in botocore["hashes"]} == {"SHA-256"}
    needs = {each["ref"].partition("@")[0]: each["dependsOn"] for each in document["dependencies"]}
    assert [purl.partition("@")[0] for purl in needs["pkg:pypi/botocore"]] == [
        "pkg:pypi/jmespath",
        "pkg:pypi/python-dateutil",
        "pkg:pypi/urllib3",
    ]
    assert len(needs["pkg:pypi/sfn-cqrs"]) == len(components)


def test_the_page_of_licences_is_what_the_packages_say() -> None:
    page = (CHECKOUT / "docs/licences.md").read_text(encoding="utf-8")

    assert page == ships.licences(ships.shipped()), "make licences writes it again"


def answers(*packages: dict[str, object]) -> audit.Run:
    return lambda _command, _seconds: (0, json.dumps({"dependencies": packages}), "")


def hangs(command: list[str], seconds: float) -> tuple[int, str, str]:
    raise subprocess.TimeoutExpired(command, seconds)


def test_an_advisory_about_what_ships_fails_the_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main(answers(ADVISORY)) == 1

    first = capsys.readouterr().err.splitlines()[0]
    mend = "fixed in 2.8.1: make lock ARGS=--upgrade"
    assert first == f"urllib3 2.8.0 (ships): PYSEC-2026-1, {mend}"


def test_an_advisory_about_a_tool_is_shown_and_fails_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def only_the_tools(command: list[str], seconds: float) -> tuple[int, str, str]:
        ships_it = command[-1].endswith(("layer.lock", "postgres.lock", "app.lock"))
        return answers(*([] if ships_it else [ADVISORY]))(command, seconds)

    assert audit.main(only_the_tools) == 0
    assert "urllib3 2.8.0 (a tool): PYSEC-2026-1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (lambda *_: (1, "", "Traceback\nConnectionError: no route"), "ConnectionError: no route"),
        (answers(SKIPPED), "the package index has no advisories"),
        (hangs, "no answer within 60 s"),
    ],
)
def test_an_audit_that_nobody_answers_says_why_and_fails_nothing(
    run: audit.Run, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main(run) == 0
    assert capsys.readouterr().out == f"audit skipped from layer.lock on: {reason}\n"


def test_all_audits_together_end_within_their_limit(capsys: pytest.CaptureFixture[str]) -> None:
    left: list[float] = []
    now = [0.0]

    def slow(_command: list[str], seconds: float) -> tuple[int, str, str]:
        left.append(seconds)
        now[0] += 25
        return answers()(_command, seconds)

    assert audit.main(slow, lambda: now[0]) == 0
    assert left == [60, 35, 10]
    assert "no answer within 60 s" in capsys.readouterr().out


def test_a_misuse_of_the_audit_is_no_missing_network() -> None:
    def misused(_command: list[str], _seconds: float) -> tuple[int, str, str]:
        return 2, "", "unrecognized arguments"

    with pytest.raises(RuntimeError, match="unrecognized arguments"):
        audit.main(misused)
