"""Items of the tables: what a command, a row and a process look like when stored."""

from typing import Any

from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.adapters.item_parts import as_audit, audit_item
from sfn_cqrs.domain.command import Command, Content, DataRow
from sfn_cqrs.domain.keys import ItemKey
from sfn_cqrs.domain.process import Lane, Mode, Outcome, Process


def command_item(command: Command) -> Item:
    """The command as stored; large attributes are a pointer."""
    return {
        **_record_item(command),
        "pk": command.key.pk,
        "sk": command.key.version_sk(command.version),
        "kind": "command",
        "id": command.id,
        "digest": command.digest,
        "request_id": command.request_id or None,
    }


def row_item(row: DataRow) -> Item:
    """The data row as stored."""
    where = {"pk": row.key.data_pk, "sk": row.key.sk}
    return {**_record_item(row), **where, "command_id": row.command_id}


def process_item(process: Process, open_shard: int) -> Item:
    """The process item as stored when it opens."""
    return {
        "pk": process.key.pk,
        "sk": process.key.process_sk(process.version),
        "kind": "process",
        "tenant": process.key.tenant,
        "type": process.key.type,
        "code": process.key.code,
        "version": process.version,
        "attempt": process.attempt,
        "outcome": str(process.outcome),
        "mode": str(process.mode),
        "lane": str(process.lane),
        "status": process.status,
        "command_id": process.command_id,
        "source": process.source,
        "trace": process.trace or None,
        "opened_at": process.opened_at,
        "updated_at": process.updated_at,
        "open_shard": open_shard,
    }


def as_command(item: Item, attributes: dict[str, Any]) -> Command:
    """Read a command; its attributes may come from elsewhere."""
    return Command(
        id=item["id"],
        digest=item["digest"],
        request_id=item.get("request_id", ""),
        **_as_record(item, attributes),
    )


def as_row(item: Item, attributes: dict[str, Any]) -> DataRow:
    """Read a data or history row; its attributes may come from elsewhere."""
    return DataRow(command_id=item["command_id"], **_as_record(item, attributes))


def as_process(item: Item) -> Process:
    """Read a process item."""
    return Process(
        key=as_key(item),
        version=item["version"],
        attempt=item["attempt"],
        outcome=Outcome(item["outcome"]),
        mode=Mode(item["mode"]),
        lane=Lane(item.get("lane", Lane.STANDARD)),
        run=item.get("run"),
        status=item["status"],
        command_id=item.get("command_id", ""),
        source=item.get("source", ""),
        trace=item.get("trace", ""),
        opened_at=item.get("opened_at", ""),
        updated_at=item.get("updated_at", ""),
        token=item.get("task_token"),
        token_seq=item.get("token_seq"),
        error=item.get("error"),
        cause=item.get("cause"),
    )


def as_key(item: Item) -> ItemKey:
    """Read the key from the attributes, never from pk and sk."""
    return ItemKey(item["tenant"], item["type"], item["code"])


def _record_item(record: Command | DataRow) -> Item:
    is_inline = record.attributes_s3 is None
    return {
        "tenant": record.key.tenant,
        "type": record.key.type,
        "code": record.key.code,
        "version": record.version,
        "name": record.name,
        "attributes": record.content.attributes if is_inline else None,
        "attributes_s3": record.attributes_s3,
        "shape": record.shape if record.shape > 1 else None,
        "is_deleted": record.is_deleted,
        "source": record.source,
        "source_row": record.source_row,
        **audit_item(record.created),
        **audit_item(record.updated, "updated"),
    }


def _as_record(item: Item, attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": as_key(item),
        "version": item["version"],
        "content": Content(item["name"], attributes, item.get("is_deleted", False)),
        "created": as_audit(item),
        "updated": as_audit(item, "updated"),
        "source": item.get("source", ""),
        "source_row": item.get("source_row"),
        "attributes_s3": item.get("attributes_s3"),
        "shape": item.get("shape", 1),
    }
