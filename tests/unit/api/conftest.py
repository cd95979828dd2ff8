import base64
import json
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
from tests.support.api import answered, gateway_routes
from tests.unit.api.schemas import answers_as_described

from sfn_cqrs_tools.runtime.front import match_route


class Answer:
    """An answer of the API; its body is read as JSON, where it is JSON."""

    def __init__(self, raw):
        self.status = raw["statusCode"]
        self.headers = raw["headers"]
        self.content_type = raw["headers"]["Content-Type"]
        is_base64 = raw.get("isBase64Encoded")
        self.text = base64.b64decode(raw["body"]).decode() if is_base64 else raw["body"]
        self.body = json.loads(self.text) if "json" in self.content_type else None


@pytest.fixture
def event_of(sample):
    """Return a maker of API Gateway's events (payload format 2.0) from a method and a path.

    The path is as a client sends it, percent-encoded; as AWS does, `rawPath` and the
    parameters are decoded.
    """

    def make(
        method,
        path,
        body=None,
        *,
        query=None,
        headers=None,
        claims=None,
        arn=None,
        is_base64=False,
    ):
        event = sample("api/handle_request")
        found = ((route, match_route(route, method, path)) for route in gateway_routes())
        route, parameters = next(each for each in found if each[1] is not None)
        is_default = route.path == "$default"
        event |= {
            "routeKey": "$default" if is_default else f"{method} {route.path}",
            "rawPath": unquote(path),
            "pathParameters": parameters or None,
            "queryStringParameters": query,
            "body": body if body is None or isinstance(body, str) else json.dumps(body),
        }
        if is_base64:
            event |= {
                "body": base64.b64encode(event["body"].encode()).decode(),
                "isBase64Encoded": True,
            }
        event["headers"].pop("idempotency-key")
        event["headers"] |= headers or {}
        context = event["requestContext"]
        context["http"] |= {"method": method, "path": event["rawPath"]}
        if claims is not None:
            context["authorizer"] = {"jwt": {"claims": claims, "scopes": None}}
        if arn is not None:
            context["authorizer"] = {"iam": {"userArn": arn}}
        return event

    return make


@pytest.fixture
def call(event_of, world):  # noqa: ARG001 - whoever calls needs the fakes in place
    """Return a caller of the API, who is taro of tenant1, an operator, unless claims say else.

    Every answer is one that GET /openapi.json describes.
    """

    def send(method, path, body=None, **more):
        event = event_of(method, path, body, **more)
        raw = answered(event)
        answers_as_described(SimpleNamespace(event=event, raw=raw))
        return Answer(raw)

    return send
