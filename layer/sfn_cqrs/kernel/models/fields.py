"""The fields of models, and how values are checked against them.

`msgspec` checks the values, and is imported by the first check. It stops at the first wrong
value: only then the fields are gone through one by one, so that all wrong ones are named.
"""

import dataclasses
import operator
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import cached_property, partial, reduce
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union

from sfn_cqrs.kernel.masking import masked
from sfn_cqrs.kernel.models.models import (
    ERASED,
    MAX_PROBLEMS,
    ROOT,
    InvalidModelError,
    Personal,
    Problem,
    leaves,
    personal_values,
)

if TYPE_CHECKING:
    from sfn_cqrs.kernel.values import Json

_NUMBER: Final = ("ge", "gt", "le", "lt")
_LENGTH: Final = ("min_length", "max_length")
_LIMITS: Final = (*_NUMBER, *_LENGTH, "pattern", "tz")
_BOUNDS: Final = {"ge": "at least", "gt": "greater than", "le": "at most", "lt": "less than"}
_BOUND_SCHEMA: Final = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
}
_DIGITS: Final = r"-?[0-9]{1,38}(\.[0-9]{1,38})?"
_DECIMAL: Final = re.compile(_DIGITS)
_NAIVE: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?$"
_LARGEST: Final = 2**63
_DOLLAR: Final = re.compile(r"(\\.|\[\^?\]?(?:\\.|[^\]\\])*\])|\$", re.DOTALL)
"""A `$`, unless it is escaped or one of several characters."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of field: which JSON values it takes, in words and as a JSON Schema."""

    said: str
    json: frozenset[str]
    schema: Mapping[str, Any]
    limits: tuple[str, ...] = ()
    neutral: "Json" = None


def _kind(
    said: str, json: str, limits: tuple[str, ...] = (), neutral: "Json" = None, **schema: Any
) -> Kind:
    kinds = frozenset(json.split())
    types_ = sorted(kinds)
    named = {"type": types_[0] if len(types_) == 1 else types_}
    return Kind(said, kinds, {**named, **schema}, limits, neutral)


_EPOCH: Final = "1970-01-01"
_TIME: Final = "a time with its offset, such as 2026-11-29T09:00:00Z"
_KINDS: Final = {
    "builtins.bool": _kind("true or false", "boolean", neutral=False),
    "builtins.int": Kind("an integer", frozenset({"number"}), {"type": "integer"}, _NUMBER),
    "builtins.float": _kind("a number", "number", _NUMBER),
    "builtins.str": _kind("a string", "string", (*_LENGTH, "pattern")),
    "datetime.datetime": _kind(_TIME, "string", ("tz",), f"{_EPOCH}T00:00:00Z", format="date-time"),
    "datetime.date": _kind("a date, such as 2026-11-29", "string", neutral=_EPOCH, format="date"),
    "uuid.UUID": _kind(
        "a UUID", "string", neutral="00000000-0000-0000-0000-000000000000", format="uuid"
    ),
    "decimal.Decimal": _kind(
        "a decimal number, such as 12.50", "number string", _NUMBER, pattern=f"^{_DIGITS}$"
    ),
}
_ANY: Final = Kind("any value", frozenset({"any"}), {})


class Field:
    """A field's type: one of the classes below."""

    @property
    def json(self) -> frozenset[str]:
        """Return the JSON types that the value may have."""
        raise NotImplementedError

    @property
    def said(self) -> str:
        """Say the type as the end of the sentence `must be …`."""
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        """Describe the type as a JSON Schema."""
        raise NotImplementedError

    def for_msgspec(self) -> Any:
        """Return the type as `msgspec.convert` takes it."""
        raise NotImplementedError

    def problems(self, value: "Json", path: str) -> Iterator[Problem]:
        """Find what is wrong with a value; nothing if it fits."""
        if not _fits(value, self.for_msgspec()):
            yield path, f"must be {self.said}"

    def marked(self, path: str) -> Iterator[tuple[str, "Member"]]:  # noqa: ARG002 - of what holds fields
        """Find the fields below that are about a person, each with its path."""
        return iter(())

    def neutral(self) -> "Json":
        """Return a value that fits and says nothing about anybody."""
        raise NotImplementedError

    @property
    def has_neutral(self) -> bool:
        """Return whether the neutral value fits whatever the limits."""
        return True

    def erased(self, value: "Json") -> "Json":
        """Return a value in which the personal fields have neutral values."""
        return value


