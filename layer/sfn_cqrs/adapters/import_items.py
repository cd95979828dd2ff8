"""Jobs as items of the import table."""

from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.adapters.open_index import shard_of
from sfn_cqrs.domain.command import Audit
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.import_job import (
    Ending,
    Job,
    JobStatus,
    Loaded,
    Parent,
    ProcessingMode,
    Reader,
    Source,
)
from sfn_cqrs.domain.imports import Counts, PublishMode
from sfn_cqrs.domain.keys import ImportKey, ImportKind

OPEN_SHARDS = 4


def open_shard(key: ImportKey) -> int:
    """The partition of the index of open jobs that this one is listed in."""
    return shard_of(key.pk, key.sk, OPEN_SHARDS)


def as_job(item: Item) -> Job:
    """Read a job."""
    loaded, ending = item.get("loaded"), item.get("ending")
    refusal, parent = item.get("refusal"), item.get("parent")
    return Job(
        key=as_import_key(item),
        table=item["table"],
        source=Source(**item["source"]),
        by=Audit(item["created_at"], item.get("created_by", ""), item.get("created_ip", "")),
        encoding=item.get("encoding"),
        delimiter=item.get("delimiter"),
        publish_mode=PublishMode(item["publish_mode"]),
        dry_run=item["dry_run"],
        mode=ProcessingMode(item["mode"]),
        cells=item.get("cells"),
        retries=tuple(item.get("retries", ())),
        since=item.get("since", ""),
        retried_by=item.get("retried_by"),
        status=JobStatus(item["status"]),
        started_at=item.get("started_at", ""),
        finished_at=item.get("finished_at", ""),
        is_cancelled=item.get("is_cancelled", False),
        loaded=_as_loaded(loaded) if loaded else None,
        refusal=Problem(*refusal) if refusal else None,
        step=item.get("step"),
        parent=Parent(**parent) if parent else None,
        ending=_as_ending(ending) if ending else None,
    )


def as_import_key(item: Item) -> ImportKey:
    """The key of the job that an item is, or belongs to."""
    return ImportKey(item["tenant"], item["ulid"], ImportKind(item["import_kind"]))


def key_item(key: ImportKey) -> Item:
    """What tells whose an item is."""
    return {"tenant": key.tenant, "ulid": key.ulid, "import_kind": str(key.kind)}


def job_item(job: Job) -> Item:
    """A job that has just been created."""
    return {
        "pk": job.key.pk,
        "sk": job.key.sk,
        "kind": "job",
        **key_item(job.key),
        "id": job.key.id,
        "table": job.table,
        "source": _source_item(job.source),
        "encoding": job.encoding,
        "delimiter": job.delimiter,
        "publish_mode": str(job.publish_mode),
        "dry_run": job.dry_run,
        "mode": str(job.mode),
        "cells": job.cells,
        "retries": list(job.retries) or None,
        "since": job.since or None,
        "loaded": loaded_item(job.loaded) if job.loaded else None,
        "status": str(job.status),
        "created_at": job.by.at,
        "created_by": job.by.by or None,
        "created_ip": job.by.ip or None,
        "started_at": job.started_at or None,
        "parent": parent_item(job.parent) if job.parent else None,
        "opened_at": job.by.at,
        "open_shard": open_shard(job.key),
    }


def parent_item(parent: Parent) -> Item:
    """Who waits for a job."""
    item: Item = {"id": parent.id, "index": parent.index, "seq": parent.seq}
    return item if parent.token is None else {**item, "token": parent.token}


def _source_item(source: Source) -> Item:
    return {"bucket": source.bucket, "key": source.key, "version_id": source.version_id}


def loaded_item(loaded: Loaded) -> Item:
    """What the loader found."""
    return {
        "rows": loaded.rows,
        "header": list(loaded.header),
        "columns": list(loaded.columns),
        "reader": str(loaded.reader),
        "source": _source_item(loaded.source),
    }


def _as_loaded(item: Item) -> Loaded:
    return Loaded(
        item["rows"],
        tuple(item["header"]),
        tuple(item["columns"]),
        Reader(item["reader"]),
        Source(**item["source"]),
    )


def ending_item(ending: Ending) -> Item:
    """How a job has ended."""
    counts = ending.counts
    item: Item = {
        "status": str(ending.status),
        "created": counts.created,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "failed": counts.failed,
        "cancelled": ending.cancelled,
    }
    if ending.problem is not None:
        item["problem"] = [ending.problem.code, ending.problem.reason]
    return item


def _as_ending(item: Item) -> Ending:
    counts = Counts(item["created"], item["updated"], item["unchanged"], item["failed"])
    problem = item.get("problem")
    return Ending(
        JobStatus(item["status"]), counts, item["cancelled"], Problem(*problem) if problem else None
    )
