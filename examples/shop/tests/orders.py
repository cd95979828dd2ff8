"""Records about orders, for tests."""

from typing import Any

from sfn_cqrs_tools.testing.builders import a_saga as any_saga


def an_order(**changes: Any) -> dict[str, Any]:
    """Return the input of an order's saga: two books for 40."""
    order = {"order": "o-7", "customer": "ada", "card": "visa", "total": 40}
    return {**order, "lines": [{"sku": "BOOK", "quantity": 2}], **changes}


def a_saga(*key: Any, **changes: Any) -> Any:
    """Return an order's saga that has just been started."""
    about = {"saga": "order-saga", "name": "order o-7", "input": an_order()}
    return any_saga(*key, **{**about, **changes})
