"""Attributes that items of many kinds have in common."""

from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.domain.command import Audit
from sfn_cqrs.domain.keys import PublicKey
from sfn_cqrs.domain.records import RecordKey


def key_item(key: RecordKey, kind: str) -> Item:
    """Where a record lies, and of which kind it is."""
    return {"pk": key.pk, "sk": key.sk, "kind": kind}


def public_key_item(key: PublicKey, kind: str) -> Item:
    """Where a record that has a public id lies, of which kind and whose it is."""
    return {**key_item(key, kind), "id": key.id, "tenant": key.tenant, "ulid": key.ulid}


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
