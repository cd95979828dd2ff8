"""Usage of tenants: the hourly audit counts it along the way, and operators ask for the sum."""

import json
from collections.abc import Iterable

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.keys import ItemKey
from sfn_cqrs.domain.usage import OfType, Part, Usage, summed


class Meter:
    """Counts the items of a part of the tables, by tenant and type."""

    def __init__(self) -> None:
        """Count from nothing."""
        self._tenants: dict[str, dict[str, OfType]] = {}

    def count(self, key: ItemKey, versions: Iterable[Item], others: Iterable[Item]) -> None:
        """Count an item with all that is stored of it, and each of its versions by its day."""
        mine = self._tenants.setdefault(key.tenant, {}).setdefault(key.type, OfType())
        mine.items += 1
        for item in versions:
            mine.size += _size(item)
            if item["kind"] == "command":
                is_row = item.get("source_row") is not None
                mine.published(item["updated_at"][:10], is_row=is_row)
        mine.size += sum(map(_size, others))

    def keep(self, segment: int) -> None:
        """Keep the counts as those of one part."""
        table, at = bootstrap.usage(), iso(bootstrap.now())
        for tenant, types in self._tenants.items():
            table.put(tenant, Part(segment, at, types))
        table.looked_at(Part(segment, at, {}))


def usage_of(tenant: str) -> Usage:
    """Return the sum of what a tenant uses."""
    table = bootstrap.usage()
    return summed(table.parts(tenant), table.times())


def _size(item: Item) -> int:
    """Return about how many bytes an item takes."""
    return len(json.dumps(item, ensure_ascii=False, default=str).encode())
