"""Runs the real functions through all that they do, and holds their calls against their roles.

The stack refuses what a role does not allow; here nothing is refused, and nothing is allowed
that no function asks for.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Any
from unittest import mock
from urllib.parse import urlencode

import pytest
from tests.support.granting import granting
from tests.support.over_http import fetch
from tests.support.typed import declaring
from tests.support.waiting import waited
from tests.support.zip_system import an_archive
from tests.template.reaching import reaches
from tests.template.saga_calls import (
    PERSON,
    a_shard,
    lose_sagas_and_sweep,
    repair_all,
    run_sagas,
)
from tests.template.stack import ROOT, SHOP, TEMPLATE, is_added
from tests.template.workflow_calls import run_workflows

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit import objects as audit_objects
from sfn_cqrs.care.erasure import eraser
from sfn_cqrs.care.live import events as live_events
from sfn_cqrs.care.live.events import Send
from sfn_cqrs.kernel.aws.attributes_bucket import Whose
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.keys import (
    ApprovalKey,
    ApprovalRef,
    ImportKey,
    ItemKey,
    TaskKey,
    TaskKind,
    ZipRef,
)
from sfn_cqrs.kernel.models.models import Personal
from sfn_cqrs.kernel.notices import DEEPEST
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.approval.service import ApprovalService
from sfn_cqrs.machines.approval.types import Decided
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.command.read_models import read_model_type
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.import_csv.places import IMPORTS as IMPORT_QUEUE
from sfn_cqrs.machines.import_csv.places import ImportQueue, Settle
from sfn_cqrs.machines.import_csv.service import Request
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.task.items import TASKS
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService
from sfn_cqrs.machines.zip_orchestrator.service import ZipImports, ZipRequest
from sfn_cqrs_tools.runtime.iam.policies import Permissions
from sfn_cqrs_tools.runtime.lambdas import current_function
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.testing.quick_stack import quick_stack

ERASES = "ScheduleErasePeopleFunction"
EVERYWHERE = {
    *("commands", "data", "history", "objects", "tasks", "inputs", "sagas", "approvals"),
    *("imports", "files"),
}
"""Where something about a person is stored, beside the read models."""
pytestmark = [
    pytest.mark.stack,
    pytest.mark.real_time("a run looks again after a second, and then after two"),
]

FOR_OTHER_HANDLERS = {"dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:Query"}
"""What handlers may do with a read model, and the example's do not."""
FOR_OTHER_TASKS = {"dynamodb:GetItem", "dynamodb:UpdateItem"}
"""The same for task handlers: the example's puts, and nothing else."""
TASK_WORKERS = {
    "QueueOnTaskActionFunction",
    "TaskIteratorFunction",
    "ZipOrchestratorFinalizeZipJobFunction",
}
SAGA_WORKERS = {"SagaRunStepsFunction", "SagaUndoStepsFunction"} | {
    f"OrderSaga{state}Function"
    for state in (
        "ReserveStock",
        "ChargePayment",
        "ShipOrder",
        "CancelShipment",
        "RefundPayment",
        "ReleaseStock",
    )
}
WAKERS = {
    "TaskIteratorFunction",
    "ApiHandleRequestFunction",
    "ApprovalRequestApprovalFunction",
    "CommandFinishFunction",
    "CommandMarkFailedFunction",
    "CommandWaitPrevCommandFunction",
    *SAGA_WORKERS,
    "ScheduleSweepApprovalsFunction",
    "ScheduleSweepCommandsFunction",
    "StreamOnProcessChangedFunction",
}
WAKE = {"dynamodb:UpdateItem", "states:SendTaskFailure", "states:SendTaskSuccess"}
"""All of them wake a version or an approval, restart it or end its wait; who is first is a race."""
INVOKED = [name for name in SHOP.functions if name.startswith(("Event", "Schedule"))]
ON_THEIR_BEHALF = {"kms:GenerateDataKey", "kms:Decrypt"}
"""SNS uses the alarm topic's key in the name of its caller."""
BY_LAMBDA = {(function, "sqs:SendMessage") for function in INVOKED}
"""Lambda itself sends what failed in the name of the function."""
REPORTERS = (
    "ImportCsvCsvLoaderFunction",
    "ImportCsvFinalizeParentJobFunction",
    "QueueOnImportActionFunction",
    "ScheduleFinishImportsFunction",
)
WITHOUT_A_TOKEN = {"ApiShowDocsFunction"}
"""It imports the package to show it, and may do nothing, because anybody may ask."""
UNHEARD = {
    ("ImportCsvCsvRowsHandlerFunction", "s3:PutObject"),  # a strategy may make large attributes
    ("QueueOnImportActionFunction", "s3:PutObject"),
    ("QueueOnImportActionFunction", "dynamodb:GetItem"),  # where somebody else ends the job first
    *((function, "s3:GetObject") for function in REPORTERS),  # asked by threads of their own
    ("SchedulePublishDueFunction", "dynamodb:ConditionCheckItem"),  # after a version from before
    (ERASES, "dynamodb:ConditionCheckItem"),  # the type had unique values
}
"""What imports do, and the example does not, or not where it is heard."""
USED_ELSEWHERE = {
    "AppPolicy",  # the example's own, as `sfn-cqrs init` writes it
    "HandlerPolicy",  # tools/tests/local/test_handler_rights.py uses all of it
}
QUEUE_CONSUMERS = {
    "QueueOnImportActionFunction": "ImportActionQueue",
    "QueueOnNotificationFunction": "NotificationQueue",
    "QueueOnTaskActionFunction": "TaskActionQueue",
}
BEAT = "states:SendTaskHeartbeat"
"""What a long state of a user's own workflow sends now and then; here none takes so long."""
WHEN_S3_FAILS = {"s3:AbortMultipartUpload", "s3:ListBucket"}
"""The one gives an upload up, the other lets S3 say of an object that it does not exist."""


def live_sender(stack: LocalStack) -> Callable[[], Send]:
    """What makes senders of what boto3 has no client for; the role is asked all the same."""
    make = live_events._sender

    def making() -> Send:
        send = make()

        def sending(request: Any) -> Any:
            namespace = json.loads(request.body)["channel"].split("/")[1]
            arn = f"{stack.template.arn('LiveApi')}/channelNamespace/{namespace}"
            function = current_function() or ""
            assert permissions_of(stack).refusal(function, "appsync:EventPublish", arn) is None
            return send(request)

        return sending

    return making


