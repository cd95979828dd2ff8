"""Usage of tenants: the hourly audit counts it along the way, and operators ask for the sum."""

import json
from collections.abc import Iterable

from sfn_cqrs import bootstrap
from sfn_cqrs.care.usage.rules import OfType, Part, Usage, summed
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.keys import ItemKey, TaskKey
from sfn_cqrs.kernel.tables.dynamodb import Item
from sfn_cqrs.machines.task.rules import Item as TaskItem


class Meter:
    """Counts the items of a part of the tables, by tenant and type."""

    def __init__(self) -> None:
        """Count from nothing."""
        self._tenants: dict[str, dict[str, OfType]] = {}

    def count(
        self, key: ItemKey, versions: Iterable[Item], others: Iterable[Item], objects: int = 0
    ) -> None:
        """Count an item with all that is stored of it, and each of its versions by its day.

        `objects` are the bytes of its large attributes in S3.
        """
        mine = self._of(key.tenant, key.type)
        mine.items += 1
        mine.objects += objects
        for item in versions:
            mine.size += size_of(item)
            if item["kind"] == "command":
                is_row = item.get("source_row") is not None
                mine.published(item["updated_at"][:10], is_row=is_row)
        mine.size += sum(map(size_of, others))

    def count_task(self, key: TaskKey, items: Iterable[TaskItem], size: int) -> None:
        """Count the items of a task, those that have ended by the day."""
        mine = self._of(key.tenant, key.type)
        mine.size += size
        for item in items:
            mine.items += 1
            if item.status.is_closed:
                mine.worked_on(item.updated_at[:10])

    def _of(self, tenant: str, type_: str) -> OfType:
        return self._tenants.setdefault(tenant, {}).setdefault(type_, OfType())

    def keep(self, segment: int) -> None:
        """Keep the counts as those of one part."""
        table, at = bootstrap.usage(), iso(bootstrap.now())
        for tenant, types in self._tenants.items():
            table.put(tenant, Part(segment, at, types))
        table.mark(Part(segment, at, {}))


def usage_of(tenant: str) -> Usage:
    """Return the sum of what a tenant uses."""
    table = bootstrap.usage()
    return summed(table.parts(tenant), table.times())


def size_of(item: Item) -> int:
    """Return about how many bytes an item takes."""
    return len(json.dumps(item, ensure_ascii=False, default=str).encode())
