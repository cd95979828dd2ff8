"""Odd requests, over every route: each is answered, and none by a 5xx."""

import json
import random
from collections import Counter
from typing import Any

import pytest
from tests.support.api import MEMBER, OPERATOR, Api, answer_of, answered, api_routes, event_of
from tests.support.proof import sampled
from tests.support.system import silent

from sfn_cqrs.routes.schemas.approvals import DECIDE, REQUEST
from sfn_cqrs.routes.schemas.commands import PUBLISH
from sfn_cqrs.routes.schemas.imports import START as IMPORT
from sfn_cqrs.routes.schemas.sagas import START as SAGA
from sfn_cqrs.routes.schemas.tasks import CREATE

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
FIELDS = sorted(
    {*PUBLISH.fields, *CREATE.fields, *SAGA.fields, *REQUEST.fields, *DECIDE.fields, *IMPORT.fields}
)
BODIES = ["", "{", "[]", "1", "null", '{"a":NaN}', "[" * 5000, "é", "a=b&a", '{"code":"\\ud800"}']
QUERIES = ["limit", "cursor", "status", "kind", "type", "taskType", "version", "deleted", "token"]


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
        names = self.chance.sample(FIELDS, self.chance.randrange(8))
        return json.dumps({name: self.value() for name in names})

    def event(self) -> dict[str, Any]:
        """A request of any route, or of none."""
        route = self.chance.choice(api_routes())
        path = "/".join(
            self.chance.choice([each for each in TEXTS if each and "/" not in each])
            if part.startswith("{")
            else part
            for part in route.path.split("/")
        )
        path = self.chance.choice(["/", "/nosuch", "/docs/x"]) if route.path == "$default" else path
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


@pytest.mark.parametrize("seed", sampled(range(SEEDS), KEPT))
def test_odd_requests_are_answered_and_none_by_a_5xx(seed: int) -> None:
    odd, statuses = Odd(seed), Counter[int]()
    with silent(), Api() as api:
        del api
        for _ in range(EACH):
            event = odd.event()
            answer = answer_of(answered(event))
            statuses[answer.status] += 1

            assert answer.status < 500, (event, answer)
    assert sum(statuses.values()) == EACH
    assert len(statuses) > 3