@dataclasses.dataclass(frozen=True)
class Value(Field):
    """A single value: a text, a number, a time."""

    cls: Any
    kind: Kind
    limits: Mapping[str, Any]

    @property
    def json(self) -> frozenset[str]:
        """Return the JSON types that it may have."""
        return self.kind.json

    @property
    def said(self) -> str:
        """Name the kind and its limits."""
        if self.limits.get("tz") is False:
            return "a time without an offset, such as 2026-11-29T09:00:00"
        return self.kind.said + _bounds_said(self.limits, "character", "characters")

    def schema(self) -> dict[str, Any]:
        """Name the kind and its limits; a time without an offset has no format `date-time`."""
        if self.limits.get("tz") is False:
            return {"type": "string", "pattern": _NAIVE}
        return {**self.kind.schema, **_limits_schema(self.limits, "Length")}

    def for_msgspec(self) -> Any:
        """Return the class with its limits; a Decimal is checked here."""
        if self.kind is _KINDS["decimal.Decimal"]:
            return _reader(self._is_decimal)
        limits = dict(self.limits)
        if self.kind is _KINDS["datetime.datetime"]:
            limits.setdefault("tz", True)
        return _limited(self.cls, limits)

    def neutral(self) -> "Json":
        """Return the marker, an early moment, or the number next to 0."""
        if self.kind is _KINDS["builtins.str"]:
            return _sized(ERASED, self.limits)
        if "number" in self.kind.json:
            return _nearest_to_zero(self.cls, self.limits)
        if self.limits.get("tz") is False:
            return str(self.kind.neutral).removesuffix("Z")
        return self.kind.neutral

    @property
    def has_neutral(self) -> bool:
        """Return whether it has no pattern."""
        return "pattern" not in self.limits

    def _is_decimal(self, value: object) -> bool:
        from decimal import Decimal  # noqa: PLC0415

        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return False
        if isinstance(value, str) and not _DECIMAL.fullmatch(value):
            return False
        number = Decimal(str(value))
        return all(
            getattr(operator, name)(number, Decimal(str(limit)))
            for name, limit in self.limits.items()
        )


@dataclasses.dataclass(frozen=True)
class Choice(Field):
    """One of a few values: a Literal, or an Enum."""

    cls: Any
    values: tuple[Any, ...]

    @property
    def json(self) -> frozenset[str]:
        """Return the JSON types of the values."""
        return frozenset("string" if isinstance(value, str) else "number" for value in self.values)

    @property
    def said(self) -> str:
        """List the values."""
        return f"one of {', '.join(map(str, self.values))}"

    def schema(self) -> dict[str, Any]:
        """List the values."""
        return {"enum": list(self.values)}

    def for_msgspec(self) -> Any:
        """Return the class."""
        return self.cls

    def neutral(self) -> "Json":
        """Return the first value."""
        first: Json = self.values[0]
        return first


@dataclasses.dataclass(frozen=True)
class Many(Field):
    """A list, or an object whose names are free."""

    cls: Any
    inner: Field
    limits: Mapping[str, Any]

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return self.cls is not dict

    @property
    def json(self) -> frozenset[str]:
        """Return whether it is a list or an object."""
        return frozenset({"array" if self.is_list else "object"})

    @property
    def said(self) -> str:
        """Name it, and its length."""
        what = "a list" if self.is_list else "an object"
        return what + _bounds_said(self.limits, "entry", "entries")

    def schema(self) -> dict[str, Any]:
        """Describe each entry, and the length."""
        if self.is_list:
            limits = _limits_schema(self.limits, "Items")
            return {"type": "array", "items": self.inner.schema(), **limits}
        limits = _limits_schema(self.limits, "Properties")
        return {"type": "object", "additionalProperties": self.inner.schema(), **limits}

    def for_msgspec(self) -> Any:
        """Return a list or a dict of the entries' type."""
        inner = self.inner.for_msgspec()
        whole = list[inner] if self.is_list else dict[str, inner]  # type: ignore[valid-type]
        return _limited(whole, self.limits)

    def problems(self, value: "Json", path: str) -> Iterator[Problem]:
        """Find what is wrong with the whole, or with each entry."""
        empty: Any = list[Any] if self.is_list else dict[str, Any]
        if not _fits(value, _limited(empty, self.limits)):
            yield path, f"must be {self.said}"
        elif isinstance(value, list):
            for number, each in enumerate(value):
                yield from self.inner.problems(each, f"{path}[{number}]")
        elif isinstance(value, dict):
            for name, each in value.items():
                yield from self.inner.problems(each, f"{path}.{name}")

    def marked(self, path: str) -> Iterator[tuple[str, "Member"]]:
        """Find those of each entry."""
        return self.inner.marked(f"{path}[]" if self.is_list else f"{path}.*")

    def neutral(self) -> "Json":
        """Return as few entries as there may be."""
        least = range(self.limits.get("min_length", 0))
        if self.is_list:
            return [self.inner.neutral() for _ in least]
        return {str(number): self.inner.neutral() for number in least}

    @property
    def has_neutral(self) -> bool:
        """Return whether it may be empty, or an entry has one."""
        return not self.limits.get("min_length", 0) or self.inner.has_neutral

    def erased(self, value: "Json") -> "Json":
        """Erase each entry."""
        if isinstance(value, list) and self.is_list:
            return [self.inner.erased(each) for each in value]
        if isinstance(value, dict) and not self.is_list:
            return {name: self.inner.erased(each) for name, each in value.items()}
        return value


