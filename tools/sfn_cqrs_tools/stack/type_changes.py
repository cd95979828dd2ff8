"""Compares two JSON Schemas for the effect of a changed model on stored versions.

A change is breaking if some attributes fit the old schema but not the new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]
Finding = tuple[str, str]
"""The path of a field, and what has become of it."""
_LOWEST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_HIGHEST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_AS_IS: Final = ("pattern", "format")


def breaking(before: Schema, after: Schema) -> list[Finding]:
    """Return the changes that stored attributes may not fit."""
    return list(_Changes(before, after).found(before, after, "attributes"))


class _Changes:
    def __init__(self, before: Schema, after: Schema) -> None:
        self._before = before.get("$defs", {})
        self._after = after.get("$defs", {})

    def found(self, before: Schema, after: Schema, path: str) -> Iterator[Finding]:
        """Find what fits a schema and not the other; each kind of value apart."""
        options = [_resolved(one, self._after) for one in _options(after)]
        for one in _options(before):
            old = _resolved(one, self._before)
            tried = [list(self._of_one(old, new, path)) for new in options]
            if tried and not any(found == [] for found in tried):
                closest = [new for new in options if _types(new) & _types(old)]
                place = options.index(closest[0]) if len(closest) == 1 else 0
                yield from tried[place]

    def _of_one(self, old: Schema, new: Schema, path: str) -> Iterator[Finding]:
        if not {name for name in new if name not in ("title", "description", "default")}:
            return
        if "enum" in new or "const" in new:
            yield from _missing(_values(old), _values(new) or [], path)
            return
        kinds = {kind for value in _values(old) or () for kind in _kinds_of(value)} or _types(old)
        if not kinds or kinds - _types(new) - ({"integer"} if "number" in _types(new) else set()):
            yield path, f"was {_named(kinds)}, and is {_named(_types(new))}"
            return
        yield from _narrowed(old, new, path)
        yield from self._inner(old, new, path)

    def _inner(self, old: Schema, new: Schema, path: str) -> Iterator[Finding]:
        if "items" in new:
            yield from self.found(old.get("items", {}), new["items"], f"{path}[]")
        if "properties" in new or "properties" in old:
            yield from self._properties(old, new, path)
        free = new.get("additionalProperties")
        if isinstance(free, Mapping) and isinstance(old.get("additionalProperties"), Mapping):
            yield from self.found(old["additionalProperties"], free, f"{path}.*")

    def _properties(self, old: Schema, new: Schema, path: str) -> Iterator[Finding]:
        was, now = old.get("properties", {}), new.get("properties", {})
        if new.get("additionalProperties") is False:
            for name in sorted(was.keys() - now.keys()):
                yield f"{path}.{name}", "is removed"
        for name in new.get("required", ()):
            if name not in old.get("required", ()):
                yield f"{path}.{name}", "is required, and was not"
        for name in sorted(was.keys() & now.keys()):
            yield from self.found(was[name], now[name], f"{path}.{name}")


def _narrowed(old: Schema, new: Schema, path: str) -> Iterator[Finding]:
    for name in (*_LOWEST, *_HIGHEST):
        if name not in new or (name.startswith("min") and new[name] == 0 and "Length" in name):
            continue
        is_lowest = name in _LOWEST
        was = old.get(name)
        if was is None or (was < new[name] if is_lowest else was > new[name]):
            yield path, f"has {name} {new[name]}, and had {'none' if was is None else was}"
    for name in _AS_IS:
        if name in new and new[name] != old.get(name):
            yield path, f"has {name} {new[name]}, and had {old.get(name, 'none')}"


def _missing(was: list[Any] | None, now: list[Any], path: str) -> Iterator[Finding]:
    if was is None:
        yield path, f"has only the values {_named(now)}, and had others"
    elif gone := [value for value in was if value not in now]:
        yield path, f"has no longer the value {_named(gone)}"


def _options(schema: Schema) -> list[Schema]:
    if "anyOf" in schema:
        return [inner for one in schema["anyOf"] for inner in _options(one)]
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return [_of_kind(schema, kind) for kind in kinds]
    return [schema]


def _of_kind(schema: Schema, kind: str) -> Schema:
    """Return what a schema with several types says of one of them; a pattern is of texts."""
    others = () if kind == "string" else _AS_IS
    return {**{name: said for name, said in schema.items() if name not in others}, "type": kind}


def _resolved(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    reference = schema.get("$ref", "")
    return definitions[reference.rpartition("/")[2]] if reference else schema


def _values(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")


def _types(schema: Schema) -> set[str]:
    if (values := _values(schema)) is not None:
        return {kind for value in values for kind in _kinds_of(value)}
    return {schema["type"]} if "type" in schema else set()


def _kinds_of(value: Any) -> Iterator[str]:
    yield {str: "string", bool: "boolean", int: "integer", float: "number"}.get(type(value), "null")


def _named(values: Any) -> str:
    return ", ".join(sorted(map(str, values))) or "any value"
