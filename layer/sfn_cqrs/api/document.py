"""The OpenAPI document of some routes."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from sfn_cqrs.api.typed import publish_schemas, row_paths
from sfn_cqrs.api.types import TypeShown
from sfn_cqrs.kernel.errors import (
    AnswerTooLargeError,
    AppBrokenError,
    BusyError,
    InvalidInputError,
    NotPermittedError,
    SfnCqrsError,
    TooLargeError,
    TooManyRequestsError,
    UnauthorizedError,
    UpcastError,
)
from sfn_cqrs.kernel.http.http import Route
from sfn_cqrs.kernel.http.operation import (
    Answer,
    Declared,
    Media,
    Operation,
    Redirect,
    operation_of,
)
from sfn_cqrs.kernel.http.problems import status_of
from sfn_cqrs.kernel.http.shapes import Schema, record
from sfn_cqrs.kernel.http.values import COUNT, PRIVATE, TEXT, VERSION, Shape
from sfn_cqrs.kernel.policy import CODE, Access
from sfn_cqrs.machines.command.read_models import ReadModelType

PROMISE: Final = (
    "In the end, each read model has every change, in order. A handler may be called twice or late;"
    " the version number makes that harmless."
)
_PARAMETER: Final = re.compile(r"<(\w+?)_?>")
_CODE: Final = {
    **TEXT,
    "description": "percent-encoded; a value with a `/` is `~` and the base64url of its UTF-8",
}
_IN_PATHS: Final[Mapping[str, Shape]] = {
    "version": VERSION,
    "code": _CODE,
    "partition": _CODE,
    "sort": _CODE,
}
_PROBLEM: Final = record(
    "Problem",
    {"type": TEXT, "title": TEXT, "status": COUNT, "detail": TEXT, "code": TEXT},
    optional={
        "field": {**TEXT, "description": "which part of the request is wrong"},
        "problems": {
            "type": "array",
            "items": record("WrongField", {"field": TEXT, "reason": TEXT}),
            "description": "every field that does not fit the model of a type",
        },
        "known": {"type": "array", "items": TEXT, "description": "the names that exist"},
        "currentVersion": {**COUNT, "description": "what a version must build on"},
        "version": {**VERSION, "description": "the version that prevents it"},
        "outcome": TEXT,
        "decided": {**TEXT, "description": "the current status of the approval"},
        "until": {**TEXT, "description": "until when a person cannot be erased"},
    },
)


Declarations = Mapping[Declared, Mapping[str, Access]]


def document(
    routes: Iterable[Route],
    declarations: Declarations | None = None,
    types: Sequence[TypeShown] = (),
    read_models: Sequence[ReadModelType] = (),
) -> dict[str, Any]:
    """Return the description of routes, with the user's rules of access, types and read models."""
    return _Document(declarations or {}, types).of(routes, read_models)