@dataclasses.dataclass(frozen=True)
class Either(Field):
    """One of several kinds of values, which differ by their JSON types; or null."""

    options: tuple[Field, ...]
    is_nullable: bool

    @property
    def json(self) -> frozenset[str]:
        """Join the JSON types of all."""
        nothing = frozenset({"null"}) if self.is_nullable else frozenset[str]()
        return nothing.union(*(option.json for option in self.options))

    @property
    def said(self) -> str:
        """Name each of them."""
        return " or ".join(
            [*(option.said for option in self.options), *["null"] * self.is_nullable]
        )

    def schema(self) -> dict[str, Any]:
        """Allow any of them."""
        nothing = [{"type": "null"}] if self.is_nullable else []
        return {"anyOf": [*(option.schema() for option in self.options), *nothing]}

    def for_msgspec(self) -> Any:
        """Join the options."""
        options = [option.for_msgspec() for option in self.options]
        return reduce(operator.or_, [*options, None] if self.is_nullable else options)

    def problems(self, value: "Json", path: str) -> Iterator[Problem]:
        """Find what is wrong with the value, as the option that its JSON type names."""
        if value is None and self.is_nullable:
            return
        meant = [option for option in self.options if option.json & _json_types(value)]
        if len(meant) == 1:
            yield from meant[0].problems(value, path)
        elif not _fits(value, self.for_msgspec()):
            yield path, f"must be {self.said}"

    def marked(self, path: str) -> Iterator[tuple[str, "Member"]]:
        """Find those of each option."""
        return chain.from_iterable(option.marked(path) for option in self.options)

    def neutral(self) -> "Json":
        """Return null, or what the first option has."""
        return None if self.is_nullable else self.options[0].neutral()

    @property
    def has_neutral(self) -> bool:
        """Return whether it may be null, or the first option has one."""
        return self.is_nullable or self.options[0].has_neutral

    def erased(self, value: "Json") -> "Json":
        """Erase the option that is meant."""
        for option in self.options:
            if option.json & _json_types(value):
                return option.erased(value)
        return value


@dataclasses.dataclass(frozen=True)
class Member:
    """A field of a structure."""

    name: str
    field: Field
    is_needed: bool
    is_personal: bool
    default: Any = None

    def erased(self, value: "Json") -> "Json":
        """Return a neutral value for a personal field, and erase what is below another."""
        if not self.is_personal:
            return self.field.erased(value)
        default = self.plain_default
        return self.field.neutral() if default is None else default

    @property
    def plain_default(self) -> "str | float | None":
        """Return the default if it is a text or a number."""
        default = self.default.value if isinstance(self.default, Enum) else self.default
        return default if isinstance(default, str | int | float) else None

    @property
    def has_neutral(self) -> bool:
        """Return whether it has such a default, or a neutral value."""
        return self.plain_default is not None or self.field.has_neutral


