"""The whole system: every machine, every stream, every queue, the API and the sweep."""

import json
from functools import partial
from typing import Any, ClassVar
from unittest import mock
from urllib.parse import parse_qsl, urlencode

from tests.support.calls import AwsCall
from tests.support.import_system import HEADER, a_file, a_line
from tests.support.lambdas import Lambdas
from tests.support.live import Channels, subscription
from tests.support.stream import Stream
from tests.support.system import API, MINUTES_5, SWEEPS, TENANT, TICK
from tests.support.zip_system import ZipSystem, an_archive

from sfn_cqrs.machines.approval.link_secret import LinkSecret
from sfn_cqrs_tools.runtime.front import match_route
from sfn_cqrs_tools.runtime.weather import LOST, REFUSALS, Forecast, Weather
from sfn_local import FunctionError

CALM = frozenset(
    (
        "EventOnFileUploadedFunction",
        "ApiDecideByLinkFunction",
        "ApiShowDocsFunction",
        "LiveOnSubscribeFunction",
        "audit",  # of the tests; whoever runs one tries again
    )
)
BUSY = 503
TRIES = 60
Outcome = tuple[AwsCall, str]


class Heard(Lambdas):
    """Functions whose outcomes are heard: each invocation's error, or what its answer says."""

    def __init__(self, lambdas: Lambdas) -> None:
        super().__init__(lambdas._template, lambdas._calls)
        self.outcomes: dict[tuple[str, int], str] = {}

    def invoke(self, name: str, payload: bytes) -> bytes:
        function = self.find(name).logical_id
        number = self._calls.invocations(function) + 1
        try:
            answer = super().invoke(name, payload)
        except FunctionError as error:
            self.outcomes[function, number] = error.error
            raise
        self.outcomes[function, number] = _said(json.loads(answer))
        return answer


class Stormy(Heard):
    """The same, where Lambda refuses a share of the invocations, and loses a share of answers."""

    def __init__(self, lambdas: Lambdas, weather: Weather) -> None:
        super().__init__(lambdas)
        self._weather = weather

    def invoke(self, name: str, payload: bytes) -> bytes:
        function = self.find(name).logical_id
        kind = None if function in CALM else self._weather.refusal()
        if kind is not None:
            raise FunctionError(kind, "{}")
        answer = super().invoke(name, payload)
        if self._weather.loses(function):
            raise FunctionError(LOST, "{}")
        return answer


def _said(answer: Any) -> str:
    if isinstance(answer, dict) and answer.get("batchItemFailures"):
        return "again"
    if isinstance(answer, dict) and "statusCode" in answer:
        return str(answer["statusCode"])
    return "done"


def link_secret(value: str) -> LinkSecret:
    """The secret of approval links, which no service keeps."""
    secrets = mock.Mock()
    secrets.get_secret_value.return_value = {"SecretString": value}
    return LinkSecret(lambda: secrets, "approval-links")


