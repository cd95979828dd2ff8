"""Runs the programs of approvals against DynamoDB, Step Functions and the user's functions."""

from typing import TYPE_CHECKING

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import VersionConflictError
from sfn_cqrs.kernel.functions.runner import Flow
from sfn_cqrs.kernel.keys import ApprovalKey, ItemKey
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.notices import at_depth
from sfn_cqrs.machines.approval import programs as approval_programs
from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.approval.rules import Approval, Status
from sfn_cqrs.machines.command import handlers

if TYPE_CHECKING:
    from sfn_cqrs.kernel.aws.executions import Executions
    from sfn_cqrs.machines.approval.table import ApprovalTable

LOOK_AGAIN = {"Payload": {"result": "LOOK_AGAIN"}}
"""The result that ends a wait; the machine reads the decision itself."""


class ApprovalFlow(Flow[approval_programs.Call, ApprovalKey, Approval]):
    """A program runner for one approval."""

    def _records(self) -> "ApprovalTable":
        return bootstrap.approvals()

    def _executions(self, _record: Approval) -> "Executions":
        return bootstrap.approval_executions()

    def _make(self, call: approval_programs.Call) -> object:
        match call:
            case approval_programs.Succeed(token):
                return bootstrap.approval_executions().succeed(token, LOOK_AGAIN)
            case approval_programs.FindLatest(item):
                key = ItemKey(self._key.tenant, item.type, item.code)
                return bootstrap.commands().latest_version(key)
            case approval_programs.Handle(approval):
                return _handle(approval)
            case _:
                return super()._make(call)


def _handle(approval: Approval) -> bool:
    """Run the user's function; return False if somebody else changed a pinned item before."""
    with handlers.known_elsewhere():
        handler = approval_types.handler_of(approval.type, approval.status)
    model = approval_types.find(approval.type).model
    try:
        if handler is not None:
            hiding = models.hiding(approval.key.tenant, model, approval.payload)
            segment = bootstrap.tracer().segment(f"approval {approval.type}")
            with hiding, segment, at_depth(approval.depth):
                handler(approval_types.Decided.of(approval))
    except VersionConflictError:
        if approval.status is Status.GRANTED and _has_moved(approval):
            return False
        raise
    return True


def _has_moved(approval: Approval) -> bool:
    """Return whether the version after the pinned one is somebody else's."""
    pinned = approval.item
    if pinned is None:
        return False
    key = ItemKey(approval.key.tenant, pinned.type, pinned.code)
    after = bootstrap.commands().find(key, pinned.version + 1)
    return after is not None and after.source != approval.key.id
