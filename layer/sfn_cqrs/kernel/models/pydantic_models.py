"""Models of pydantic's, which the user has installed; it is never imported here."""

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Union

from sfn_cqrs.kernel.masking import masked
from sfn_cqrs.kernel.models.models import (
    ERASED,
    ROOT,
    InvalidModelError,
    Personal,
    Problem,
    leaves,
    personal_values,
)

if TYPE_CHECKING:
    from sfn_cqrs.kernel.values import Json

Path = tuple[str | int, ...]
"""The steps to a field's value in the JSON of its model."""


@dataclasses.dataclass(frozen=True)
class _Member:
    """A field: where its value may stand, its type, and what replaces a value about a person."""

    name: str
    aliases: tuple[Path, ...]
    hint: Any
    is_personal: bool
    default: Any = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """Return every place; some models also take the name where there is an alias."""
        return (*self.aliases, (self.name,))

    @property
    def shown(self) -> Path:
        """Return the place that people are told."""
        return self.paths[0]

    def erased(self, value: "Json") -> "Json":
        """Return the default, or a value of the same kind that says nothing."""
        if self.default is not None or value is None:
            return self.default  # type: ignore[no-any-return]
        return _emptied(value, self.hint)


Leaf = Callable[[_Member, "Json"], "Json"]
"""Returns what replaces the value of a personal field."""


class PydanticModel:
    """A model of pydantic's, in its strict mode for JSON."""

    def __init__(self, cls: Any, *, keeps_unknown: bool) -> None:
        """Take the class."""
        self.cls = cls
        extra = cls.model_config.get("extra")
        self._refuses_unknown = not keeps_unknown and extra != "allow"

    @cached_property
    def names(self) -> frozenset[str]:
        """Name its fields, and their aliases."""
        members = _members(self.cls)
        return frozenset(str(path[0]) for member in members for path in member.paths)

    @cached_property
    def personal(self) -> frozenset[str]:
        """Return the paths of the fields about a person, such as `guests[].email`."""
        return frozenset(_personal_paths(self.cls, "", ()))

    def personal_values(self, value: Any) -> list["Json"]:
        """Return every text and number in the fields about a person."""
        found: list[Json] = []

        def keep(_member: _Member, each: "Json") -> "Json":
            found.extend(leaves(each))
            return each

        _mapped(value, self.cls, keep)
        return found

    def erased(self, value: dict[str, "Json"]) -> dict[str, "Json"]:
        """Return attributes whose personal fields have their defaults, or neutral values."""
        erased: Any = _mapped(value, self.cls, _Member.erased)
        return erased  # type: ignore[no-any-return]

    @property
    def unerasable(self) -> list[str]:
        """Return nothing: values are replaced by others of their JSON type."""
        return []

    def schema(self) -> dict[str, Any]:
        """Describe the model as a JSON Schema."""
        schema: dict[str, Any] = self.cls.model_json_schema()
        return {**schema, "additionalProperties": False} if self._refuses_unknown else schema

    def made(self, value: Any, root: str = ROOT) -> Any:
        """Check a JSON value, and make an instance of the class.

        Raises:
            InvalidModelError: it names every wrong field.
        """
        if not isinstance(value, dict):
            raise InvalidModelError([(root, "must be an object")])
        unknown = sorted(value.keys() - self.names) if self._refuses_unknown else []
        found = [(f"{root}.{name}", "is not known") for name in unknown]
        made = None
        try:
            made = self.cls.model_validate_json(json.dumps(value), strict=True)
        except ValueError as error:
            listed: Any = getattr(error, "errors", None)
            if listed is None:
                raise
            personal = personal_values(self, value)
            found = [*(_problem(one, root, personal) for one in listed()), *found]
        if found:
            raise InvalidModelError(found)
        return made


def _problem(listed: Mapping[str, Any], root: str, personal: Sequence[str]) -> Problem:
    """Return what is wrong; the words of a user's own validator may quote what it was given."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in listed["loc"])
    path = root + "".join(steps)
    if listed["type"] == "missing":
        return path, "is required"
    is_own = listed["type"] in ("value_error", "assertion_error") or "ctx" not in listed
    return path, masked(str(listed["msg"]), personal) if is_own else str(listed["msg"])


def _members(cls: Any) -> Iterator[_Member]:
    """Return the fields of a class: of pydantic's, a dataclass or a TypedDict."""
    fields: Mapping[str, Any] | None = getattr(cls, "__pydantic_fields__", None)
    if fields is not None:
        for name, field in fields.items():
            is_personal = Personal in field.metadata or _is_personal(field.annotation)
            default = None if field.is_required() else field.default
            plain = default if isinstance(default, str | int | float) else None
            yield _Member(name, _aliases(field), field.annotation, is_personal, plain)
    elif dataclasses.is_dataclass(cls) or hasattr(cls, "__required_keys__"):
        for name, hint in typing.get_type_hints(cls, include_extras=True).items():
            yield _Member(name, (), hint, _is_personal(hint))


