"""Requests with an Idempotency-Key: the first answer again, or an error for another body."""

from typing import TYPE_CHECKING, Any, TypeVar

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.errors import BusyError
from sfn_cqrs.kernel.notices import depth_here
from sfn_cqrs.kernel.records import Record
from sfn_cqrs.kernel.request import LIFETIME_SECONDS, Request
from sfn_cqrs.kernel.tables.records import Records

if TYPE_CHECKING:
    from sfn_cqrs.kernel.caller import Caller

R = TypeVar("R", bound=Record)


def seen_id(tenant: str, key: str | None, asked: str) -> str | None:
    """Return the id that this same request was given, if it was made before.

    Raises:
        IdempotencyMismatchError: the key was used for something else.
    """
    request = bootstrap.requests().find(tenant, key) if key is not None else None
    return str(request.result_for(asked)["id"]) if request else None


def made_by(caller: "Caller", at: str) -> dict[str, Any]:
    """Return a new record's fields about the request that made it."""
    return {
        "created": Audit(at, caller.user, caller.ip),
        "updated_at": at,
        "source": caller.source,
        "trace": bootstrap.trace(),
        "depth": depth_here(),
        "request_id": caller.request_id,
    }


def create_once(
    records: Records[R],
    record: R,
    key: str | None,
    asked: str,
    remembered_for: int = LIFETIME_SECONDS,
) -> str:
    """Store a new record with its id as the request's answer, and return the id.

    It is another record's id if the same request was answered meanwhile.

    Raises:
        IdempotencyMismatchError: the key was used for something else meanwhile.
        BusyError: the same request is being answered just now.
    """
    made: Any = record
    tenant, id_, request = made.key.tenant, str(made.key.id), None
    if key is not None:
        expires_at = int(bootstrap.now().timestamp()) + remembered_for
        request = Request(tenant, key, asked, {"id": id_}, expires_at)
    if records.create(record, request):
        return id_
    seen = seen_id(tenant, key, asked)
    if seen is None:
        raise BusyError("the same request is being answered just now; try again")
    return seen