def permissions_of(stack: LocalStack) -> Permissions:
    assert stack.iam is not None
    assert stack.iam.permissions is not None
    return stack.iam.permissions


class User:
    """Somebody at the API of the stack, who waits for what was asked."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack

    def ask(self, path: str, body: Any = None, **headers: str) -> Any:
        sent = {"content-type": "application/json", **headers}
        return fetch(f"{self.stack.http}{path}", sent, body).json

    def publish(self, code: str, version: int = 0, **more: Any) -> Any:
        attributes = more.pop("attributes", {"country": "JP", "n": version})
        item = {"type": "AIRPORT", "code": code, "name": code, "version": version}
        return self.ask("/commands", {**item, "attributes": attributes, **more})

    def order(self, code: str, country: str, version: int = 0) -> Any:
        """Publish an order; its handler knows only some countries, and not XX."""
        attributes = {"customer": "ada", "country": country}
        item = {"type": "ORDER", "code": code, "name": code, "version": version}
        return self.ask("/commands", {**item, "attributes": attributes})

    def outcomes(self, item: str) -> list[str]:
        """Each version's outcome and attempt, the newest first, of a type and code."""
        versions = self.ask(f"/commands/{item}")["items"]
        return [f"{version['outcome']} {version['attempt']}" for version in versions]

    def wait_for(self, item: str, *outcomes: str) -> None:
        waited(lambda: self.outcomes(item), lambda found: found == list(outcomes))

    def wait_for_stage(self, path: str, stage: str) -> None:
        waited(lambda: self.ask(path), lambda found: found["stage"] == stage)

    def create_task(self, value: Any, **headers: str) -> str:
        answer = self.ask("/tasks", {"taskType": "ORDER_REMINDER", "input": value}, **headers)
        return str(answer["id"])

    def wait_for_task(self, id_: str, status: str, attempt: int = 1) -> None:
        ended = (status, attempt)
        waited(
            lambda: self.ask(f"/tasks/{id_}"),
            lambda found: (found["status"], found["attempt"]) == ended,
        )

    def ask_for_release(self, order: str, note: str = "", **headers: str) -> str:
        body = {"type": "ORDER_RELEASE", "subject": order, "note": note}
        return str(self.ask("/approvals", body, **headers)["id"])

    def change(self, order: str) -> None:
        body = {"type": "ORDER", "code": order, "partial": True, "attributes": {"total": 1}}
        self.ask("/commands", body)

    def decide(self, id_: str, verb: str) -> None:
        body = {"digest": self.ask(f"/approvals/{id_}")["digest"]}
        self.ask(f"/approvals/{id_}/{verb}", body, **{"x-user": "hanako"})

    def wait_for_approval(
        self, id_: str, stage: str, attempt: int = 1, *, is_parked: bool = False
    ) -> None:
        def is_there(found: Any) -> bool:
            is_at_it = (found.get("stage"), found.get("attempt")) == (stage, attempt)
            return is_at_it and (not is_parked or self._is_parked(id_))

        waited(lambda: self.ask(f"/approvals/{id_}"), is_there)

    def _is_parked(self, id_: str) -> bool:
        key = {"pk": {"S": "APPROVAL#tenant1"}, "sk": {"S": f"APPROVAL#{id_[2:]}"}}
        table = self.stack.outputs["ApprovalsTableName"]
        item = self.stack.client("dynamodb").get_item(TableName=table, Key=key).get("Item", {})
        return "task_token" in item


@pytest.fixture(scope="module")
def importers() -> Iterator[set[str]]:
    """The functions that import the user's package meanwhile."""
    seen: set[str] = set()
    load = handlers.load

    def loading() -> None:
        seen.add(current_function() or "")
        load()

    with mock.patch.object(handlers, "load", loading):
        yield seen


@pytest.fixture(scope="module")
def reaching() -> set[str]:
    """The functions whose code may import the user's package.

    They are found before a stack runs. Until Python 3.11.8 all threads that parse share one count
    of the depth (python/cpython#106905), and a thread that prints a traceback parses its lines; a
    stack prints the tracebacks of its dead letters.
    """
    return {
        name
        for name, function in SHOP.functions.items()
        if reaches(function.folder / "app.py", "sfn_cqrs.machines.command.handlers.load")
    }


@pytest.fixture(scope="module")
def invoked() -> set[str]:
    """The functions that have run."""
    return set()


@pytest.fixture(scope="module")
def used(
    tmp_path_factory: pytest.TempPathFactory,
    importers: set[str],  # noqa: ARG001 - looks on from the start
    reaching: set[str],  # noqa: ARG001 - reads before a stack runs
    invoked: set[str],
) -> Iterator[LocalStack]:
    """A stack whose functions have done all that they can do."""
    parameters = {
        **dict.fromkeys(("CommandTtlDays", "HistoryTtlDays", "TaskTtlDays"), "30"),
        **dict.fromkeys(("ApprovalLinks", "Events", "ImportOnUpload"), "enabled"),
    }
    folder = tmp_path_factory.mktemp("state")
    with quick_stack(state_dir=folder, parameters=parameters, live=True) as stack:
        stack.functions.listeners.append(lambda done: invoked.add(done.function))
        with mock.patch.object(live_events, "_sender", live_sender(stack)):
            use(stack)
            send_what_nobody_can_read(stack)
            send_what_is_too_deep(stack)
        yield stack


def use(stack: LocalStack) -> None:
    """Make every function do all that it can do."""
    user = User(stack)
    publish_and_read(user)
    fail_and_repair(user)
    repair_in_bulk(user)
    rebuild(user)
    lose_and_sweep(user)
    plan_and_publish(user)
    run_tasks(user)
    repair_all(user, {"kind": "task", "action": "retry", "type": "ORDER_REMINDER"})
    lose_tasks_and_sweep(user)
    decide(user)
    lose_approvals_and_sweep(user)
    import_files(stack)
    import_rows()
    repair_all(user, {"kind": "import", "action": "retry", "type": "airports"})
    lose_imports_and_sweep(stack)
    run_sagas(user)
    lose_sagas_and_sweep(user)
    import_at_once(user)
    import_uploads(user)
    import_archives(stack)
    ask_for_archives(user)
    run_workflows(stack)
    audit(stack)
    user.ask("/usage")
    erase_people(user)
    assert fetch(f"{stack.http}/docs").status == 200
    assert fetch(f"{stack.http}/webhooks/nobody", body={}).status == 404
    subscribe(stack)
    write_what_nobody_can_read(stack)


