"""Read models that have rows, and that no handler is named after any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, Final

from sfn_cqrs_tools.client.aws import Target

TABLE: Final = "READ_MODELS_TABLE"
MOST: Final = 5_000
"""Rows that are looked at: more would cost more than the finding is worth."""


def unwritten_read_models(target: Target, known: Collection[str]) -> list[str]:
    """Return what to do about each, of the first rows of the table.

    Args:
        target: the stack.
        known: the names of handlers, and of what the package declares.
    """
    found = Counter(
        (view, tenant)
        for view, tenant in _places(target.client("dynamodb"), target.environment[TABLE])
        if view not in known
    )
    return [
        f"{view} has rows of {tenant}, and no code of yours names it: if it was renamed or removed,"
        f" sfn-cqrs read-model drop {view} --unwritten --tenant {tenant}"
        for view, tenant in sorted(found)
    ]


def _places(dynamodb: Any, table: str) -> Iterator[tuple[str, str]]:
    """Yield the read model and the tenant of rows."""
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table,
        ProjectionExpression="pk",
        PaginationConfig={"MaxItems": MOST, "PageSize": 1_000},
    )
    for item in (item for page in pages for item in page["Items"]):
        view, _, rest = item["pk"]["S"].partition("#")
        tenant = rest.partition("#")[0]
        if view and tenant:
            yield view.partition("@")[0], tenant
