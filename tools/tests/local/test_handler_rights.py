"""What code of the user's may do in each function that runs it, on a stack that asks roles."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import pytest
from tests.support.over_http import fetch
from tests.support.waiting import waited
from tests.support.zip_system import an_archive

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import StepRefusedError
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.approval import types as approvals
from sfn_cqrs.machines.approval.service import ApprovalService
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.data import DataService, HistoryService
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.declaration import Column, ImportStrategy, Record
from sfn_cqrs.machines.import_csv.service import Request
from sfn_cqrs.machines.saga import types as sagas
from sfn_cqrs.machines.saga.service import SagaService
from sfn_cqrs.machines.task import types as tasks
from sfn_cqrs.machines.task.service import TaskService
from sfn_cqrs.machines.zip_orchestrator import hooks
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService
from sfn_cqrs.machines.zip_orchestrator.service import ZipImports, ZipRequest
from sfn_cqrs_tools.runtime.lambdas import current_function
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.testing.quick_stack import quick_stack

pytestmark = [
    pytest.mark.stack,
    pytest.mark.real_time("a run looks again after a second, and then after two"),
]

TENANT = "tenant1"
REGISTRIES = (
    handlers.registry.access,
    handlers.registry.depths,
    handlers.registry.notices,
    handlers.registry.sync,
    models._typed,
    approvals._otherwise,
    approvals._types,
    hooks._hooks,
    sagas._types,
    strategies._strategies,
    tasks._types,
)
RUN_CODE = {
    "ApiHandleRequestFunction",
    "ApprovalExpiredFunction",
    "ApprovalProcessApprovalFunction",
    "ApprovalRejectedFunction",
    "CommandSyncDataFunction",
    "ImportCsvCsvRowsHandlerFunction",
    "OrderSagaCancelShipmentFunction",
    "OrderSagaChargePaymentFunction",
    "OrderSagaRefundPaymentFunction",
    "OrderSagaReleaseStockFunction",
    "OrderSagaReserveStockFunction",
    "OrderSagaShipOrderFunction",
    "QueueOnImportActionFunction",
    "QueueOnNotificationFunction",
    "QueueOnTaskActionFunction",
    "TaskIteratorFunction",
    "ZipOrchestratorFinalizeZipJobFunction",
}
"""The functions that run handlers of any kind."""
LARGE = {"customer": "ada", "total": 1, "text": "x" * 5_000}


@dataclass(frozen=True)
class Member:
    """What functions change of an item from before its type had unique values."""

    email: str = ""


class Promises:
    """Does once in each function all that code of the user's is promised."""

    def __init__(self) -> None:
        self.begun: set[str] = set()
        self.kept: set[str] = set()

    def keep(self, *_: object) -> None:
        function = current_function()
        if function is None or function in self.begun:
            return
        self.begun.add(function)
        publish(function)
        start(function)
        self.kept.add(function)


def publish(function: str) -> None:
    """A large item, changed in part, and read with its history."""
    commands, once = CommandService(TENANT), Caller(idempotency_key=function)
    commands.publish("ORDER", function, name="by a handler", attributes=LARGE, caller=once)
    commands.publish_partial("ORDER", function, attributes={"total": 2})
    commands.publish_partial("MEMBER", function, attributes={"email": function})
    DataService(TENANT).get("ORDER", "seen")
    HistoryService(TENANT).list("ORDER", "seen")


def start(function: str) -> None:
    """A task, a saga and an approval, each of them read."""
    once = {what: Caller(idempotency_key=f"{function}/{what}") for what in ("task", "saga", "ask")}
    task = TaskService(TENANT)
    reminder = {"order": "x" * 90_000, "to": "ada@example.com"}
    task.get(task.create("ORDER_REMINDER", [reminder, reminder], caller=once["task"]))
    saga, order = SagaService(TENANT), {"order": function, "customer": "ada", "card": "visa"}
    lines = [{"sku": "NONE", "quantity": 1}]
    saga.get(saga.start("order-saga", {**order, "total": 4, "lines": lines}, caller=once["saga"]))
    approval = ApprovalService(TENANT)
    approval.get(approval.request("ORDER_RELEASE", subject=function, caller=once["ask"]))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with quick_stack(state_dir=tmp_path_factory.mktemp("state")) as started:
        yield started


