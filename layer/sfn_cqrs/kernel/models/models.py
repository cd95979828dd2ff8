"""Models: the class that says what the attributes of a type are."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from sfn_cqrs.kernel import masking
from sfn_cqrs.kernel.errors import InvalidInputError, UpcastError
from sfn_cqrs.kernel.unique import Unique
from sfn_cqrs.kernel.values import Json, checked_object

if TYPE_CHECKING:
    from decimal import Decimal

    from typing_extensions import TypeVar

    M = TypeVar("M", default=Any)
else:
    from typing import TypeVar

    M = TypeVar("M")  # it has a default since Python 3.13, which Lambda runs

Problem = tuple[str, str]
"""The path of a field, and what is wrong with it."""
Upcast = Callable[[dict[str, Json]], dict[str, Json]]
"""Makes attributes of one shape into those of the next."""
MAX_PROBLEMS: Final = 100
"""Wrong fields that one refusal names."""
UNKNOWN: Final = ("refuse", "keep")
ROOT: Final = "attributes"
ERASED: Final = "[erased]"
"""The replacement of a text about a person who was erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """Limits of a field, as in `minutes: Annotated[int, Meta(ge=5, le=240)]`.

    Args:
        ge: a number is at least this.
        gt: a number is greater than this.
        le: a number is at most this.
        lt: a number is less than this.
        min_length: a text has at least so many characters, a list or an object so many entries.
        max_length: a text has at most so many characters, a list or an object so many entries.
        pattern: a regular expression that is found in a text; `^` and `$` anchor it.
        tz: False: a datetime has no offset; otherwise it has one.
    """

    ge: "float | Decimal | None" = None
    gt: "float | Decimal | None" = None
    le: "float | Decimal | None" = None
    lt: "float | Decimal | None" = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    tz: bool | None = None


class Personal:
    """Marks a field with personal data, as in `email: Annotated[str, Personal] = ""`."""


class InvalidModelError(InvalidInputError):
    """The attributes do not fit their model; `problems` has every wrong field."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Take the path of each wrong field, and what is wrong with it."""
        found = [InvalidInputError(*problem) for problem in problems]
        super().__init__(found[0].field, found[0].problem)
        self.args = ("; ".join(map(str, found[:MAX_PROBLEMS])),)
        self.problems = [(each.field, each.problem) for each in found[:MAX_PROBLEMS]]


class Model(Protocol):
    """A user's class, as its type of commands needs it."""

    @property
    def cls(self) -> type:
        """Return the class."""

    def made(self, value: Any, root: str = ROOT) -> Any:
        """Make an instance of the user's class; `root` is what the value is called.

        Raises:
            InvalidModelError: it names every wrong field.
        """

    def schema(self) -> dict[str, Any]:
        """Describe the model as a JSON Schema."""

    @property
    def names(self) -> frozenset[str]:
        """Name its fields."""

    @property
    def personal(self) -> frozenset[str]:
        """Return the paths of the fields about a person, such as `guests[].email`."""

    def personal_values(self, value: Any) -> Iterable[Json]:
        """Return every text and number in the fields about a person."""

    def erased(self, value: dict[str, Json]) -> dict[str, Json]:
        """Return attributes whose personal fields have neutral values."""

    @property
    def unerasable(self) -> list[str]:
        """Return the personal fields that have no neutral value."""


@runtime_checkable
class _Validates(Protocol):
    """A model of pydantic's, which is never imported here."""

    model_validate_json: Any
    model_json_schema: Any
    model_fields: Any


@dataclass(frozen=True, slots=True)
class Typed:
    """Hold attributes against the model and the rule that a declaration gives a type."""

    type: str
    model: Model
    check: Callable[[Any, Any, Any], str | None] | None = None
    shape: int = 1
    upcast: Mapping[int, Upcast] = field(default_factory=dict)
    subject: str = ""
    keep: timedelta | None = None
    unique: tuple[Unique, ...] = ()

    def refusal(
        self,
        before: Mapping[str, Json] | None,
        after: Mapping[str, Json],
        *,
        tenant: str = "",
        client: object = None,
    ) -> str:
        """Check attributes, then ask the user's rule, and return why the rule refuses.

        The answer is empty if it accepts. `before` is None where the item does not exist, and
        `client` where code publishes. What the rule says does not quote personal fields.

        Raises:
            InvalidModelError: the attributes do not fit the model.
            InvalidInputError: the rule names a field; or the attributes before do not fit.
        """
        made = self.model.made(after)
        if self.check is None:
            return ""
        was = None if before is None else self._current(before)
        with hiding(tenant, self.model, before, after):
            said = self.check(was, made, client) or ""
        return masking.masked(said, _personal_values(self.model, (before, after))) if said else ""

    def upcasted(self, shape: int, attributes: Mapping[str, Json]) -> dict[str, Json]:
        """Convert attributes of an earlier shape, step by step, into those of today.

        Raises:
            UpcastError: a function of the user's fails.
        """
        found: dict[str, Json] = deepcopy(dict(attributes))
        for number in range(shape, self.shape):
            try:
                found = checked_object(self.upcast[number](found), "attributes")
            except Exception as error:  # whatever a user's function raises
                from sfn_cqrs.kernel.failure import place_of  # noqa: PLC0415 - no start needs it

                place = place_of(error)
                raise UpcastError(self.type, number, error.__class__.__name__, place) from error
        return found

    def person(self, attributes: Mapping[str, Json]) -> str:
        """Return whom attributes of today's shape are about, as text; empty if about nobody."""
        found = attributes.get(self.subject) if self.subject else None
        return "" if found is None else str(found)

    def unique_values(self, attributes: Mapping[str, Json]) -> dict[str, str]:
        """Return the fingerprints of the values that no other item may have, by their fields."""
        personal = {field for one in self.unique for field in one.fields} & self.model.personal
        neutral: Mapping[str, Json] = {}
        if personal and personal & attributes.keys():
            neutral = self.model.erased(dict(attributes))
            neutral = {name: neutral[name] for name in personal & neutral.keys()}
        found = {one.name: one.value(attributes, neutral) for one in self.unique}
        return {name: value for name, value in found.items() if value}

    def _current(self, before: Mapping[str, Json]) -> Any:
        try:
            return self.model.made(before)
        except InvalidModelError as error:
            raise InvalidInputError(
                "attributes", "the version before does not fit the model of its type"
            ) from error


