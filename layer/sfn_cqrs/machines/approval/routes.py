"""Approvals: decisions that wait for people."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.kernel.errors import (
    AlreadyDecidedError,
    ExpiredError,
    ForbiddenError,
    FourEyesError,
    IdempotencyMismatchError,
    InvalidInputError,
    NotAnApproverError,
    NotFailedError,
    NotFoundError,
    StaleError,
    UnknownApprovalTypeError,
)
from sfn_cqrs.kernel.http.http import Routes, code_of
from sfn_cqrs.kernel.http.operation import (
    CURSOR,
    IDEMPOTENCY_KEY,
    MEMBER,
    OPERATORS,
    Declared,
    Rule,
    operation,
    reading,
)
from sfn_cqrs.kernel.http.request import Request, answer, listed
from sfn_cqrs.kernel.http.values import one_of
from sfn_cqrs.kernel.policy import UNDECLARED
from sfn_cqrs.machines.approval.rules import Approval, Status
from sfn_cqrs.machines.approval.schemas import APPROVAL, APPROVALS, DECIDE, REQUEST, RERUN
from sfn_cqrs.machines.approval.service import ApprovalService
from sfn_cqrs.machines.approval.summary import is_current, summary_of
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.task.schemas import CREATED

routes = Routes()
_ALL = "ALL"
_STATUSES = (*Status, _ALL)
_APPROVERS = Rule("The users and groups that the approval's type names; not the requester.")
_READERS = reading(Declared.APPROVALS, "Its deciders, its requester, and")
_REFUSALS = (
    NotFoundError,
    NotAnApproverError,
    FourEyesError,
    AlreadyDecidedError,
    ExpiredError,
    StaleError,
)


@routes.post("/approvals")
@operation(
    rule=MEMBER,
    body=REQUEST,
    headers=IDEMPOTENCY_KEY,
    answers={202: CREATED},
    problems=(UnknownApprovalTypeError, NotFoundError, IdempotencyMismatchError),
)
def request_approval() -> Response[str]:
    """Request an approval."""
    request = Request()
    body = request.body(REQUEST)
    id_ = _service(request).request(
        body["type"],
        subject=body.get("subject", ""),
        payload=body.get("payload"),
        note=body.get("note", ""),
        caller=request.caller,
    )
    return answer(HTTPStatus.ACCEPTED, {"id": id_})


@routes.get("/approvals")
@operation(rule=_READERS, query={"status": one_of(*_STATUSES), **CURSOR}, answers={200: APPROVALS})
def list_approvals() -> Response[str]:
    """List the approvals that wait for you; with a status, all that you may see."""
    request = Request()
    service, status = _service(request), request.query("status")
    if status is None:
        who = request.identity
        page = service.inbox(who.user, who.groups, **request.paging)
    elif status.upper() in _STATUSES:
        wanted = None if status.upper() == _ALL else Status(status.upper())
        page = service.list(wanted, **request.paging)
    else:
        raise InvalidInputError("status", f"must be one of {', '.join(_STATUSES)}")
    return listed(page, APPROVAL.view)


@routes.get("/approvals/<id_>")
@operation(rule=_READERS, answers={200: APPROVAL}, problems=(NotFoundError,))
def get_approval(id_: str) -> Response[str]:
    """Show an approval, with the decisions so far and the content to be decided on."""
    request = Request()
    approval = _service(request).get(code_of(id_))
    return answer(HTTPStatus.OK, APPROVAL.view(approval, **_shown(approval, request)))


@routes.post("/approvals/<id_>/approve")
@operation(rule=_APPROVERS, body=DECIDE, answers={200: APPROVAL}, problems=_REFUSALS)
def approve(id_: str) -> Response[str]:
    """Approve, for the caller."""
    return _decided(id_, ApprovalService.approve)


@routes.post("/approvals/<id_>/reject")
@operation(rule=_APPROVERS, body=DECIDE, answers={200: APPROVAL}, problems=_REFUSALS)
def reject(id_: str) -> Response[str]:
    """Reject, for the caller."""
    return _decided(id_, ApprovalService.reject)


@routes.post("/approvals/<id_>/retry")
@operation(
    rule=OPERATORS, answers={202: RERUN}, problems=(ForbiddenError, NotFoundError, NotFailedError)
)
def retry(id_: str) -> Response[str]:
    """Retry an approval that failed after its decision; for operators."""
    approval = _service(Request.by_operator()).retry(code_of(id_))
    return answer(HTTPStatus.ACCEPTED, RERUN.view(approval))


def _service(request: Request) -> ApprovalService:
    """Return the service of approvals for the caller."""
    who = request.identity
    return ApprovalService(request.tenant, who.client, who.user)


def _decided(id_: str, decide: Callable[..., Approval]) -> Response[str]:
    request = Request()
    service, who = _service(request), request.identity
    said = {"reason": "", "digest": None, **request.body(DECIDE)}
    approval = decide(service, code_of(id_), who.user, who.groups, ip=request.caller.ip, **said)
    return answer(HTTPStatus.OK, APPROVAL.view(approval))


def _shown(approval: Approval, request: Request) -> dict[str, Any]:
    """Return the content under decision, for deciders and for callers who may read it anyway."""
    if approval.item is None:
        return {}
    who, access = request.identity, handlers.types().get(approval.item.type, UNDECLARED)
    if not approval.rules.may_decide(who.user, who.groups) and not access.read.allows(who.client):
        return {}
    lines = [{"name": name, "value": value} for name, value in summary_of(approval)]
    return {"isCurrent": is_current(approval), "summary": lines}
