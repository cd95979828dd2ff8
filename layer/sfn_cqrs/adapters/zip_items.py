"""ZIP jobs and their files as the import table has them."""

from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.adapters.import_items import (
    as_client,
    as_ending,
    as_problem,
    as_source,
    client_item,
    ending_item,
    problem_item,
    source_item,
)
from sfn_cqrs.adapters.item_parts import as_audit, audit_item, public_key_item
from sfn_cqrs.adapters.records import Kind
from sfn_cqrs.domain.import_job import JobStatus
from sfn_cqrs.domain.imports import Counts, PublishMode
from sfn_cqrs.domain.keys import ZipKey
from sfn_cqrs.domain.zip_directory import Place
from sfn_cqrs.domain.zip_job import ArchivedFile, FileStatus, ZipJob

SETTLED = "yes"
"""What the stream's filter lets through once a job has ended."""


def zip_item(job: ZipJob) -> Item:
    """The job as stored."""
    return {
        **public_key_item(job.key, "zip"),
        "table": job.table,
        "source": source_item(job.source),
        "size": job.size,
        "encoding": job.encoding,
        "delimiter": job.delimiter,
        "publish_mode": str(job.publish_mode),
        "client": client_item(job.client),
        "dry_run": job.dry_run,
        "status": str(job.status),
        "attempt": job.attempt,
        "is_cancelled": job.is_cancelled or None,
        "files": job.files,
        "problem": problem_item(job.problem),
        "ending": ending_item(job.ending) if job.ending else None,
        "hooks": job.hooks,
        "settled": SETTLED if job.settled else None,
        "retries": [key.ulid for key in job.retries] or None,
        "retried_by": job.retried_by,
        "trace": job.trace or None,
        **audit_item(job.by),
        "opened_at": job.opened_at,
        "started_at": job.started_at or None,
        "finished_at": job.finished_at or None,
        "updated_at": job.updated_at,
    }


def as_zip(item: Item) -> ZipJob:
    """Read a job."""
    ending = item.get("ending")
    return ZipJob(
        key=ZipKey(item["tenant"], item["ulid"]),
        source=as_source(item["source"]),
        size=item["size"],
        by=as_audit(item),
        table=item.get("table"),
        encoding=item.get("encoding"),
        delimiter=item.get("delimiter"),
        publish_mode=PublishMode(item["publish_mode"]),
        client=as_client(item.get("client")),
        dry_run=item["dry_run"],
        status=JobStatus(item["status"]),
        attempt=item["attempt"],
        opened_at=item["opened_at"],
        started_at=item.get("started_at", ""),
        finished_at=item.get("finished_at", ""),
        is_cancelled=item.get("is_cancelled", False),
        files=item.get("files"),
        problem=as_problem(item.get("problem")),
        ending=as_ending(ending) if ending else None,
        hooks=item["hooks"],
        settled="settled" in item,
        retries=tuple(ZipKey(item["tenant"], ulid) for ulid in item.get("retries", ())),
        retried_by=item.get("retried_by"),
        trace=item.get("trace", ""),
        updated_at=item["updated_at"],
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
