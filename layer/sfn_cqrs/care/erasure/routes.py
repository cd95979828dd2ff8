"""Erasures of people, for operators."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs import bootstrap
from sfn_cqrs.care.erasure.schemas import ASK, ERASURE, ERASURES
from sfn_cqrs.care.erasure.service import ErasureService
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.erasure import certificate
from sfn_cqrs.kernel.errors import (
    ForbiddenError,
    FourEyesError,
    NotFoundError,
    NotOpenError,
    TooManyErasuresError,
)
from sfn_cqrs.kernel.http.http import Routes, code_of
from sfn_cqrs.kernel.http.operation import CURSOR, OPERATORS, operation
from sfn_cqrs.kernel.http.request import Request, answer, listed

routes = Routes()


@routes.post("/erasures")
@operation(
    rule=OPERATORS,
    body=ASK,
    answers={202: ERASURE},
    problems=(ForbiddenError, TooManyErasuresError),
)
def ask_for_erasure() -> Response[str]:
    """Request a person's erasure; it begins within the hour, and ends an hour later or more."""
    request = Request.by_operator()
    body, caller = request.body(ASK), request.caller
    by = Audit(iso(bootstrap.now()), caller.user, caller.ip)
    not_kept = body.get("notKept", ())
    asked = ErasureService(request.tenant).ask(body["subject"], body["reason"], by, not_kept)
    return answer(HTTPStatus.ACCEPTED, certificate(asked))


@routes.get("/erasures")
@operation(rule=OPERATORS, query=CURSOR, answers={200: ERASURES}, problems=(ForbiddenError,))
def list_erasures() -> Response[str]:
    """List the erasures; people are named by a hash."""
    request = Request.by_operator()
    return listed(ErasureService(request.tenant).list(**request.paging), certificate)


@routes.get("/erasures/<id_>")
@operation(rule=OPERATORS, answers={200: ERASURE}, problems=(ForbiddenError, NotFoundError))
def get_erasure(id_: str) -> Response[str]:
    """Show the certificate of an erasure: what is erased, what is left, what is not covered."""
    found = ErasureService(Request.by_operator().tenant).get(code_of(id_))
    return answer(HTTPStatus.OK, certificate(found))


@routes.post("/erasures/<id_>/confirm")
@operation(
    rule=OPERATORS,
    answers={202: ERASURE},
    problems=(ForbiddenError, FourEyesError, NotFoundError, NotOpenError, TooManyErasuresError),
)
def confirm_erasure(id_: str) -> Response[str]:
    """Agree to an erasure that another operator has asked for."""
    request = Request.by_operator()
    service = ErasureService(request.tenant)
    return answer(
        HTTPStatus.ACCEPTED, certificate(service.confirm(code_of(id_), request.identity.user))
    )
