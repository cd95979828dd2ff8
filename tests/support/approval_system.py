"""A system of approvals in memory: the real functions, the real machine, virtual time."""

import json
from collections import Counter
from collections.abc import Collection
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Self

from tests.support.calls import KilledError
from tests.support.fake_system import InMemory, executions_of
from tests.support.stream import Stream
from tests.support.system import API, TENANT

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import SfnCqrsError
from sfn_cqrs.kernel.tables.dynamodb import Item
from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.approval.rules import Approval, Rules, Status
from sfn_cqrs.machines.approval.service import ApprovalService
from sfn_cqrs.machines.approval.types import ApprovalType, Decided
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.process import Process

CONSUMER = "StreamOnApprovalChangedFunction"
TYPE = "ORDER_RELEASE"


class ApprovalSystem(InMemory):
    """One approval's world. `effects` counts what was done, by the decision it was done for."""

    watched = ("events", "failures")

    def __init__(
        self, seed: int | None = None, *, rules: Rules, disorder: dict[str, Any] | None = None
    ) -> None:
        super().__init__(seed, disorder=disorder)
        self.machine = self.template.machines["approval"]
        self.engine.create_state_machine(self.machine.name, self.machine.definition)
        self.stream = Stream.of(self.template, CONSUMER)
        self.streams["ApprovalsTable"] = self.stream
        self.effects: Counter[Status] = Counter()
        self.fails = False
        self.errors: list[SfnCqrsError] = []
        self._rules = rules

    def __enter__(self) -> Self:
        super().__enter__()
        self._cleanup.enter_context(self._declared())
        return self

    def parts(self) -> dict[str, Any]:
        executions = executions_of(self, "approval", "APPROVALS_TABLE")
        return super().parts() | {"approval_executions": self.watch(executions)}

    def processes(self) -> list[Process]:
        return []

    @property
    def approval(self) -> Approval:
        """The only approval."""
        (approval,) = self.world.all_of(APPROVALS)
        return approval

    @property
    def decisions(self) -> list[Status]:
        """Each decision that was ever stored."""
        statuses = [APPROVALS.read(item).status for item in self._images()]
        return [after for before, after in pairwise(statuses) if after is not before]

    def ask(self, user: str = "hanako") -> str:
        """Request the approval."""
        return ApprovalService(TENANT).request(TYPE, subject="o-1", caller=Caller(user=user))

    def decide(self, verb: str, user: str, groups: Collection[str] = ("operator",)) -> None:
        """Let somebody decide by the API, whose function may be killed."""
        service = ApprovalService(TENANT)
        id_ = self.approval.key.id
        try:
            with self.calls.of(API):
                getattr(service, verb)(id_, user, groups)
        except KilledError:
            return
        except SfnCqrsError as error:
            self.errors.append(error)

    def settle(self, sweeps: int = 12) -> None:
        """Run, and sweep until the approval has ended."""
        self.until(lambda: self.approval.stage.is_closed, sweeps)

    @contextmanager
    def _declared(self) -> Any:
        handlers.load()
        types, otherwise = dict(approval_types._types), dict(approval_types._otherwise)
        approval_types._types[TYPE] = ApprovalType(TYPE, self._rules, self._do)
        for status in (Status.REJECTED, Status.EXPIRED):
            approval_types._otherwise[TYPE, status] = self._do
        try:
            yield
        finally:
            approval_types._types.update(types)
            approval_types._otherwise.update(otherwise)

    def _do(self, decided: Decided) -> None:
        self.calls.before("effect")
        if self.fails:
            raise ValueError("the warehouse is closed")
        self.effects[decided.status] += 1
        self.calls.after("effect")

    def _images(self) -> list[Item]:
        written = self.world.dynamodb.written
        return [one.item for one in written if one.table == "ApprovalsTable" and "rev" in one.item]


def assert_ended(system: ApprovalSystem, *, is_disturbed: bool = False) -> None:
    """Hold what must be once everything has settled; what is disturbed may be done again."""
    approval = bootstrap.approvals().find(system.approval.key)
    assert approval is not None
    assert system.decisions == [approval.status]
    assert str(approval.stage) == "DONE"
    assert approval.token is None
    assert set(system.effects) == {approval.status}
    assert is_disturbed or system.effects[approval.status] == 1
    executions = system.executions()
    assert [each["status"] for each in executions if each["status"] == "RUNNING"] == []
    outputs = [each["output"] for each in executions if each["status"] == "SUCCEEDED"]
    assert all(json.loads(output) == {"result": approval.status} for output in outputs)
    assert is_disturbed or len(outputs) == len(executions) == 1
