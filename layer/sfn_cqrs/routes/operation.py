"""What a route says of itself, beside itself: the parts of GET /openapi.json.

Nothing here is built before somebody asks for the document.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from sfn_cqrs.domain.errors import SfnCqrsError
from sfn_cqrs.routes.schemas.shapes import Schema
from sfn_cqrs.routes.schemas.values import TEXT, Shape

F = TypeVar("F", bound=Callable[..., Any])
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
class Media:
    """An answer that is not JSON."""

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


MEMBER: Final = Rule("Anyone with a token of the tenant.")
OPERATORS: Final = Rule("Members of the group operator.")
NOBODY_ASKED: Final = Rule("Anyone; no token is needed.")


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
