"""A system whose users send canaries: what must be read in tables, and nowhere else."""

import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError
from tests.simulation.weather import FLOWS
from tests.support.calls import AwsCall, Observer
from tests.support.system import API
from tests.support.whole_system import WholeSystem, link_secret
from tests.template.stack import ROOT

from sfn_cqrs.care.erasure import eraser
from sfn_cqrs.kernel.aws.topics import DeadLetters, Topic
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs.machines.approval.link import ApprovalLink
from sfn_local import FunctionError
from sfn_local.executions.tokens import Tokens

EMAIL = "ada.lovelace@example.com"
IBAN = "DE89370400440532013000"
SESSION = "IQoJb3JpZ2luX2VjEJr9Kq8wcanaryAbCdEfGhIjKlMnOpQrStUvWxYz0123456789+canary=="
SECRET = "Zk3nQ8canaryVt5LxW1yBhR7mUeA2pDsJ4oG6fHcT9i"
AUDIT, WHOLE = "ScheduleAuditSampleFunction", {"detail": {"sample": "1/1"}}
ERASES, PERSON = "ScheduleErasePeopleFunction", {"detail": {"tenant": "tenant1", "subject": EMAIL}}
WEBHOOKS = "ApiReceiveWebhookFunction"
Flow = Callable[[WholeSystem], None]
PRIVATE = {"email": EMAIL, "iban": IBAN}
ORDER, REMINDER = {"customer": EMAIL}, {"order": f"{EMAIL} {IBAN}"}
"""Fields of inputs that have a class, and so no place for more."""
PAYLOADS = {"attributes", "input", "payload", "result", "note", "name", "cells", "summary"}
"""What users store and are shown again: the fields whose contents are theirs."""
QUOTED = f"{EMAIL}, {IBAN}, {SESSION}, {SECRET}"


class CanarySystem(WholeSystem):
    """Every request, file and failing handler carries canaries; all that leaves is kept."""

    def __init__(self, **more: Any) -> None:
        self._folder = TemporaryDirectory()
        self._express_log = Path(self._folder.name, "express.jsonl")
        self._express_log.touch()
        super().__init__(express_log=self._express_log, **more)
        self.seen: dict[str, list[str]] = {
            "responses": [],
            "reports": [],
            "notices": [],
            "logs": [],
            "histories": [],
            "causes": [],
        }
        self.canaries = {EMAIL, IBAN, SESSION, SECRET}

    def environment(self) -> dict[str, str]:
        return {
            **super().environment(),
            "AWS_SESSION_TOKEN": SESSION,
        }

    def parts(self) -> dict[str, Any]:
        return {**super().parts(), "link_secret": link_secret(SECRET)}

    def api(
        self, method: str, path: str, body: dict[str, Any] | None = None, **more: Any
    ) -> tuple[int, dict[str, Any]]:
        status, answer = super().api(method, path, _tainted(body), **more)
        self.seen["responses"].append(json.dumps(_without_payloads(answer)))
        return status, answer

    def subscribe(self, channel: str, **who: str) -> str:
        answer = super().subscribe(channel, **who)
        private = super().subscribe(f"/live/{EMAIL}/command/{IBAN}/{SECRET}", **who)
        self.seen["responses"] += [answer, private]
        return answer

    def upload(self, body: bytes) -> str:
        named = body.replace(b"Narita", f"{EMAIL} {IBAN}".encode())
        return super().upload(named.replace(b",x,", f",{EMAIL},".encode()))

    def until(self, is_done: Callable[[], bool], sweeps: int = 3) -> None:
        super().until(is_done, min(sweeps, 3))

    def look(self) -> None:
        """Read what the machines and the tables keep, and what browsers were told."""
        self.seen["notices"] += self.channels.sent
        self.seen["histories"] += self._express_log.read_text(encoding="utf-8").splitlines()
        self._folder.cleanup()
        for machine in self.template.machines.values():
            if machine.type == "EXPRESS":
                continue
            for listed in self.engine.list_executions(machine.arn):
                shown = self.engine.describe_execution(listed["executionArn"])
                events = self.engine.history(listed["executionArn"])
                text = json.dumps([shown, events], default=str)
                self.seen["histories"].append(_without_tokens_given(text))
        for table in self.template.of_type("AWS::DynamoDB::Table"):
            causes = [list(_causes(unmarshal(item))) for item in self.items(table)]
            self.seen["causes"].append(json.dumps(causes))


