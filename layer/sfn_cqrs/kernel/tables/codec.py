"""Records as items: each field of a dataclass is an attribute, by its type.

A `Codec` declares where a class differs from that. The conversions of its fields are computed once,
at the first record that is stored or read.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cached_property, partial
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Final, Generic, TypeVar, Union, get_args, get_origin

from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.keys import BudgetKey
from sfn_cqrs.kernel.tables.dynamodb import Item

R = TypeVar("R")
Convert = Callable[[Any], Any]
Part = tuple[Convert | None, Convert | None]
"""Two functions, to store a value and to read it; None leaves it unchanged."""
_AS_IT_IS: Final[Part] = (None, None)
_NOT_STORED: Final = "stored"
_NOTHING: Final[Mapping[Any, Any]] = {}


class Codec(Generic[R]):
    """Stores and reads records of a class; its options cover what the fields' types do not say."""

    def __init__(
        self,
        of: type[R],
        kind: str = "",
        *,
        names: Mapping[str, str] = _NOTHING,
        inside: Mapping[str, "Codec[Any]"] = _NOTHING,
        lean: tuple[str, ...] = (),
        later: tuple[str, ...] = (),
        also: Mapping[str, str | Convert] = _NOTHING,
        parts: Mapping[type, Part] = _NOTHING,
        rest: str = "",
    ) -> None:
        """Declare what differs from the fields' types.

        Args:
            of: the class.
            kind: the attribute of that name.
            names: attributes whose names differ from their fields' names.
            inside: fields whose own fields become attributes of the item itself.
            lean: fields that are left out while they have their default; None always is.
            later: fields that older items lack.
            also: further attributes, each from a path of the record or computed from the record.
            parts: how values of other classes are stored, where their types do not say it.
            rest: the field that keeps attributes which the class does not know.
        """
        self.of, self.kind, self.names, self.inside = of, kind, names, inside
        self.lean, self.later = lean, later
        self.also, self.parts, self.rest = also, parts, rest

    def item(self, record: R) -> Item:
        """Return the record as an item; a field that is None has no attribute."""
        names, read, converts = self._writing
        values = list(read(record))
        for place, convert in converts:
            if values[place] is not None:
                values[place] = convert(values[place])
        item = dict(zip(names, values, strict=False))
        for name, make in self._made:
            item[name] = make(record)
        for name in self._optional:
            codec, value = self.inside[name], getattr(record, name)
            item |= dict.fromkeys(codec.attributes) if value is None else codec.item(value)
        if self.kind:
            item["kind"] = self.kind
        return item

    @property
    def inner(self) -> Part:
        """Return the functions that store and read a record inside an attribute."""
        return self.part, self.record

    def part(self, record: R) -> Item:
        """Return the record as stored inside an attribute, without fields that are None."""
        known = {name: value for name, value in self.item(record).items() if value is not None}
        return {**getattr(record, self.rest), **known} if self.rest else known

    def record(self, item: Mapping[str, Any], **given: Any) -> R:
        """Return the record of an item; an optional attribute that is missing gets its default.

        Raises:
            KeyError: the item lacks a required attribute.
        """
        plain, converted, inside = self._reading
        values = {
            name: item[attribute] if default is MISSING else item.get(attribute, default)
            for name, attribute, default in plain
        }
        for name, attribute, convert, is_needed in converted:
            value = item[attribute] if is_needed else item.get(attribute)
            if value is not None:
                values[name] = convert(value)
        for name, codec, is_optional in inside:
            if name not in given and not (is_optional and codec.attributes.isdisjoint(item)):
                values[name] = codec.record(item)
        if self.rest:
            values[self.rest] = {n: item[n] for n in item if n not in self.attributes}
        return self.of(**values | given)

    @cached_property
    def attributes(self) -> frozenset[str]:
        """Return the names of the attributes of its fields."""
        return frozenset(name for name, _, _ in self._columns)

    @cached_property
    def _fields(self) -> list[Field[Any]]:
        """Return the fields that are stored."""
        every: Any = fields(self.of)  # type: ignore[arg-type]
        return [one for one in every if one.name not in (_NOT_STORED, self.rest)]

    @cached_property
    def _optional(self) -> list[str]:
        """Return the fields inside the item that may be None."""
        return [f.name for f in self._fields if f.name in self.inside and _may_be_none(f.type)]

    @cached_property
    def _columns(self) -> list[tuple[str, str, Convert | None]]:
        """Return each field's attribute: name, path to the value, and converter."""
        columns: list[tuple[str, str, Convert | None]] = []
        for one in self._fields:
            name, codec = one.name, self.inside.get(one.name)
            if codec is None:
                columns.append((self.names.get(name, name), name, self._written(one)))
            elif name not in self._optional:
                columns += [(inner, f"{name}.{path}", how) for inner, path, how in codec._columns]
        also = [(name, path, None) for name, path in self.also.items() if isinstance(path, str)]
        return [*columns, *also]

    @cached_property
    def _writing(self) -> tuple[tuple[str, ...], Convert, list[tuple[int, Convert]]]:
        names, paths, converts = zip(*self._columns, strict=True)
        placed = [(place, convert) for place, convert in enumerate(converts) if convert is not None]
        return names, attrgetter(*paths), placed

    @cached_property
    def _made(self) -> list[tuple[str, Convert]]:
        return [(name, make) for name, make in self.also.items() if not isinstance(make, str)]

    @cached_property
    def _reading(self) -> Any:
        """Return the fields read unchanged, with defaults; the converted ones; the inner ones."""
        plain, converted = [], []
        for one in self._fields:
            name, attribute = one.name, self.names.get(one.name, one.name)
            convert = self._part(one.type)[1]
            if name in self.inside:
                continue
            is_needed = not (_may_be_none(one.type) or name in self.lean + self.later)
            if convert is not None or one.default_factory is not MISSING:
                converted.append((name, attribute, convert or _same, is_needed))
            else:
                default = None if one.default is MISSING else one.default
                plain.append((name, attribute, MISSING if is_needed else default))
        inside = [(name, codec, name in self._optional) for name, codec in self.inside.items()]
        return plain, converted, inside

    def _written(self, one: Field[Any]) -> Convert | None:
        put = self._part(one.type)[0]
        if one.name not in self.lean:
            return put
        default = one.default if one.default_factory is MISSING else one.default_factory()
        return partial(_unless, default, put or _same)

    def _part(self, kind: Any) -> Part:
        """Return how values of a type are stored and read."""
        origin, inner = get_origin(kind), get_args(kind)
        if origin in (Union, UnionType):
            kinds = [one for one in inner if one is not NoneType]
            return self._part(kinds[0]) if len(kinds) == 1 else _AS_IT_IS
        if kind in self.parts:
            return self.parts[kind]
        if isinstance(kind, type) and is_dataclass(kind):
            codec: Codec[Any] = Codec(kind, parts=self.parts)
            return codec.inner
        if isinstance(kind, type) and issubclass(kind, Enum):
            return None, kind
        if origin is frozenset:
            return sorted, frozenset
        return self._part_of_many(origin, inner)

    def _part_of_many(self, origin: Any, inner: tuple[Any, ...]) -> Part:
        if origin not in (tuple, dict, Mapping):
            return _AS_IT_IS
        put, read = self._part(inner[0 if origin is tuple else 1])
        if origin is tuple:
            return put and partial(_listed, put), tuple if read is None else partial(_tupled, read)
        return put and partial(_mapped, put), read and partial(_mapped, read)