def publish_and_read(user: User) -> None:
    for version in range(3):
        user.publish("NRT", version)
    user.wait_for("AIRPORT/NRT", "APPLIED 1", "APPLIED 1", "APPLIED 1")
    large = {"country": "JP", "text": "x" * 150_000}
    user.publish("HND", attributes=large, mode="sync")
    user.publish("HND", 1, attributes={**large, "n": 2}, mode="sync")
    user.publish("KIX", attributes=large)
    user.wait_for("AIRPORT/KIX", "APPLIED 1")
    item = {"type": "AIRPORT", "code": "CTS", "name": "CTS", "attributes": {"country": "JP"}}
    user.ask("/commands", item, **{"idempotency-key": "once"})
    user.ask("/commands", item, **{"idempotency-key": "once"})
    user.ask("/commands", {**item, "version": 1}, **{"idempotency-key": "unchanged"})
    user.wait_for("AIRPORT/CTS", "APPLIED 1")
    for path in ("/AIRPORT/HND", "?type=AIRPORT", "/AIRPORT/HND/history"):
        user.ask(f"/data{path}")
    user.ask("/commands/AIRPORT/KIX/1")


def fail_and_repair(user: User) -> None:
    user.order("BAD", "XX")
    user.wait_for("ORDER/BAD", "FAILED 1")
    user.order("BAD", "JP", 1)
    user.wait_for("ORDER/BAD", "BLOCKED 1", "FAILED 1")
    grow_old(user.stack, "ORDER", "BAD")
    assert sweep(user.stack, "SweepCommands")["blocked_blocked"] == 1
    user.ask("/commands/ORDER/BAD/1/retry", {})
    user.wait_for("ORDER/BAD", "BLOCKED 1", "FAILED 2")
    user.ask("/commands/ORDER/BAD/2/retry", {})  # in the standard machine, whose end is told
    user.wait_for("ORDER/BAD", "BLOCKED 2", "FAILED 2")
    user.ask("/commands/ORDER/BAD/1/skip", {})
    user.wait_for("ORDER/BAD", "APPLIED 3", "SKIPPED 2")


def grow_old(stack: LocalStack, type_: str, code: str) -> None:
    """Let the second version be one that a sweep looks at."""
    stack.client("dynamodb").update_item(
        TableName=stack.outputs["CommandsTableName"],
        Key={
            "pk": {"S": f"TENANT#tenant1#{type_}#{code}"},
            "sk": {"S": f"{type_}#{code}@00000002#process"},
        },
        UpdateExpression="SET opened_at = :long_ago",
        ExpressionAttributeValues={":long_ago": {"S": "2026-01-01T00:00:00.000Z"}},
    )


def repair_in_bulk(user: User) -> None:
    """A version that fails again is retried, and then skipped; the next one goes on."""
    user.order("WORSE", "XX")
    user.wait_for("ORDER/WORSE", "FAILED 1")
    user.order("WORSE", "JP", 1)
    user.wait_for("ORDER/WORSE", "BLOCKED 1", "FAILED 1")
    repair_all(user, {"kind": "command", "action": "retry"})
    user.wait_for("ORDER/WORSE", "BLOCKED 1", "FAILED 2")
    repair_all(user, {"kind": "command", "action": "skip"})
    user.wait_for("ORDER/WORSE", "APPLIED 2", "SKIPPED 2")


def rebuild(user: User) -> None:
    """The next generation is built of every version, read, and the old one dropped."""
    path = "/rebuilds/airports_by_country"
    user.ask(path, {"everyVersion": True})
    user.wait_for_stage(path, "READY")
    user.ask(f"{path}/switch", {"withFailed": True})
    # Some may read the old one.
    waited(lambda: user.ask(f"{path}/drop", {}).get("code") != "wrong_stage")
    user.wait_for_stage(path, "SERVING")


def lose_and_sweep(user: User) -> None:
    """A start that is lost is found by the tick, an execution that is stopped by its event."""
    for code, lane in (("LOST", "STANDARD"), ("IDLE", "EXPRESS")):
        lay(user.stack, code, opened_at="2026-01-01T00:00:00.000Z", lane=lane)
    for code in ("STOP", "BARE"):
        lay(user.stack, code, opened_at="2099-01-01T00:00:00.000Z", lane="STANDARD")
    for code in ("LOST", "STOP", "BARE"):
        user.publish(code, 1)
    for code in ("LOST", "STOP", "BARE"):
        user.wait_for(f"AIRPORT/{code}", "WAITING 2", "OPEN 1")
    finish_without_data(user.stack, "BARE")
    write_the_row_as_before(user.stack, "STOP")
    grow_old(user.stack, "AIRPORT", "STOP")  # its turn has not come, which the sweep finds out
    sweep(user.stack, "SweepCommands")
    user.wait_for("AIRPORT/LOST", "APPLIED 2", "APPLIED 1")
    user.wait_for("AIRPORT/IDLE", "APPLIED 1")
    client = user.stack.client("stepfunctions")
    machine = user.stack.outputs["CommandStateMachineArn"]
    for one in client.list_executions(stateMachineArn=machine, statusFilter="RUNNING")[
        "executions"
    ]:
        client.stop_execution(executionArn=one["executionArn"])
    user.wait_for("AIRPORT/STOP", "FAILED 2", "OPEN 1")


def plan_and_publish(user: User) -> None:
    """A plan that is due is published, and others are read, replaced, run and cancelled."""
    item = {"type": "AIRPORT", "partial": True, "at": "2099-01-01T00:00:00Z"}
    large = {**item, "code": "HND", "replace": "large", "attributes": {"more": "y" * 150_000}}
    for _ in range(2):
        assert user.ask("/commands", large)["plan"] == "large"
    for plan in ("second", "third"):
        small = {**item, "code": "CTS", "replace": plan, "attributes": {"n": 3}}
        user.ask("/commands", small, **{"idempotency-key": plan})
    user.ask("/plans/AIRPORT/CTS/second/run", {})
    assert fetch(f"{user.stack.http}/plans/AIRPORT/CTS/third", method="DELETE").status == 200
    assert [one["plan"] for one in user.ask("/plans")["items"]] == ["large"]
    plan = {"pk": {"S": "TENANT#tenant1#AIRPORT#HND"}, "sk": {"S": "plan#large"}}
    user.stack.client("dynamodb").update_item(
        TableName=user.stack.outputs["CommandsTableName"],
        Key=plan,
        UpdateExpression="SET opened_at = :long_ago",
        ExpressionAttributeValues={":long_ago": {"S": "2026-01-01T00:00:00.000Z"}},
    )
    assert sweep(user.stack, "PublishDue") == {"done": 1}
    user.wait_for("AIRPORT/HND", "APPLIED 1", "APPLIED 1", "APPLIED 1")
    user.wait_for("AIRPORT/CTS", "APPLIED 1", "APPLIED 1")


