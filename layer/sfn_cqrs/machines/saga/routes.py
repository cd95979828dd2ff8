"""Sagas and their logs."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.kernel.errors import (
    ForbiddenError,
    IdempotencyMismatchError,
    NotFoundError,
    NotParkedError,
    SagaInputTooLargeError,
    UnknownSagaError,
)
from sfn_cqrs.kernel.http.http import Routes, code_of
from sfn_cqrs.kernel.http.operation import (
    CURSOR,
    IDEMPOTENCY_KEY,
    OPERATORS,
    Declared,
    operation,
    publishing,
    reading,
)
from sfn_cqrs.kernel.http.request import Request, answer, listed
from sfn_cqrs.kernel.http.shapes import failure_of
from sfn_cqrs.kernel.http.values import one_of
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.rules import Entry, EntryStatus, Saga, SagaStatus
from sfn_cqrs.machines.saga.saga_programs import left_of
from sfn_cqrs.machines.saga.schemas import LINE, PART, SAGA, SAGA_LOG, SAGAS, START, STARTED
from sfn_cqrs.machines.saga.service import SagaService

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
    body = request.body(START)
    id_ = request.service(SagaService).start(
        body["saga"],
        body["input"],
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
    status = request.choice("status", tuple(SagaStatus))
    wanted = SagaStatus(status) if status else None
    return listed(request.service(SagaService).list(status=wanted, **request.paging), _view)


@routes.get("/sagas/<id_>")
@operation(
    rule=reading(Declared.SAGAS),
    answers={200: SAGA_LOG},
    problems=(NotFoundError, UnknownSagaError),
)
def get_saga(id_: str) -> Response[str]:
    """Show a saga with its log."""
    return answer(HTTPStatus.OK, _log(Request().service(SagaService).get(code_of(id_))))


@routes.post("/sagas/<id_>/retry")
@operation(
    rule=OPERATORS, answers={202: SAGA}, problems=(NotFoundError, NotParkedError, ForbiddenError)
)
def retry_saga(id_: str) -> Response[str]:
    """Retry a parked saga where it stopped; for operators."""
    view = _view(Request.by_operator().service(SagaService).retry(code_of(id_)))
    view.pop("cause", None)  # an operator may lack the right to read it
    return answer(HTTPStatus.ACCEPTED, view)


def _view(saga: Saga) -> dict[str, Any]:
    """Return a saga in a list; `error` says why it turned back, or why it is parked."""
    return SAGA.view(saga, **failure_of(saga))


def _log(saga: Saga) -> dict[str, Any]:
    """Return a saga with its input, its log in the machine's order, and what is left to do.

    One that is declared has the order that was recorded when it began.
    """
    moves = saga.moves or saga_types.find(saga.saga).moves
    steps = [_line(saga, move.step, "step") for move in moves]
    back = [move.compensation for move in reversed(moves) if move.compensation]
    undone = [_line(saga, name, "compensation") for name in back]
    lines = [line for line in (*steps, *undone) if line is not None]
    order = [PART.view(move) for move in saga.moves] or None
    given = {"log": lines, "left": left_of(saga, moves), "order": order}
    return SAGA_LOG.view(saga, **given, **failure_of(saga))


def _line(saga: Saga, name: str, kind: str) -> dict[str, Any] | None:
    entry = saga.log.get(name)
    if entry is None:
        return None
    status = _status(saga, entry)
    return LINE.view(entry, name=name, kind=kind, status=status, **failure_of(entry))


def _status(saga: Saga, entry: Entry) -> str:
    """Return a step's status: one that began and was given up may or may not have happened."""
    is_at_work = saga.status in (SagaStatus.RUNNING, SagaStatus.COMPENSATING) and (
        entry.attempt == saga.attempt
    )
    return "UNKNOWN" if entry.status is EntryStatus.STARTED and not is_at_work else entry.status
