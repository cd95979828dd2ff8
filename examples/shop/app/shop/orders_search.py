"""Orders in PostgreSQL: by customer, by total, by words of their names.

In a stack without PostgreSQL the handler is not there.
"""

from collections.abc import Sequence
from typing import Any

from sfn_cqrs.errors import InvalidInputError
from sfn_cqrs.read_models import generation, has_sql, sql, sql_read_model, sync_handler, up_many
from sfn_cqrs.routes import Asked, route
from sfn_cqrs.types import MEMBERS, Command, Json
from shop.orders import Order

TABLE = "orders_search"
KEYS = ("tenant", "generation", "code")
LARGEST_PAGE = 100
LARGEST_TOTAL = 1_000_000_000
_FOUND = """
    SELECT code, customer, name, total, version FROM orders_search
    WHERE tenant = :tenant AND generation = CAST(:generation AS int) AND NOT is_deleted
      AND (CAST(:customer AS text) IS NULL OR customer = :customer)
      AND (CAST(:least AS float8) IS NULL OR total >= CAST(:least AS float8))
      AND (CAST(:most AS float8) IS NULL OR total <= CAST(:most AS float8))
      AND (CAST(:words AS text) IS NULL OR words @@ websearch_to_tsquery('simple', :words))
      AND (CAST(:after AS text) IS NULL OR code > :after)
    ORDER BY code LIMIT CAST(:limit AS int)
"""


sql_read_model(TABLE, keys=("code",))


@sync_handler("ORDER", when=has_sql)
def orders_search(command: Command[Order]) -> None:
    """Keep an order; a deleted one keeps its row as a guard."""
    orders_search_many([command])


@up_many(orders_search)
def orders_search_many(commands: Sequence[Command[Order]]) -> None:
    """Keep the orders of an import, in one statement."""
    sql().put_many_if_newer(TABLE, KEYS, [_row(command) for command in commands])


def found(
    tenant: str,
    *,
    customer: str | None = None,
    least: float | None = None,
    most: float | None = None,
    words: str | None = None,
    after: str | None = None,
    limit: int = 20,
) -> list[dict[str, Json]]:
    """The orders that have all that is asked for, by code; `after` is the last code seen."""
    return sql().rows(
        _FOUND,
        tenant=tenant,
        generation=generation(TABLE, tenant),
        customer=customer,
        least=least,
        most=most,
        words=words,
        after=after,
        limit=max(1, min(limit, LARGEST_PAGE)),
    )


@route(
    "GET",
    "/orders/search",
    allow=MEMBERS,
    query=("customer", "least", "most", "words", "after", "limit"),
)
def search_orders(asked: Asked) -> dict[str, Any]:
    """Find orders by customer, total and words of their names; `after` is the last code seen."""
    limit = int(_number(asked, "limit") or 20)
    orders = found(
        asked.tenant,
        customer=asked.query.get("customer"),
        least=_number(asked, "least"),
        most=_number(asked, "most"),
        words=asked.query.get("words"),
        after=asked.query.get("after"),
        limit=limit,
    )
    return {"items": orders}


def _number(asked: Asked, name: str) -> float | None:
    text = asked.query.get(name)
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        raise InvalidInputError(name, "must be a number") from None
    if not 0 <= number < LARGEST_TOTAL:
        raise InvalidInputError(name, f"must be between 0 and {LARGEST_TOTAL}")
    return number


def _row(command: Command[Order]) -> dict[str, Any]:
    return {
        "tenant": command.key.tenant,
        "generation": generation(TABLE, command.key.tenant),
        "code": command.key.code,
        "customer": command.model.customer,
        "name": command.name,
        "total": command.attributes.get("total"),
        "is_deleted": command.is_deleted,
        "version": command.version,
    }
