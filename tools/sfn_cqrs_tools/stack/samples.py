"""What a project's samples are about: its file events/samples.json, or the made-up names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

FILE: Final = "events/samples.json"


@dataclass(frozen=True)
class SampleItem:
    """An item that a sample needs."""

    type: str
    name: str
    attributes: Mapping[str, Any]
    code: str = ""
    large: str = ""
    """An attribute that takes a text of any length, if the type has one."""


@dataclass(frozen=True)
class SampleSaga:
    """The saga that samples are about: its machine, the items it needs, and its input."""

    machine: str
    items: tuple[SampleItem, ...]
    code: str
    """The attribute of the input that is another one each time."""
    input: Mapping[str, Any]


@dataclass(frozen=True)
class Samples:
    """What a project's samples are about."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Names in the framework's sample events, and their equivalents in the project."""
    item: SampleItem = SampleItem("OFFER", "Kettle", {"customer": "ada", "total": 1200})
    """The item that is approved, or replayed."""
    approval: str = "OFFER_RELEASE"
    saga: SampleSaga | None = None


def samples_of(project: Path) -> Samples:
    """Return what a project's samples are about."""
    path = project / FILE
    if not path.is_file():
        return Samples()
    given = json.loads(path.read_text(encoding="utf-8"))
    made_up, saga = Samples(), given.get("saga")
    return Samples(
        given.get("names", {}),
        SampleItem(**given["item"]) if "item" in given else made_up.item,
        given.get("approval", made_up.approval),
        saga and SampleSaga(**{**saga, "items": tuple(SampleItem(**one) for one in saga["items"])}),
    )
