"""Approval links: one person decides on one approval by a link, without an issuer's token.

The link's signature replaces verified claims.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.kernel.errors import InvalidInputError, InvalidLinkError
from sfn_cqrs.kernel.http.http import Routes, code_of, current_event
from sfn_cqrs.kernel.http.operation import Media, Rule, operation
from sfn_cqrs.kernel.http.problems import problem_of
from sfn_cqrs.kernel.http.values import TEXT
from sfn_cqrs.machines.approval import page as approval_page
from sfn_cqrs.machines.approval.service import ApprovalService, read_link
from sfn_cqrs.machines.approval.summary import is_current, summary_of

routes = Routes()
_HTML: Final = "text/html; charset=utf-8"
_PAGE: Final = Media(_HTML)
_LINK: Final = Rule("Anyone with the link, which was made for one person; no token is needed.")
_ANSWERS: Final = dict.fromkeys((200, 403, 404, 409, 410), _PAGE)
_DECISIONS: Final = ("approve", "reject")
_MAX_FORM_BYTES: Final = 64 * 1024
_DONE: Final = {
    "OPEN": "Thank you. Others have to approve as well.",
    "GRANTED": "Thank you. It is granted.",
    "REJECTED": "Thank you. It is rejected.",
}
_Page = Callable[[str], Response[str]]


def _for_people(function: _Page) -> _Page:
    """Answer a refusal as a page; input that the form cannot send gets the usual answer."""

    @wraps(function)
    def answered(id_: str) -> Response[str]:
        try:
            return function(id_)
        except InvalidInputError:
            raise
        except Exception as error:
            status, document = problem_of(error)
            if status == HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            return _answer(status, approval_page.statement("Not possible", document["detail"]))

    return answered


@routes.get("/approvals/<id_>/decide")
@operation(rule=_LINK, query={"token": TEXT}, answers=_ANSWERS, is_public=True)
@_for_people
def ask_by_link(id_: str) -> Response[str]:
    """Show the page that an approval link opens; it decides nothing."""
    token = (current_event().get("queryStringParameters") or {}).get("token", "")
    link = read_link(code_of(id_), token)
    approval = ApprovalService(link.key.tenant).get(link.key.id)
    approval.check_seen(link.digest)
    if approval.is_decided or not is_current(approval):
        return _answer(HTTPStatus.CONFLICT, approval_page.closed(approval))
    return _answer(
        HTTPStatus.OK, approval_page.question(approval, summary_of(approval), link.approver, token)
    )


@routes.post("/approvals/<id_>/decide")
@operation(rule=_LINK, answers=_ANSWERS, is_public=True)
@_for_people
def decide_by_link(id_: str) -> Response[str]:
    """Approve or reject by an approval link: a form with `token`, `decision` and `reason`."""
    form = _form(current_event())
    link = read_link(code_of(id_), form.get("token", ""))
    if form.get("decision") not in _DECISIONS:
        raise InvalidLinkError("say approve or reject")
    service = ApprovalService(link.key.tenant)
    decide = service.approve if form["decision"] == "approve" else service.reject
    ip = current_event()["requestContext"]["http"].get("sourceIp", "")
    groups = (link.group,) if link.group else ()
    approval = decide(
        link.key.id, link.approver, groups, reason=form.get("reason", ""), ip=ip, digest=link.digest
    )
    return _answer(HTTPStatus.OK, approval_page.statement("Decided", _DONE[approval.status]))


def _form(event: Mapping[str, Any]) -> dict[str, str]:
    text = str(event.get("body") or "")
    try:
        raw = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode()
        fields = parse_qs(raw[:_MAX_FORM_BYTES].decode(), max_num_fields=10)
    except (binascii.Error, ValueError) as error:
        raise InvalidLinkError("the form cannot be read") from error
    return {name: values[0] for name, values in fields.items()}


def _answer(status: int, text: str) -> Response[str]:
    return Response(int(status), _HTML, text, {**approval_page.HEADERS})
