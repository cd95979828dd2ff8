"""The HTTP API over the fakes, as its clients see it: who asks is a token's claims."""

import base64
import json
import re
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Self
from unittest import mock
from urllib.parse import quote, unquote

from tests.support.lambdas import handler_of
from tests.support.live import subscription
from tests.support.system import API, template

from sfn_cqrs import bootstrap
from sfn_cqrs.api.resources import DESCRIPTION, RESOURCES
from sfn_cqrs.api.write_budget import Rate
from sfn_cqrs.machines.import_csv.budget import Limits
from sfn_cqrs_tools.runtime.front import match_route
from sfn_cqrs_tools.runtime.identity import ISSUER
from sfn_cqrs_tools.runtime.template import Route
from sfn_cqrs_tools.testing.fakes import World

PARAMETER = re.compile(r"<(\w+?)_?>")
EVENT = Path(__file__).parents[2] / "events/api/handle_request.json"


class Person(NamedTuple):
    """Whose token it is."""

    user: str
    groups: tuple[str, ...] = ()
    tenant: str = "tenant1"

    @property
    def claims(self) -> dict[str, str]:
        return {
            "iss": ISSUER,
            "cognito:username": self.user,
            "custom:tenant": self.tenant,
            "cognito:groups": f"[{' '.join(self.groups)}]",
        }


MEMBER = Person("mallory")
OPERATOR = Person("hanako", ("operator",))


class Answer(NamedTuple):
    """An answer; `body` is its JSON, None where it has none."""

    status: int
    body: Any
    text: str
    headers: dict[str, str]

    @property
    def code(self) -> Any:
        return self.body.get("code") if isinstance(self.body, dict) else None


class Api:
    """A world of fakes with the API's function in front of it."""

    def __init__(self, write_rate: Rate | None = None, import_limits: Limits | None = None) -> None:
        self.world = World(write_rate=write_rate, import_limits=import_limits)

    def __enter__(self) -> Self:
        self._environment = mock.patch.dict("os.environ", template().environment)
        self._parts = bootstrap.override(**self.world.parts())
        self._environment.start()
        self._parts.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._parts.__exit__(*error)
        self._environment.stop()

    def send(
        self,
        who: Person | None,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, str] | None = None,
        key: str | None = None,
        claims: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request; a body that is text goes as a form, any other as JSON."""
        sent = {**(headers or {}), **({"idempotency-key": key} if key else {})}
        event = event_of(method, path, body, query, sent)
        given = claims if claims is not None else who.claims if who else None
        if given is not None:
            event["requestContext"]["authorizer"] = {"jwt": {"claims": given, "scopes": None}}
        return answer_of(answered(event))

    def as_machine(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str],
        arn: str = "arn:aws:iam::1:role/machine",
    ) -> Answer:
        """Send a request that is signed with IAM."""
        event = event_of(method, path, body, None, headers)
        event["requestContext"]["authorizer"] = {"iam": {"userArn": arn}}
        return answer_of(answered(event))

    def hear(self, who: Person, channel: str, **claims: Any) -> str:
        """Ask to hear a channel of live updates; answers why not, and nothing if it is heard."""
        function = template().functions["LiveOnSubscribeFunction"]
        event = subscription(channel, {**who.claims, **claims})
        refused = handler_of(function.folder, function.handler)(event, None)
        return "" if refused is None else str(refused["error"])

    @property
    def routes(self) -> list[Route]:
        """Every route of the API."""
        return api_routes()


@cache
def _sample() -> dict[str, Any]:
    sample: dict[str, Any] = json.loads(EVENT.read_text())
    return sample


@cache
def api_routes() -> list[Route]:
    """What the code declares, which $default leads to, and the template's own routes."""
    own = {(one.method, one.path): one for one in gateway_routes()}
    declared = [
        (one.method, PARAMETER.sub(r"{\1}", one.rule))
        for routes in (*RESOURCES, DESCRIPTION)
        for one in routes.registered
    ]
    behind_default = [Route(API, *one) for one in declared if one not in own]
    return [*sorted(behind_default, key=lambda one: one.path.count("{")), *own.values()]


@cache
def gateway_routes() -> list[Route]:
    """The template's routes in the order in which API Gateway tries them."""
    return sorted(template().routes, key=lambda one: (one.path == "$default", one.path.count("{")))


def answered(event: dict[str, Any]) -> dict[str, Any]:
    """What the function answers that the template's route names."""
    path = event["routeKey"].partition(" ")[2] or "$default"
    method = event["requestContext"]["http"]["method"]
    (name,) = {
        each.function
        for each in gateway_routes()
        if each.path == path and each.method in (method, "ANY")
    }
    function = template().functions[name]
    answer: dict[str, Any] = handler_of(function.folder, function.handler)(event, None)
    return answer


def event_of(
    method: str,
    path: str,
    body: Any,
    query: dict[str, str] | None,
    headers: dict[str, str],
) -> dict[str, Any]:
    """What API Gateway makes of a request; no claims are in it."""
    event = deepcopy(_sample())
    found = ((route, match_route(route, method, path)) for route in gateway_routes())
    route, parameters = next(each for each in found if each[1] is not None)
    event |= {
        "routeKey": "$default" if route.path == "$default" else f"{method} {route.path}",
        "rawPath": unquote(path),
        "pathParameters": parameters or None,
        "queryStringParameters": query,
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "headers": headers,
    }
    event["requestContext"]["http"] |= {"method": method, "path": event["rawPath"]}
    del event["requestContext"]["authorizer"]
    return event


def answer_of(raw: dict[str, Any]) -> Answer:
    text = raw["body"] or ""
    if raw.get("isBase64Encoded"):
        text = base64.b64decode(text).decode()
    is_json = "json" in raw["headers"].get("Content-Type", "")
    body = json.loads(text) if is_json and text else None
    return Answer(raw["statusCode"], body, text, raw["headers"])


def form(**fields: str) -> str:
    """The body of an HTML form."""
    return "&".join(f"{name}={quote(value)}" for name, value in fields.items())
