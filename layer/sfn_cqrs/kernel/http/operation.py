"""The description of a route, next to its code: the parts of GET /openapi.json.

Nothing here is built before the document is requested.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from sfn_cqrs.kernel.errors import SfnCqrsError
from sfn_cqrs.kernel.http.shapes import Schema
from sfn_cqrs.kernel.http.values import TEXT, Shape

F = TypeVar("F", bound=Callable[..., Any])
CURSOR: Final = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
    "cursor": {**TEXT, "description": "`nextCursor` of the previous page"},
}
MAX_WAIT: Final = 20
"""Seconds; API Gateway gives up after 30."""
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
    """An answer whose header Location says where the content is."""

    description: str


Answer = Schema | Media | Redirect


class Declared(StrEnum):
    """The declarations of the user's package, on which rules depend."""

    TYPES = "command_type"
    TASKS = "@task_handler"
    SAGAS = "saga_type"
    TABLES = "@import_strategy"
    READ_MODELS = "read_model_type"
    APPROVALS = "@approval_type"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of access: a sentence, with the audience that a declaration names, if there is one."""

    text: str = ""
    declared: Declared | None = None
    word: str = ""


MEMBER: Final = Rule("Anyone with a token of the tenant.")
OPERATORS: Final = Rule("Members of the group operator.")
NOBODY_ASKED: Final = Rule("Anyone; no token is needed.")


def publishing(declared: Declared) -> Rule:
    """Return the rule for the audience of the declaration's `publish`."""
    return Rule(declared=declared, word="publish")


def reading(declared: Declared, besides: str = "") -> Rule:
    """Return the rule for the audience of the declaration's `read`."""
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
    """The rule of access."""
    is_public: bool = False
    needed: frozenset[str] = frozenset()
    """The parameters of the query that must be given."""


def operation(**said: Any) -> Callable[[F], F]:
    """Attach an `Operation` to a route."""
    declared = Operation(**said)

    def declare(function: F) -> F:
        function.__dict__["operation"] = declared
        return function

    return declare


def operation_of(function: Callable[..., Any]) -> Operation:
    """Return the `Operation` of a route."""
    declared: Operation = function.__dict__["operation"]
    return declared
