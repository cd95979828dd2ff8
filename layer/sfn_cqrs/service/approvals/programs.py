"""Runs the programs of approvals against DynamoDB, Step Functions and the user's functions."""

from collections.abc import Generator
from typing import Any, TypeVar

from sfn_cqrs import bootstrap
from sfn_cqrs.domain import approval_programs
from sfn_cqrs.domain.approval import Approval
from sfn_cqrs.domain.keys import ApprovalKey
from sfn_cqrs.service.approvals import types as approval_types
from sfn_cqrs.service.programs import run_program

T = TypeVar("T")
LOOK_AGAIN = {"Payload": {"result": "LOOK_AGAIN"}}
"""What ends a wait; the machine reads the decision itself."""


class ApprovalFlow:
    """What happens to one approval."""

    def __init__(self, key: ApprovalKey) -> None:
        """Take an approval."""
        self._key = key
        self._seen: Approval | None = None

    def run(self, program: Generator[approval_programs.Call, Any, T]) -> T:
        """Make a program's calls one by one; whatever a call raises ends the program."""
        return run_program(program, self._made)

    def _made(self, call: approval_programs.Call) -> object:
        match call:
            case approval_programs.FindApproval():
                self._seen = bootstrap.approvals().find(self._key)
                return self._seen
            case approval_programs.Succeed(token):
                return bootstrap.approval_executions().succeed(token, LOOK_AGAIN)
            case approval_programs.Handle(approval):
                _handle(approval)
                return None
            case approval_programs.Start(approval):
                bootstrap.approval_executions().start(approval.ref)
                return None
            case approval_programs.Describe(approval):
                return bootstrap.approval_executions().describe(approval.ref)
            case _:
                written = bootstrap.approvals().change(self._key, call, self._seen)
                self._seen = written.record
                return written


def _handle(approval: Approval) -> None:
    handler = approval_types.handler_of(approval.type, approval.status)
    if handler is not None:
        handler(approval_types.Decided.of(approval))
