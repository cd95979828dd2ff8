"""A set of new and changed files that is written as a whole, or not at all."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path


class ScaffoldError(Exception):
    """The change cannot be written, and nothing was written. The message says what to do."""


class Changes:
    """Files below a project's root, by their paths from there."""

    def __init__(self, root: Path) -> None:
        """Begin with none."""
        self.root = root
        self.created: dict[str, str | bytes] = {}
        self.changed: dict[str, str] = {}

    def create(self, path: str, text: str | bytes) -> None:
        """Add a new file.

        Raises:
            ScaffoldError: it exists.
        """
        if (self.root / path).exists() or path in self.created:
            raise ScaffoldError(f"{path} exists already; choose another name")
        self.created[path] = text

    def read(self, path: str) -> str:
        """Return the text of a file that is to be changed, with the changes so far.

        Raises:
            ScaffoldError: there is no such text file.
        """
        if path in self.changed:
            return self.changed[path]
        try:
            return (self.root / path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ScaffoldError(f"{path} cannot be read: {error}") from error

    def change(self, path: str, text: str) -> None:
        """Replace a file's text."""
        self.changed[path] = text

    def apply(self) -> None:
        """Write all files aside, then move them into their places; if one move fails, undo all.

        Raises:
            ScaffoldError: they cannot be written; everything is as it was.
        """
        try:
            with tempfile.TemporaryDirectory(prefix=".sfn-cqrs-new-", dir=self.root) as folder:
                self._apply(Path(folder))
        except OSError as error:
            raise ScaffoldError(f"nothing was written: {error}") from error

    def _apply(self, aside: Path) -> None:
        for path, text in {**self.created, **self.changed}.items():
            _write(aside / "new" / path, text)
        for path in self.changed:
            (aside / "old" / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.root / path, aside / "old" / path)
            shutil.copymode(self.root / path, aside / "new" / path)
        folders: list[Path] = []
        moved: list[str] = []
        try:
            for path in self.created:
                folders += _make_folders((self.root / path).parent)
            for path in [*self.created, *self.changed]:
                moved.append(path)
                (aside / "new" / path).replace(self.root / path)
        except BaseException:
            self._undo(aside, moved, folders)
            raise

    def _undo(self, aside: Path, moved: list[str], folders: list[Path]) -> None:
        for path in moved:
            if path in self.changed:
                shutil.copy2(aside / "old" / path, self.root / path)
            else:
                (self.root / path).unlink(missing_ok=True)
        for folder in reversed(folders):
            folder.rmdir()


def _write(path: Path, text: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder with its parents; return those that were not there, the outermost first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()][::-1]
    for each in missing:
        each.mkdir()
    return missing
