"""ZIP jobs and their files as the import table has them."""

from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any, Final

from sfn_cqrs.kernel.keys import ZipKey
from sfn_cqrs.kernel.tables.codec import CREATED, PUBLIC, Codec, as_list
from sfn_cqrs.kernel.tables.dynamodb import Item
from sfn_cqrs.kernel.tables.records import Kind
from sfn_cqrs.machines.import_csv.items import ENDING, LEAN, PARTS
from sfn_cqrs.machines.zip_orchestrator.directory import Place
from sfn_cqrs.machines.zip_orchestrator.job import ArchivedFile, ZipJob

SETTLED = "yes"
"""The mark of an ended job, which the stream's filter lets through."""


class _ZipCodec(Codec[ZipJob]):
    def item(self, record: ZipJob) -> Item:
        """Return the job as stored."""
        return {**super().item(record), "settled": SETTLED if record.settled else None}

    def record(self, item: Mapping[str, Any], **given: Any) -> ZipJob:
        """Return the job of an item."""
        retries = tuple(ZipKey(item["tenant"], ulid) for ulid in item.get("retries", ()))
        return super().record(item, settled="settled" in item, retries=retries, **given)


_ZIP: Final = _ZipCodec(
    ZipJob,
    kind="zip",
    inside={"key": Codec(ZipKey, also=PUBLIC), "by": CREATED},
    lean=(*LEAN, "retries", "settled", "undone_by"),
    later=("size",),
    parts={**PARTS, ZipKey: (attrgetter("ulid"), None)},
)
_FILE: Final = Codec(
    ArchivedFile,
    kind="file",
    later=("begun", "counts", "cancelled"),
    parts={**PARTS, Place: as_list(Place)},
)
_KEPT: Final = ("kind", "index", "name", "table", "place", "status", "problem")
"""The attributes of a new file; the others are written once they have a value."""


def file_item(key: ZipKey, file: ArchivedFile) -> Item:
    """Return a file of a job."""
    item = _FILE.item(file)
    return {"pk": key.parts_pk, "sk": key.file_sk(file.index), **{n: item[n] for n in _KEPT}}


def as_file(item: Item) -> ArchivedFile:
    """Return the file of an item; how its job ended replaces the file's earlier status."""
    file = _FILE.record(item)
    if "ending" not in item:
        return file
    ending = ENDING.record(item["ending"])
    return replace(file, counts=ending.counts, cancelled=ending.cancelled, problem=ending.problem)


ZIPS = Kind(_ZIP, is_open=lambda job: not job.settled, shards=2, first_shard=100)
"""The table's index; its first shards list CSV jobs."""
