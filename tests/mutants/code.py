"""The code that mutants change."""

import ast
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("layer", "engine/sfn_local", "functions")
TEMPLATE = "template.yaml"


class MovedError(Exception):
    """The catalogue is behind the code; this says nothing about the code."""

    def __init__(self, place: str, code: str, count: int) -> None:
        super().__init__(
            f"{place} has the code of a mutant {count} times, not once. If you have changed it on"
            f" purpose, write the mutant anew; the code may be right: {code!r}"
        )


class Code:
    """The files of a tree, as they are when they are first asked for."""

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root

    @cached_property
    def _texts(self) -> dict[Path, str]:
        files = (file for folder in PACKAGES for file in (self._root / folder).rglob("*.py"))
        return {file: file.read_text(encoding="utf-8") for file in sorted(files)}

    @property
    def template(self) -> Path:
        """The template's file."""
        return self._root / TEMPLATE

    def modules(self, place: str) -> dict[Path, ast.Module]:
        """Return new trees of the files that may define a place."""
        names = place.split(".")
        return {
            file: ast.parse(text)
            for file, text in self._texts.items()
            if all(name in text or name == file.stem for name in names)
        }
