"""Approvals: what waits for people."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.domain.approval import Status
from sfn_cqrs.domain.errors import InvalidInputError
from sfn_cqrs.routes.request import Request, answer, listed, needed
from sfn_cqrs.service.approval_views import approval_view
from sfn_cqrs.service.approvals import ApprovalService
from sfn_cqrs.service.http import OPERATOR, code_of
from sfn_cqrs.service.resolver import Routes

routes = Routes()
_FIELDS = frozenset(("type", "subject", "payload", "note"))
_DECISION_FIELDS = frozenset(("reason",))
_ALL = "ALL"


@routes.post("/approvals")
def request_approval() -> Response[str]:
    """Ask for an approval."""
    request = Request()
    body = request.body(_FIELDS)
    id_ = ApprovalService(request.tenant).request(
        needed(body, "type"),
        subject=body.get("subject", ""),
        payload=body.get("payload"),
        note=body.get("note", ""),
        caller=request.caller,
    )
    return answer(HTTPStatus.ACCEPTED, {"id": id_})


@routes.get("/approvals")
def list_approvals() -> Response[str]:
    """List what the caller may decide now; with a status, all of the tenant's that have it."""
    request = Request()
    service, status = ApprovalService(request.tenant), request.query("status")
    limit, cursor = request.limit, request.query("cursor")
    if status is None:
        who = request.identity
        page = service.inbox(who.user, who.groups, limit=limit, cursor=cursor)
    elif status.upper() in {*Status, _ALL}:
        wanted = None if status.upper() == _ALL else Status(status.upper())
        page = service.list(wanted, limit=limit, cursor=cursor)
    else:
        raise InvalidInputError("status", f"must be one of {', '.join((*Status, _ALL))}")
    return listed([approval_view(one) for one in page.items], page.next_cursor)


@routes.get("/approvals/<id_>")
def get_approval(id_: str) -> Response[str]:
    """Show an approval, with who said what."""
    approval = ApprovalService(Request().tenant).get(code_of(id_))
    return answer(HTTPStatus.OK, approval_view(approval))


@routes.post("/approvals/<id_>/approve")
def approve(id_: str) -> Response[str]:
    """Approve, for the caller."""
    request = Request()
    service, who = ApprovalService(request.tenant), request.identity
    approval = service.approve(
        code_of(id_), who.user, who.groups, reason=_reason(request), ip=request.caller.ip
    )
    return answer(HTTPStatus.OK, approval_view(approval))


@routes.post("/approvals/<id_>/reject")
def reject(id_: str) -> Response[str]:
    """Reject, for the caller."""
    request = Request()
    service, who = ApprovalService(request.tenant), request.identity
    approval = service.reject(
        code_of(id_), who.user, who.groups, reason=_reason(request), ip=request.caller.ip
    )
    return answer(HTTPStatus.OK, approval_view(approval))


@routes.post("/approvals/<id_>/retry")
def retry(id_: str) -> Response[str]:
    """Run what has failed after its decision again; for operators."""
    request = Request()
    request.identity.require(OPERATOR)
    approval = ApprovalService(request.tenant).retry(code_of(id_))
    return answer(HTTPStatus.ACCEPTED, approval_view(approval))


def _reason(request: Request) -> str:
    reason: str = request.optional_body(_DECISION_FIELDS).get("reason", "")
    return reason
