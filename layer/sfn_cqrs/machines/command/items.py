"""Commands, rows and processes as items of the tables."""

from typing import Any, Final, TypeVar

from sfn_cqrs.kernel.command import Command, Content, DataRow, Stored
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.tables.codec import CREATED, UPDATED, Codec
from sfn_cqrs.kernel.tables.dynamodb import Item
from sfn_cqrs.machines.command.process import Process

S = TypeVar("S", bound=Stored)
_KEY: Final = Codec(ItemKey)
_INSIDE: Final[dict[str, Codec[Any]]] = {
    "key": _KEY,
    "content": Codec(Content),
    "created": CREATED,
    "updated": UPDATED,
}
_COMMAND: Final = Codec(
    Command,
    kind="command",
    inside=_INSIDE,
    lean=("shape", "erased", "request_id", "depth", "unique", "together"),
    later=("source",),
    also={"pk": "key.pk", "sk": lambda command: command.key.version_sk(command.version)},
)
_ROW: Final = Codec(
    DataRow,
    inside=_INSIDE,
    lean=("shape", "erased"),
    later=("source",),
    also={"pk": "key.data_pk", "sk": "key.sk"},
)
_PROCESS: Final = Codec(
    Process,
    kind="process",
    names={"token": "task_token"},
    inside={"key": _KEY},
    lean=("trace", "depth", "repaired_by", "repaired_at"),
    later=("lane", "command_id", "source", "opened_at", "updated_at"),
    also={"pk": "key.pk", "sk": lambda process: process.key.process_sk(process.version)},
)
FIELDS: Final = {
    "command": _COMMAND.attributes,
    "process": _PROCESS.attributes,
    "row": _ROW.attributes,
    "state": _ROW.attributes,
}
"""The attributes that each kind of line in an export may have."""
as_key = _KEY.record
as_process = _PROCESS.record


def command_item(command: Command) -> Item:
    """Return the command as stored; large attributes are a pointer."""
    return _item(_COMMAND, command)


def row_item(row: DataRow) -> Item:
    """Return the data row as stored."""
    return _item(_ROW, row)


def process_item(process: Process, open_shard: int) -> Item:
    """Return the process item as stored when it opens."""
    return {**_PROCESS.item(process), "open_shard": open_shard}


def as_command(item: Item, attributes: dict[str, Any]) -> Command:
    """Return the command of an item; its attributes may be loaded from elsewhere."""
    return _COMMAND.record(item, content=_content(item, attributes))


def as_row(item: Item, attributes: dict[str, Any]) -> DataRow:
    """Return the data or history row of an item; its attributes may be loaded from elsewhere."""
    return _ROW.record(item, content=_content(item, attributes))


def _content(item: Item, attributes: dict[str, Any]) -> Content:
    return Content(item["name"], attributes, item.get("is_deleted", False))


def _item(codec: Codec[S], record: S) -> Item:
    item = codec.item(record)
    return item if record.attributes_s3 is None else {**item, "attributes": None}