@contextmanager
def canary_system(level: int) -> Iterator[CanarySystem]:
    """Enter a system that logs at a level, as Lambda would let it."""
    system, text, root = CanarySystem(batch=2), StringIO(), logging.getLogger()
    everything = logging.StreamHandler(text)
    own = (logger.name, "moto", "sfn_local")  # Lambda's handler leaves what is ours to ours
    everything.addFilter(lambda record: not record.name.startswith(own))
    before = root.level, logger.log_level
    publish, put, issue, sign = Topic.publish, DeadLetters.put, Tokens.issue, ApprovalLink.signed

    def published(topic: Topic, messages: Any) -> None:
        system.seen["notices"].append(json.dumps(list(messages)))
        publish(topic, messages)

    def put_away(letters: DeadLetters, keys: Any, reason: str) -> None:
        system.seen["notices"].append(f"{keys} {reason}")
        put(letters, keys, reason)

    def issued(tokens: Tokens, *arguments: Any) -> str:
        token = issue(tokens, *arguments)
        system.canaries.add(token)
        return token

    def signed(link: ApprovalLink, secret: bytes) -> str:
        text = sign(link, secret)
        system.canaries.add(text)
        return text

    reported = FunctionError.of

    def report(error: BaseException) -> FunctionError:
        system.seen["reports"].append(str(error))
        return reported(error)

    with ExitStack() as stack:
        patch = mock.patch.object
        stack.enter_context(patch(eraser, "SEGMENTS", 1))  # so few items are soon gone through
        stack.enter_context(patch(Topic, "publish", published))
        stack.enter_context(patch(DeadLetters, "put", put_away))
        stack.enter_context(patch(Tokens, "issue", issued))
        stack.enter_context(patch(ApprovalLink, "signed", signed))
        stack.enter_context(patch(FunctionError, "of", report))
        stack.enter_context(patch(logger.registered_handler, "stream", text))
        root.addHandler(everything)
        root.setLevel(level)
        logger.setLevel(level)
        try:
            with system:
                yield system
                system.look()
        finally:
            root.removeHandler(everything)
            root.setLevel(before[0])
            logger.setLevel(before[1])
            system.seen["logs"].append(text.getvalue())


class Quoting:
    """Lets a call of each function's first invocations fail with a text that quotes what it got.

    Of the API's, only where it is asked for: nothing else runs once a request is refused.
    """

    def __init__(self, number: int, moment: str, *, api: bool = False) -> None:
        self._number = number
        self._moment = moment
        self._is_api = api
        self.met: set[str] = set()

    def __call__(self, call: AwsCall, moment: str) -> None:
        is_turn = call.number == self._number and call.invocation <= 2
        is_meant = (call.function == API) is self._is_api
        if is_turn and is_meant and moment == self._moment:
            self.met.add(call.function)
            raise ClientError(
                {
                    "Error": {"Code": "ValidationException", "Message": f"not valid: {QUOTED}"},
                    "ResponseMetadata": {"HTTPStatusCode": 400},  # type: ignore[typeddict-item]
                },
                call.operation,
            )


def raising(*_: Any, **__: Any) -> None:
    """A user's function that quotes what it was given."""
    raise ValueError(f"cannot take {QUOTED}")


@dataclass
class Day:
    """What was seen outside of the tables, of all flows; and which functions have run."""

    seen: dict[str, str] = field(default_factory=dict)
    found: set[tuple[str, str]] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)


def day(level: int, *observers: Observer, flows: Sequence[Flow] = FLOWS) -> Day:
    """Play flows, however they end, each in a system of its own."""
    told = Day()
    for flow in flows:
        with canary_system(level) as system:
            system.calls.observers.extend(observers)
            with suppress(AssertionError, LookupError, ClientError, FunctionError):
                flow(system)
            with suppress(ClientError, FunctionError):
                system.lambdas.invoke(AUDIT, json.dumps(WHOLE).encode())
                system.lambdas.invoke(ERASES, json.dumps(PERSON).encode())
            with suppress(ClientError, FunctionError):
                answer = system.lambdas.invoke(WEBHOOKS, json.dumps(_sent()).encode())
                system.seen["responses"].append(answer.decode())
            system.calls.observers.clear()
        for where, texts in system.seen.items():
            text = "\n".join(texts)
            told.seen[where] = told.seen.get(where, "") + text
            told.found |= {(where, canary) for canary in system.canaries if canary in text}
        told.functions |= {function for function, _ in system.heard.outcomes}
    return told


def _sent() -> dict[str, Any]:
    """Return what another system sends to a webhook."""
    event = json.loads((ROOT / "events/api/receive_webhook.json").read_text(encoding="utf-8"))
    headers = event["headers"] | {"authorization": SECRET, "x-signature": IBAN, "x-user": EMAIL}
    return {**event, "headers": headers, "body": QUOTED, "rawQueryString": f"token={SECRET}"}


def _tainted(body: dict[str, Any] | None) -> dict[str, Any] | None:
    if body is None:
        return None
    tainted = dict(body)
    if isinstance(body.get("attributes"), dict):
        tainted["attributes"] = body["attributes"] | PRIVATE
    if isinstance(body.get("input"), dict):
        tainted["input"] = body["input"] | (ORDER if "saga" in body else REMINDER)
    if isinstance(body.get("input"), list):
        tainted["input"] = [each | REMINDER for each in body["input"]]
    if body.get("type") == "ORDER_RELEASE":
        tainted |= {"payload": PRIVATE, "note": f"for {EMAIL}"}
    return tainted


def _without_payloads(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if name not in PAYLOADS}
        return {name: _without_payloads(each) for name, each in kept.items()}
    return [_without_payloads(each) for each in value] if isinstance(value, list) else value


def _without_tokens_given(history: str) -> str:
    """A history without the tokens that its machine gave to functions, which AWS records."""
    return re.sub(r'(\\*"(?:taskToken|Token)\\*": ?\\*")[^"\\]+', r"\1", history)


def _causes(value: Any) -> Iterator[str]:
    """Whatever an item says of failures, at any depth."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name in ("cause", "error", "reason") and isinstance(each, str):
                yield each
            yield from _causes(each)
    elif isinstance(value, list):
        for each in value:
            yield from _causes(each)
