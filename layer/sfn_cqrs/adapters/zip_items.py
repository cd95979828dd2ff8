"""ZIP jobs and their files as the import table has them."""

from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.adapters.import_items import (
    as_ending,
    as_import,
    as_problem,
    as_source,
    import_item,
    problem_item,
)
from sfn_cqrs.adapters.item_parts import public_item
from sfn_cqrs.adapters.records import Kind
from sfn_cqrs.domain.imports import Counts
from sfn_cqrs.domain.keys import ZipKey
from sfn_cqrs.domain.zip_directory import Place
from sfn_cqrs.domain.zip_job import ArchivedFile, FileStatus, ZipJob

SETTLED = "yes"
"""What the stream's filter lets through once a job has ended."""


def zip_item(job: ZipJob) -> Item:
    """The job as stored."""
    return {
        **public_item(job, "zip"),
        **import_item(job),
        "table": job.table,
        "size": job.size,
        "attempt": job.attempt,
        "files": job.files,
        "problem": problem_item(job.problem),
        "hooks": job.hooks,
        "settled": SETTLED if job.settled else None,
        "retries": [key.ulid for key in job.retries] or None,
        "opened_at": job.opened_at,
    }


def as_zip(item: Item) -> ZipJob:
    """Read a job."""
    return ZipJob(
        key=ZipKey(item["tenant"], item["ulid"]),
        table=item.get("table"),
        attempt=item["attempt"],
        opened_at=item["opened_at"],
        files=item.get("files"),
        problem=as_problem(item.get("problem")),
        hooks=item["hooks"],
        settled="settled" in item,
        retries=tuple(ZipKey(item["tenant"], ulid) for ulid in item.get("retries", ())),
        **as_import(item),
    )


def file_item(key: ZipKey, file: ArchivedFile) -> Item:
    """A file of a job."""
    place = file.place
    return {
        "pk": key.parts_pk,
        "sk": key.file_sk(file.index),
        "kind": "file",
        "index": file.index,
        "name": file.name,
        "table": file.table,
        "place": [
            place.offset,
            place.room,
            place.method,
            place.compressed,
            place.size,
            place.crc,
        ],
        "status": str(file.status),
        "problem": problem_item(file.problem),
    }


def as_file(item: Item) -> ArchivedFile:
    """Read a file."""
    source = item.get("source")
    ending = as_ending(item["ending"]) if "ending" in item else None
    return ArchivedFile(
        index=item["index"],
        name=item["name"],
        place=Place(*item["place"]),
        table=item.get("table"),
        status=FileStatus(item["status"]),
        source=as_source(source) if source else None,
        begun=item.get("begun", False),
        counts=ending.counts if ending else Counts(),
        cancelled=ending.cancelled if ending else 0,
        problem=ending.problem if ending else as_problem(item.get("problem")),
    )


ZIPS = Kind(
    name="zips",
    item=zip_item,
    record=as_zip,
    is_open=lambda job: not job.settled,
    shards=2,
    first_shard=100,
)
"""The index is the table's, and its first shards list CSV jobs."""