def as_list(of: type) -> tuple[Convert, Convert]:
    """Return how a class is stored as the list of its fields' values."""
    read = attrgetter(*(one.name for one in fields(of)))
    return (lambda value: list(read(value))), (lambda values: of(*values))


def _may_be_none(kind: Any) -> bool:
    return NoneType in get_args(kind)


def _unless(default: Any, put: Convert, value: Any) -> Any:
    return None if value == default else put(value)


def _same(value: Any) -> Any:
    return value


def _listed(put: Convert, values: Any) -> list[Any]:
    return [put(value) for value in values]


def _tupled(read: Convert, values: Any) -> tuple[Any, ...]:
    return tuple(read(value) for value in values)


def _mapped(convert: Convert, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: convert(value) for name, value in values.items()}


def _audit(what: str) -> Codec[Audit]:
    names = {"at": f"{what}_at", "by": f"{what}_by", "ip": f"{what}_ip"}
    return Codec(Audit, names=names, lean=("by", "ip"))


CREATED: Final = _audit("created")
UPDATED: Final = _audit("updated")
WHERE: Final = {"pk": "pk", "sk": "sk"}
BUDGET_KEY: Final = Codec(BudgetKey, names={"what": "sk"}, also={"pk": "pk"})
PUBLIC: Final = {**WHERE, "id": "id"}
"""Attributes stored for a key besides its fields; the second one is for keys with a public id."""
