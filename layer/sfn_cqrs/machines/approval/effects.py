"""The effect of an approval as a command: on the very version that was seen, once."""

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.approval.rules import REMEMBERED
from sfn_cqrs.machines.approval.types import Decided
from sfn_cqrs.machines.command.service import CommandService


def publish_decided(decided: Decided, *, attributes: dict[str, Json]) -> int:
    """Change attributes of the item that the approval is about and return the new version.

    Raises:
        VersionConflictError: the item has changed since the approval was requested. Let it pass:
            the approval ends as STALE.
        ValueError: the approval is not about an item.
    """
    pinned = decided.item
    if pinned is None:
        raise ValueError(f"{decided.type} is of no item; declare approval_type(…, of=…)")
    return (
        CommandService(decided.tenant)
        .publish_partial(
            pinned.type,
            pinned.code,
            attributes=attributes,
            version=pinned.version,
            caller=Caller(
                user=decided.votes[-1].by if decided.votes else "",
                source=decided.id,
                idempotency_key=decided.key,
                remembered_for=int(REMEMBERED.total_seconds()),
            ),
        )
        .version
    )
