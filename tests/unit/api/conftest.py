import base64
import json
from urllib.parse import unquote

import pytest
from functions.api.handle_request.app import lambda_handler


class Answer:
    """An answer of the API; its body is read as JSON."""

    def __init__(self, raw):
        self.status = raw["statusCode"]
        self.content_type = raw["headers"]["Content-Type"]
        self.text = raw["body"]
        self.body = json.loads(raw["body"])


@pytest.fixture
def event_of(sample):
    """Return a maker of API Gateway's events (payload format 2.0) from a method and a path.

    The path is as a client sends it, percent-encoded; as AWS does, `rawPath` and the
    parameters are decoded.
    """

    def make(method, path, body=None, *, query=None, headers=None, claims=None, is_base64=False):
        event = sample("api/handle_request")
        segments = [unquote(segment) for segment in path.strip("/").split("/")]
        names = ["type", "code", "version"]
        shown = [
            f"{{{names[place - 1]}}}" if 1 <= place <= 3 and not _is_word(place, each) else each
            for place, each in enumerate(segments)
        ]
        route = "/" + "/".join(shown)
        parameters = {
            name[1:-1]: segment
            for name, segment in zip(shown, segments, strict=True)
            if name.startswith("{")
        }
        event |= {
            "routeKey": f"{method} {route}",
            "rawPath": "/" + "/".join(segments),
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
        return event

    return make


@pytest.fixture
def call(event_of, world):  # noqa: ARG001 - whoever calls needs the fakes in place
    """Return a caller of the API, who is taro of tenant1, an operator, unless claims say else."""

    def send(method, path, body=None, **more):
        return Answer(lambda_handler(event_of(method, path, body, **more), None))

    return send


def _is_word(place, segment):
    return place == 3 and segment in ("history", "redrive", "skip")