@dataclasses.dataclass(frozen=True)
class Structure(Field):
    """A dataclass."""

    cls: type
    members: tuple[Member, ...]
    keeps_unknown: bool

    @property
    def json(self) -> frozenset[str]:
        """Return that it is an object."""
        return frozenset({"object"})

    @property
    def said(self) -> str:
        """Name it."""
        return "an object"

    def schema(self) -> dict[str, Any]:
        """Describe the fields, and list those that are needed."""
        needed = [member.name for member in self.members if member.is_needed]
        return {
            "type": "object",
            "properties": {member.name: _member_schema(member) for member in self.members},
            **({"required": needed} if needed else {}),
            **({} if self.keeps_unknown else {"additionalProperties": False}),
        }

    @cached_property
    def by_name(self) -> dict[str, Member]:
        """Return the fields by their names."""
        return {member.name: member for member in self.members}

    def for_msgspec(self) -> Any:
        """Return a structure that refuses unknown fields, unless they are kept."""
        return self._struct

    @cached_property
    def _struct(self) -> Any:
        import msgspec  # noqa: PLC0415 - no cold start waits for it

        fields = [
            (member.name, kind) if member.is_needed else (member.name, kind, None)
            for member in self.members
            for kind in [member.field.for_msgspec()]
        ]
        return msgspec.defstruct(
            self.cls.__name__, fields, forbid_unknown_fields=not self.keeps_unknown, kw_only=True
        )

    def problems(self, value: "Json", path: str) -> Iterator[Problem]:
        """Find what is missing, wrong or unknown."""
        if not isinstance(value, dict):
            yield path, "must be an object"
            return
        for member in self.members:
            if member.name in value:
                yield from member.field.problems(value[member.name], f"{path}.{member.name}")
            elif member.is_needed:
                yield f"{path}.{member.name}", "is required"
        if not self.keeps_unknown:
            for name in sorted(value.keys() - self.by_name.keys()):
                yield f"{path}.{name}", "is not known"

    def marked(self, path: str) -> Iterator[tuple[str, Member]]:
        """Find the fields that are marked, and those below."""
        for member in self.members:
            inner = f"{path}.{member.name}" if path else member.name
            if member.is_personal:
                yield inner, member
            else:
                yield from member.field.marked(inner)

    def neutral(self) -> "Json":
        """Return an object that has only what it needs."""
        needed = (member for member in self.members if member.is_needed)
        return {member.name: member.field.neutral() for member in needed}

    @property
    def has_neutral(self) -> bool:
        """Return whether all that it needs has one."""
        return all(member.field.has_neutral for member in self.members if member.is_needed)

    def erased(self, value: "Json") -> "Json":
        """Erase the fields that are marked, and those below; a missing field stays missing."""
        if not isinstance(value, dict):
            return value
        known = self.by_name
        return {
            name: known[name].erased(each) if name in known else each
            for name, each in value.items()
        }


Nested = Callable[[Any], Structure]
"""Makes the structure of a dataclass that a field holds."""


class DataclassModel:
    """A user's dataclass as a model."""

    def __init__(self, cls: type, *, keeps_unknown: bool) -> None:
        """Read the class.

        Raises:
            TypeError: a field of it cannot be checked.
        """
        self.cls = cls
        self.structure = _structure(cls, keeps_unknown)

    @property
    def names(self) -> frozenset[str]:
        """Name its fields."""
        return frozenset(self.structure.by_name)

    @property
    def personal(self) -> frozenset[str]:
        """Return the paths of the fields about a person, such as `guests[].email`."""
        return frozenset(path for path, _ in self.structure.marked(""))

    def personal_values(self, value: Any) -> Iterator["Json"]:
        """Yield every text and number in the fields about a person."""
        for path in self.personal:
            yield from leaves(value, path.replace("[]", ".[]").split("."))

    def erased(self, value: dict[str, "Json"]) -> dict[str, "Json"]:
        """Return attributes whose personal fields have neutral values."""
        erased: Any = self.structure.erased(value)
        return erased  # type: ignore[no-any-return]

    @property
    def unerasable(self) -> list[str]:
        """Return the personal fields that have no neutral value."""
        stuck = (path for path, one in self.structure.marked("") if not one.has_neutral)
        return sorted(path.replace("[]", "").replace(".*", "") for path in stuck)

    def schema(self) -> dict[str, Any]:
        """Describe the model as a JSON Schema."""
        return self.structure.schema()

    def made(self, value: Any, root: str = ROOT) -> Any:
        """Check a JSON value, and make an instance of the class.

        Raises:
            InvalidModelError: it names every wrong field.
        """
        import msgspec  # noqa: PLC0415 - no cold start waits for it

        try:
            msgspec.convert(value, self.structure.for_msgspec(), dec_hook=_read)
            return msgspec.convert(value, self.cls)
        except msgspec.ValidationError as error:
            found = list(islice(self.structure.problems(value, root), MAX_PROBLEMS))
            own = masked(str(error), () if found else personal_values(self, value))
            raise InvalidModelError(found or [_problem_of(own, root)]) from None