class WholeSystem(ZipSystem):
    """All of it, the sweep every five minutes; a client sends again what is answered 503.

    `weather` is the share of calls, invocations and answers that fail, and its seed, as `up` has
    it. An event that S3 sends is spared: Lambda tries it three times, and then it is a dead letter.
    So are pages, where a person tries again. Commands run in the express lane, a tenth twice.
    """

    parameters: ClassVar[dict[str, str]] = {"Live": "enabled"}

    def __init__(
        self, seed: int | None = None, *, weather: tuple[float, int] = (0.0, 0), **more: Any
    ) -> None:
        super().__init__(seed, **{"express": 0.1, **more})
        self.share = weather[0]
        forecast = Forecast(*weather, spared=frozenset((API, *CALM)))
        self.weather = Weather(forecast, self.calls.function)
        self.calls.observers.append(self._meet)
        self.lambdas = self.heard = Stormy(self.lambdas, self.weather)
        self.channels = Channels(self.calls)
        self.consumers: dict[str, Stream] = {}
        self.queues: dict[str, str] = {}
        for source in self.template.event_sources:
            if source.type == "DynamoDB":
                stream = Stream.of(self.template, source.function)
                self.consumers[source.function] = stream
                self.streams[self._logical_id(source.properties["Stream"].split("/")[1])] = stream
            elif source.type == "SQS":
                queue = self._logical_id(source.properties["Queue"].rpartition(":")[2])
                self.queues[queue] = source.function
        self._swept_at = self.clock.time()
        self.stream = self.consumers["StreamOnProcessChangedFunction"]

    def parts(self) -> dict[str, Any]:
        secret = link_secret("of links, and long enough for them")
        return {**super().parts(), "link_secret": secret, "live_events": self.channels.events()}

    def api(self, *request: Any, **asked: Any) -> tuple[int, dict[str, Any]]:
        for _ in range(TRIES):
            status, answer = self._answered(*request, **asked)
            if status != BUSY:
                return status, answer
            self.clock.advance(2)
        return status, answer

    def _answered(self, *request: Any, **asked: Any) -> tuple[int, dict[str, Any]]:
        """What API Gateway answers: 503 where Lambda refuses."""
        try:
            return super().api(*request, **asked)
        except FunctionError as error:
            if error.error not in REFUSALS:
                raise
            return BUSY, {}

    def _meet(self, call: AwsCall, moment: str) -> None:
        if call.function not in CALM:
            strike = self.weather.before if moment == "before" else self.weather.after
            strike(call.operation)

    def step(self) -> bool:
        if self.clock.time() - self._swept_at >= MINUTES_5:
            self._swept_at = self.clock.time()
            for sweep in SWEEPS:
                self.invoke_async(sweep, json.dumps(TICK).encode())
        return super().step()

    def notify(self) -> bool:
        """Deliver what one stream or queue has; whether there was anything."""
        for function, stream in self.consumers.items():
            if stream.pending:
                batch = stream.take(self.disorder)
                invoke = partial(self.lambdas.invoke, function)
                self._run(partial(stream.deliver, batch, invoke, self.clock, self._sleep))
                return True
        return any(self.consume(queue, function) for queue, function in self.queues.items())

    def _wait(self) -> bool:
        """Let a minute pass while a state waits for its retry, so that the sweep comes between."""
        if self.engine.scheduler._sleeps:
            self.engine.run_for(60)
            return True
        return super()._wait()

    def _logical_id(self, name: str) -> str:
        """The resource that is deployed by a name."""
        return next(each for each in self.template.resources if self.template.name(each) == name)

    def ask(self, method: str, path: str, body: Any = None, **who: Any) -> dict[str, Any]:
        """Send a request that is answered well."""
        status, answer = self.api(method, path, body, **who)
        assert status < 300, answer
        return answer

    # What a client asks for. What has a key is asked for once, however often it is sent.

    def order(self, code: str = "o-1", *, key: str | None = None, **more: Any) -> dict[str, Any]:
        """Publish an order of ada's."""
        order = {"type": "ORDER", "code": code, "name": code, "attributes": {"customer": "ada"}}
        return self.ask("POST", "/commands", {**order, **more}, key=key)

    def stock(self, available: int = 5, key: str = "stock", **more: Any) -> None:
        """Put books on the shelf."""
        book = {"type": "STOCK", "code": "BOOK", "name": "Book", "version": -1}
        has = {"attributes": {"available": available}}
        self.ask("POST", "/commands", {**book, **has, **more}, key=key)

    def remind(self, *to: str, key: str | None = None, is_single: bool = False) -> str:
        """Start a task with an item for each address; answers its id."""
        items = [{"order": "o-1", "to": each} for each in to]
        asked = {"taskType": "ORDER_REMINDER", "input": items[0] if is_single else items}
        return self._id_of("/tasks", asked, key)

    def buy(self, order: str, card: str = "visa", key: str | None = None) -> str:
        """Start the saga of two books; answers its id."""
        bought = {"order": order, "customer": "ada", "card": card, "total": 4}
        lines = {"lines": [{"sku": "BOOK", "quantity": 2}]}
        return self._id_of("/sagas", {"saga": "order-saga", "input": {**bought, **lines}}, key)

    def ask_release(self, code: str = "o-1", key: str | None = None) -> str:
        """Ask for the approval of an order; answers its id."""
        return self._id_of("/approvals", {"type": "ORDER_RELEASE", "subject": code}, key)

    def decide(self, id_: str, verb: str) -> tuple[int, dict[str, Any]]:
        """Let hanako decide on an approval as it is shown; answers what she is told."""
        body = {"digest": self.ask("GET", f"/approvals/{id_}")["digest"]}
        return self.api("POST", f"/approvals/{id_}/{verb}", body, user="hanako")

    def import_file(self, *rows: tuple[str, ...], body: bytes | None = None, **more: Any) -> str:
        """Start the import of a file by the machine; answers its id."""
        asked = {"tableName": "airports", "processingMode": "STEP_FUNCTION"}
        key = self.upload(body or a_file(rows))
        return self._id_of("/imports", {**asked, "key": key, **more})

    def import_row(self) -> str:
        """Import a single row; answers the id of its import."""
        cells = dict(zip(HEADER, a_line("RJOO"), strict=True))
        return self._id_of("/imports/rows", {"tableName": "airports", "cells": cells})

    def import_archive(self, *rows: tuple[str, ...]) -> str:
        """Start the import of an archive with one file; answers its id."""
        key = self.upload(an_archive(("a.csv", a_file(rows))))
        return self._id_of("/imports", {"kind": "zip", "tableName": "airports", "key": key})

    def _id_of(self, path: str, body: dict[str, Any], key: str | None = None) -> str:
        return str(self.ask("POST", path, body, key=key)["id"])

    def subscribe(self, channel: str, tenant: str = TENANT, groups: str = "[operator]") -> str:
        """Ask to hear a channel; answers why not, and nothing where it is heard."""
        claims = {"custom:tenant": tenant, "cognito:groups": groups, "sub": "taro"}
        answer = self.invoke("LiveOnSubscribeFunction", subscription(channel, claims))
        return "" if answer is None else str(answer["error"])

    def open(self, path: str, **form: str) -> str:
        """Open a page in a browser, which has no token, or send its form; answers the page."""
        method, query = ("POST", "") if form else ("GET", path.partition("?")[2])
        (function,) = {
            route.function
            for route in self.template.routes
            if match_route(route, method, path.partition("?")[0]) is not None
            and route.path != "$default"
        }
        http = {"method": method, "path": path.partition("?")[0], "sourceIp": "192.0.2.1"}
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": http["path"],
            "queryStringParameters": dict(parse_qsl(query)),
            "requestContext": {"http": http, "stage": "$default", "requestId": "a-request"},
            "body": urlencode(form),
        }
        for _ in range(TRIES):
            answer = self.invoke(function, event)
            if answer["statusCode"] != BUSY:
                break
            self.clock.advance(2)
        return str(answer["body"])

    def given_up(self) -> list[dict[str, Any]]:
        """What any stream has given up."""
        return [notice for stream in self.consumers.values() for notice in stream.given_up]
