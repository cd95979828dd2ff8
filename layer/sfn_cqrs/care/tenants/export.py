"""Exports the present and past states of items for a lake, with all their attributes."""

from collections.abc import Iterator

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.tables.dynamodb import Item
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command.items import as_row


def states(tenant: str | None, since: str, *, rate: float = 0.0) -> Iterator[dict[str, Json]]:
    """Yield every state that an item has had since a moment, of one tenant or of all.

    The data table is read first: a state that is overwritten meanwhile is in history by then. So no
    state is missed, but one may come twice. Tenant, type, code and version identify a state.
    Attributes have the current shape of their type.
    """
    tables = bootstrap.audit_tables()
    tables.rate = rate
    prefix = f"TENANT#{tenant}#" if tenant else "TENANT#"
    for table in ("data", "history"):
        for items in tables.partitions(table, 0, 1, prefix):
            for item in items:
                if item["updated_at"] >= since:
                    yield _state(item)


def _state(item: Item) -> dict[str, Json]:
    attributes = bootstrap.attributes().of_item(item)
    row = as_row(item, attributes or {})
    return {
        "tenant": row.key.tenant,
        "type": row.key.type,
        "code": row.key.code,
        "version": row.version,
        "name": row.name,
        "attributes": None if attributes is None else row.attributes,
        "isDeleted": row.is_deleted,
        "createdAt": row.created.at,
        "createdBy": row.created.by,
        "updatedAt": row.updated.at,
        "updatedBy": row.updated.by,
        "source": row.source,
    }
