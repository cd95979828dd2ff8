"""Orders that somebody has to release: what is decided becomes the order's next version.

The subject of the approval is the order's code. An order that says already what was decided
is not changed again, however often this runs.
"""

from sfn_cqrs.service.approvals.types import Decided, approval_type, when_expired, when_rejected
from sfn_cqrs.service.commands.service import Caller, CommandService


@approval_type("ORDER_RELEASE", group="operator")
def release_order(decided: Decided) -> None:
    """Release the order."""
    _publish(decided, "released")


@when_rejected("ORDER_RELEASE")
@when_expired("ORDER_RELEASE")
def hold_order(decided: Decided) -> None:
    """Keep the order, and say why."""
    _publish(decided, f"held: {decided.status.lower()}")


def _publish(decided: Decided, release: str) -> None:
    CommandService(decided.tenant).publish_partial(
        "ORDER",
        decided.subject,
        attributes={"release": release},
        caller=Caller(
            user=decided.votes[-1].by if decided.votes else "",
            source=decided.id,
            idempotency_key=decided.key,
        ),
    )
