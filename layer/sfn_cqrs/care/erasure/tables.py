"""All tables, as an erasure changes them and a tenant is written into them."""

from typing import Any

from sfn_cqrs.care.audit.tables import AuditTables
from sfn_cqrs.kernel.tables.conditional import is_done, put_new
from sfn_cqrs.kernel.tables.dynamodb import Item, marshal


class ErasedTables(AuditTables):
    """Reads whole tables, and changes single attributes of items in place."""

    def create(self, table: str, item: Item) -> bool:
        """Put an item; return False if there is one in its place."""
        return put_new(self._client, self._tables[table], marshal(item))

    def delete(self, table: str, item: Item) -> None:
        """Delete an item; a missing item is not an error."""
        key = marshal({"pk": item["pk"], "sk": item["sk"]})
        self._client.delete_item(TableName=self._tables[table], Key=key)

    def change(self, table: str, item: Item, same: tuple[str, ...] = (), **sets: Any) -> bool:
        """Set attributes of an item that still has the same others; return False if it does not.

        An attribute that is set to None is removed. Everything else stays as it is stored.
        """
        sets = {name: value for name, value in sets.items() if value != item.get(name)}
        if not sets:
            return True
        put = [name for name, value in sets.items() if value is not None]
        gone = [name for name, value in sets.items() if value is None]
        update = f"SET {', '.join(f'#{name} = :{name}' for name in put)}" if put else ""
        if gone:
            update += f" REMOVE {', '.join(f'#{name}' for name in gone)}"
        checks = ["attribute_exists(pk)", *(f"#{name} = :was_{name}" for name in same)]
        values = marshal({f":{name}": sets[name] for name in put})
        values |= marshal({f":was_{name}": item[name] for name in same})
        given = {"ExpressionAttributeValues": values} if values else {}
        return is_done(
            self._client.update_item,
            TableName=self._tables[table],
            Key=marshal({"pk": item["pk"], "sk": item["sk"]}),
            UpdateExpression=update.strip(),
            ConditionExpression=" AND ".join(checks),
            ExpressionAttributeNames={f"#{name}": name for name in (*sets, *same)},
            **given,  # type: ignore[arg-type]
        )