def finish_without_data(stack: LocalStack, code: str) -> None:
    """Close a first version without its data: the next one waits on, so whoever closes it looks."""
    event = json.loads((ROOT / "events/command/finish.json").read_text())
    event["context"]["Execution"]["Input"] |= {"code": code, "version": 1}
    done = json.loads(stack.functions.invoke("CommandFinishFunction", json.dumps(event).encode()))
    assert done == {"result": "applied"}


def write_the_row_as_before(stack: LocalStack, code: str) -> None:
    """Go on with an execution of the release before, whose Map lists the data row."""
    event = json.loads((ROOT / "events/command/sync_data.json").read_text())
    event["context"]["Execution"]["Input"] |= {"code": code, "version": 1}
    event["input"] = "dynamodb"
    done = stack.functions.invoke("CommandSyncDataFunction", json.dumps(event).encode())
    assert json.loads(done) == {"handler": "dynamodb", "ok": True}


def sweep(stack: LocalStack, name: str) -> dict[str, int]:
    """Let a sweep come by."""
    tick = (ROOT / "events/schedule/sweep_commands.json").read_bytes()
    done: dict[str, int] = json.loads(stack.functions.invoke(f"Schedule{name}Function", tick))
    return done


def audit(stack: LocalStack) -> None:
    """Let the audit look at everything; what tests laid there by hand is no finding of ours."""
    tick = json.dumps({"source": "aws.events", "detail": {"sample": "1/1"}}).encode()
    with suspects(stack):
        done = json.loads(stack.functions.invoke("ScheduleAuditSampleFunction", tick))
    assert done["items"], done
    assert done["work"], done
    hourly = (ROOT / "events/schedule/audit_sample.json").read_bytes()
    bucket, nobodys = bootstrap.attributes(), Whose(ItemKey("tenant1", "AIRPORT", "NONE"), 1)
    lost = bucket.store("tenant1", "lost", {}, folder="attributes", whose=nobodys)
    row = bootstrap.data().find(ItemKey("tenant1", "AIRPORT", "HND"))
    named = str(row and row.attributes_s3)
    bucket.note_unnamed(named, "2026-01-01T00:00:00.000Z")  # before a restore
    with mock.patch.object(audit_objects, "KEPT", timedelta(days=-1)):
        for _ in range(2):
            stack.functions.invoke("ScheduleAuditSampleFunction", hourly)
    assert (bucket.found(lost), bucket.unnamed_since(named)) == (None, "")


def subscribe(stack: LocalStack) -> None:
    """Ask for a channel, as AppSync does."""
    asked = json.loads((ROOT / "events/live/on_subscribe.json").read_bytes())
    asked["info"]["channel"]["path"] = "/live/tenant1/approval/ORDER_RELEASE/a-1"
    stack.functions.invoke("LiveOnSubscribeFunction", json.dumps(asked).encode())


@dataclass(frozen=True)
class Letter:
    """What is stored about a person, and erased again."""

    reader: str
    text: Annotated[str, Personal] = ""


def erase_people(user: User) -> None:
    """Erase a reader of letters, who is named in what the others have done here, too."""
    with declaring(), mock.patch.object(eraser, "SEGMENTS", 1):
        command_type("LETTER", publish=MEMBERS, model=Letter, subject="reader")
        of_a_total = {"subject": "total", "personal": ["name"]}
        read_model_type("orders_by_customer", by="customer", read=MEMBERS, **of_a_total)
        without_class = replace(saga_types.find("order-saga"), model=None)
        saga_types._types["order-saga"] = without_class  # every text of its input is personal
        letter = {"type": "LETTER", "code": "l-1", "name": "l-1", "mode": "sync"}
        for version, text in enumerate(("short", "x" * 5_000)):
            attributes = {"reader": PERSON, "text": text}
            user.ask("/commands", {**letter, "version": version, "attributes": attributes})
        done = erase(user, PERSON)
        assert {place for place, count in done["erased"].items() if count} == EVERYWHERE, done
        tick = json.dumps({"source": "aws.events", "detail": {"replay": True}}).encode()
        assert json.loads(user.stack.functions.invoke(ERASES, tick))["asked"] > 0
        hourly = (ROOT / "events/schedule/erase_people.json").read_bytes()
        assert json.loads(user.stack.functions.invoke(ERASES, hourly))["due"] > 0
        assert erase(user, "1200")["erased"]["read_models"] > 0


def erase(user: User, person: str) -> Any:
    asked = user.ask("/erasures", {"subject": person, "reason": "asked for"})
    detail = {"tenant": "tenant1", "erasure": asked["id"]}
    tick = json.dumps({"source": "aws.events", "detail": detail}).encode()
    done = json.loads(user.stack.functions.invoke(ERASES, tick))
    assert done["passes"] == 1, done
    return done


@contextmanager
def suspects(stack: LocalStack) -> Iterator[None]:
    """Let the index list a saga and an approval that have ended: the audit reads them again."""
    client, marked = stack.client("dynamodb"), []
    for output, kind in (("SagasTableName", "saga"), ("ApprovalsTableName", "approval")):
        table = stack.outputs[output]
        items = client.scan(TableName=table)["Items"]
        ours = (one for one in items if one.get("kind") == {"S": kind} and "open_shard" not in one)
        found = next(ours)
        marked.append((table, found))
        client.put_item(TableName=table, Item={**found, "open_shard": {"N": "0"}})
    try:
        yield
    finally:
        for table, found in marked:
            client.put_item(TableName=table, Item=found)


