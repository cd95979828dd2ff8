"""The docs of each version are published beside the others, and a tag's name is only a name."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from tests.support.scripts import script
from tests.template.stack import ROOT

EVIL = ("v1;touch${IFS}x", "v1$(touch${IFS}x)", "v1$(shell touch x)", "../x", "v1.0", "main")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def build() -> ModuleType:
    return script(ROOT / "docs/site/build.py")


@pytest.fixture
def publishing() -> ModuleType:
    return script(ROOT / "docs/site/publish.py")


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--bare", "remote")
    return tmp_path / "remote"


def built(folder: Path, version: str, text: str) -> Path:
    """Return a site as `make docs` leaves it, with the version that it built and no other."""
    (folder / version).mkdir(parents=True, exist_ok=True)
    (folder / version / "index.html").write_text(text)
    return folder


def test_a_version_is_published_beside_the_earlier_ones(
    publishing: ModuleType, tmp_path: Path, remote: Path
) -> None:
    for version, text in (("dev", "old"), ("1.0.0", "one"), ("dev", "new")):
        site = built(tmp_path / f"{version}-{text}", version, text)
        publishing.publish(site, version, str(remote))

    pages = git(remote, "ls-tree", "-r", "--name-only", "gh-pages").splitlines()
    assert pages == [
        ".nojekyll",
        "1.0.0/index.html",
        "dev/index.html",
        "index.html",
        "versions.json",
    ]
    assert git(remote, "show", "gh-pages:dev/index.html") == "new"
    versions = json.loads(git(remote, "show", "gh-pages:versions.json"))
    assert [one["version"] for one in versions] == ["1.0.0", "dev"]


def test_what_is_there_already_makes_no_commit(
    publishing: ModuleType, tmp_path: Path, remote: Path
) -> None:
    site = built(tmp_path / "site", "1.0.0", "one")

    for _ in range(2):
        publishing.publish(site, "1.0.0", str(remote))

    assert git(remote, "rev-list", "--count", "gh-pages") == "1"


def test_nothing_but_the_versions_folder_is_taken(
    publishing: ModuleType, tmp_path: Path, remote: Path
) -> None:
    site = built(tmp_path / "site", "1.0.0", "one")
    built(site, "0.9.0", "forged")
    built(site, ".github", "forged")

    publishing.publish(site, "1.0.0", str(remote))

    assert "forged" not in git(remote, "log", "--patch", "gh-pages")


@pytest.mark.parametrize("name", EVIL)
def test_a_name_that_is_no_version_is_refused_and_never_run(name: str, tmp_path: Path) -> None:
    programs = tmp_path / ".venv-docs/bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "{ROOT}/$1"\n')
    (programs / "python").chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").symlink_to(shutil.which("true") or "")
    set_up = [".local-ready", ".venv-docs/.ready", ".venv-uv/.ready"]
    ready = [f"--old-file={one}" for one in set_up]
    for one in set_up:
        (tmp_path / one).parent.mkdir(exist_ok=True)
        (tmp_path / one).touch()

    done = subprocess.run(
        ["make", "-f", ROOT / "Makefile", *ready, "LOCAL_READY=.local-ready", "BIN=bin", "docs"],
        cwd=tmp_path,
        env=os.environ | {"DOCS_VERSION": name},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode
    assert f"DOCS_VERSION={name!r} is neither dev nor a version" in done.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(("name", "version"), [("", "dev"), ("v1.2.0", "1.2.0"), ("dev", "dev")])
def test_a_tag_is_the_version_of_its_docs(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str, version: str
) -> None:
    monkeypatch.setenv("DOCS_VERSION", name)

    assert build.wanted() == version


def test_the_token_stands_in_no_command(
    publishing: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "t-1")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://git.example")

    header = publishing._git(ROOT, "config", "--get", "http.https://git.example/.extraheader")

    assert header == "AUTHORIZATION: basic eC1hY2Nlc3MtdG9rZW46dC0x"
