"""DynamoDB's types and refusals, spelt once."""

from collections.abc import Mapping
from decimal import Context, Decimal, Inexact
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

Item = dict[str, Any]
_DIGITS = 38
_numbers = Context(prec=_DIGITS, traps=[Inexact])
_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


def marshal(item: Mapping[str, Any]) -> Item:
    """Turn plain values into DynamoDB's; an attribute that is None is left out."""
    return {
        name: _serializer.serialize(_storable(value))
        for name, value in item.items()
        if value is not None
    }


def unmarshal(item: Mapping[str, Any]) -> Item:
    """Turn DynamoDB's values into plain ones; whole numbers become int, others float."""
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


def is_refused(error: "ClientError") -> bool:
    """Whether a single conditional write was refused by its condition."""
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def refused_item(error: "ClientError") -> Item | None:
    """The item that refused a write, where the call asked for ALL_OLD."""
    item = error.response.get("Item")
    return unmarshal(item) if item else None  # type: ignore[arg-type]


def cancellation_codes(error: "ClientError") -> list[str]:
    """Why each part of a cancelled transaction was refused; empty for any other error."""
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    return [reason.get("Code", "None") for reason in reasons]


def _storable(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, int) and abs(value) >= 10**_DIGITS:
        return Decimal(value).normalize(_numbers)  # boto3 refuses zeros beyond the 38th digit
    if isinstance(value, Mapping):
        return {name: _storable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(inner) for inner in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
