"""The read models that the user's package lets clients read."""

import base64
import json
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.api.read_models_schemas import READ_MODEL, READ_MODELS, ROW, ROWS
from sfn_cqrs.kernel.errors import NotFoundError, UnknownReadModelError
from sfn_cqrs.kernel.http.http import Routes, code_of
from sfn_cqrs.kernel.http.operation import CURSOR, Declared, operation, reading
from sfn_cqrs.kernel.http.request import Request, answer, listed
from sfn_cqrs.kernel.tables.paging import Page
from sfn_cqrs.machines.command.read_models import ReadModelService

routes = Routes()


@routes.get("/read-models")
@operation(rule=reading(Declared.READ_MODELS), answers={200: READ_MODELS})
def list_read_models() -> Response[str]:
    """List the read models that you may read."""
    found = Request().service(ReadModelService).list()
    return listed(Page(found), READ_MODEL.view)


@routes.get("/read-models/<name>/<partition>")
@operation(
    rule=reading(Declared.READ_MODELS),
    query=CURSOR,
    answers={200: ROWS},
    problems=(UnknownReadModelError,),
)
def list_rows(name: str, partition: str) -> Response[str]:
    """List the rows of a partition of a read model, by sort key."""
    request = Request()
    page = request.service(ReadModelService).rows(name, code_of(partition), **request.paging)
    return listed(page, lambda row: _view(row.pop("sort"), row))


@routes.get("/read-models/<name>/<partition>/<sort>")
@operation(
    rule=reading(Declared.READ_MODELS),
    answers={200: ROW},
    problems=(UnknownReadModelError, NotFoundError),
)
def get_row(name: str, partition: str, sort: str) -> Response[str]:
    """Show one row of a read model, as its handler has written it."""
    place = code_of(partition), code_of(sort)
    row = Request().service(ReadModelService).get(name, *place)
    return answer(HTTPStatus.OK, _view(place[1], row))


def _view(sort: str, row: dict[str, Any]) -> dict[str, Any]:
    return {"sort": sort, "row": json.loads(json.dumps(row, default=_as_json))}


def _as_json(value: Any) -> Any:
    """Return a JSON value for types that JSON lacks: sets, and bytes as base64."""
    if isinstance(value, set | frozenset):
        return sorted(value)
    return base64.b64encode(bytes(value)).decode()