def _problem_of(message: str, root: str) -> Problem:
    """Return what a class's own `__post_init__` says, with its place."""
    said, _, place = message.partition(" - at `$")
    return root + place.removesuffix("`"), said


def _structure(cls: Any, keeps_unknown: bool, outer: tuple[type, ...] = ()) -> Structure:
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise TypeError(f"{cls!r} is neither a dataclass nor a model of pydantic")
    if cls in outer:
        raise TypeError(f"{cls.__name__} contains itself, which a model cannot")
    hints = typing.get_type_hints(cls, include_extras=True)
    nested = partial(_structure, keeps_unknown=keeps_unknown, outer=(*outer, cls))
    members = [
        _member(cls, one, hints[one.name], nested) for one in dataclasses.fields(cls) if one.init
    ]
    return Structure(cls, tuple(members), keeps_unknown)


def _member(cls: type, one: "dataclasses.Field[Any]", hint: Any, nested: Nested) -> Member:
    try:
        field = _field(hint, nested)
    except TypeError as error:
        raise TypeError(f"{cls.__name__}.{one.name}: {error}") from error
    has_default = one.default is not dataclasses.MISSING
    is_needed = not has_default and one.default_factory is dataclasses.MISSING
    default = one.default if has_default else None
    return Member(one.name, field, is_needed, _is_personal(hint), default)


def _is_personal(hint: Any) -> bool:
    """Return whether a field is marked, or what it may be or holds."""
    return hint is Personal or any(map(_is_personal, typing.get_args(hint)))


def _field(hint: Any, nested: Nested) -> Field:
    limits: dict[str, Any] = {}
    if typing.get_origin(hint) is Annotated:
        hint, *extras = typing.get_args(hint)
        limits = _limits_of(extras)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        field: Field = _either(inner, limits, nested)
    elif origin is Literal or (isinstance(hint, type) and issubclass(hint, Enum)):
        field = _choice(hint, limits)
    elif origin in (list, dict, tuple):
        field = _many(origin, inner, limits, nested)
    elif dataclasses.is_dataclass(hint):
        _refuse_limits(limits, ())
        field = nested(hint)
    else:
        field = _value(hint, limits)
    return field


def _value(hint: Any, limits: Mapping[str, Any]) -> Value:
    name = f"{getattr(hint, '__module__', '')}.{getattr(hint, '__qualname__', hint)}"
    kind = _ANY if hint is Any else _KINDS.get(name)
    if kind is None:
        raise TypeError(f"{hint!r} cannot be checked")
    _refuse_limits(limits, kind.limits)
    if any(abs(limits[bound]) >= _LARGEST for bound in _NUMBER if bound in limits):
        raise TypeError("a limit has at most 63 bits")
    return Value(hint, kind, limits)


def _choice(hint: Any, limits: Mapping[str, Any]) -> Choice:
    _refuse_limits(limits, ())
    is_enum = isinstance(hint, type)
    values = tuple(one.value for one in hint) if is_enum else typing.get_args(hint)
    if any(isinstance(value, bool) or not isinstance(value, str | int) for value in values):
        raise TypeError(f"{hint!r} has a value that is neither a text nor an integer")
    return Choice(hint, values)


def _many(origin: Any, inner: tuple[Any, ...], limits: Mapping[str, Any], nested: Nested) -> Many:
    _refuse_limits(limits, _LENGTH)
    if (origin is dict and inner[0] is not str) or (origin is tuple and inner[1:] != (...,)):
        raise TypeError("of dicts dict[str, …], and of tuples tuple[…, ...] can be checked")
    entry = inner[1] if origin is dict else inner[0]
    return Many(origin, _field(entry, nested), limits)


def _either(options: tuple[Any, ...], limits: Mapping[str, Any], nested: Nested) -> Either:
    _refuse_limits(limits, ())
    fields = [_field(one, nested) for one in options if one is not type(None)]
    if len(fields) > 1 and any(field.json == _KINDS["decimal.Decimal"].json for field in fields):
        raise TypeError("a Decimal is one of several kinds; Decimal | None can be checked")
    seen: set[str] = set()
    for field in fields:
        if seen & field.json:
            raise TypeError(f"nobody can tell which of {' | '.join(map(str, options))} is meant")
        seen |= field.json
    return Either(tuple(fields), type(None) in options)


