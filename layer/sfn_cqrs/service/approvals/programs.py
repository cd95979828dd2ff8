"""Runs the programs of approvals against DynamoDB, Step Functions and the user's functions."""

from collections.abc import Generator
from typing import Any, TypeVar

from sfn_cqrs import bootstrap
from sfn_cqrs.domain import approval_programs
from sfn_cqrs.domain.approval import Approval
from sfn_cqrs.domain.approval_programs import Written
from sfn_cqrs.domain.keys import ApprovalKey
from sfn_cqrs.service.approvals import types as approval_types
from sfn_cqrs.service.programs import run_program

T = TypeVar("T")
LOOK_AGAIN = {"Payload": {"result": "LOOK_AGAIN"}}
"""What ends a wait; the machine reads the decision itself."""
_Write = (
    approval_programs.OpenRound
    | approval_programs.Park
    | approval_programs.CastVote
    | approval_programs.Expire
    | approval_programs.Close
    | approval_programs.Restart
    | approval_programs.Retry
)


class ApprovalFlow:
    """What happens to one approval."""

    def __init__(self, key: ApprovalKey) -> None:
        """Take an approval."""
        self._key = key

    def run(self, program: Generator[approval_programs.Call, Any, T]) -> T:
        """Make a program's calls one by one; whatever a call raises ends the program."""
        return run_program(program, self._made)

    def _made(self, call: approval_programs.Call) -> object:
        match call:
            case approval_programs.FindApproval():
                return bootstrap.approvals().find(self._key)
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
                return self._written(call)

    def _written(self, call: _Write) -> Written:
        approvals, key = bootstrap.approvals(), self._key
        match call:
            case approval_programs.OpenRound(attempt, seen, remind_at, due_at, is_reminder):
                return approvals.open_round(
                    key, attempt, seen, remind_at=remind_at, due_at=due_at, is_reminder=is_reminder
                )
            case approval_programs.Park(attempt, token, seq):
                return approvals.park(key, attempt, token, seq)
            case approval_programs.CastVote(vote, seen, status):
                return approvals.vote(key, vote, seen, status)
            case approval_programs.Expire(now):
                return approvals.expire(key, now)
            case approval_programs.Close(attempt, stage, error, cause):
                return approvals.close(key, attempt, stage, error, cause)
            case approval_programs.Restart(attempt):
                return approvals.restart(key, attempt)
            case approval_programs.Retry(attempt):
                return approvals.retry(key, attempt)


def _handle(approval: Approval) -> None:
    handler = approval_types.handler_of(approval.type, approval.status)
    if handler is not None:
        handler(approval_types.Decided.of(approval))
