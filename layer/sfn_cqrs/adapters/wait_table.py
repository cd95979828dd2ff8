"""The waits of executions for somebody outside: their tokens, in the requests table."""

from sfn_cqrs.adapters.conditional import is_done
from sfn_cqrs.adapters.dynamodb import Item, get, marshal, unmarshal
from sfn_cqrs.adapters.table import Table

LIFETIME_SECONDS = 366 * 24 * 3600  # no execution lives longer


class WaitTable(Table):
    """One item for each state that waits, by its execution's name."""

    def park(self, execution: str, state: str, token: str, since: str) -> bool:
        """Keep a token; False if a later try of the state has left its own.

        `since` grows with each try: when the state was entered, and which try of it this is.
        """
        its_own_or_later = "attribute_not_exists(pk) OR since <= :since"
        ttl = int(self._now().timestamp()) + LIFETIME_SECONDS
        return is_done(
            self._client.put_item,
            TableName=self._table,
            Item=_key(execution, state)
            | marshal({"task_token": token, "since": since, "ttl": ttl}),
            ConditionExpression=its_own_or_later,
            ExpressionAttributeValues=marshal({":since": since}),
        )

    def token(self, execution: str, state: str) -> str | None:
        """The token that ends a wait, be it over or not; None if nobody has begun to wait."""
        found = get(self._client, self._table, _key(execution, state))
        return None if found is None else str(unmarshal(found)["task_token"])


def _key(execution: str, state: str) -> Item:
    return marshal({"pk": f"WAIT#{execution}", "sk": state})