def lay(stack: LocalStack, code: str, opened_at: str, lane: str) -> None:
    """Put a version 1 that is open and that no event will start."""
    client, table = stack.client("dynamodb"), stack.outputs["CommandsTableName"]
    for suffix in ("", "#process"):
        sk = {"S": f"AIRPORT#CTS@00000001{suffix}"}
        key = {"pk": {"S": "TENANT#tenant1#AIRPORT#CTS"}, "sk": sk}
        item = client.get_item(TableName=table, Key=key)["Item"]
        item |= {"code": {"S": code}, "sk": {"S": f"AIRPORT#{code}@00000001{suffix}"}}
        item["pk"] = {"S": f"TENANT#tenant1#AIRPORT#{code}"}
        if suffix:
            item |= {"outcome": {"S": "OPEN"}, "status": {"S": "lost"}, "open_shard": {"N": "0"}}
            item |= {"opened_at": {"S": opened_at}, "lane": {"S": lane}}
            item.pop("run", None)  # the claim of the execution that it is a copy of
        client.put_item(TableName=table, Item=item)


def run_tasks(user: User) -> None:
    letters = [{"order": "o-1", "to": PERSON}, {"order": "o-2", "to": "nowhere"}]
    batch = user.create_task(letters)
    user.wait_for_task(batch, "FAILED")
    user.ask(f"/tasks/{batch}/retry", {})
    user.wait_for_task(batch, "FAILED", attempt=2)
    user.wait_for_task(user.create_task([{**letters[0], "order": "x" * 90_000}] * 2), "COMPLETED")
    one = user.create_task(letters[0], **{"idempotency-key": "reminder"})
    assert user.create_task(letters[0], **{"idempotency-key": "reminder"}) == one
    user.wait_for_task(one, "COMPLETED")
    cancelled = user.create_task(letters)
    user.ask(f"/tasks/{cancelled}/cancel", {})
    user.wait_for_task(cancelled, "CANCELLED")
    with the_first_failure_stops():
        user.wait_for_task(user.create_task(letters[::-1]), "FAILED")
    user.ask("/tasks?taskType=ORDER_REMINDER")


@contextmanager
def the_first_failure_stops() -> Iterator[None]:
    """A reminder that fails keeps those behind it from being sent."""
    known = task_types._types["ORDER_REMINDER"]
    task_types._types["ORDER_REMINDER"] = replace(known, fail_fast=True)
    try:
        yield
    finally:
        task_types._types["ORDER_REMINDER"] = known


def import_at_once(user: User) -> None:
    """A file with rows of every fate, sent by the form that its tenant is given."""
    start = send_airports(user, "Narita")
    done = user.ask("/imports", start)
    assert [row["result"] for row in done["rows"]] == ["created", "failed"], done
    changed = user.ask("/imports", send_airports(user, "New Tokyo"))
    assert [row["result"] for row in changed["rows"]] == ["updated", "failed"], changed
    user.ask("/imports", {**start, "publishMode": "ASYNC"})
    for path in ("", f"/{done['id']}"):
        user.ask(f"/imports{path}")
    report = fetch(f"{user.stack.http}/imports/{done['id']}/errors.csv")
    assert report.text.count("RJTT") == 1
    user.ask(f"/imports/{done['id']}/cancel", {})
    user.ask(f"/imports/{done['id']}/retry", {})
    again = user.ask(
        "/imports", send_airports(user, "Tokyo", "RJTT,Haneda,JP,35.5,139.8,Asia/Tokyo")
    )
    undo_import(user, again["id"])


def undo_import(user: User, id_: str) -> None:
    """An undo restores one item of history, and deletes another."""
    undo = user.ask(f"/imports/{id_}/undo", {})
    going_on = ("CREATED", "PROCESSING")
    waited(lambda: user.ask(f"/imports/{undo['id']}")["status"] not in going_on)


def import_uploads(user: User) -> None:
    """A file in the place of a table, of which S3 tells; and an event that names its version."""
    bucket, key = user.stack.outputs["ImportBucketName"], "uploads/tenant1/auto/airports/a.csv"
    before = len(user.ask("/imports")["items"])
    put = user.stack.client("s3").put_object(Bucket=bucket, Key=key, Body=b"")
    waited(lambda: len(user.ask("/imports")["items"]) != before)
    event = json.loads((ROOT / "events/event/on_file_uploaded.json").read_text(encoding="utf-8"))
    event["detail"]["object"] |= {"key": key, "version-id": put["VersionId"]}
    user.stack.functions.invoke("EventOnFileUploadedFunction", json.dumps(event).encode())
    assert len(user.ask("/imports")["items"]) == before + 1


def send_airports(user: User, name: str, second: str = "RJTT,,,,,") -> dict[str, str]:
    """Send a file of two rows by the form that its tenant is given; how to import it."""
    form = user.ask("/imports/uploads", {"name": "airports.csv"})
    lines = ["icao,name,country,lat,lon,tz", f"RJEE,{name},JP,35.7,140.3,Asia/Tokyo", second]
    parts = [*form["fields"].items(), ("file", "\n".join(lines))]
    body = "".join(
        f'--x\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts
    )
    kind = {"content-type": "multipart/form-data; boundary=x"}
    assert fetch(form["url"], kind, f"{body}--x--\r\n".encode()).status == 204
    return {"key": form["key"], "tableName": "airports", "processingMode": "DIRECT"}


def lose_tasks_and_sweep(user: User) -> None:
    """One task whose message is lost, one whose start is, and one whose end is.

    Each lies in its own shard: one that a write moves to another may be swept twice.
    """
    client, table = user.stack.client("dynamodb"), user.stack.outputs["TasksTableName"]
    batches = filter(is_batch, client.scan(TableName=table)["Items"])
    found = min(batches, key=lambda item: item["ulid"]["S"])  # whose execution ended long ago
    waited(lambda: not any("open_shard" in item for item in client.scan(TableName=table)["Items"]))
    lost = {"QUEUED": "01KAXK3V9Q0M3W8C5R6T7Y8Z01", "PROCESSING": "01KAXK3V9Q0M3W8C5R6T7Y8Z02"}
    for status, ulid in [*lost.items(), ("PROCESSING", found["ulid"]["S"])]:
        place = TaskKey("tenant1", "ORDER_REMINDER", ulid)
        item = {**found, "pk": {"S": place.pk}, "sk": {"S": place.sk}, "ulid": {"S": ulid}}
        item |= {"status": {"S": status}, "open_shard": a_shard(TASKS, item)}
        item |= {key: {"S": "2026-01-01T00:00:00.000Z"} for key in ("opened_at", "updated_at")}
        item.pop("stop", None)
        client.put_item(TableName=table, Item=item)
    done = sweep(user.stack, "SweepTasks")
    assert (done["task_queued"], done["task_started"], done["task_closed"]) == (1, 1, 1), done
    machine = user.stack.outputs["TaskStateMachineArn"]
    sfn = user.stack.client("stepfunctions")
    running = {"stateMachineArn": machine, "statusFilter": "RUNNING"}
    waited(lambda: not sfn.list_executions(**running)["executions"])
    sweep(user.stack, "SweepTasks")


