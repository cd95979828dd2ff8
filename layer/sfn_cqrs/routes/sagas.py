"""Sagas and their logs."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.domain.errors import (
    ForbiddenError,
    IdempotencyMismatchError,
    InvalidInputError,
    NotFoundError,
    NotParkedError,
    SagaInputTooLargeError,
    UnknownSagaError,
)
from sfn_cqrs.domain.saga import Saga, SagaStatus
from sfn_cqrs.domain.saga_programs import left_of
from sfn_cqrs.routes.http import code_of
from sfn_cqrs.routes.operation import (
    CURSOR,
    IDEMPOTENCY_KEY,
    OPERATORS,
    Declared,
    operation,
    publishing,
    reading,
)
from sfn_cqrs.routes.request import Request, answer, listed, needed
from sfn_cqrs.routes.resolver import Routes
from sfn_cqrs.routes.schemas.sagas import SAGA, SAGA_LOG, SAGAS, START, STARTED
from sfn_cqrs.routes.schemas.values import one_of
from sfn_cqrs.service.sagas import types as saga_types
from sfn_cqrs.service.sagas.service import SagaService
from sfn_cqrs.service.sagas.views import log_view, saga_view

routes = Routes()


@routes.post("/sagas")
@operation(
    rule=publishing(Declared.SAGAS),
    body=START,
    headers=IDEMPOTENCY_KEY,
    answers={202: STARTED},
    problems=(UnknownSagaError, SagaInputTooLargeError, IdempotencyMismatchError),
)
def start_saga() -> Response[str]:
    """Start a saga."""
    request = Request()
    body = request.body(START.fields)
    id_ = request.service(SagaService).start(
        needed(body, "saga"),
        needed(body, "input"),
        name=body.get("name", ""),
        caller=request.caller,
    )
    return answer(HTTPStatus.ACCEPTED, {"id": id_})


@routes.get("/sagas")
@operation(
    rule=reading(Declared.SAGAS),
    query={"status": one_of(*SagaStatus), **CURSOR},
    answers={200: SAGAS},
)
def list_sagas() -> Response[str]:
    """List the sagas, the newest first."""
    request = Request()
    status = request.query("status")
    if status is not None and status not in set(SagaStatus):
        raise InvalidInputError("status", f"must be one of {', '.join(SagaStatus)}")
    wanted = SagaStatus(status) if status else None
    return listed(request.service(SagaService).list(status=wanted, **request.paging), saga_view)


@routes.get("/sagas/<id_>")
@operation(
    rule=reading(Declared.SAGAS),
    answers={200: SAGA_LOG},
    problems=(NotFoundError, UnknownSagaError),
)
def get_saga(id_: str) -> Response[str]:
    """Show a saga with its log."""
    return answer(HTTPStatus.OK, _view(Request().service(SagaService).get(code_of(id_))))


@routes.post("/sagas/<id_>/redrive")
@operation(
    rule=OPERATORS, answers={202: SAGA}, problems=(NotFoundError, NotParkedError, ForbiddenError)
)
def redrive_saga(id_: str) -> Response[str]:
    """Let a parked saga go on; for operators."""
    view = saga_view(Request.by_operator().service(SagaService).redrive(code_of(id_)))
    view.pop("cause", None)  # an operator need not be one who may read it
    return answer(HTTPStatus.ACCEPTED, view)


def _view(saga: Saga) -> dict[str, object]:
    moves = saga_types.find(saga.saga).moves
    return log_view(saga, moves, left_of(saga, moves))
