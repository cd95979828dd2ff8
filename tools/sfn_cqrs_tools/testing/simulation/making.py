"""Makes what happens in a simulation of what the user's models allow; always the same."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from sfn_cqrs.kernel.models import models
from sfn_cqrs.machines.import_csv.model_strategy import ModelStrategy
from sfn_cqrs_tools.testing.simulation.changes import Change, NewImport, NewSaga, NewTask, Wish
from sfn_cqrs_tools.testing.simulation.subject import Subject

Json = Any
MADE: Final = 12
"""Changes of each type that are made of its model."""
EVERY: Final = 6
"""So many changes make one deletion."""
PLANNED: Final = timedelta(hours=1)
"""One change of each type is planned for so much later."""
TASKS: Final = 2
SAGAS: Final = 3
ROWS: Final = 2
CODES: Final = ("a", "b")
"""Few items, so that their versions meet."""
TEXTS: Final = ("ada", "bob")
PATTERNED: Final = (
    *("US", "DE", "EUR", "en", "a", "A", "1", "12", "1234", "12345", "a-1", "A-1", "A1", "AB12"),
    *("ada@example.org", "+491234567", "2026-11-25", "10:30", "https://example.org", "a" * 32),
    "00000000-0000-4000-8000-000000000000",
)
"""Texts for a field with a pattern; the first two that fit are used."""
FORMATS: Final = {
    "date": ("2026-11-25", "2026-11-26"),
    "date-time": ("2026-11-25T08:00:00Z", "2026-11-26T08:00:00Z"),
    "time": ("08:00:00", "09:00:00"),
    "email": ("ada@example.org", "bob@example.org"),
    "uuid": (f"{'0' * 8}-0000-4000-8000-{'0' * 12}",),
}


class CannotMakeError(ValueError):
    """No content can be made of a model; the message names the field."""


def made_of(subject: Subject) -> tuple[list[Wish], list[str]]:
    """Make changes, plans, tasks, sagas and imports; and name what has no model to make it of.

    Raises:
        CannotMakeError: a field's pattern is too special; the message names it.
    """
    chance = random.Random(0)
    made: list[Wish] = [
        change for type_ in sorted(subject.handlers) for change in _of_type(type_, chance)
    ]
    left: list[str] = []
    for name, wishes in _others(subject, chance):
        made += wishes
        left += [] if wishes else [name]
    return made, left


def _others(subject: Subject, chance: random.Random) -> Iterator[tuple[str, list[Wish]]]:
    for name, task in subject.tasks.items():
        inputs = [_input(task.model, name, chance) for _ in range(TASKS * 2)] if task.model else []
        pairs = zip(inputs[::2], inputs[1::2], strict=True)
        yield name, [NewTask(name, pair) for pair in pairs]
    for name, saga in subject.sagas.items():
        times = range(SAGAS if saga.model else 0)
        yield name, [NewSaga(name, _input(saga.model, name, chance)) for _ in times]
    for table, strategy in subject.tables.items():
        if isinstance(strategy, ModelStrategy):
            rows = [_row(strategy, number, chance) for number in range(ROWS)]
            yield table, [NewImport(table, rows)]
        else:
            yield table, []


def _input(model: Any, path: str, chance: random.Random) -> Any:
    schema = model.schema()
    return _Maker(schema, chance).value(schema, path)


def _row(strategy: ModelStrategy, number: int, chance: random.Random) -> dict[str, str]:
    """Make the cells of a row: each field as a file has it."""
    made = _input(models.model_of(strategy.attributes), strategy.type, chance)
    cells = {name: one if isinstance(one, str) else json.dumps(one) for name, one in made.items()}
    code = CODES[number % len(CODES)]
    return {**cells, **({strategy.name: code} if strategy.name else {}), strategy.code: code}


def _of_type(type_: str, chance: random.Random) -> Iterator[Change]:
    typed = models.find(type_)
    schema = typed.model.schema() if typed else {"type": "integer", "minimum": 1, "maximum": 3}
    for number in range(MADE):
        code = CODES[number % len(CODES)]
        if number % EVERY == EVERY - 1:
            yield Change(type_, code, is_deleted=True)
            continue
        value = _Maker(schema, chance).value(schema, type_)
        after = PLANNED if number == MADE - 2 else None
        yield Change(type_, code, value if typed else {"n": value}, after=after)


class _Maker:
    """Makes values that fit a JSON Schema."""

    def __init__(self, whole: dict[str, Any], chance: random.Random) -> None:
        self._whole = whole
        self._chance = chance

    def value(self, schema: dict[str, Any], path: str) -> Any:
        """Return a value that fits; few different ones, so that they repeat."""
        if "$ref" in schema:
            return self.value(self._found(schema["$ref"]), path)
        options = schema.get("anyOf") or schema.get("oneOf")
        if options:
            return self.value(self._chance.choice(options), path)
        if "const" in schema or "enum" in schema:
            return self._chance.choice(schema.get("enum") or [schema.get("const")])
        kind = schema.get("type", "string")
        if isinstance(kind, list):
            kind = self._chance.choice(kind)
        return getattr(self, f"_{kind}")(schema, path)

    def _found(self, reference: str) -> dict[str, Any]:
        found: Any = self._whole
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]
        return found  # type: ignore[no-any-return]

    def _object(self, schema: dict[str, Any], path: str) -> dict[str, Any]:
        needed = schema.get("required", ())
        made = {}
        for name, one in schema.get("properties", {}).items():
            if name not in needed and self._chance.choice((True, False)):
                continue
            try:
                made[name] = self.value(one, f"{path}.{name}")
            except CannotMakeError:
                if name in needed:
                    raise
        return made

    def _array(self, schema: dict[str, Any], path: str) -> list[Any]:
        least = schema.get("minItems", 0)
        items = range(least + self._chance.randint(0, 1))
        return [self.value(schema.get("items", {}), f"{path}[]") for _ in items]

    def _string(self, schema: dict[str, Any], path: str) -> str:
        least, most = schema.get("minLength", 0), schema.get("maxLength", 1_000)
        texts: Sequence[str] = FORMATS.get(schema.get("format", ""), TEXTS)
        pattern = schema.get("pattern")
        if pattern:
            texts = [text for text in PATTERNED if re.search(pattern, text)]
        elif texts is TEXTS:
            texts = [(text * max(least, 1))[: max(least, 3)][:most] for text in TEXTS]
        texts = [text for text in texts if least <= len(text) <= most][:2]
        if not texts:
            raise CannotMakeError(f"{path}: no text is known that fits {pattern or schema}")
        return self._chance.choice(texts)

    def _integer(self, schema: dict[str, Any], _path: str) -> int:
        least = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        most = schema.get("maximum", schema.get("exclusiveMaximum", least + 4) - 1)
        return self._chance.randint(int(least), max(int(least), min(int(most), int(least) + 2)))

    _number = _integer

    def _boolean(self, _schema: dict[str, Any], _path: str) -> bool:
        return self._chance.choice((True, False))

    def _null(self, _schema: dict[str, Any], _path: str) -> None:
        return None
