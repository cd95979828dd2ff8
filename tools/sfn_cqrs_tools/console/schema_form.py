"""The form of a type's attributes, by the JSON Schema of its model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sfn_cqrs_tools.console.application import json_of

Schema = Mapping[str, Any]
ROOT: Final = "attributes"
MORE: Final = "~more"
"""The last part of the name of what has no field of its own."""
NEW: Final = "~"
"""The number of an entry that the browser adds."""
WAS: Final = "~was"
LONG: Final = 200
"""A text that may be longer gets several lines."""
_NOTES: Final = (
    *(("minimum", "from {}"), ("exclusiveMinimum", "above {}"), ("maximum", "to {}")),
    *(("exclusiveMaximum", "below {}"), ("minLength", "at least {} characters")),
    *(("maxLength", "at most {} characters"), ("minItems", "at least {} entries")),
    ("maxItems", "at most {} entries"),
)
_HTML: Final = {"minimum": "min", "maximum": "max", "maxLength": "maxlength"}


@dataclass(frozen=True)
class Input:
    """An input, or a group or a list of inputs; `name` is its path in the attributes."""

    name: str
    label: str
    kind: str
    value: str = ""
    is_needed: bool = False
    note: str = ""
    limits: tuple[tuple[str, str], ...] = ()
    choices: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    blank: Input | None = None
    """An empty entry that a form adds to a list."""
    was: str = ""
    """A moment's text in the attribute; it stays the same unless the user changes the moment."""


