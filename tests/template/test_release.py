"""A release: what refuses it, what it writes, and that this checkout could be released."""

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.scripts import script
from tests.template.stack import ROOT

release = script(ROOT / "requirements/release.py")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with this one's files that name the version, committed."""
    for name, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com")):
        monkeypatch.setenv(f"GIT_AUTHOR_{name}", value)
        monkeypatch.setenv(f"GIT_COMMITTER_{name}", value)
    for path in {*release.CHANGELOGS, *(place.path for place in release.PLACES)}:
        (tmp_path / path).parent.mkdir(exist_ok=True, parents=True)
        shutil.copy(ROOT / path, tmp_path / path)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


def refused(checkout: Path, version: str) -> str:
    with pytest.raises(release.RefusedError) as info:
        release.Release(checkout, version).prepare("2026-12-01")
    assert not git(checkout, "diff", "--name-only", "HEAD")
    return "\n".join(info.value.args)


def test_a_release_writes_the_version_everywhere_and_closes_each_changelog(checkout: Path) -> None:
    new = release.Release(checkout, "1.0.0")

    new.prepare("2026-12-01")
    new.commit()

    texts = {place.path: (checkout / place.path).read_text() for place in release.PLACES}
    assert all(texts[place.path].count(place.line("1.0.0")) == 1 for place in release.PLACES)
    for path in release.CHANGELOGS:
        text = (checkout / path).read_text()
        assert "## [Unreleased]\n\n## [1.0.0] - 2026-12-01\n\n### " in text
    assert git(checkout, "describe") == "v1.0.0"
    assert git(checkout, "log", "-1", "--format=%s") == "release: 1.0.0"


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("1.0", "is not a version such as 1.2.0"),
        ("1.0.0-rc1", "is not a version such as 1.2.0"),
        ("01.0.0", "is not a version such as 1.2.0"),
        ("0.0.9", "does not come after"),
    ],
)
def test_a_version_has_three_numbers_and_comes_after_the_last(
    checkout: Path, version: str, reason: str
) -> None:
    assert reason in refused(checkout, version)


def test_the_first_release_has_the_version_that_stands_there(checkout: Path) -> None:
    first = release.Release(checkout, "0.1.0")

    first.prepare("2026-12-01")
    first.commit()

    assert git(checkout, "describe") == "v0.1.0"
    assert refused(checkout, "0.1.0").startswith("0.1.0 does not come after 0.1.0")


def test_the_notes_are_what_the_changelogs_say_about_the_version(checkout: Path) -> None:
    for path in release.CHANGELOGS:
        old = "## [0.0.1] - 2026-01-01\n\n- old"
        text = f"# Changelog\n\n## [Unreleased]\n\n### Added\n\n- in {path}\n\n{old}\n"
        (checkout / path).write_text(text)
    git(checkout, "commit", "--quiet", "--all", "--message", "news")
    with pytest.raises(release.RefusedError, match=r"CHANGELOG.md has no section of 0\.1\.0"):
        release.Release(checkout, "").notes()

    release.Release(checkout, "0.1.0").prepare("2026-12-01")

    assert release.Release(checkout, "").notes() == (
        "## sfn-cqrs\n\n### Added\n\n- in CHANGELOG.md\n\n"
        "## sfn-cqrs-tools\n\n### Added\n\n- in tools/CHANGELOG.md\n\n"
        "## sfn-local\n\n### Added\n\n- in engine/CHANGELOG.md\n"
    )


def test_a_taken_tag_is_refused(checkout: Path) -> None:
    git(checkout, "tag", "v1.0.0")

    assert refused(checkout, "1.0.0") == "the tag v1.0.0 exists"


def test_an_empty_changelog_is_refused(checkout: Path) -> None:
    (checkout / "tools/CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n")
    git(checkout, "commit", "--quiet", "--all", "--message", "empty")

    assert refused(checkout, "1.0.0") == "tools/CHANGELOG.md says nothing under [Unreleased]"


def test_what_is_not_committed_is_refused(checkout: Path) -> None:
    (checkout / "new.py").touch()

    assert "?? new.py" in refused(checkout, "1.0.0")


def test_nothing_is_tagged_before_the_version_is_written(checkout: Path) -> None:
    with pytest.raises(release.RefusedError, match=r"the checkout is at 0\.1\.0"):
        release.Release(checkout, "1.0.0").commit()
