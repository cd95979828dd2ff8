"""Odd requests, over every route: each is answered, and none by a 5xx."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from unittest import mock

import pytest
from tests.security.test_cross_tenant import THEIRS, Foreign, asked
from tests.support.api import MEMBER, OPERATOR, Api, answer_of, answered, api_routes, event_of
from tests.support.proof import sampled
from tests.support.system import silent

from sfn_cqrs import bootstrap
from sfn_cqrs.api.imports_schemas import ROW, UPLOAD
from sfn_cqrs.api.imports_schemas import START as IMPORT
from sfn_cqrs.care.repairs.schemas import PLAN
from sfn_cqrs.kernel.sql.sql import checked
from sfn_cqrs.machines.approval.schemas import DECIDE, REQUEST
from sfn_cqrs.machines.command.schemas import ONE, PUBLISH
from sfn_cqrs.machines.saga.schemas import START as SAGA
from sfn_cqrs.machines.task.schemas import CREATE
from sfn_cqrs_tools.runtime.live.server import LiveServer
from sfn_cqrs_tools.runtime.live.session import Session

SEEDS = 40
KEPT = 8
EACH = 150
TEXTS = [
    "",
    " ",
    "ORDER",
    "o-1",
    "null",
    "-1",
    "0",
    "99999999999999999999",
    "1e400",
    "NaN",
    "%00",
    "\x00",
    "~",
    "~!",
    "~b3JkZXI",
    "../..",
    "a" * 3000,
    "é" * 300,
    "'; DROP TABLE",
    "{{7*7}}",
    "<script>",
    "t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A",
    "a-01KAXK3V9Q0M3W8C5R6T7Y8Z9B",
    "c-01KAXK3V9Q0M3W8C5R6T7Y8Z9C",
    "uploads/tenant1/x",
    "airports",
    "order-saga",
    "ORDER_REMINDER",
    "ORDER_RELEASE",
]
SEGMENTS = [each for each in TEXTS if each and "/" not in each]
BODIES_OF_ROUTES = (PUBLISH, CREATE, SAGA, REQUEST, DECIDE, IMPORT, ROW, UPLOAD, PLAN)
FIELDS = sorted({*ONE.fields, *(name for each in BODIES_OF_ROUTES for name in each.fields)})
SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/appsync/aws4_request"
BODIES = ["", "{", "[]", "1", "null", '{"a":NaN}', "[" * 5000, "é", "a=b&a", '{"code":"\\ud800"}']
QUERIES = ["limit", "cursor", "status", "kind", "type", "taskType", "version", "deleted", "token"]
QUERIES += ["atLeast", "wait", "customer", "least", "most", "words", "after"]
SEARCH = "/orders/search"


class Odd:
    """Makes odd things; the seed decides which."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def value(self, depth: int = 0) -> Any:
        """Any JSON."""
        kind = self.chance.randrange(9 if depth < 4 else 6)
        if kind < 3:
            return self.chance.choice(TEXTS)
        if kind == 3:
            return self.chance.choice([0, -1, 1, 10**30, 0.1, 1e300, -0.0, 2**63, True, False])
        if kind == 4:
            return None
        if kind == 5:
            return self.chance.choice([[], {}, [[]], {"": 1}])
        if kind == 6:
            return [self.value(depth + 1) for _ in range(self.chance.randrange(4))]
        return {self.chance.choice(FIELDS): self.value(depth + 1) for _ in range(3)}

    def body(self) -> Any:
        """A body that is text, JSON, or an object with fields that there are."""
        if self.chance.random() < 0.15:
            return self.chance.choice(BODIES)
        if self.chance.random() < 0.1:
            return json.dumps({"commands": [self._fields() for _ in range(3)]})
        return json.dumps(self._fields())

    def _fields(self) -> dict[str, Any]:
        names = self.chance.sample(FIELDS, self.chance.randrange(8))
        return {name: self.value() for name in names}

    def event(self) -> dict[str, Any]:
        """A request of any route, or of none."""
        route = self.chance.choice(api_routes())
        path = "/".join(
            self.chance.choice(SEGMENTS) if part.startswith("{") else part
            for part in route.path.split("/")
        )
        others = ["/", "/nosuch", "/docs/x", SEARCH, SEARCH]
        path = self.chance.choice(others) if route.path == "$default" else path
        method = route.method if route.method not in ("ANY", "*") else "GET"
        query = {name: self.chance.choice(TEXTS) for name in self.chance.sample(QUERIES, 2)}
        headers = (
            {"idempotency-key": self.chance.choice(TEXTS)} if self.chance.random() < 0.3 else {}
        )
        body = self.body() if self.chance.random() < 0.7 else None
        try:
            event = event_of(method, path, body, self.chance.choice([query, None]), headers)
        except StopIteration:
            return self.event()
        who = self.chance.choice([MEMBER, OPERATOR, None])
        claims: dict[str, Any] = dict(who.claims) if who else {}
        if self.chance.random() < 0.1:
            name = self.chance.choice(["custom:tenant", "cognito:groups", "cognito:username"])
            claims[name] = self.value()
        event["requestContext"]["authorizer"] = {"jwt": {"claims": claims}}
        event["isBase64Encoded"] = self.chance.random() < 0.1
        return event

    def path(self, path: str) -> str:
        """The path, some of the time with an odd segment behind its first one."""
        _, first, *rest = path.split("/")
        if rest and self.chance.random() < 0.3:
            rest[self.chance.randrange(len(rest))] = self.chance.choice(SEGMENTS)
        return "/".join(["", first, *rest])

    def changed(self, body: Any) -> Any:
        """The body with one field, or a part of it, odd or missing; what is not an object stays."""
        if not isinstance(body, dict) or not body:
            return body
        name = self.chance.choice(list(body))
        inner = body[name]
        if isinstance(inner, dict) and inner and self.chance.random() < 0.5:
            return {**body, name: self.changed(inner)}
        if isinstance(inner, list) and inner and self.chance.random() < 0.5:
            return {**body, name: [self.changed(inner[0]), *inner[1:]]}
        if self.chance.random() < 0.15:
            return {each: value for each, value in body.items() if each != name}
        return {**body, name: self.value()}


