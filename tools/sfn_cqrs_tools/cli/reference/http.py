"""The page of the HTTP API, made of what GET /openapi.json answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sfn_cqrs.kernel.http.problems import title_of

HEAD: Final = """# HTTP API

Every route, made from `GET /openapi.json` by `make reference`; do not edit. The running stack shows
the same at `/docs`, to try, with the routes and declarations of your own package.

In addition to the errors of a route, each may answer `answer_too_large` (422), `app_broken` and
`internal_error` (500), and `busy` (503). [errors.md](errors.md) explains each code.
"""
_ALWAYS: Final = {"422", "500", "503"}


def http_api() -> str:
    """Return the page, in Markdown."""
    found = openapi()
    lines = [HEAD]
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            lines += _operation(method.upper(), path, operation)
    lines.append("## Shapes\n")
    for name, schema in found["components"]["schemas"].items():
        lines += [f"### {name}\n", *_fields(schema)]
    return "\n".join(lines)


def openapi() -> Mapping[str, Any]:
    """Return the OpenAPI document of the framework's own routes."""
    from sfn_cqrs.api.document import document  # noqa: PLC0415 - `--help` needs no routes
    from sfn_cqrs.api.resources import DESCRIPTION, RESOURCES  # noqa: PLC0415

    return document(route for each in (*RESOURCES, DESCRIPTION) for route in each.registered)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {method} {path}\n"
    yield (
        f"{operation['summary']} {' '.join(operation['description'].split())}".rstrip(". ") + ".\n"
    )
    parameters = [
        f"- `{one['name']}` ({one['in']}{', required' if one['required'] else ''}): "
        + _told(one["schema"], one.get("description", ""))
        for one in operation.get("parameters", ())
    ]
    if parameters:
        yield "\n".join(parameters) + "\n"
    body = operation.get("requestBody")
    if body is not None:
        yield f"Body: {_type(body['content']['application/json']['schema'])}\n"
    yield "\n".join(_answers(operation["responses"])) + "\n"


def _answers(responses: Mapping[str, Any]) -> Iterator[str]:
    for status, answer in responses.items():
        if "application/problem+json" not in answer.get("content", {}):
            shapes = [_type(each["schema"]) for each in answer.get("content", {}).values()]
            yield f"- **{status}** {answer['description']}{': ' if shapes else ''}{''.join(shapes)}"
        else:
            codes = _special(status, answer["description"])
            if codes:
                yield f"- **{status}** {title_of(int(status))}: {codes}"


def _special(status: str, codes: str) -> str:
    """Return the codes that the head of the page does not list."""
    always = {"`answer_too_large`", "`app_broken`", "`internal_error`", "`busy`"}
    kept = [code for code in codes.split(", ") if status not in _ALWAYS or code not in always]
    return ", ".join(_linked(code.strip("`")) for code in kept)


def _linked(code: str) -> str:
    return f"[`{code}`](errors.md#{code})"


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    if "properties" not in schema:
        yield _told(schema, schema.get("description", "")) + "\n"
        return
    required = schema.get("required", ())
    yield (
        "\n".join(
            f"- `{name}`{'' if name in required else ' (optional)'}: "
            + _told(each, each.get("description", ""))
            for name, each in schema["properties"].items()
        )
        + "\n"
    )


def _told(schema: Mapping[str, Any], description: str) -> str:
    limits = [
        f" {word} {json.dumps(schema[key])}"
        for key, word in (("minimum", "from"), ("maximum", "to"), ("default", "if not given:"))
        if key in schema
    ]
    said = _type(schema) + "".join(limits).replace(" if not", ", if not")
    return "; ".join(filter(None, (said, description)))


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(one)}`" for one in schema["enum"])
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return " or ".join(_type(one) for one in schema[word])
    kind = schema.get("type", "any JSON")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
