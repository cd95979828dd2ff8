"""What happens when an order is released, while a test looks on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.approval.types import Decided


@contextmanager
def granting(first: Callable[[Decided], None]) -> Iterator[None]:
    """Let something happen before the function that does what is approved."""
    real = approval_types.find("ORDER_RELEASE")

    def granted(decided: Decided) -> None:
        first(decided)
        real.granted(decided)

    approval_types._types["ORDER_RELEASE"] = replace(real, granted=granted)
    try:
        yield
    finally:
        approval_types._types["ORDER_RELEASE"] = real
