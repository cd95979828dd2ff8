"""The demonstration's approvals: one is granted, one expires after a week that takes a second."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.keys import ApprovalKey
from sfn_cqrs_tools.demo.client import Client
from sfn_cqrs_tools.demo.compare import unlike
from sfn_cqrs_tools.demo.step import PATIENCE_SECONDS, TENANT, DemoError, Report, Scale
from sfn_cqrs_tools.terminal.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from sfn_cqrs_tools.stack.local_stack import LocalStack

TYPE = "ORDER_RELEASE"
TARO, HANAKO = "taro", "hanako"
DAY = 86_400
DAYS = 7
REMINDERS = DAYS - 1


@dataclass(frozen=True)
class ApprovalStory:
    """The results: both approvals at their end, both orders, and the answers to refusals."""

    granted: dict[str, Any]
    expired: dict[str, Any]
    orders: list[Any]
    own: tuple[int, str]
    late: tuple[int, str]

    def differences(self) -> list[str]:
        """Compare with the expected facts; return the differences, one line each."""
        decided_by = [one["by"] for one in self.granted["decisions"]]
        facts: list[tuple[str, Any, Any]] = [
            ("the first approval", ("GRANTED", "DONE"), _end_of(self.granted)),
            ("who decided", [HANAKO], decided_by),
            ("the requester's own decision", (HTTPStatus.FORBIDDEN, "four_eyes"), self.own),
            ("the second approval", ("EXPIRED", "DONE"), _end_of(self.expired)),
            ("reminders in a week", REMINDERS, self.expired["reminders"]),
            ("a decision after that week", (HTTPStatus.GONE, "expired"), self.late),
            ("the orders", ["released", "held: expired"], self.orders),
        ]
        return unlike(facts)


def tell(stack: LocalStack, console: Console, scale: Scale) -> Report:
    """Have an order released by somebody else, and let another one's approval expire."""
    del scale
    console.print(
        f"\nTwo orders wait to be released; one of them for {DAYS} days of virtual time:\n"
    )
    with progress(console, "Days", DAYS) as update:
        story = run_approvals(stack, update)
    reminders = str(story.expired["reminders"])
    numbers = [("approvals granted, expired", "1, 1"), ("reminders in a week", reminders)]
    return Report(numbers, story.differences())


def run_approvals(stack: LocalStack, update: Callable[[int], None]) -> ApprovalStory:
    """Grant one, and let the other expire.

    Raises:
        DemoError: a request was refused, or something does not happen within half a minute.
    """
    with Client(stack.http) as client:
        waits = _Waits(stack)
        first, second = (_requested(client, order) for order in ("demo-1", "demo-2"))
        for id_ in (first, second):
            _waited(client, id_, partial(waits.has_begun, reminders=0))
        own = _decided(client, first, TARO)
        _decided(client, first, HANAKO)
        granted = _waited(client, first, _has_ended)
        released = _order(client, "demo-1", "release")  # before time leaps: nothing else is at work
        expired = _let_expire(client, second, waits, stack.leap, update)
        late = _decided(client, second, HANAKO)
        held = _order(client, "demo-2", "release")
    return ApprovalStory(granted, expired, [released, held], own, late)


class _Waits:
    """The approvals' executions: before one waits again, no timer leaps with the clock."""

    def __init__(self, stack: LocalStack) -> None:
        """Look into the executions of a stack."""
        self._client = stack.client("stepfunctions")
        self._table = stack.outputs["ApprovalsTableName"]
        machine = stack.outputs["ApprovalStateMachineArn"]
        self._prefix = machine.replace(":stateMachine:", ":execution:")

    def has_begun(self, found: dict[str, Any], reminders: int) -> bool:
        """Return whether the wait after so many reminders has begun; a retry of it is none."""
        approval = bootstrap.approvals().find(ApprovalKey.of(TENANT, found["id"]))
        if approval is None or approval.token is None or approval.reminders < reminders:
            return False
        arn = f"{self._prefix}:{approval.ref.execution_name(self._table)}"
        (last,) = self._client.get_execution_history(
            executionArn=arn, reverseOrder=True, maxResults=1
        )["events"]
        return bool(last["type"] == "TaskSubmitted")


def _let_expire(
    client: Client,
    id_: str,
    waits: _Waits,
    leap: Callable[[float], None],
    update: Callable[[int], None],
) -> dict[str, Any]:
    for day in range(1, DAYS):
        leap(DAY)
        _waited(client, id_, partial(waits.has_begun, reminders=day))
        update(day)
    leap(DAY)
    expired = _waited(client, id_, _has_ended)
    update(DAYS)
    return expired


def _requested(client: Client, order: str) -> str:
    content = {"customer": "ada", "total": 1200}
    body = {"type": "ORDER", "code": order, "name": "A large order", "attributes": content}
    client.send("POST", "/commands", body)
    _order(client, order, "total")
    asked = {"type": TYPE, "subject": order, "payload": {"total": 1200}}
    status, answer = client.send("POST", "/approvals", asked, TARO)
    if status != HTTPStatus.ACCEPTED:
        raise DemoError(f"POST /approvals answered {status}: {answer}")
    return str(answer["id"])


def _decided(client: Client, id_: str, user: str) -> tuple[int, str]:
    """Approve as somebody; return the status, and the code of a refusal."""
    seen = client.send("GET", f"/approvals/{id_}", None, user)[1]
    body = {"reason": "Known", "digest": seen["digest"]}
    status, answer = client.send("POST", f"/approvals/{id_}/approve", body, user)
    return status, answer.get("code", "")


def _order(client: Client, order: str, attribute: str) -> Any:
    """Return an attribute of an order, once it is there; None if it does not come."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = client.send("GET", f"/data/ORDER/{order}")[1].get("attributes", {})
        if attribute in found or time.monotonic() > deadline:
            return found.get(attribute)
        time.sleep(0.05)


def _waited(
    client: Client, id_: str, is_reached: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = client.send("GET", f"/approvals/{id_}")[1]
        if is_reached(found):
            return found
        if time.monotonic() > deadline:
            raise DemoError(f"approval {id_} is {found['status']}, {found['stage']}; see the log")
        time.sleep(0.05)


def _has_ended(found: dict[str, Any]) -> bool:
    return found["stage"] in ("DONE", "FAILED")


def _end_of(found: dict[str, Any]) -> tuple[str, str]:
    return found["status"], found["stage"]
