"""Orders that somebody has to release: what is decided becomes the order's next version.

The subject of the approval is the order's code. It is released at the version that was seen;
one that is not released is held whatever its version is.
"""

from sfn_cqrs.approvals import Decided, approval_type, publish_decided, when_expired, when_rejected
from sfn_cqrs.commands import Caller, CommandService


@approval_type("ORDER_RELEASE", of="ORDER", group="operator")
def release_order(decided: Decided) -> None:
    """Release the order as it was seen."""
    publish_decided(decided, attributes={"release": "released"})


@when_rejected("ORDER_RELEASE")
@when_expired("ORDER_RELEASE")
def hold_order(decided: Decided) -> None:
    """Keep the order, and say why."""
    CommandService(decided.tenant).publish_partial(
        "ORDER",
        decided.subject,
        attributes={"release": f"held: {decided.status.lower()}"},
        caller=Caller(
            user=decided.votes[-1].by if decided.votes else "",
            source=decided.id,
            idempotency_key=decided.key,
        ),
    )
