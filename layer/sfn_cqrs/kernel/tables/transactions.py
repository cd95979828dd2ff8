"""Transactions on contended items, tried again with jitter."""

import random
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sfn_cqrs.kernel.aws.transient import is_busy
from sfn_cqrs.kernel.errors import BusyError
from sfn_cqrs.kernel.tables.dynamodb import Item, cancellation_codes, unmarshal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TRIES = 8


def write_all(
    client: "DynamoDBClient", parts: list[dict[str, Any]], tries: int = TRIES
) -> Item | None:
    """Write all parts or none; return the item that refused them, if one did.

    Raises:
        BusyError: others keep writing the same items.
    """
    for attempt in range(tries):
        try:
            client.transact_write_items(TransactItems=parts)  # type: ignore[arg-type]
            return None
        except ClientError as error:
            codes = cancellation_codes(error)
            if "ConditionalCheckFailed" in codes:
                return _refusing_item(error, codes)
            if not is_busy(error):
                raise
        time.sleep(random.uniform(0, 0.02 * 2**attempt))
    raise BusyError("others keep writing the same items")


def _refusing_item(error: ClientError, codes: list[str]) -> Item:
    reasons: Any = error.response.get("CancellationReasons", [])
    return unmarshal(reasons[codes.index("ConditionalCheckFailed")].get("Item", {}))
