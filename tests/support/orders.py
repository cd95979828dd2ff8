"""Records about the example's orders: the builders' records, as the shop declares them."""

from typing import Any

from sfn_cqrs.machines.approval.rules import Approval
from sfn_cqrs.machines.saga.rules import Saga
from sfn_cqrs_tools.testing import builders


def an_order(**changes: Any) -> dict[str, Any]:
    """Return the input of an order's saga: two books for 40."""
    order = {"order": "o-7", "customer": "ada", "card": "visa", "total": 40}
    return {**order, "lines": [{"sku": "BOOK", "quantity": 2}], **changes}


def a_saga(*key: Any, **changes: Any) -> Saga:
    """Return an order's saga that has just been started."""
    about = {"saga": "order-saga", "name": "order o-7", "input": an_order()}
    return builders.a_saga(*key, **{**about, **changes})


def an_approval(*key: Any, **changes: Any) -> Approval:
    """Return an approval of an order's release."""
    return builders.an_approval(*key, **{"type": "ORDER_RELEASE", **changes})


SEEN = an_approval().digest
"""The digest that the approver has seen."""

NOWHERE: dict[str, Any] = {"customer": "ada", "country": "XX"}
"""No warehouse sends to this country."""
REGION = '"region": REGIONS[order.country],'
"""The line of the handler that fails for it."""
