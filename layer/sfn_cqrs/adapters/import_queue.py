"""Which imports have a place and who waits, as one item of the import table."""

from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.adapters.item_parts import record_item
from sfn_cqrs.adapters.records import Kind
from sfn_cqrs.domain.import_queue import ImportQueue


def _queue_item(queue: ImportQueue) -> Item:
    return {
        **record_item(queue, "queue"),
        "running": queue.running,
        "waiting": sorted(queue.waiting),
    }


def _as_queue(item: Item) -> ImportQueue:
    return ImportQueue(
        running=item["running"],
        waiting=frozenset(item["waiting"]),
        updated_at=item["updated_at"],
    )


IMPORT_QUEUE = Kind(name="import_queue", item=_queue_item, record=_as_queue)
