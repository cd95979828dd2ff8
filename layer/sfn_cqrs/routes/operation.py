"""What a route says of itself, beside itself: the parts of GET /openapi.json.

Nothing here is built before somebody asks for the document.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from sfn_cqrs.domain.errors import SfnCqrsError

F = TypeVar("F", bound=Callable[..., Any])
Shape = Mapping[str, Any]
"""A JSON Schema in which a `Schema` may stand wherever a schema may."""

TEXT: Final[Shape] = {"type": "string"}
FLAG: Final[Shape] = {"type": "boolean"}
COUNT: Final[Shape] = {"type": "integer", "minimum": 0}
VERSION: Final[Shape] = {"type": "integer", "minimum": 1, "maximum": 99_999_999}
MOMENT: Final[Shape] = {"type": "string", "format": "date-time"}
ANYTHING: Final[Shape] = {}
CURSOR: Final = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
    "cursor": {**TEXT, "description": "`nextCursor` of the page before"},
}
MAX_WAIT: Final = 20
"""Seconds; API Gateway gives a request up after 30."""
WAIT: Final = {
    "wait": {
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_WAIT,
        "default": 0,
        "description": "Seconds to wait for the version at most; the stack may allow fewer. 202 "
        "with Retry-After: it is not there yet.",
    }
}
IDEMPOTENCY_KEY: Final = {
    "Idempotency-Key": {
        **TEXT,
        "description": "The same key with the same body is answered the same for 24 hours.",
    }
}


@dataclass(frozen=True, slots=True)
class Schema:
    """A shape with a name: a component of the document."""

    name: str
    shape: Shape

    @property
    def fields(self) -> frozenset[str]:
        """The fields of an object."""
        return frozenset(self.shape["properties"])


@dataclass(frozen=True, slots=True)
class Media:
    """An answer that is no JSON."""

    content_type: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """An answer that says where the content is, in its header Location."""

    description: str


Answer = Schema | Media | Redirect


class Declared(StrEnum):
    """What a rule depends on: the declarations of the user's package."""

    TYPES = "command_type"
    TASKS = "@task_handler"
    SAGAS = "saga_type"
    TABLES = "@import_strategy"
    READ_MODELS = "read_model_type"
    APPROVALS = "@approval_type"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may, in a sentence; or whoever a word of a declaration names, besides the text's."""

    text: str = ""
    declared: Declared | None = None
    word: str = ""


MEMBER: Final = Rule("Whoever has a token of the tenant.")
OPERATORS: Final = Rule("Members of the group operator.")
NOBODY_ASKED: Final = Rule("Whoever asks; no token is needed.")


def publishing(declared: Declared) -> Rule:
    """Whoever the declaration's `publish` names."""
    return Rule(declared=declared, word="publish")


def reading(declared: Declared, besides: str = "") -> Rule:
    """Whoever the declaration's `read` names."""
    return Rule(besides, declared=declared, word="read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A route: its answers by status, its parameters, its body, and the problems it may answer.

    Those that any route may answer (`unauthorized`, `busy`, `internal_error`, `app_broken`, and
    `invalid_input` and `body_too_large` where there is something to send) are added.
    """

    answers: Mapping[int, Answer]
    query: Mapping[str, Shape] = field(default_factory=dict)
    headers: Mapping[str, Shape] = field(default_factory=dict)
    body: Schema | None = None
    problems: tuple[type[SfnCqrsError], ...] = ()
    rule: "Rule"
    """Who may."""
    is_public: bool = False
    needed: frozenset[str] = frozenset()
    """The parameters of the query that must be given."""


def operation(**said: Any) -> Callable[[F], F]:
    """Say of a route what an `Operation` says."""
    declared = Operation(**said)

    def declare(function: F) -> F:
        function.__dict__["operation"] = declared
        return function

    return declare


def operation_of(function: Callable[..., Any]) -> Operation:
    """What a route says of itself."""
    declared: Operation = function.__dict__["operation"]
    return declared


def one_of(*values: str) -> Shape:
    """A text out of a few."""
    return {"type": "string", "enum": list(values)}


def list_of(shape: Shape | Schema) -> Shape:
    """A list."""
    return {"type": "array", "items": shape}


def nullable(shape: Shape) -> Shape:
    """A value that may be null."""
    return {**shape, "type": [shape["type"], "null"]}


def record(name: str, fields: Shape, *, optional: Shape | None = None) -> Schema:
    """An object that is answered: its fields, and those that it may lack."""
    properties = {**fields, **(optional or {})}
    return Schema(name, {"type": "object", "properties": properties, "required": list(fields)})


def body(name: str, needed: Shape, optional: Shape | None = None) -> Schema:
    """An object that is sent; an unknown field is refused."""
    return Schema(name, {**record("", needed, optional=optional).shape, **_CLOSED})


def page_of(schema: Schema) -> Schema:
    """A page of a list."""
    return record(f"{schema.name}Page", {"items": list_of(schema)}, optional={"nextCursor": TEXT})


_CLOSED: Final = {"additionalProperties": False}
