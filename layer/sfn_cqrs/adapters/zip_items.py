"""ZIP jobs and their files as the import table has them."""

from typing import Any

from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.domain.command import Audit
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.import_job import Ending, JobStatus, Source
from sfn_cqrs.domain.imports import Counts, PublishMode
from sfn_cqrs.domain.keys import ZipKey
from sfn_cqrs.domain.zip_directory import Place
from sfn_cqrs.domain.zip_job import ArchivedFile, FileStatus, ZipJob


def zip_item(job: ZipJob, shard: int) -> Item:
    """A new job."""
    return {
        "pk": job.key.pk,
        "sk": job.key.sk,
        "kind": "zip",
        "tenant": job.key.tenant,
        "ulid": job.key.ulid,
        "id": job.key.id,
        "table": job.table,
        "source": source_item(job.source),
        "size": job.size,
        "encoding": job.encoding,
        "delimiter": job.delimiter,
        "publish_mode": str(job.publish_mode),
        "dry_run": job.dry_run,
        "status": str(job.status),
        "attempt": job.attempt,
        "hooks": job.hooks,
        "retries": [key.ulid for key in job.retries] or None,
        "created_at": job.by.at,
        "created_by": job.by.by or None,
        "created_ip": job.by.ip or None,
        "opened_at": job.opened_at,
        "open_shard": shard,
    }


def as_zip(item: Item) -> ZipJob:
    """Read a job."""
    ending = item.get("ending")
    return ZipJob(
        key=ZipKey(item["tenant"], item["ulid"]),
        source=Source(**item["source"]),
        size=item["size"],
        by=Audit(item["created_at"], item.get("created_by", ""), item.get("created_ip", "")),
        table=item.get("table"),
        encoding=item.get("encoding"),
        delimiter=item.get("delimiter"),
        publish_mode=PublishMode(item["publish_mode"]),
        dry_run=item["dry_run"],
        status=JobStatus(item["status"]),
        attempt=item["attempt"],
        opened_at=item["opened_at"],
        started_at=item.get("started_at", ""),
        finished_at=item.get("finished_at", ""),
        is_cancelled=item.get("is_cancelled", False),
        files=item.get("files"),
        problem=_as_problem(item.get("problem")),
        ending=_as_ending(ending) if ending else None,
        hooks=item["hooks"],
        retries=tuple(ZipKey(item["tenant"], ulid) for ulid in item.get("retries", ())),
        retried_by=item.get("retried_by"),
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
    ending = _as_ending(item["ending"]) if "ending" in item else None
    return ArchivedFile(
        index=item["index"],
        name=item["name"],
        place=Place(*item["place"]),
        table=item.get("table"),
        status=FileStatus(item["status"]),
        source=Source(**source) if source else None,
        begun=item.get("begun", False),
        counts=ending.counts if ending else Counts(),
        cancelled=ending.cancelled if ending else 0,
        problem=ending.problem if ending else _as_problem(item.get("problem")),
    )


def source_item(source: Source) -> Item:
    """Where an object lies."""
    return {"bucket": source.bucket, "key": source.key, "version_id": source.version_id}


def problem_item(problem: Problem | None) -> list[str] | None:
    """What is wrong, if something is."""
    return None if problem is None else [problem.code, problem.reason]


def ending_item(ending: Ending) -> Item:
    """How a job or a file has ended."""
    counts = ending.counts
    item = {
        "created": counts.created,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "failed": counts.failed,
        "cancelled": ending.cancelled,
        "status": str(ending.status),
    }
    if ending.problem is not None:
        item["problem"] = problem_item(ending.problem)
    return item


def _as_ending(item: Item) -> Ending:
    counts = Counts(item["created"], item["updated"], item["unchanged"], item["failed"])
    return Ending(
        JobStatus(item["status"]), counts, item["cancelled"], _as_problem(item.get("problem"))
    )


def _as_problem(fields: Any) -> Problem | None:
    return Problem(*fields) if fields else None
