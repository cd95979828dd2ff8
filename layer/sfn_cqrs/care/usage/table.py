"""Usage by tenant and part of the tables, in the requests table."""

from collections.abc import Iterator
from typing import Any

from sfn_cqrs.care.usage.rules import OfDay, OfType, Part
from sfn_cqrs.kernel.tables.dynamodb import Item, Table, get, marshal, unmarshal

LIFETIME_SECONDS = 40 * 86_400
"""Longer than a fortnight; a part that a tenant has left then expires."""
_EVERYBODY = "*"
_OBJECTS = "OBJECTS"


class UsageTable(Table):
    """The usage of each tenant by part, and when each part was last counted."""

    def put(self, tenant: str, part: Part) -> None:
        """Store a tenant's usage in a part, replacing the previous one."""
        self._put(tenant, part, {name: _type_item(each) for name, each in part.types.items()})

    def mark(self, part: Part) -> None:
        """Store that a part was counted."""
        self._put(_EVERYBODY, part, {})

    def parts(self, tenant: str) -> list[Part]:
        """Return a tenant's parts."""
        return [
            Part(
                item["segment"],
                item["at"],
                {name: _as_type(each) for name, each in item["types"].items()},
            )
            for item in self._items(tenant)
        ]

    def times(self) -> dict[int, str]:
        """Return when each part was last counted."""
        return {item["segment"]: item["at"] for item in self._items(_EVERYBODY)}

    def object_reached(self) -> str:
        """Return the key of the object that was looked at last; empty: begin with the first."""
        key = marshal({"pk": f"USAGE#{_EVERYBODY}", "sk": _OBJECTS})
        item = get(self._client, self._table, key)
        return str(unmarshal(item)["key"]) if item else ""

    def keep_object_reached(self, key: str) -> None:
        """Keep the key of the object that was looked at last."""
        where = {"pk": f"USAGE#{_EVERYBODY}", "sk": _OBJECTS, "kind": "objects"}
        self._client.put_item(TableName=self._table, Item=marshal({**where, "key": key}))

    def _put(self, tenant: str, part: Part, types: dict[str, Any]) -> None:
        item: Item = {
            "pk": f"USAGE#{tenant}",
            "sk": f"PART#{part.segment:03d}",
            "kind": "usage",
            "segment": part.segment,
            "at": part.at,
            "types": types,
            "ttl": int(self._now().timestamp()) + LIFETIME_SECONDS,
        }
        self._client.put_item(TableName=self._table, Item=marshal(item))

    def _items(self, tenant: str) -> Iterator[Item]:
        return self._under(f"USAGE#{tenant}", "PART#")


def _type_item(of_type: OfType) -> Item:
    return {
        "items": of_type.items,
        "size": of_type.size,
        "objects": of_type.objects,
        "days": {
            day: [one.commands, one.rows, one.task_items] for day, one in of_type.recent().items()
        },
    }


def _as_type(item: Item) -> OfType:
    days = {day: OfDay(*counts) for day, counts in item["days"].items()}
    return OfType(item["items"], item["size"], days, item.get("objects", 0))