def is_batch(item: Any) -> bool:
    is_reminder = item["kind"]["S"] == "task" and item["type"]["S"] == "ORDER_REMINDER"
    return is_reminder and item["task_kind"]["S"] == TaskKind.BATCH


def decide(user: User) -> None:
    """Large orders that are released, held and forgotten; what fails and what is stale."""
    for code in ("o-yes", "o-no", "o-lost", "o-stale", "o-moved", "o-token", "o-stop"):
        attributes = {"customer": "ada", "total": 1200, "note": "x" * 5_000}
        order = {"type": "ORDER", "code": code, "name": code, "attributes": attributes}
        user.ask("/commands", order)
    yes = user.ask_for_release("o-yes", PERSON, **{"idempotency-key": "release"})
    assert user.ask_for_release("o-yes", PERSON, **{"idempotency-key": "release"}) == yes
    for id_, verb in ((yes, "approve"), (user.ask_for_release("o-no"), "reject")):
        user.decide(id_, verb)
        user.wait_for_approval(id_, "DONE")
    lost, stale, moved = (user.ask_for_release(f"o-{name}") for name in ("lost", "stale", "moved"))
    with granting(_fails):
        user.decide(lost, "approve")
        user.wait_for_approval(lost, "FAILED")
        user.ask(f"/approvals/{lost}/retry", {})
        user.wait_for_approval(lost, "FAILED", attempt=2)
    user.change("o-stale")
    user.decide(stale, "approve")
    user.wait_for_approval(stale, "DONE")
    with granting(lambda _: user.change("o-moved")):
        user.decide(moved, "approve")
        user.wait_for_approval(moved, "DONE")
    user.ask("/approvals?status=ALL")
    assert fetch(f"{user.stack.http}/approvals/{lost}/decide?token=nobodys").status == 403
    by_link = user.ask_for_release("o-no")
    user.wait_for_approval(by_link, "WAITING", is_parked=True)
    service = ApprovalService("tenant1")
    link = service.link(by_link, "hanako", {"operator"}, base_url=user.stack.http)
    assert fetch(link).status == 200
    form = urlencode({"token": link.partition("token=")[2], "decision": "approve"}).encode()
    assert fetch(link.partition("?")[0], body=form).status == 200
    user.wait_for_approval(by_link, "DONE")


def _fails(_decided: Decided) -> None:
    raise ValueError("the warehouse is closed")


def lose_approvals_and_sweep(user: User) -> None:
    """One whose start is lost and whose time is over, one whose token is, one that is stopped."""
    client, table = user.stack.client("dynamodb"), user.stack.outputs["ApprovalsTableName"]
    over = "2026-01-01T00:00:00.000Z"
    waiting = [user.ask_for_release(f"o-{name}") for name in ("no", "token", "stop")]
    for id_ in waiting:
        user.wait_for_approval(id_, "WAITING", is_parked=True)
    keys = [{"pk": {"S": "APPROVAL#tenant1"}, "sk": {"S": f"APPROVAL#{i[2:]}"}} for i in waiting]
    user.ask("/approvals")
    items = [client.get_item(TableName=table, Key=key)["Item"] for key in keys]
    lost = {"opened_at": {"S": over}, "expires_at": {"S": over}, "ulid": {"S": "0" * 26}}
    new = {
        "stage": {"S": "CREATED"},
        "happened": {"S": "WAITING"},
        "sk": {"S": f"APPROVAL#{'0' * 26}"},
    }
    client.put_item(TableName=table, Item={**items[0], **lost, **new, "id": {"S": f"a-{'0' * 26}"}})
    decided = {"status": {"S": "REJECTED"}, "opened_at": {"S": over}, "happened": {"S": "WAITING"}}
    client.put_item(TableName=table, Item={**items[1], **decided})
    done = sweep(user.stack, "SweepApprovals")
    assert (done["approval_started"], done["approval_woken"]) == (1, 1), done
    user.wait_for_approval(f"a-{'0' * 26}", "DONE")
    ref = ApprovalRef(ApprovalKey("tenant1", waiting[2][2:]), 1)
    machine = user.stack.outputs["ApprovalStateMachineArn"].replace("stateMachine", "execution")
    user.stack.client("stepfunctions").stop_execution(
        executionArn=f"{machine}:{ref.execution_name(table)}"
    )
    user.wait_for_approval(waiting[2], "WAITING", attempt=2)


def import_files(stack: LocalStack) -> None:
    """A plain file and another one; one item is large, one blocked, and one row is bad."""
    header = "icao,name,country,lat,lon,tz"
    place = "JP,35.7,140.3,Asia/Tokyo"
    rows = [f"{icao},{icao},{place}" for icao in ("KIX", "STOP", "RJAA", "RJGG")]
    plain = "\n".join([header, *rows, f"RJBB,{PERSON},JP,north,140.3,Asia/Tokyo"])
    for text in (plain, plain.replace(",", ";").replace("RJAA,RJAA", "RJAA,New")):
        service = ImportService("tenant1")
        key = service.upload_key("airports.csv")
        stack.client("s3").put_object(
            Bucket=stack.outputs["ImportBucketName"], Key=key, Body=text.encode()
        )
        wait_for_import(service.start(Request(table="airports", key=key)).job.key.id, "FAILED")


def send_what_nobody_can_read(stack: LocalStack) -> None:
    """A message to each queue that its consumer must ask to see again."""
    for queue in QUEUE_CONSUMERS.values():
        url = stack.outputs[f"{queue}Url"]
        stack.client("sqs").send_message(QueueUrl=url, MessageBody="no notice")
    waited(
        lambda: (
            QUEUE_CONSUMERS.keys()
            <= {
                grant.function
                for grant in set(permissions_of(stack).used)
                if grant.action == "sqs:ChangeMessageVisibility"
            }
        )
    )


