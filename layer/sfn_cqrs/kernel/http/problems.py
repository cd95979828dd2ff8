"""Errors as RFC 9457 problem documents."""

from http import HTTPStatus
from typing import Any

from sfn_cqrs.kernel import errors
from sfn_cqrs.kernel.aws.transient import is_transient
from sfn_cqrs.kernel.masking import masked
from sfn_cqrs.kernel.models import models

MAX_DETAIL = 4_000
"""Characters; a detail may quote the client's input."""
_RENAMED = {413: "Content Too Large", 422: "Unprocessable Content"}
_STATUS = {
    errors.InvalidInputError: HTTPStatus.BAD_REQUEST,
    errors.VersionConflictError: HTTPStatus.CONFLICT,
    errors.RuleRefusedError: HTTPStatus.CONFLICT,
    errors.ChainBusyError: HTTPStatus.CONFLICT,
    errors.NotAppliedError: HTTPStatus.CONFLICT,
    errors.NotFailedError: HTTPStatus.CONFLICT,
    errors.NotUndoableError: HTTPStatus.CONFLICT,
    errors.NotOpenError: HTTPStatus.CONFLICT,
    errors.NotParkedError: HTTPStatus.CONFLICT,
    errors.NotRebuildableError: HTTPStatus.NOT_FOUND,
    errors.WrongStageError: HTTPStatus.CONFLICT,
    errors.TokenRefusedError: HTTPStatus.FORBIDDEN,
    errors.NotWaitingError: HTTPStatus.CONFLICT,
    errors.InvalidTokenError: HTTPStatus.BAD_REQUEST,
    errors.TaskBusyError: HTTPStatus.CONFLICT,
    errors.StaleError: HTTPStatus.CONFLICT,
    errors.AlreadyDecidedError: HTTPStatus.CONFLICT,
    errors.ExpiredError: HTTPStatus.GONE,
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.IdempotencyMismatchError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ForbiddenError: HTTPStatus.FORBIDDEN,
    errors.UnauthorizedError: HTTPStatus.UNAUTHORIZED,
    errors.BadSignatureError: HTTPStatus.UNAUTHORIZED,
    errors.TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.AnswerTooLargeError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.SqlDisabledError: HTTPStatus.NOT_FOUND,
    errors.TooManyRequestsError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.BusyError: HTTPStatus.SERVICE_UNAVAILABLE,
}


def problem_of(error: Exception) -> tuple[int, dict[str, Any]]:
    """Return an error's HTTP status and problem document; `code` is stable, `detail` is not.

    Only our own faults are a 500, whose document has no details.
    """
    if isinstance(error, errors.AppBrokenError):
        status, reason = (
            HTTPStatus.INTERNAL_SERVER_ERROR.value,
            "cannot be imported; its log says why",
        )
        return status, problem(status, error.code, f"{error.module} {reason}")
    if isinstance(error, errors.SqlRefusedError):
        return _sql_problem(error)
    if isinstance(error, errors.SfnCqrsError):
        status = status_of(type(error))
        found = {**problem(status, error.code, masked(str(error))), **_extras(error)}
        return status, found if error.index is None else {**found, "index": error.index}
    if is_transient(error):
        status, code = HTTPStatus.SERVICE_UNAVAILABLE.value, errors.BusyError.code
        return status, problem(status, code, "nothing is lost; send the same request again")
    status, code = HTTPStatus.INTERNAL_SERVER_ERROR.value, errors.SfnCqrsError.code
    return status, problem(status, code, "the code that answers this has failed; it is logged")


def _sql_problem(error: errors.SqlRefusedError) -> tuple[int, dict[str, Any]]:
    """Return a problem with only the SQLSTATE: PostgreSQL's message may quote stored data."""
    if error.is_of_value:
        status, reason = HTTPStatus.BAD_REQUEST.value, "a value of the request cannot be taken"
    else:
        status, reason = HTTPStatus.INTERNAL_SERVER_ERROR.value, "it is logged"
    return status, problem(status, error.code, f"{reason} (SQLSTATE {error.state})")


def status_of(error: type[Exception]) -> int:
    """Return the HTTP status of a kind of error."""
    return next(
        (status.value for kind, status in _STATUS.items() if issubclass(error, kind)),
        HTTPStatus.INTERNAL_SERVER_ERROR.value,
    )


def title_of(status: int) -> str:
    """Return RFC 9110's name of a status; Python has these names since 3.13, which Lambda runs."""
    return _RENAMED.get(status) or HTTPStatus(status).phrase


def problem(status: int, code: str, detail: str) -> dict[str, Any]:
    """Return a problem document; its type is the status's, because errors have no own pages."""
    return {
        "type": "about:blank",
        "title": title_of(status),
        "status": status,
        "detail": detail[:MAX_DETAIL],
        "code": code,
    }


def _extras(error: errors.SfnCqrsError) -> dict[str, Any]:
    match error:
        case errors.UnknownNameError():
            return {"field": error.field, "known": error.known}
        case models.InvalidModelError():
            found = error.problems
            problems = [{"field": field, "reason": masked(reason)} for field, reason in found]
            return {"field": error.field, "problems": problems}
        case errors.InvalidInputError():
            return {"field": error.field}
        case errors.NotUniqueError():
            other = {"takenBy": error.taken_by} if error.taken_by else {}
            return {"field": error.field, **other}
        case errors.VersionConflictError():
            return {"currentVersion": error.current_version}
        case errors.ChainBusyError() | errors.NotAppliedError():
            return {"version": error.version, "outcome": error.outcome}
        case errors.AlreadyDecidedError():
            return {"decided": error.status}
        case _:
            return {}
