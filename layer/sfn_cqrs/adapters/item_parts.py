"""Attributes that items of many kinds have in common."""

from typing import Any

from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.domain.command import Audit


def record_item(record: Any, kind: str) -> Item:
    """Where a record lies, of which kind it is, and when it was changed last."""
    key = record.key
    return {"pk": key.pk, "sk": key.sk, "kind": kind, "updated_at": record.updated_at}


def public_item(record: Any, kind: str) -> Item:
    """The same of a record that has a public id, and whose it is."""
    key = record.key
    return {**record_item(record, kind), "id": key.id, "tenant": key.tenant, "ulid": key.ulid}


def audit_item(audit: Audit, what: str = "created") -> Item:
    """Who did something, when and from where."""
    return {
        f"{what}_at": audit.at,
        f"{what}_by": audit.by or None,
        f"{what}_ip": audit.ip or None,
    }


def as_audit(item: Item, what: str = "created") -> Audit:
    """Read who did something, when and from where."""
    return Audit(item[f"{what}_at"], item.get(f"{what}_by", ""), item.get(f"{what}_ip", ""))


def request_item(record: Any) -> Item:
    """What a record says of the request that has made it."""
    return {
        "source": record.source,
        "trace": record.trace or None,
        "request_id": record.request_id or None,
        **audit_item(record.created),
    }


def as_request(item: Item) -> dict[str, Any]:
    """Read what a record says of the request that has made it."""
    return {
        "source": item.get("source", ""),
        "trace": item.get("trace", ""),
        "request_id": item.get("request_id", ""),
        "created": as_audit(item),
    }