class Nowhere:
    """PostgreSQL's place: it takes what PostgreSQL can hold, and finds nothing."""

    def rows(self, _query: str, **parameters: Any) -> list[dict[str, Any]]:
        checked(parameters)
        return []


@pytest.mark.parametrize("seed", sampled(range(SEEDS), KEPT))
def test_odd_requests_are_answered_and_none_by_a_5xx(seed: int) -> None:
    odd, statuses = Odd(seed), Counter[int]()
    with silent(), Api() as api, bootstrap.override(sql=Nowhere()):
        del api
        for _ in range(EACH):
            event = odd.event()
            answer = answer_of(answered(event))
            statuses[answer.status] += 1

            assert answer.status < 500, (event, answer)
    assert sum(statuses.values()) == EACH
    assert len(statuses) > 3


@pytest.mark.parametrize("seed", sampled(range(60), 6))
def test_requests_that_are_right_but_for_one_part_are_answered_and_none_by_a_5xx(seed: int) -> None:
    odd, statuses = Odd(seed), Counter[int]()
    with silent(), Api() as api:
        theirs = Foreign(api)
        for requests in asked(theirs).values():
            for method, path, body, query in requests:
                changed = odd.path(path), odd.changed(body)
                answer = api.send(THEIRS, method, *changed, query=query, key="a key")
                statuses[answer.status] += 1

                assert answer.status < 500, (method, changed, answer)
    assert len(statuses) > 3


@pytest.mark.parametrize("odd", ["a name of 4 MB", "a cursor of digits", "a long tenant"])
def test_what_is_too_long_for_an_answer_is_no_5xx_on_any_route(odd: str) -> None:
    sent, digits = {"x" * 4_000_000: 1}, {"cursor": "9" * 5_000}
    with silent(), Api() as api:
        claims = {**OPERATOR.claims, **({"custom:tenant": "t" * 3_000} if "tenant" in odd else {})}
        answers = {
            (method, path): api.send(
                None,
                method,
                path,
                sent if "name" in odd and method == "POST" else body,
                query=digits if "digits" in odd else query,
                claims=claims,
            )
            for requests in asked(Foreign(api)).values()
            for method, path, body, query in requests
        }

    assert len(answers) > 40
    assert {route: one for route, one in answers.items() if one.status >= 500} == {}
    assert max(len(one.text) for one in answers.values()) < 100_000


PATHS = ["", "/", "/live", "/live/", "/live/*", "//////", "/live/tenant1/command/ORDER/o-1"]
KINDS = ["command", "task", "import", "archive", "approval", "saga", "*", "", "command/ORDER"]


