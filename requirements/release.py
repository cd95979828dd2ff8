"""Release the three distributions under one version: `make release VERSION=1.2.0`.

Two steps, with the checks of `make release` between them:

`release.py prepare VERSION` refuses what is not ready, then writes the version wherever it stands
and closes each changelog's Unreleased section.
`release.py tag VERSION` commits that and tags it. It pushes nothing.

Exit codes: 0 done; 1 refused, with a sentence for each reason.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
CHANGELOGS = ("CHANGELOG.md", "tools/CHANGELOG.md", "engine/CHANGELOG.md")
NAMES = dict(zip(CHANGELOGS, ("sfn-cqrs", "sfn-cqrs-tools", "sfn-local"), strict=True))
OPEN = "## [Unreleased]\n"


@dataclass(frozen=True)
class Place:
    """A line of a file that names the version."""

    path: str
    before: str
    """What stands before the version, in its line."""
    after: str = ""

    def line(self, version: str) -> str:
        """Return the text that names this version."""
        return f"{self.before}{version}{self.after}"


PLACES = (
    Place("pyproject.toml", '\nversion = "', '"\n'),
    Place("tools/pyproject.toml", '\nversion = "', '"\n'),
    Place("tools/pyproject.toml", '"sfn-cqrs[postgres]==', '"'),
    Place("tools/pyproject.toml", '"sfn-local[aws]==', '"'),
    Place("engine/pyproject.toml", '\nversion = "', '"\n'),
    Place("engine/node/package.json", '\n  "version": "', '",\n'),
)


class RefusedError(Exception):
    """The release cannot be made; each argument is a reason."""


class Release:
    """One release, of the checkout in a folder."""

    def __init__(self, root: Path, version: str) -> None:
        """Take the checkout's folder, and a version such as 1.2.0."""
        self._root, self._version = root, version

    @property
    def tag(self) -> str:
        """Return the tag's name."""
        return f"v{self._version}"

    def prepare(self, day: str) -> None:
        """Write the version and the day into every file that has them.

        Raises:
            RefusedError: something is not ready; no file is changed.
        """
        if problems := [*self._problems()]:
            raise RefusedError(*problems)
        current = self.current()
        for place in PLACES:
            self._replace(place.path, place.line(current), place.line(self._version))
        for path in CHANGELOGS:
            self._replace(path, OPEN, f"{OPEN}\n## [{self._version}] - {day}\n")

    def commit(self) -> None:
        """Commit what `prepare` and the checks wrote, and tag it.

        Raises:
            RefusedError: `prepare` has not run, or the tag is taken.
        """
        if self.current() != self._version:
            raise RefusedError(
                f"the checkout is at {self.current()}: prepare {self._version} first"
            )
        if self._git("tag", "--list", self.tag):
            raise RefusedError(f"the tag {self.tag} exists")
        self._git("commit", "--quiet", "--all", "--message", f"release: {self._version}")
        self._git("tag", "--annotate", self.tag, "--message", f"sfn-cqrs {self._version}")

    def notes(self) -> str:
        """Return what the changelogs say about the current version, as Markdown.

        Raises:
            RefusedError: a changelog has no section of it, with a day.
        """
        version, parts = self.current(), []
        for path in CHANGELOGS:
            section = re.compile(
                rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n", re.MULTILINE
            )
            _, *after = section.split(self._read(path), maxsplit=1)
            if not after:
                raise RefusedError(f"{path} has no section of {version} with its day")
            text = after[0].partition("\n## [")[0].strip()
            parts.append(f"## {NAMES[path]}\n\n{text}\n")
        return "\n".join(parts)

    def _problems(self) -> list[str]:
        current, problems = self.current(), []
        if not VERSION.fullmatch(self._version):
            return [f"{self._version!r} is not a version such as 1.2.0"]
        is_first = self._version == current and not self._git("tag", "--list", "v*")
        if _numbers(self._version) <= _numbers(current) and not is_first:
            problems.append(f"{self._version} does not come after {current}")
        if changed := self._git("status", "--porcelain"):
            problems.append(f"the checkout has changes that are not committed:\n{changed}")
        if self._git("tag", "--list", self.tag):
            problems.append(f"the tag {self.tag} exists")
        for place in PLACES:
            if self._read(place.path).count(place.line(current)) != 1:
                problems.append(
                    f"{place.path} does not name {current} once: {place.before.strip()}"
                )
        problems += [
            f"{path} says nothing under [Unreleased]"
            for path in CHANGELOGS
            if not _unreleased(self._read(path))
        ]
        return problems

    def current(self) -> str:
        """Return the version that the checkout is at."""
        found = re.search(r'^version = "([^"]+)"$', self._read("pyproject.toml"), re.MULTILINE)
        if not found:
            raise RefusedError("pyproject.toml has no version")
        return found[1]

    def _read(self, path: str) -> str:
        return (self._root / path).read_text(encoding="utf-8")

    def _replace(self, path: str, old: str, new: str) -> None:
        text = self._read(path).replace(old, new, 1)
        (self._root / path).write_text(text, encoding="utf-8")

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self._root, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RefusedError(f"git {arguments[0]}: {done.stderr.strip()}")
        return done.stdout.rstrip()


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def _unreleased(changelog: str) -> str:
    """Return what a changelog says under Unreleased."""
    _, _, rest = changelog.partition(OPEN)
    return rest.partition("\n## [")[0].strip()


def main(step: str, version: str) -> int:
    """Run a step: `prepare` or `tag`."""
    release = Release(ROOT, version)
    try:
        if step == "prepare":
            release.prepare(f"{datetime.now(UTC):%Y-%m-%d}")
        else:
            release.commit()
            print(f"{release.tag} is tagged; publish it with: git push --follow-tags")
    except RefusedError as refused:
        print("\n".join(f"release: {reason}" for reason in refused.args), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
