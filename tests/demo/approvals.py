"""The demonstration's approvals: one is granted, one expires after a week that takes a second."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tests.demo.compare import unlike
from tests.demo.step import TENANT, Report, Scale

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.keys import ApprovalKey
from sfn_cqrs_tools.terminal.progress import progress
from sfn_cqrs_tools.testing.client import Answer, Client

if TYPE_CHECKING:
    from rich.console import Console

    from sfn_cqrs_tools.stack.local_stack import LocalStack

TYPE = "ORDER_RELEASE"
TARO, HANAKO = "taro", "hanako"
DAY = 86_400
DAYS = 7
REMINDERS = DAYS - 1


def tell(stack: LocalStack, console: Console, scale: Scale) -> Report:
    """Have an order released by somebody else, and let another one's approval expire."""
    del scale
    console.print(
        f"\nTwo orders wait to be released; one of them for {DAYS} days of virtual time:\n"
    )
    with progress(console, "Days", DAYS) as update, Client(stack.http) as client:
        waits = _Waits(stack)
        paths = first, second = [_requested(client, order) for order in ("demo-1", "demo-2")]
        for path in paths:
            client.until(path, partial(waits.has_begun, reminders=0))
        own = _decided(client, first, TARO)
        _decided(client, first, HANAKO)
        granted = client.until(first, _has_ended)
        released = _order(client, "demo-1", "release")  # before time leaps: nothing else is at work
        for day in range(1, DAYS):
            stack.leap(DAY)
            client.until(second, partial(waits.has_begun, reminders=day))
            update(day)
        stack.leap(DAY)
        expired = client.until(second, _has_ended)
        update(DAYS)
        late = _decided(client, second, HANAKO)
        held = _order(client, "demo-2", "release")
    facts: list[tuple[str, Any, Any]] = [
        ("the first approval", ("GRANTED", "DONE"), _end_of(granted)),
        ("who decided", [HANAKO], [one["by"] for one in granted["decisions"]]),
        ("the requester's own decision", (HTTPStatus.FORBIDDEN, "four_eyes"), own),
        ("the second approval", ("EXPIRED", "DONE"), _end_of(expired)),
        ("reminders in a week", REMINDERS, expired["reminders"]),
        ("a decision after that week", (HTTPStatus.GONE, "expired"), late),
        ("the orders", ["released", "held: expired"], [released, held]),
    ]
    reminders = str(expired["reminders"])
    numbers = [("approvals granted, expired", "1, 1"), ("reminders in a week", reminders)]
    return Report(numbers, unlike(facts))


class _Waits:
    """The approvals' executions: before one waits again, no timer leaps with the clock."""

    def __init__(self, stack: LocalStack) -> None:
        """Look into the executions of a stack."""
        self._client = stack.client("stepfunctions")
        self._table = stack.outputs["ApprovalsTableName"]
        machine = stack.outputs["ApprovalStateMachineArn"]
        self._prefix = machine.replace(":stateMachine:", ":execution:")

    def has_begun(self, found: Answer, reminders: int) -> bool:
        """Return whether the wait after so many reminders has begun; a retry of it is none."""
        approval = bootstrap.approvals().find(ApprovalKey.of(TENANT, found["id"]))
        if approval is None or approval.token is None or approval.reminders < reminders:
            return False
        arn = f"{self._prefix}:{approval.ref.execution_name(self._table)}"
        (last,) = self._client.get_execution_history(
            executionArn=arn, reverseOrder=True, maxResults=1
        )["events"]
        return bool(last["type"] == "TaskSubmitted")


def _requested(client: Client, order: str) -> str:
    """Publish an order and ask for its release; return the path of the approval."""
    content = {"customer": "ada", "total": 1200}
    body = {"type": "ORDER", "code": order, "name": "A large order", "attributes": content}
    client.send("POST", "/commands", body)
    _order(client, order, "total")
    asked = {"type": TYPE, "subject": order, "payload": {"total": 1200}}
    return f"/approvals/{client.asked('POST', '/approvals', asked, TARO)['id']}"


def _decided(client: Client, path: str, user: str) -> tuple[int, str]:
    """Approve as somebody; return the status, and the code of a refusal."""
    seen = client.send("GET", path, None, user)[1]
    body = {"reason": "Known", "digest": seen["digest"]}
    status, answer = client.send("POST", f"{path}/approve", body, user)
    return status, answer.get("code", "")


def _order(client: Client, order: str, attribute: str) -> Any:
    """Return an attribute of an order, once it is there."""
    found = client.until(
        f"/data/ORDER/{order}", lambda found: attribute in found.get("attributes", {})
    )
    return found["attributes"][attribute]


def _has_ended(found: Answer) -> bool:
    return found["stage"] in ("DONE", "FAILED")


def _end_of(found: Answer) -> tuple[str, str]:
    return found["status"], found["stage"]
