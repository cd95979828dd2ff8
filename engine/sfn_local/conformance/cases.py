"""The cases: their claims and sources."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "cases"
LEVELS = ("must", "should", "text")
Json = Any


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Must is what a machine relies on, should what only tools see (events, the order of lists), text
    the wording of a cause or message. Source is a page of AWS's documentation below `dg/` or
    `api/`, a section of the specification, or a recording.
    """

    id: str
    area: str
    level: str
    source: str
    title: str
    content: dict[str, Json]

    def as_file(self) -> dict[str, Json]:
        """The case as a file of its own, which `conform --cases` takes."""
        head = {"id": self.id, "title": self.title, "level": self.level, "source": self.source}
        return {"area": self.area, "cases": [{**head, **self.content}]}


class CaseError(ValueError):
    """A file has no cases, or one that is not well formed."""


def load(folder: Path = FOLDER) -> list[Case]:
    """The cases of a file, or of all files of a folder, by area.

    Raises:
        CaseError: a file cannot be read, or a case lacks something.
    """
    files = sorted(folder.glob("*.json")) if folder.is_dir() else [folder]
    return [case for file in files for case in _read(file)]


def _read(file: Path) -> Iterator[Case]:
    try:
        data = json.loads(file.read_text("utf-8"))
        area, listed = data["area"], data["cases"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CaseError(f"{file}: {error!r}") from None
    for each in listed:
        content = dict(each)
        try:
            head = {name: content.pop(name) for name in ("id", "level", "source", "title")}
        except KeyError as error:
            raise CaseError(f"{file}: a case lacks {error}: {each}") from None
        if head["level"] not in LEVELS:
            raise CaseError(f"{file}: {head['id']}: the level is one of {', '.join(LEVELS)}")
        yield Case(area=area, content=content, **head)
