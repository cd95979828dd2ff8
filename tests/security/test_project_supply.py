"""What a new project installs: no package index can put another framework in its place."""

import re
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner

from sfn_cqrs_tools.cli import cli
from sfn_cqrs_tools.project import CHECKOUT
from sfn_cqrs_tools.scaffold.changes import ScaffoldError
from sfn_cqrs_tools.scaffold.new_project import sources

NEEDS = {
    "sfn-local": (),
    "sfn-cqrs": ("sfn-local[aws]=={0}",),
    "sfn-cqrs-tools": ("sfn-cqrs[postgres]=={0}", "sfn-local[aws]=={0}"),
}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def wheel(folder: Path, name: str, version: str) -> Path:
    """A package with nothing in it, which needs the others as the framework's do."""
    snake = name.replace("-", "_")
    info = f"{snake}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {need.format(version)}\n" for need in NEEDS.get(name, ()))
    extras = "Provides-Extra: aws\nProvides-Extra: postgres\n"
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{info}/METADATA": f"{head}{extras}{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{snake}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in files))
    return path


@pytest.fixture
def dist(tmp_path):
    """A folder with a wheel of each of the framework's packages."""
    for name in NEEDS:
        wheel(tmp_path / "dist", name, "1.0.0")
    return tmp_path / "dist"


@pytest.fixture
def index(tmp_path):
    """A stranger's index: it has a higher version of each package, and another file of 1.0.0."""
    root = tmp_path / "index"
    for name in (*NEEDS, "pytest", "ruff", "mypy"):
        files = [wheel(root / name, name, version) for version in ("1.0.0", "99.0.0")]
        with zipfile.ZipFile(files[0], "a") as archive:
            archive.writestr("strangers.py", "")
        links = [
            f'<a href="{one.name}#sha256={sha256(one.read_bytes()).hexdigest()}">{one.name}</a>'
            for one in files
        ]
        (root / name / "index.html").write_text("\n".join(links))
    return root.as_uri()


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Return a way to make a project in a folder of its own; answers it, or the error."""

    def make(source):
        home = tmp_path / "home"
        home.mkdir()
        monkeypatch.chdir(home)
        done = CliRunner().invoke(cli, ["init", "clinic", "--wheels", str(source)])
        assert done.exit_code == 0, done.output
        return home / "clinic"

    return make


def test_an_index_with_higher_versions_replaces_none_of_the_frameworks_wheels(made, dist, index):
    clinic = made(dist)
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"]
    asked = ["--index-url", index, "--requirement", "requirements-dev.txt"]

    done = subprocess.run(
        [*pip, *asked], cwd=clinic, capture_output=True, text=True, check=True, env={}
    )

    (line,) = re.findall(r"Would install (.*)", done.stdout)
    assert sorted(line.split()) == [
        *("mypy-99.0.0", "pytest-99.0.0", "ruff-99.0.0"),
        *(f"{name}-1.0.0" for name in sorted(NEEDS)),
    ]
    used = set(re.findall(r"Processing \./wheels/(\S+)", done.stdout))
    assert used == {one.name for one in dist.iterdir()}


def test_wheels_are_copied_and_no_committed_file_names_this_machine(made, dist):
    clinic = made(dist)

    copied = {one.name: one.read_bytes() for one in (clinic / "wheels").iterdir()}
    assert copied == {one.name: one.read_bytes() for one in dist.iterdir()}
    texts = {
        one: one.read_text(encoding="utf-8")
        for one in clinic.rglob("*")
        if one.is_file() and one.suffix != ".whl" and ".git" not in one.parts
    }
    assert [one for one, text in texts.items() if str(clinic.parents[1]) in text] == []
    assert "wheels" not in texts[clinic / ".gitignore"]
    lines = texts[clinic / "requirements-dev.txt"].splitlines()
    assert lines[:3] == [f"./wheels/{one}-1.0.0-py3-none-any.whl" for one in SNAKES]


SNAKES = ("sfn_local", "sfn_cqrs", "sfn_cqrs_tools")


def test_a_checkout_is_named_from_the_project(made):
    clinic = made(CHECKOUT)

    lines = (clinic / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()[:3]

    assert not any(Path(line).is_absolute() for line in lines)
    parts = [(clinic / line).resolve() for line in lines]
    assert parts == [CHECKOUT / "engine", CHECKOUT, CHECKOUT / "tools"]


@pytest.mark.parametrize(
    "after",
    ["", "@v1", "@main", f"@{COMMIT[:12]}", f"@{COMMIT}#egg=x", f"@{COMMIT}\nevil"],
)
def test_git_needs_a_commit(after, tmp_path):
    with pytest.raises(ScaffoldError, match="names no commit"):
        sources(f"git+https://example.org/x.git{after}", tmp_path)


def test_git_over_a_connection_that_anybody_changes_is_refused(tmp_path):
    with pytest.raises(ScaffoldError, match="git\\+https"):
        sources(f"git+http://example.org/x.git@{COMMIT}", tmp_path)


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (lambda dist: wheel(dist, "sfn-cqrs", "0.9.0"), "several wheels of sfn-cqrs"),
        (lambda dist: (dist / "sfn_local-1.0.0-py3-none-any.whl").unlink(), "a wheel of each of"),
    ],
    ids=["two versions", "one missing"],
)
def test_a_folder_that_does_not_say_which_wheels_is_refused(spoilt, reason, dist, tmp_path):
    spoilt(dist)

    with pytest.raises(ScaffoldError, match=reason):
        sources(str(dist), tmp_path)