@pytest.fixture
def promises() -> Iterator[Promises]:
    """Handlers of every kind that do all that is promised to them."""
    handlers.load()
    keeping = Promises()
    with ExitStack() as registries:
        for registry in REGISTRIES:
            registries.enter_context(mock.patch.dict(registry))
        register(keeping.keep)
        yield keeping


def register(keep: Callable[..., None]) -> None:
    handlers.command_type("MEMBER", model=Member)
    for function in sorted(RUN_CODE):
        CommandService(TENANT).publish("MEMBER", function, name="", attributes={"email": "a"})
    handlers.command_type("MEMBER", model=Member, unique=("email",))
    handlers.command_type("PROMISE", publish=MEMBERS)
    handlers.sync_handler("PROMISE")(keep)
    handlers.on_notice("command-status")(keep)
    tasks.task_handler("PROMISE", publish=MEMBERS)(keep)
    approvals.approval_type("PROMISE", group="operator")(keep)
    approvals.when_rejected("PROMISE")(keep)
    approvals.when_expired("PROMISE")(keep)
    hooks.on_import_finished(keep)

    @strategies.import_strategy("promises", publish=MEMBERS, step_function=True)
    class Promised(ImportStrategy):
        type = "PROMISE"
        columns = (Column("code", required=True),)

        def transform(self, cells: dict[str, str]) -> Record:
            keep()
            return Record(cells["code"], cells["code"], {})

    known = sagas._types["order-saga"]

    def refused(*_: object) -> None:
        keep()
        raise StepRefusedError("lost", "nobody ships it")

    steps = dict.fromkeys(known.steps, keep) | {"ship_order": refused}
    undone = {step: (name, keep) for step, (name, _) in known.compensations.items()}
    sagas._types["order-saga"] = replace(known, steps=steps, compensations=undone)


def ask(stack: LocalStack, path: str, body: Any) -> Any:
    who = {"content-type": "application/json", "x-user": "hanako", "x-roles": "operator"}
    answer = fetch(f"{stack.http}{path}", who, body)
    assert answer.status < 300, answer.text
    return answer.json


def use(stack: LocalStack) -> None:
    """Let handlers of every kind run."""
    for code, mode in (("a", "async"), ("b", "sync")):
        item = {"type": "PROMISE", "code": code, "name": code, "attributes": {}, "mode": mode}
        ask(stack, "/commands", item)
    TaskService(TENANT).create("PROMISE", [{}, {}])
    TaskService(TENANT).create_single("PROMISE", {})
    imports = ImportService(TENANT)
    imports.import_row("promises", {"code": "c"})
    file = stored(stack, "promises.csv", b"code\nd\ne\n")
    imports.start(Request(table="promises", key=file))
    archive = stored(stack, "promises.zip", an_archive(("1.csv", b"code\nf\n")))
    ZipImports(TENANT).start(ZipRequest(key=archive, table="promises"), Caller())
    for verb in ("approve", "reject", "expire"):
        id_ = ApprovalService(TENANT).request("PROMISE", caller=Caller(user="taro"))
        if verb != "expire":
            digest = ApprovalService(TENANT).get(id_).digest
            ask(stack, f"/approvals/{id_}/{verb}", {"digest": digest})


def stored(stack: LocalStack, name: str, body: bytes) -> str:
    key = ImportService(TENANT).upload_key(name)
    bucket = stack.outputs["ImportBucketName"]
    stack.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    return key


def wait(stack: LocalStack, is_true: Callable[[], bool]) -> None:
    waited(lambda: stack.denied or is_true())
    assert stack.denied == []


def test_handlers_of_every_kind_may_do_what_is_promised(
    stack: LocalStack, promises: Promises
) -> None:
    assert stack.iam is not None
    assert stack.iam.permissions is not None
    CommandService(TENANT).publish_sync("ORDER", "seen", name="An order", attributes=LARGE)

    use(stack)
    wait(stack, lambda: promises.begun >= RUN_CODE - {"ApprovalExpiredFunction"})
    stack.leap(8 * 86_400)
    wait(stack, lambda: promises.kept >= RUN_CODE)

    assert stack.denied == []
    assert promises.kept == promises.begun == RUN_CODE
    shared = {
        (grant.action, grant.resource) for grant in of_handlers(stack.iam.permissions.grants())
    }
    used = {(grant.action, grant.resource) for grant in of_handlers(stack.iam.permissions.used)}
    assert shared == used


def of_handlers(grants: set[Any]) -> list[Any]:
    return [grant for grant in set(grants) if grant.policy == "HandlerPolicy"]
