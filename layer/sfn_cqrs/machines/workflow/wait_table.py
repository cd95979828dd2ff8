"""The waits of executions for an outside answer: their tokens, in the requests table."""

from urllib.parse import quote

from sfn_cqrs.kernel.tables.conditional import is_done
from sfn_cqrs.kernel.tables.dynamodb import Item, Table, get, marshal, unmarshal

LIFETIME_SECONDS = 366 * 24 * 3600  # executions end before this


class WaitTable(Table):
    """One item for each wait, by its execution's name, its state's, and its key in that state."""

    def park(self, execution: str, state: str, token: str, since: str, key: str = "") -> bool:
        """Store a token; return False if a later try of the state has stored its own.

        `since` grows with each try: when the state was entered, and which try of it this is.
        """
        its_own_or_later = "attribute_not_exists(pk) OR since <= :since"
        ttl = int(self._now().timestamp()) + LIFETIME_SECONDS
        return is_done(
            self._client.put_item,
            TableName=self._table,
            Item=_key(execution, state, key)
            | marshal({"task_token": token, "since": since, "key": key, "ttl": ttl}),
            ConditionExpression=its_own_or_later,
            ExpressionAttributeValues=marshal({":since": since}),
        )

    def token(self, execution: str, state: str, key: str = "") -> str | None:
        """Return the token of a wait, even if the wait is over, or None if nobody waits yet."""
        found = get(self._client, self._table, _key(execution, state, key))
        return None if found is None else str(unmarshal(found)["task_token"])

    def tokens(self, execution: str, state: str) -> dict[str, str]:
        """Return the tokens of a state's open waits by their keys."""
        still = "attribute_not_exists(is_over)"
        found = self._under(_partition(execution), _sort(state, ""), FilterExpression=still)
        return {str(item["key"]): str(item["task_token"]) for item in found}

    def close(self, execution: str, state: str, key: str, token: str) -> bool:
        """Store that a wait is over; return False if another try waits with another token."""
        return is_done(
            self._client.update_item,
            TableName=self._table,
            Key=_key(execution, state, key),
            UpdateExpression="SET is_over = :yes",
            ConditionExpression="task_token = :token",
            ExpressionAttributeValues=marshal({":yes": True, ":token": token}),
        )


def _key(execution: str, state: str, key: str) -> Item:
    return marshal({"pk": _partition(execution), "sk": _sort(state, key)})


def _partition(execution: str) -> str:
    return f"WAIT#{execution}"


def _sort(state: str, key: str) -> str:
    return f"{quote(state, safe='')}#{key}"
