"""The requests table: the answers to requests with an Idempotency-Key."""

from sfn_cqrs.kernel.keys import request_key
from sfn_cqrs.kernel.request import Request
from sfn_cqrs.kernel.tables.conditional import is_done
from sfn_cqrs.kernel.tables.dynamodb import Item, Table, alive, get, marshal


class RequestTable(Table):
    """The answers that are repeated for 24 hours."""

    def find(self, tenant: str, key: str) -> Request | None:
        """Return the use of a key, or None if it was not used in the last 24 hours."""
        item = alive(get(self._client, self._table, _key(tenant, key)), self._now())
        if item is None:
            return None
        return Request(tenant, key, item["body_hash"], item["result"], item["ttl"])

    def put_operation(self, request: Request) -> Item:
        """Return the transaction's part that stores an answer if the key is free or expired."""
        return {
            "TableName": self._table,
            "Item": _key(request.tenant, request.key)
            | marshal(
                {
                    "body_hash": request.body_hash,
                    "result": request.result,
                    "ttl": request.expires_at,
                }
            ),
            "ConditionExpression": "attribute_not_exists(pk) OR #ttl <= :now",
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": marshal({":now": int(self._now().timestamp())}),
        }

    def put(self, request: Request) -> bool:
        """Store an answer outside of a transaction; return False if the key is in use."""
        return is_done(self._client.put_item, **self.put_operation(request))


def _key(tenant: str, key: str) -> Item:
    pk, sk = request_key(tenant, key)
    return marshal({"pk": pk, "sk": sk})
