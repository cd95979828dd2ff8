"""The files of a release: the same bytes each time, with their licence, and for their tag only."""

import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from tests.support.scripts import script
from tests.template.stack import ROOT

files = script(ROOT / "requirements/files.py")


def wheel(folder: Path, *names: str, text: str = "x") -> None:
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "a-1.0.0-py3-none-any.whl", "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), text)


def test_two_builds_that_differ_are_named(tmp_path: Path) -> None:
    wheel(tmp_path / "one", "a.py")
    wheel(tmp_path / "same", "a.py")
    wheel(tmp_path / "other", "a.py", text="y")
    (tmp_path / "other/b.tar.gz").touch()

    assert files.different(tmp_path / "one", tmp_path / "same") == []
    assert files.different(tmp_path / "one", tmp_path / "other") == [
        "a-1.0.0-py3-none-any.whl is built differently each time",
        "b.tar.gz is built differently each time",
    ]


def test_a_file_without_its_licence_is_named(tmp_path: Path) -> None:
    wheel(tmp_path / "good", "a-1.0.0.dist-info/licenses/LICENSE")
    wheel(tmp_path / "bad", "a.py", "LICENSE.py")
    with tarfile.open(tmp_path / "bad/a-1.0.0.tar.gz", "w") as archive:
        archive.add(__file__, "a-1.0.0/a.py")

    assert files.unlicensed(tmp_path / "good") == []
    assert files.unlicensed(tmp_path / "bad") == [
        "a-1.0.0-py3-none-any.whl holds no LICENSE",
        "a-1.0.0.tar.gz holds no LICENSE",
    ]


def test_a_tag_of_another_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEASE", "v9.0.0")

    with pytest.raises(files.FilesError, match=r"the tag v9\.0\.0 is not for this checkout"):
        files.build(tmp_path)


def test_the_release_on_github_has_the_notes_and_every_file(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    wheel(tmp_path / "dist/packages", "a.py")
    (tmp_path / "gh").write_text('#!/bin/sh\nprintf "%s " "$@"\n')
    (tmp_path / "gh").chmod(0o755)

    said = subprocess.check_output(
        ["bash", ROOT / ".github/release.sh"],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "RELEASE": "v1.0.0"},
        text=True,
    )

    assert said == (
        "release create v1.0.0 --verify-tag --title v1.0.0 --notes-file dist/notes.md"
        " dist/SHA256SUMS dist/packages/a-1.0.0-py3-none-any.whl "
    )


@pytest.mark.proof
def test_a_release_runs_from_changelogs_to_files_that_were_tried(tmp_path: Path) -> None:
    assert files.main("dry-run", str(tmp_path)) == 0

    built = {path.name.rpartition("0.1.0")[0] for path in (tmp_path / "packages").iterdir()}
    sums = (tmp_path / "SHA256SUMS").read_text().splitlines()
    assert built == {"sfn_cqrs-", "sfn_cqrs_tools-", "sfn_local-"}
    assert len(sums) == 2 * len(built)
    assert (tmp_path / "notes.md").read_text().startswith("## sfn-cqrs\n")