class _Document:
    def __init__(self, declarations: Declarations, types: Sequence[TypeShown]) -> None:
        self._declarations = declarations
        self._bodies, typed = publish_schemas(types)
        self._schemas: dict[str, Any] = {name: self._plain(one) for name, one in typed.items()}

    def of(self, routes: Iterable[Route], read_models: Sequence[ReadModelType]) -> dict[str, Any]:
        paths: dict[str, dict[str, Any]] = defaultdict(dict)
        for route in routes:
            path = _PARAMETER.sub(r"{\1}", route.rule)
            paths[path][route.method.lower()] = self._operation(route, path)
        typed, schemas = row_paths(paths, read_models)
        paths |= typed
        self._schemas |= {name: self._plain(one) for name, one in schemas.items()}
        return {
            "openapi": "3.1.0",
            "info": {"title": "sfn-cqrs", "version": "1", "description": PROMISE},
            "security": [{"token": []}],
            "paths": dict(sorted(paths.items())),
            "components": {
                "schemas": dict(sorted(self._schemas.items())),
                "securitySchemes": {
                    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
                },
            },
        }

    def _operation(self, route: Route, path: str) -> dict[str, Any]:
        said = operation_of(route.function)
        summary, _, description = (route.function.__doc__ or "").strip().partition("\n")
        first, *others = route.function.__name__.split("_")
        view: dict[str, Any] = {
            "operationId": first + "".join(word.title() for word in others),
            "summary": summary,
            "tags": [path.split("/")[1].partition(".")[0]],
            "responses": self._responses(route, said),
        }
        rule = _rule(said, self._declarations)
        about = [" ".join(description.split()), f"Allowed: {rule['text']}"]
        view |= {"description": "\n\n".join(filter(None, about)), "x-permitted": rule}
        if parameters := self._parameters(route, said):
            view["parameters"] = parameters
        if said.body is not None:
            content = {"application/json": {"schema": self._plain(said.body)}}
            view["requestBody"] = {
                "required": bool(said.body.shape["required"]),
                "content": content,
            }
        if said.is_public:
            view["security"] = []
        return view

    def _parameters(self, route: Route, said: Operation) -> list[dict[str, Any]]:
        names = _PARAMETER.findall(route.rule)
        return [
            *(
                _parameter(name, "path", _IN_PATHS.get(name, TEXT), is_needed=True)
                for name in names
            ),
            *(
                _parameter(name, "query", shape, is_needed=name in said.needed)
                for name, shape in said.query.items()
            ),
            *(
                _parameter(name, "header", shape, is_needed=False)
                for name, shape in said.headers.items()
            ),
        ]

    def _responses(self, route: Route, said: Operation) -> dict[str, Any]:
        responses = {str(status): self._answer(status, one) for status, one in said.answers.items()}
        codes: dict[int, list[str]] = defaultdict(list)
        for problem in _problems(route, said):
            codes[status_of(problem)].append(problem.code)
        for always in (SfnCqrsError, AnswerTooLargeError, AppBrokenError, BusyError, UpcastError):
            codes[status_of(always)].append(always.code)
        for status, each in sorted(codes.items()):
            responses[str(status)] = self._problem(each)
        return responses

    def _answer(self, status: int, one: Answer) -> dict[str, Any]:
        if isinstance(one, Redirect):
            location = {"Location": {"schema": {**TEXT, "format": "uri"}}}
            return {"description": one.description, "headers": location}
        if isinstance(one, Media):
            content = {one.content_type: {"schema": TEXT}}
        else:
            content = {"application/json": {"schema": self._plain(one)}}
        return {"description": HTTPStatus(status).phrase, "content": content}

    def _problem(self, codes: list[str]) -> dict[str, Any]:
        schema = {
            "allOf": [self._plain(_PROBLEM), {"properties": {"code": {"enum": sorted(codes)}}}]
        }
        return {
            "description": ", ".join(f"`{code}`" for code in sorted(codes)),
            "content": {"application/problem+json": {"schema": schema}},
        }

    def _plain(self, shape: Any) -> Any:
        """Return a shape in which each schema is a reference to a component."""
        if isinstance(shape, Schema):
            if shape in self._bodies:
                each = self._bodies[shape]
                return {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in each]}
            if shape.name not in self._schemas:
                self._schemas[shape.name] = {}
                self._schemas[shape.name] = self._plain(shape.shape)
            return {"$ref": f"#/components/schemas/{shape.name}"}
        if isinstance(shape, Mapping):
            said = {key: value for key, value in shape.items() if key not in PRIVATE}
            return {key: self._plain(value) for key, value in said.items()}
        if isinstance(shape, list):
            return [self._plain(value) for value in shape]
        return shape


def _rule(said: Operation, declarations: Declarations) -> dict[str, Any]:
    """Return the rule of access: a sentence, and the audience of each deployed declaration."""
    declared, word = said.rule.declared, said.rule.word
    if declared is None:
        return {"text": said.rule.text}
    named = {name: _named(one, word) for name, one in declarations.get(declared, {}).items()}
    listed = "; ".join(f"{name}: {who}" for name, who in named.items())
    besides = f"{said.rule.text} " if said.rule.text else ""
    return {
        "text": f"{besides}those that `{declared}(…, {word}=…)` names. {listed}.",
        "declared": named,
    }


def _named(access: Access, word: str) -> str:
    policy = access.publish if word == "publish" else access.read
    names = ", ".join(sorted(access.guarded)) if word == "publish" else ""
    return f"{policy}, but for {names}" if names and policy != CODE else str(policy)


def _problems(route: Route, said: Operation) -> set[type[SfnCqrsError]]:
    problems = set(said.problems)
    if not said.is_public:
        problems.add(UnauthorizedError)
    if said.query or said.body or "<" in route.rule:
        problems.add(InvalidInputError)
    if said.body:
        problems.add(TooLargeError)
    if route.method != "GET" and not said.is_public:
        problems.add(TooManyRequestsError)
    if said.rule.declared is not None:
        problems.add(NotPermittedError)
    return problems


def _parameter(name: str, place: str, shape: Shape, *, is_needed: bool) -> dict[str, Any]:
    schema = {key: value for key, value in shape.items() if key != "description"}
    parameter = {"name": name, "in": place, "required": is_needed, "schema": schema}
    if "description" in shape:
        parameter["description"] = shape["description"]
    return parameter