def send_what_is_too_deep(stack: LocalStack) -> None:
    """A notice that many handlers of notices have led to; people are told."""
    place = {"tenantCode": "tenant1", "id": "deep", "table": "t", "pk": "p", "sk": "s"}
    notice = {"action": "command-status", **place, "content": {}, "depth": DEEPEST}
    body = json.dumps({"Message": json.dumps(notice)})
    url = stack.outputs["NotificationQueueUrl"]
    stack.client("sqs").send_message(QueueUrl=url, MessageBody=body)
    waited(
        lambda: (
            ("QueueOnNotificationFunction", "sns:Publish")
            in {(grant.function, grant.action) for grant in set(permissions_of(stack).used)}
        )
    )


def import_rows() -> None:
    """A large item, a new one, one that is blocked, and a bad row."""
    service = ImportService("tenant1")
    cells = {"country": "JP", "lat": "1", "lon": "2", "tz": "Asia/Tokyo"}
    rows = [
        ("KIX", "New", "1", "COMPLETED"),
        ("RJDD", "New", "1", "COMPLETED"),
        ("STOP", "New", "1", "FAILED"),
        ("RJCC", PERSON, "north", "FAILED"),
    ]
    for icao, name, lat, status in rows:
        row = service.import_row("airports", {**cells, "icao": icao, "name": name, "lat": lat})
        wait_for_import(row.job.key.id, status)


def wait_for_import(id_: str, status: str) -> None:
    waited(lambda: ImportService("tenant1").get(id_), lambda found: found.job.status == status)


def import_archives(stack: LocalStack) -> None:
    """Archives with every kind of file, and one whose end is looked at again."""
    header, good = "icao,name,country,lat,lon,tz", "RJOO,RJOO,JP,34.7,135.4,Asia/Tokyo"
    raw = an_archive(
        ("1.csv", f"{header}\n{good}\n".encode()),
        ("2.csv", f"{header}\nRJBB,{PERSON},JP,north,140.3,Asia/Tokyo\n".encode()),
        ("3.csv", b"x" * 100),
    )
    checksum = raw.rindex(b"PK\x01\x02") + 16
    archive = raw[:checksum] + b"\x00\x00\x00\x00" + raw[checksum + 4 :]
    service = ZipImports("tenant1")
    key = ImportService("tenant1").upload_key("airports.zip")
    stack.client("s3").put_object(Bucket=stack.outputs["ImportBucketName"], Key=key, Body=archive)
    job = service.start(ZipRequest(key=key, table="airports"), Caller()).job
    wait_for_archive(job.key.id, attempt=1)
    client, table = stack.client("dynamodb"), stack.outputs["ImportTmpTableName"]
    client.update_item(
        TableName=table,
        Key={"pk": {"S": job.key.pk}, "sk": {"S": job.key.sk}},
        UpdateExpression="SET open_shard = :shard, opened_at = :long_ago REMOVE settled",
        ExpressionAttributeValues={
            ":shard": {"N": "100"},
            ":long_ago": {"S": "2026-01-01T00:00:00.000Z"},
        },
    )
    done = sweep(stack, "SweepImports")
    assert done["zip_restarted"] == 1, done
    wait_for_archive(job.key.id, attempt=2)


def ask_for_archives(user: User) -> None:
    """The API's side of archives; the first of the list has ended, and one of its files failed."""
    (ended, *_) = user.ask("/imports?kind=zip")["items"]
    user.ask(f"/imports/{ended['id']}")
    again = user.ask(f"/imports/{ended['id']}/retry", {})
    waited(lambda: any(file["id"] for file in user.ask(f"/imports/{again['id']}")["files"]))
    user.ask(f"/imports/{again['id']}/cancel", {})
    key = "uploads/tenant1/auto/airports/a.zip"
    bucket = user.stack.outputs["ImportBucketName"]
    user.stack.client("s3").put_object(Bucket=bucket, Key=key, Body=b"PK")
    user.ask("/imports", {"kind": "zip", "key": key})


def wait_for_archive(id_: str, attempt: int) -> None:
    archives = ZipImports("tenant1")
    ref = ZipRef(archives.get(id_).job.key, attempt)
    waited(
        lambda: bootstrap.zip_executions().describe(ref),
        lambda execution: execution is not None and not execution.is_running,
    )
    assert archives.get(id_).job.status == "FAILED"


def is_a_file_by_the_machine(item: Any) -> bool:
    """Whether it is the import of a file that the machine has ended, and no archive's."""
    is_by_the_machine = item.get("mode") == {"S": "STEP_FUNCTION"}
    has_ended = "loaded" in item and "ending" in item
    return is_by_the_machine and has_ended and "parent" not in item


def lose_imports_and_sweep(stack: LocalStack) -> None:
    """One import whose start is lost, one whose end is, and one that moves on."""
    client, table = stack.client("dynamodb"), stack.outputs["ImportTmpTableName"]
    items = client.scan(TableName=table)["Items"]
    found = next(item for item in items if is_a_file_by_the_machine(item))
    found = {name: value for name, value in found.items() if name != "ending"}
    found |= {"status": {"S": "PROCESSING"}}
    found |= {"opened_at": {"S": "2026-01-01T00:00:00.000Z"}}
    found["loaded"]["M"]["rows"] = {"N": "8"}
    let_one_wait(stack, next(each for each in items if each.get("ulid") == found["ulid"]))
    moving = "01KAXK3V9Q0M3W8C5R6T7Y8Z02"
    late = {"opened_at": "2099-01-01T00:00:00.000Z", "updated_at": "2026-01-01T00:00:00.000Z"}
    opened = {name: {"S": at} for name, at in late.items()}
    client.put_item(TableName=table, Item=found | an_import(found["ulid"]["S"]))
    client.put_item(TableName=table, Item=found | an_import(moving) | opened)
    done = sweep(stack, "FinishImports")
    assert done["ended_import_finished"] == 1, done
    lost = lose_a_start(stack, found)
    wait_for_import(f"c-{lost}", "FAILED")
    lose_answers_and_messages(stack, items, found)
    count = {name: {"N": "1"} for name in ("created", "updated", "unchanged", "failed")}
    whose = {name: found[name] for name in ("tenant", "import_kind")} | {"ulid": {"S": moving}}
    place = {"pk": {"S": f"CSV_IMPORT#tenant1#{moving}"}, "sk": {"S": "COUNT#00"}}
    client.put_item(TableName=table, Item={**place, "kind": {"S": "count"}, **whose, **count})
    at = ImportKey("tenant1", moving)
    waited(lambda: bootstrap.import_jobs().find(at), lambda job: job is not None and job.step == 10)


