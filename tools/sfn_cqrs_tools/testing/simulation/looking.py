"""What a user may look at, whenever and at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sfn_cqrs.commands import DataService
from sfn_cqrs.kernel.command import DataRow
from sfn_cqrs.read_models import read_model
from sfn_cqrs_tools.testing.simulation.calls import BrokenError


class Seen:
    """What a reader of a tenant sees now."""

    def __init__(self, tenant: str) -> None:
        """Look as this tenant."""
        self.tenant = tenant

    def rows(self, view: str, partition: str, *, buckets: int = 1) -> list[dict[str, Any]]:
        """Return the rows of a partition of a read model, each with its `sort`."""
        return read_model(view, buckets=buckets).rows(self.tenant, partition)

    def item(self, type_: str, code: str) -> DataRow:
        """Return an item as it is.

        Raises:
            NotFoundError: there is none.
        """
        return DataService(self.tenant).get(type_, code)


def looked(look: Callable[[Seen], Any], kind: str, tenants: Iterable[str]) -> None:
    """Let a user's function assert what it sees, for each tenant.

    Raises:
        BrokenError: it does not hold.
    """
    for tenant in tenants:
        try:
            look(Seen(tenant))
        except AssertionError as error:
            name = getattr(look, "__name__", "it")
            raise BrokenError(kind, f"{kind}={name} does not hold: {error}") from error