class SchemaForm:
    """The inputs of attributes, and the attributes that a form has in them."""

    def __init__(self, schema: Schema, form: Mapping[str, str] | None = None) -> None:
        """Take the schema of a type's attributes, and what was written into the inputs, if so."""
        self._schema = schema
        self._form = None if form is None else _renumbered(form)
        self._definitions = schema.get("$defs", {})

    def inputs(self, values: Mapping[str, Any]) -> tuple[Input, ...]:
        """Return the inputs with the values that attributes have, or that were written."""
        return self._group(self._schema, ROOT, values, is_needed=True)

    def read(self) -> dict[str, Any]:
        """Return the attributes that were written; what is not filled is left out.

        Raises:
            Refused: a field for JSON has something else.
        """
        return self._read_group(self._schema, ROOT, self._form or {})

    def _group(
        self, schema: Schema, name: str, values: Any, *, is_needed: bool
    ) -> tuple[Input, ...]:
        given = values if isinstance(values, Mapping) else {}
        fields = schema.get("properties", {})
        inputs = [
            self._input(
                one,
                f"{name}.{each}",
                each,
                given.get(each),
                is_needed=is_needed and each in _needed(schema),
            )
            for each, one in fields.items()
        ]
        more = {each: value for each, value in given.items() if each not in fields}
        if schema.get("additionalProperties") is not False or more:
            place = f"{name}.{MORE}"
            text = _pretty(more) if more else ""
            inputs.append(Input(place, "other fields", "json", self._written(place, text)))
        return tuple(inputs)

    def _input(
        self, schema: Schema, name: str, label: str, value: Any, *, is_needed: bool
    ) -> Input:
        one, may_be_null = self._plain(schema)
        kind, must = self._kind(one), is_needed and not may_be_null
        more: dict[str, Any] = {}
        if kind == "group":
            more["inputs"] = self._group(one, name, value, is_needed=must)
        elif kind == "list":
            more |= self._list(one["items"], name, value)
        elif kind == "choice":
            more["choices"] = tuple(map(_text, _choices(one)))
        limits = tuple((html, str(one[key])) for key, html in _HTML.items() if key in one)
        if kind == "moment":
            more["was"] = self._written(f"{name}.{WAS}", _text(value) if value else "")
        shown = self._written(name, _shown(kind, value))
        return Input(name, label, kind, shown, must, _note(one, schema), limits, **more)

    def _written(self, name: str, otherwise: str) -> str:
        return otherwise if self._form is None else self._form.get(name, "")

    def _list(self, items: Schema, name: str, value: Any) -> dict[str, Any]:
        entries = value if isinstance(value, list) else []
        if self._form is not None:
            entries = [None] * (max(_numbers(name, self._form), default=-1) + 1)
        numbered = enumerate(entries)
        return {
            "inputs": tuple(
                self._input(items, f"{name}.{number}", f"{number + 1}", each, is_needed=False)
                for number, each in numbered
            ),
            "blank": self._input(items, f"{name}.{NEW}", "new", None, is_needed=False),
        }

    def _plain(self, schema: Schema) -> tuple[Schema, bool]:
        """Return the one kind of value that a field may have besides null, and whether it may."""
        one = self._resolved(schema)
        options = [self._resolved(each) for each in one.get("anyOf", [one])]
        kept = [each for each in options if each.get("type") != "null"]
        return kept[0] if len(kept) == 1 else {}, len(kept) < len(options)

    def _resolved(self, schema: Schema) -> Schema:
        reference = str(schema.get("$ref", ""))
        return self._definitions.get(reference.rpartition("/")[2], {}) if reference else schema

    def _kind(self, schema: Schema) -> str:
        if _choices(schema):
            return "choice"
        said = schema.get("type")
        if said == "object" and "properties" in schema:
            return "group"
        if said == "array" and "items" in schema:
            return "list"
        return _VALUES.get(str(schema.get("format", said))) or (
            ("lines" if schema.get("maxLength", 0) > LONG else "text")
            if said == "string"
            else "decimal"
            if said == ["number", "string"]
            else "json"
        )

    def _read_group(self, schema: Schema, name: str, form: Mapping[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for each, one in schema.get("properties", {}).items():
            known, value = self._read(
                one, f"{name}.{each}", form, is_needed=each in _needed(schema)
            )
            if known:
                found[each] = value
        more = form.get(f"{name}.{MORE}", "").strip()
        others = json_of(more, f"{name}.{MORE}") if more else {}
        return {**others, **found} if isinstance(others, dict) else found

    def _read(
        self, schema: Schema, name: str, form: Mapping[str, str], *, is_needed: bool
    ) -> tuple[bool, Any]:
        """Return whether a field is given, and its value."""
        one, may_be_null = self._plain(schema)
        kind = self._kind(one)
        if not _is_filled(name, form):
            empty = None if may_be_null else _EMPTY.get(kind)
            return is_needed and (may_be_null or empty is not None), empty
        if kind == "group":
            return True, self._read_group(one, name, form)
        if kind == "list":
            entries = (f"{name}.{number}" for number in _numbers(name, form))
            return True, [
                self._read(one["items"], each, form, is_needed=True)[1]
                for each in entries
                if _is_filled(each, form)
            ]
        return True, _value(kind, one, form[name], name, form)


_VALUES: Final = {
    "integer": "integer",
    "number": "number",
    "boolean": "flag",
    "date": "date",
    "date-time": "moment",
    "uuid": "text",
}


_EMPTY: Final[Mapping[str, Any]] = {"text": "", "lines": "", "group": {}, "list": []}
"""What is sent for a needed field of a kind that is not filled; the API says what is missing."""


def _is_filled(name: str, form: Mapping[str, str]) -> bool:
    """Return whether an input, or one below it, is filled."""
    return any(
        text != "" and (one == name or one.startswith(f"{name}.")) and not one.endswith(WAS)
        for one, text in form.items()
    )


def _value(kind: str, schema: Schema, text: str, name: str, form: Mapping[str, str]) -> Any:
    """Return the value of a filled input; the API refuses values that cannot be converted."""
    if kind == "choice":
        return next((each for each in _choices(schema) if _text(each) == text), text)
    if kind == "flag":
        return {"true": True, "false": False}.get(text, text)
    if kind in ("integer", "number"):
        return _number(text)
    if kind == "moment":
        was = form.get(f"{name}.{WAS}", "")
        exact = f"{text}:00" if len(text) == len("2026-11-29T09:00") else text
        return was if was and _moment(was) == exact else f"{exact}Z"
    return json_of(text, name) if kind == "json" else text


def _number(text: str) -> Any:
    try:
        return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
    except ValueError:
        return text


def _needed(schema: Schema) -> list[str]:
    return list(schema.get("required", ()))


def _choices(schema: Schema) -> list[Any]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _shown(kind: str, value: Any) -> str:
    if value in ("", None) or kind in ("group", "list"):
        return ""
    if kind == "moment":
        return _moment(str(value))
    return _pretty(value) if kind == "json" else _text(value)


def _moment(text: str) -> str:
    """Return a time as its input shows it, in UTC, or the text itself if it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is None:
        return text
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat()


def _note(one: Schema, field: Schema) -> str:
    said = [text.format(one[key]) for key, text in _NOTES if key in one]
    if field.get("default") not in (None, ""):
        said.append(f"{_text(field['default'])} if empty")
    return ", ".join([*said, *(["personal"] if field.get("x-personal") else [])])


def _renumbered(form: Mapping[str, str]) -> dict[str, str]:
    """Return a form whose entries are numbered as they are sent: from 0, those that are filled."""
    found: dict[str, str] = {}
    for name, text in form.items():
        before, after = "", ""
        for part in name.split("."):
            number = part
            if part.isdecimal():
                filled = [n for n in _numbers(before, form) if _is_filled(f"{before}.{n}", form)]
                number = str(filled.index(int(part))) if int(part) in filled else ""
            before, after = f"{before}.{part}".strip("."), f"{after}.{number}".strip(".")
            if not number:
                break
        else:
            found[after] = text
    return found


def _numbers(name: str, form: Mapping[str, str]) -> Iterator[int]:
    """Yield the numbers of the entries that a form has of a list."""
    begin = f"{name}."
    parts = (one.removeprefix(begin).partition(".")[0] for one in form if one.startswith(begin))
    yield from sorted({int(part) for part in parts if part.isdecimal()})
