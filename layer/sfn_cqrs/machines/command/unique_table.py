"""The reservations of unique values, in the commands table."""

import secrets
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sfn_cqrs.kernel.aws.transient import is_busy
from sfn_cqrs.kernel.clock import Now
from sfn_cqrs.kernel.keys import ItemKey, UniqueKey, secret_place
from sfn_cqrs.kernel.tables.conditional import put_new
from sfn_cqrs.kernel.tables.dynamodb import (
    Item,
    Table,
    cancellation_codes,
    get,
    marshal,
    unmarshal,
)
from sfn_cqrs.machines.command.unique import Held, Moves, Reservation

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MAY_TAKE = "attribute_not_exists(pk) OR attribute_exists(#ttl) OR code = :code"
_MAY_FREE = "attribute_not_exists(pk) OR code = :code"


def taking(table: str, key: ItemKey, hash_: str, giver: str = "") -> dict[str, Any]:
    """Return the put that takes a value for an item; somebody else's value refuses it.

    `giver` is the code of the item that gives it up by the same transaction.
    """
    put = _put(table, _item(key, hash_), _MAY_TAKE, key)
    if giver:
        put["ConditionExpression"] += " OR code = :giver"
        put["ExpressionAttributeValues"] |= marshal({":giver": giver})
    return {**put, "ExpressionAttributeNames": {"#ttl": "ttl"}}


def freeing(table: str, key: ItemKey, hash_: str, at: int) -> dict[str, Any]:
    """Return the put that frees an item's value; the table deletes it some time later."""
    return _put(table, {**_item(key, hash_), "ttl": at}, _MAY_FREE, key)


def as_it_was(table: str, key: ItemKey, found: Held) -> dict[str, Any]:
    """Return the condition that a version holds what it held when it was read."""
    is_same = "#unique = :was" if found.held else "attribute_not_exists(#unique)"
    values = {"ExpressionAttributeValues": marshal({":was": list(found.held)})}
    return {
        "TableName": table,
        "Key": marshal({"pk": key.pk, "sk": key.version_sk(found.version)}),
        "ConditionExpression": f"attribute_exists(pk) AND {is_same}",
        "ExpressionAttributeNames": {"#unique": "unique"},
        **(values if found.held else {}),
    }


def is_latest(table: str, key: ItemKey, version: int) -> dict[str, Any]:
    """Return the operation of a transaction that holds if no later version is stored."""
    return {
        "ConditionCheck": {
            "TableName": table,
            "Key": marshal({"pk": key.pk, "sk": key.version_sk(version + 1)}),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
    }


def _put(table: str, item: Item, condition: str, key: ItemKey) -> dict[str, Any]:
    return {
        "TableName": table,
        "Item": marshal(item),
        "ConditionExpression": condition,
        "ExpressionAttributeValues": marshal({":code": key.code}),
    }


def _item(key: ItemKey, hash_: str) -> Item:
    place = UniqueKey(key.tenant, key.type, hash_)
    owner = {"tenant": key.tenant, "type": key.type, "code": key.code}
    return {"pk": place.pk, "sk": place.sk, "kind": "unique", **owner}


def as_reservation(item: Item) -> Reservation:
    """Return the reservation that is stored; a freed one may still be there."""
    return Reservation(item["code"], is_freed="ttl" in item)


class UniqueTable(Table):
    """Reads reservations, and fills them for versions that have none."""

    def __init__(self, client: "DynamoDBClient", table: str, now: Now) -> None:
        """Use the commands table."""
        super().__init__(client, table, now)
        self._secrets: dict[str, bytes] = {}

    def secret(self, tenant: str) -> bytes:
        """Return the secret of a tenant's hashes; the first who needs it makes it.

        It goes with the tenant, and nobody who has only the hashes can try values.
        """
        if tenant not in self._secrets:
            self._secrets[tenant] = self._read_secret(tenant)
        return self._secrets[tenant]

    def _read_secret(self, tenant: str) -> bytes:
        pk, sk = secret_place(tenant)
        place = marshal({"pk": pk, "sk": sk})
        found = get(self._client, self._table, place)
        if found is None:
            made = marshal({"kind": "secret", "tenant": tenant, "secret": secrets.token_hex(32)})
            put_new(self._client, self._table, {**place, **made})
            found = get(self._client, self._table, place) or made
        return bytes.fromhex(found["secret"]["S"])

    def find(self, key: UniqueKey) -> Reservation | None:
        """Return a reservation, read consistently, or None if nobody has had the value."""
        found = get(self._client, self._table, marshal({"pk": key.pk, "sk": key.sk}))
        return None if found is None else as_reservation(unmarshal(found))

    def fill(self, key: ItemKey, found: Held, holds: tuple[str, ...], its: Moves) -> bool:
        """Let a version hold these; False if it is not the latest, or not as it was read."""
        at = int(self._now().timestamp())
        return self._is_written(
            is_latest(self._table, key, found.version),
            {"Update": self._holding(key, found, holds)},
            *({"Put": taking(self._table, key, each)} for each in its.taken),
            *({"Put": freeing(self._table, key, each, at)} for each in its.freed),
        )

    def free(self, key: ItemKey, version: int, hash_: str) -> bool:
        """Free an item's value; False if this is not its latest version, or it is another's."""
        put = freeing(self._table, key, hash_, int(self._now().timestamp()))
        return self._is_written(is_latest(self._table, key, version), {"Put": put})

    def _holding(self, key: ItemKey, found: Held, holds: tuple[str, ...]) -> dict[str, Any]:
        same = as_it_was(self._table, key, found)
        if not holds:
            return {**same, "UpdateExpression": "REMOVE #unique"}
        values = {**same.get("ExpressionAttributeValues", {}), **marshal({":holds": list(holds)})}
        update = {"UpdateExpression": "SET #unique = :holds"}
        return {**same, **update, "ExpressionAttributeValues": values}

    def _is_written(self, *parts: Any) -> bool:
        try:
            self._client.transact_write_items(TransactItems=list(parts))
        except ClientError as error:
            if not (cancellation_codes(error) or is_busy(error)):
                raise
            return False
        return True