def _limits_of(extras: list[Any]) -> dict[str, Any]:
    """The limits of `Meta`, or of what has fields of the same names."""
    return {
        name: value
        for extra in extras
        for name in _LIMITS
        if (value := getattr(extra, name, None)) is not None
    }


def _refuse_limits(limits: Mapping[str, Any], known: tuple[str, ...]) -> None:
    if unknown := sorted(limits.keys() - set(known)):
        raise TypeError(f"{unknown[0]} is no limit of such a field")


def _bounds_said(limits: Mapping[str, Any], one: str, many: str) -> str:
    """The limits as the end of a sentence, such as ` from 5 to 240`."""
    said = ""
    if "ge" in limits and "le" in limits:
        said = f" from {limits['ge']} to {limits['le']}"
    elif bounds := [f"{word} {limits[name]}" for name, word in _BOUNDS.items() if name in limits]:
        said = f", {' and '.join(bounds)}"
    low, high = limits.get("min_length"), limits.get("max_length")
    if low is not None and high is not None:
        said += f" of {low} to {high} {many}"
    elif low is not None or high is not None:
        which, count = ("at least", low) if high is None else ("at most", high)
        said += f" of {which} {count} {one if count == 1 else many}"
    return f"{said} that matches {limits['pattern']}" if "pattern" in limits else said


def _limits_schema(limits: Mapping[str, Any], of: str) -> dict[str, Any]:
    names = {
        **_BOUND_SCHEMA,
        "min_length": f"min{of}",
        "max_length": f"max{of}",
        "pattern": "pattern",
    }
    return {
        names[name]: value if isinstance(value, int | str) else float(value)
        for name, value in limits.items()
        if name in names
    }


def _sized(text: str, limits: Mapping[str, Any]) -> str:
    """Return a text cut or lengthened to what a field takes."""
    least, most = limits.get("min_length", 0), limits.get("max_length", len(text))
    return text[:most].ljust(least, ".")


def _nearest_to_zero(cls: Any, limits: Mapping[str, Any]) -> "Json":
    """Return the number between some limits that is next to 0."""
    step = 1 if cls is int else cls("0.5")
    low = max([*_given(limits, "ge"), *(each + step for each in _given(limits, "gt"))], default=0)
    high = min([*_given(limits, "le"), *(each - step for each in _given(limits, "lt"))], default=0)
    found = max(low, 0) if max(low, 0) <= high or not _given(limits, "le", "lt") else high
    return found if isinstance(found, int | float) else str(found)


def _given(limits: Mapping[str, Any], *names: str) -> list[Any]:
    return [limits[name] for name in names if name in limits]


def _member_schema(member: Member) -> dict[str, Any]:
    schema = member.field.schema()
    if isinstance(member.default, str | int | float | bool):
        schema["default"] = (
            member.default.value if isinstance(member.default, Enum) else member.default
        )
    if member.is_personal:
        schema["x-personal"] = True
    return schema


def _json_types(value: "Json") -> frozenset[str]:
    names: dict[type, str] = {
        bool: "boolean",
        int: "number",
        float: "number",
        str: "string",
        list: "array",
        dict: "object",
    }
    return frozenset({names.get(type(value), "null"), "any"})


class _Read:
    """Stand for a value that is checked here, because msgspec would take more."""

    fits: Callable[[object], bool]


def _reader(fits: Callable[[object], bool]) -> Any:
    return type("Read", (_Read,), {"fits": staticmethod(fits)})


def _read(kind: Any, value: object) -> Any:
    """Read a value for msgspec."""
    if not kind.fits(value):
        raise ValueError("does not fit")
    return kind()


def _limited(kind: Any, limits: Mapping[str, Any]) -> Any:
    if not limits:
        return kind
    import msgspec  # noqa: PLC0415 - no cold start waits for it

    if "pattern" in limits:
        limits = {**limits, "pattern": _anchored(limits["pattern"])}
    return Annotated[kind, msgspec.Meta(**limits)]


def _anchored(pattern: str) -> str:
    """Return a pattern whose `$` is the end of the text, as in JSON Schema.

    Python's `$` also stands before a line break at the end.
    """
    if re.compile(pattern).flags & re.MULTILINE:
        return pattern
    return _DOLLAR.sub(lambda found: found[1] or r"\Z", pattern)


def _fits(value: "Json", kind: Any) -> bool:
    import msgspec  # noqa: PLC0415 - no cold start waits for it

    try:
        msgspec.convert(value, kind, dec_hook=_read)
    except msgspec.ValidationError:
        return False
    return True
