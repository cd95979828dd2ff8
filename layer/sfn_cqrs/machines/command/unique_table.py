"""The reservations of unique values, in the commands table."""

import secrets
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sfn_cqrs.kernel.aws.transient import is_busy
from sfn_cqrs.kernel.clock import Now
from sfn_cqrs.kernel.command import Command
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
from sfn_cqrs.machines.command.unique import Moves, Reservation

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MAY_TAKE = "attribute_not_exists(pk) OR attribute_exists(#ttl) OR code = :code"
_MAY_FREE = "attribute_not_exists(pk) OR code = :code"


def taking(table: str, key: ItemKey, hash_: str) -> dict[str, Any]:
    """Return the put that takes a value for an item; somebody else's value refuses it."""
    return {
        **_put(table, _item(key, hash_), _MAY_TAKE, key),
        "ExpressionAttributeNames": {"#ttl": "ttl"},
    }


def freeing(table: str, key: ItemKey, hash_: str, at: int) -> dict[str, Any]:
    """Return the put that frees an item's value; the table deletes it some time later."""
    return _put(table, {**_item(key, hash_), "ttl": at}, _MAY_FREE, key)


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

    def fill(self, command: Command, holds: tuple[str, ...], moves: Moves) -> bool:
        """Let a version hold these, if it still is the latest; False if anything has moved."""
        try:
            self._client.transact_write_items(TransactItems=self._filling(command, holds, moves))
        except ClientError as error:
            if not (cancellation_codes(error) or is_busy(error)):
                raise
            return False
        return True

    def _filling(self, command: Command, holds: tuple[str, ...], moves: Moves) -> list[Any]:
        key, at = command.key, int(self._now().timestamp())
        above = marshal({"pk": key.pk, "sk": key.version_sk(command.version + 1)})
        absent = {"Key": above, "ConditionExpression": "attribute_not_exists(pk)"}
        keep = {
            "TableName": self._table,
            "Key": marshal({"pk": key.pk, "sk": key.version_sk(command.version)}),
            "UpdateExpression": "SET #unique = :holds" if holds else "REMOVE #unique",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeNames": {"#unique": "unique"},
            **({"ExpressionAttributeValues": marshal({":holds": list(holds)})} if holds else {}),
        }
        return [
            {"ConditionCheck": {"TableName": self._table, **absent}},
            {"Update": keep},
            *({"Put": taking(self._table, key, each)} for each in moves.taken),
            *({"Put": freeing(self._table, key, each, at)} for each in moves.freed),
        ]

    def free(self, key: ItemKey, hash_: str) -> None:
        """Free a value that no version of its item holds."""
        at = int(self._now().timestamp())
        self._client.put_item(**freeing(self._table, key, hash_, at))