@pytest.mark.parametrize("seed", sampled(range(SEEDS // 4), 2))
def test_odd_subscriptions_are_refused_and_none_fails(seed: int) -> None:
    odd, heard = Odd(seed), Counter[str]()
    with silent(), Api() as api:
        for _ in range(EACH):
            of = odd.chance.choice
            parts = ["live", of(["tenant1", "tenant2", of(TEXTS)]), of(KINDS), of(TEXTS), of(TEXTS)]
            path = of(["/" + "/".join(parts), of(PATHS), of(TEXTS)])
            name = of(["custom:tenant", "cognito:groups", "cognito:username", "iss"])
            claims = {name: odd.value()} if odd.chance.random() < 0.3 else {}

            heard[api.hear(of([MEMBER, OPERATOR]), path, **claims).partition(":")[0]] += 1
    assert len(heard) > 3


@pytest.mark.parametrize("seed", sampled(range(SEEDS // 4), 1))
def test_odd_messages_to_the_twin_of_live_updates_are_answered(seed: int) -> None:
    odd, own = Odd(seed), {"host": "x"}
    session = Session("x", "live", lambda _channel, _authorization: None)
    with closing(LiveServer("live", lambda _channel, _authorization: None)) as twin:
        connection = HTTPConnection("127.0.0.1", twin.port, timeout=60)
        for number in range(EACH):
            kind = odd.chance.choice(
                ["subscribe", "unsubscribe", "publish", "connection_init", "x"]
            )
            said = {"type": kind, "id": odd.value(), "channel": odd.value(), "authorization": own}
            answer = session.answer(odd.chance.choice([json.dumps(said), odd.body()]))
            assert isinstance(answer["type"], str)

            if number % 5:
                continue  # over a socket it takes longer
            body = json.dumps({"channel": odd.value(), "events": odd.value()})
            sent = odd.chance.choice([body, odd.body()]).encode("utf-8", "replace")
            connection.request("POST", "/event", sent, {"Authorization": SIGNED})
            response = connection.getresponse()
            response.read()
            assert response.status in (200, 400), sent
        connection.close()


OPTIONAL: dict[str, dict[str, Any]] = {
    "/imports": {"encoding": "utf-8", "delimiter": ",", "mapping": {"Code": "icao"}},
    "/imports/uploads": {"tableName": "airports"},
    "/imports/rows": {"tableName": "airports", "publishMode": "SYNC"},
    "/repairs": {"type": "ORDER", "error": "x", "after": "x", "since": "2026-11-25T08:00:00Z"},
    "/erasures": {"subject": "person-1", "reason": "why"},
    "/approvals": {"note": "x", "payload": {"x": "x"}},
    "/commands": {"mode": "sync"},
}
HALF = "\ud800"


def changes(value: Any) -> Iterator[Any]:
    """A body, each time with one part of it changed: half a character, very long, of another type.

    The name of a field is a part, too, and so is a field that is not known.
    """
    if isinstance(value, dict):
        for name, inner in value.items():
            for each in changes(inner):
                yield {**value, name: each}
        yield {**value, HALF: 1}
        yield {**value, "x" * 600_000: 1}
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            for each in changes(inner):
                yield [*value[:place], each, *value[place + 1 :]]
    yield from (HALF, f"{value}{HALF}", "x" * 600_000, 5, True, None, [], {}, [HALF], {HALF: HALF})


@pytest.mark.parametrize("shard", range(4))
def test_no_part_of_a_request_that_is_odd_is_a_5xx(shard: int) -> None:
    failed: list[Any] = []
    with silent(), Api() as api:
        requests = [
            (path, {**body, **OPTIONAL.get(path, {})})
            for each in asked(Foreign(api)).values()
            for method, path, body, _ in each
            if method == "POST" and isinstance(body, dict)
        ]
        for path, body in requests[shard::4]:
            for changed in changes(body):
                answer = api.send(OPERATOR, "POST", path, changed)
                if answer.status >= 500 or len(answer.text) > 100_000:
                    failed.append((path, json.dumps(changed)[:120], answer.status))

    assert len(requests) > 15
    assert failed == []


def test_s3_is_not_asked_for_a_key_that_it_cannot_have() -> None:
    with Api() as api, mock.patch.object(api.world.import_bucket, "head") as head:
        key = "uploads/tenant1/" + "x" * 1_009
        answer = api.send(OPERATOR, "POST", "/imports", {"key": key, "tableName": "airports"})

        assert (answer.status, answer.code, len(answer.text) < 2_000) == (400, "no_such_file", True)
        head.assert_not_called()


def test_half_a_character_is_refused_before_any_command_of_a_batch_is_published() -> None:
    good = {"type": "ORDER", "code": "o-9", "name": "x", "attributes": {"customer": "ada"}}
    with Api() as api:
        for bad in ({**good, HALF: 1}, {**good, "name": HALF}, {**good, "attributes": {HALF: 1}}):
            answer = api.send(MEMBER, "POST", "/commands/batch", {"commands": [good, bad]})

            assert (answer.status, answer.code) == (400, "invalid_input")
        assert [one for one in api.world.stored_commands() if one.key.code == "o-9"] == []
        pair = json.dumps({**good, "name": "\U0001f600"})
        assert api.send(MEMBER, "POST", "/commands", pair).status == 202
