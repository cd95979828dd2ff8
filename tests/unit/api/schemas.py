"""Answers held against the document of the API."""

import json
from functools import cache

from jsonschema import Draft202012Validator

from sfn_cqrs.api.document import document
from sfn_cqrs.api.resources import DESCRIPTION, RESOURCES


@cache
def described():
    """The document, in which no object has a field that it does not name."""
    found = document(route for each in (*RESOURCES, DESCRIPTION) for route in each.registered)
    for schema in found["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return found


def answers_as_described(exchange):
    """Hold an answer against what its route says of itself."""
    method, _, path = exchange.event["routeKey"].partition(" ")
    if not path or path.endswith("+}"):
        return  # the user's routes are described with the user's package alone
    responses = described()["paths"][path][method.lower()]["responses"]
    status, headers = str(exchange.raw["statusCode"]), exchange.raw["headers"]
    assert status in responses, f"{method} {path} says nothing of {status}: {exchange.raw['body']}"
    content = responses[status].get("content", {})
    if not content:
        assert responses[status]["headers"].keys() <= headers.keys()
        return
    assert headers["Content-Type"] in content
    if "json" in headers["Content-Type"]:
        schema = content[headers["Content-Type"]]["schema"]
        validator = Draft202012Validator({**schema, "components": described()["components"]})
        validator.validate(json.loads(exchange.raw["body"]))