_typed: dict[str, Typed] = {}


def model_of(cls: type, *, unknown: str = "refuse") -> Model:
    """Read a user's class: a dataclass, or a model of pydantic's.

    Raises:
        TypeError: the class, or a field of it, cannot be a model.
        ValueError: `unknown` is neither `refuse` nor `keep`.
    """
    # no untyped function waits for these
    from sfn_cqrs.kernel.models import fields as model_types  # noqa: PLC0415
    from sfn_cqrs.kernel.models import pydantic_models  # noqa: PLC0415

    if unknown not in UNKNOWN:
        raise ValueError(f"unknown is refuse or keep, not {unknown!r}")
    keeps_unknown = unknown == "keep"
    if isinstance(cls, _Validates):
        return pydantic_models.PydanticModel(cls, keeps_unknown=keeps_unknown)
    return model_types.DataclassModel(cls, keeps_unknown=keeps_unknown)


def input_of(name: str, model: Model | None, value: Any, root: str) -> Any:
    """Make what a task, a saga or an approval was given into an instance of its model.

    Raises:
        TypeError: it has none.
        InvalidModelError: the value does not fit.
    """
    if model is None:
        raise TypeError(f"{name} has no model; model=… in its declaration gives it one")
    return model.made(value, root)


def check_all(model: Model | None, values: Mapping[str, Any]) -> None:
    """Refuse values that do not fit a model, if there is one, by the path of each.

    Raises:
        InvalidModelError: it names the wrong fields of all of them.
    """
    if model is None:
        return
    problems: list[Problem] = []
    for path, value in values.items():
        try:
            model.made(value, path)
        except InvalidModelError as error:
            problems += error.problems
    if problems:
        raise InvalidModelError(problems)


def register(type_: str, typed: Typed | None) -> None:
    """Remember the model of a type of commands, or that it has none."""
    if typed is None:
        _typed.pop(type_, None)
    else:
        _typed[type_] = typed


def find(type_: str) -> Typed | None:
    """Return the model and the rule of a type, or None if it has no model."""
    return _typed.get(type_)


def personal_values(model: Model | None, value: Any) -> list[str]:
    """Return the texts and numbers in the personal fields of a value."""
    return [] if model is None else list(map(str, model.personal_values(value)))


def hiding(tenant: str, model: Model | None, *values: Any) -> AbstractContextManager[None]:
    """Run a user's function whose exceptions do not quote the personal fields of these values.

    Later log lines of the tenant do not quote them either.
    """
    return masking.hiding(tenant, lambda: _personal_values(model, values))


def hiding_of(
    tenant: str, type_: str, *attributes: Mapping[str, Json]
) -> AbstractContextManager[None]:
    """Run a user's function whose exceptions do not quote the personal fields of these items."""
    typed = _typed.get(type_)
    return hiding(tenant, typed.model if typed else None, *attributes)


def _personal_values(model: Model | None, values: Iterable[Any]) -> list[str]:
    return [found for each in values for found in personal_values(model, each)]


def leaves(value: Any, steps: Sequence[str] = ()) -> Iterator[Json]:
    """Yield every text and number at a path, or below it."""
    if isinstance(value, list):
        inner = steps[1:] if steps[:1] == ["[]"] else steps
        for each in value:
            yield from leaves(each, inner)
    elif isinstance(value, dict):
        here = [value.get(steps[0])] if steps and steps[0] != "*" else value.values()
        for each in here:
            yield from leaves(each, steps[1:])
    elif not steps and value is not None and not isinstance(value, bool):
        yield value


def shape_of(type_: str) -> int:
    """Return the number of the shape that a type's versions have today."""
    typed = _typed.get(type_)
    return typed.shape if typed else 1


def is_newer(type_: str, shape: int) -> bool:
    """Return whether newer code than this has published a version, which does not fit this code."""
    typed = _typed.get(type_)
    return typed is not None and shape > typed.shape


def converted(type_: str, shape: int, attributes: dict[str, Json]) -> dict[str, Json]:
    """Return attributes in today's shape; those of a deletion may be empty, and stay so.

    Raises:
        UpcastError: a function of the user's fails.
    """
    typed = _typed.get(type_)
    if typed is None or shape >= typed.shape or not attributes:
        return attributes
    return typed.upcasted(shape, attributes)


def defaults(type_: str) -> dict[str, Json]:
    """Return the values that fields of a type have where attributes leave them out."""
    typed = _typed.get(type_)
    schema = typed.model.schema() if typed else {}
    needed, fields = schema.get("required", ()), schema.get("properties", {})
    return {name: one.get("default") for name, one in fields.items() if name not in needed}


def made(type_: str, attributes: Mapping[str, Json]) -> Any:
    """Make the attributes of an item into an instance of its type's model.

    Raises:
        TypeError: the type has no model.
        InvalidModelError: they do not fit it.
    """
    typed = find(type_)
    if typed is None:
        raise TypeError(f'{type_} has no model; command_type("{type_}", model=…) gives it one')
    return typed.model.made(attributes)