def an_import(ulid: str) -> dict[str, Any]:
    """Return the key of a job, and its place in the index."""
    place = ImportKey("tenant1", ulid)
    key = {"ulid": {"S": ulid}, "pk": {"S": place.pk}, "sk": {"S": place.sk}}
    return {**key, "id": {"S": place.id}, "open_shard": a_shard(IMPORTS, key)}


def lose_a_start(stack: LocalStack, found: Any) -> str:
    """Let the sweep start a job; return its ULID. The stream may be faster: then try another."""
    client, table = stack.client("dynamodb"), stack.outputs["ImportTmpTableName"]
    for number in range(100):
        ulid = f"01KAXK3V9Q0M3W8C5R6T7Y7Z{number:02}"
        created = {"status": {"S": "CREATED"}}
        client.put_item(TableName=table, Item=found | an_import(ulid) | created)
        if "import_started" in sweep(stack, "SweepImports"):
            return ulid
    raise AssertionError("the stream started a hundred imports before the sweep")


def let_one_wait(stack: LocalStack, ended: Any) -> None:
    """An import ends while others are said to wait: who is told looks for them."""
    client, table = stack.client("dynamodb"), stack.outputs["ImportTmpTableName"]
    bootstrap.import_queue().create(ImportQueue())
    waiting = Settle(seen=frozenset(), left=frozenset({"tenant1"}))
    assert bootstrap.import_queue().change(IMPORT_QUEUE, waiting).done
    client.put_item(TableName=table, Item={**ended, "touched": {"S": "yes"}})
    waited(
        lambda: bootstrap.import_queue().find(IMPORT_QUEUE),
        lambda queue: queue is not None and not queue.waiting,
    )


def lose_answers_and_messages(stack: LocalStack, items: list[Any], found: Any) -> None:
    """An archive that waits for a file that has ended, and a row whose message is lost."""
    client, table = stack.client("dynamodb"), stack.outputs["ImportTmpTableName"]
    parent = {"id": {"S": "z-1"}, "index": {"N": "0"}, "seq": {"N": "1"}, "token": {"S": "none"}}
    waits = {"parent": {"M": parent}, "opened_at": {"S": "2026-01-01T00:00:00.000Z"}}
    waits["open_shard"] = a_shard(IMPORTS, found)
    (before,) = (item for item in items if (item["pk"], item["sk"]) == (found["pk"], found["sk"]))
    client.put_item(TableName=table, Item={**before, **waits})
    done = sweep(stack, "SweepImports")
    assert done.get("import_error") == 1, done  # nobody has made such a token
    client.put_item(TableName=table, Item={**found, **waits})
    assert sweep(stack, "FinishImports")["ended_import_error"] == 1
    row = next(item for item in items if "cells" in item and "ending" in item)
    lost = {name: value for name, value in row.items() if name not in ("ending", "finished_at")}
    lost |= {key: {"S": "2026-01-01T00:00:00.000Z"} for key in ("opened_at", "created_at")}
    lost |= {"status": {"S": "CREATED"}, "open_shard": a_shard(IMPORTS, row)}
    client.put_item(TableName=table, Item=lost)
    assert sweep(stack, "SweepImports")["import_queued"] == 1


def write_what_nobody_can_read(stack: LocalStack) -> None:
    """Records that the filters let through, and that are no item of a kind that is acted on."""
    odd = {"pk": {"S": "TENANT#tenant1"}, "sk": {"S": "odd"}}
    for table, kind, status in (
        ("CommandsTableName", "process", "start"),
        ("TasksTableName", "task", "CREATED"),
        ("SagasTableName", "saga", "CREATED"),
        ("ApprovalsTableName", "approval", "OPEN"),
        ("ImportTmpTableName", "job", "CREATED"),
    ):
        item = {**odd, "kind": {"S": kind}, "status": {"S": status}, "happened": {"S": "?"}}
        stack.client("dynamodb").put_item(TableName=stack.outputs[table], Item=item)
    queue, bodies = stack.outputs["StreamDeadLetterQueueUrl"], ""
    until = time.monotonic() + 60
    kinds = ("no process item", "no task", "no saga", "no import", "no approval")
    while not all(told in bodies for told in kinds):
        assert time.monotonic() < until, bodies
        found = stack.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=2)
        bodies += "".join(message["Body"] for message in found.get("Messages", []))


def test_every_function_has_run(used: LocalStack, invoked: set[str]) -> None:
    assert set(used.template.functions) - invoked == set()


def test_what_imports_the_users_package_has_the_users_policy_and_nobody_else(
    used: LocalStack, importers: set[str], reaching: set[str]
) -> None:
    grants = permissions_of(used).grants()
    have = {grant.function for grant in grants if grant.policy == "AppPolicy"}

    assert len(importers) > 20
    assert importers - {"", *WITHOUT_A_TOKEN} <= have
    ours = {name for name, one in TEMPLATE.functions.items() if not is_added(one.folder)}
    assert have & ours <= reaching  # others are of the user's own code


def test_a_role_allows_every_call_of_its_function(used: LocalStack) -> None:
    assert used.denied == []


def test_a_role_allows_nothing_that_its_function_never_asks_for(used: LocalStack) -> None:
    permissions = permissions_of(used)
    unused = {
        (grant.function, grant.action, resource)
        for grant in permissions.grants() - permissions.used
        for resource in (permissions.named(grant.resource),)
        if grant.policy not in USED_ELSEWHERE
        and not (grant.function in WAKERS and grant.action in WAKE)
        and grant.action not in {*WHEN_S3_FAILS, *ON_THEIR_BEHALF, BEAT}
        and (grant.function, grant.action) not in BY_LAMBDA | UNHEARD
        and not (resource == "ReadModelsTable" and grant.action in FOR_OTHER_HANDLERS)
        and not (
            resource == "ReadModelsTable"
            and grant.function in TASK_WORKERS
            and grant.action in FOR_OTHER_TASKS
        )
        and not (resource == "ReadModelsTable" and grant.policy == "SyncPublishPolicy")
    }

    assert sorted(unused) == []
