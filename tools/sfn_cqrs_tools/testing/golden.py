"""Golden documents: attributes of every shape of a type, kept with the tests and read for ever."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sfn_cqrs.kernel.models import models
from sfn_cqrs.machines.command import handlers

__all__ = [
    "golden_documents",
]


def golden_documents(folder: Path, type_: str, *examples: Mapping[str, Any]) -> None:
    """Check that the documents of every shape of a type fit the current model.

    The documents of shape 2 of ORDER are in `ORDER.2.json`, a list. If the current shape has no
    documents yet, the examples are written as such: commit the file, and never change it.

    Raises:
        AssertionError: a shape has no documents, or one of them does not fit any more.
    """
    handlers.load()
    typed = models.find(type_)
    assert typed is not None, f"{type_} has no model"
    newest = folder / f"{type_}.{typed.shape}.json"
    if not newest.exists() and examples:
        folder.mkdir(parents=True, exist_ok=True)
        newest.write_text(json.dumps(examples, indent=2, ensure_ascii=False) + "\n", "utf-8")
    for shape in range(1, typed.shape + 1):
        path = folder / f"{type_}.{shape}.json"
        assert path.exists(), f"{path} is missing: a list of attributes of that time"
        for number, document in enumerate(json.loads(path.read_text("utf-8"))):
            _check(typed, models.converted(type_, shape, document), f"{path.name}[{number}]")


def _check(typed: models.Typed, attributes: Mapping[str, Any], place: str) -> None:
    try:
        typed.model.made(attributes)
    except models.InvalidModelError as error:
        raise AssertionError(f"{place} does not fit: {error}") from error