def _aliases(field: Any) -> tuple[Path, ...]:
    """Return where else a field's value may stand: a name, a path, or a choice of these."""
    alias = field.validation_alias or field.alias
    choices = getattr(alias, "choices", None if alias is None else [alias])
    return tuple(
        (one,) if isinstance(one, str) else tuple(one.path) for one in choices or () if one
    )


def _is_personal(hint: Any) -> bool:
    """Return whether a field is marked, or what it may be or holds."""
    return hint is Personal or any(map(_is_personal, typing.get_args(hint)))


def _is_structure(hint: Any) -> bool:
    return isinstance(hint, type) and (
        hasattr(hint, "__pydantic_fields__")
        or dataclasses.is_dataclass(hint)
        or hasattr(hint, "__required_keys__")
    )


def _plain(hint: Any) -> Any:
    """Return a hint without the names and remarks around it."""
    while (inner := getattr(hint, "__value__", None)) is not None:
        hint = inner  # of `type Name = …`
    return _plain(typing.get_args(hint)[0]) if typing.get_origin(hint) is Annotated else hint


def _mapped(value: "Json", hint: Any, leaf: Leaf) -> "Json":
    """Return a value of a type, in which `leaf` has replaced what the personal fields hold."""
    hint = _plain(hint)
    options = typing.get_args(hint)
    if _is_structure(hint):
        return _mapped_fields(value, hint, leaf)
    if typing.get_origin(hint) in (Union, types.UnionType):
        for option in options:
            value = _mapped(value, option, leaf)
        return value
    if isinstance(value, list):
        for option in options:
            value = [_mapped(each, option, leaf) for each in value]
        return value
    if isinstance(value, dict) and options:
        return {name: _mapped(each, options[-1], leaf) for name, each in value.items()}
    return value


def _mapped_fields(value: "Json", cls: Any, leaf: Leaf) -> "Json":
    for member in _members(cls):
        is_root = getattr(cls, "__pydantic_root_model__", False)
        for path in [()] if is_root else member.paths:
            value = _changed(value, path, member, leaf)
    return value


def _changed(value: "Json", path: Path, member: _Member, leaf: Leaf) -> "Json":
    """Return a value with the change of one field; without the field it stays as it is."""
    if not path:
        return leaf(member, value) if member.is_personal else _mapped(value, member.hint, leaf)
    step, *rest = path
    changed: Any = value
    if isinstance(value, dict) and step in value:
        changed = dict(value)
    elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
        changed = list(value)
    else:
        return value
    changed[step] = _changed(changed[step], tuple(rest), member, leaf)
    return changed  # type: ignore[no-any-return]


def _personal_paths(hint: Any, path: str, outer: tuple[Any, ...]) -> Iterator[str]:
    """Find the paths of the personal fields below; a class within itself is not followed."""
    hint = _plain(hint)
    if _is_structure(hint) and hint not in outer:
        is_root = getattr(hint, "__pydantic_root_model__", False)
        for member in _members(hint):
            name = "" if is_root else ".".join(map(str, member.shown))
            inner = f"{path}.{name}" if path and name else path or name
            if member.is_personal:
                yield inner
            else:
                yield from _personal_paths(member.hint, inner, (*outer, hint))
        return
    origin, options = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType) or not options:
        step = ""
    else:
        step = ".*" if isinstance(origin, type) and issubclass(origin, Mapping) else "[]"
    for option in options:
        yield from _personal_paths(option, path + step, outer)


def _emptied(value: "Json", hint: Any) -> "Json":
    """Return a value of the same JSON type that says nothing; an object keeps a class's fields."""
    if isinstance(value, bool):
        return False
    if isinstance(value, dict) and _holds_structure(hint):
        return {name: _emptied(each, Any) for name, each in value.items()}
    empty: dict[type, Json] = {str: ERASED, int: 0, float: 0.0, list: [], dict: {}}
    return empty.get(type(value))


def _holds_structure(hint: Any) -> bool:
    hint = _plain(hint)
    return _is_structure(hint) or any(map(_is_structure, map(_plain, typing.get_args(hint))))
