"""Jobs as items of the import table."""

from typing import Any

from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.adapters.item_parts import as_audit, audit_item, public_item
from sfn_cqrs.adapters.records import Kind
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.import_job import (
    Ending,
    ImportRecord,
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
from sfn_cqrs.domain.policy import Client


def as_job(item: Item) -> Job:
    """Read a job."""
    loaded, parent = item.get("loaded"), item.get("parent")
    return Job(
        key=as_import_key(item),
        table=item["table"],
        mode=ProcessingMode(item["mode"]),
        cells=item.get("cells"),
        retries=tuple(item.get("retries", ())),
        since=item.get("since", ""),
        sent_at=item.get("sent_at", ""),
        loaded=_as_loaded(loaded) if loaded else None,
        refusal=as_problem(item.get("refusal")),
        step=item.get("step"),
        parent=_as_parent(parent) if parent else None,
        undoes=item.get("undoes", ""),
        undone_by=item.get("undone_by", ""),
        **as_import(item),
    )


def as_import_key(item: Item) -> ImportKey:
    """The key of the job that an item is, or belongs to."""
    return ImportKey(item["tenant"], item["ulid"], ImportKind(item["import_kind"]))


def whose_item(key: ImportKey) -> Item:
    """What tells whose an item is."""
    return {"tenant": key.tenant, "ulid": key.ulid, "import_kind": str(key.kind)}


def job_item(job: Job) -> Item:
    """The job as stored."""
    return {
        **public_item(job, "job"),
        "import_kind": str(job.key.kind),
        **import_item(job),
        "table": job.table,
        "size": job.size or None,
        "mode": str(job.mode),
        "cells": job.cells,
        "retries": list(job.retries) or None,
        "since": job.since or None,
        "sent_at": job.sent_at or None,
        "loaded": _loaded_item(job.loaded) if job.loaded else None,
        "refusal": problem_item(job.refusal),
        "step": job.step,
        "parent": _parent_item(job.parent) if job.parent else None,
        "undoes": job.undoes or None,
        "undone_by": job.undone_by or None,
        "opened_at": job.opened_at,
    }


def import_item(job: ImportRecord) -> Item:
    """What jobs of files and of archives store alike."""
    return {
        "source": source_item(job.source),
        "encoding": job.encoding,
        "delimiter": job.delimiter,
        "publish_mode": str(job.publish_mode),
        "client": client_item(job.client),
        "dry_run": job.dry_run,
        "status": str(job.status),
        "is_cancelled": job.is_cancelled or None,
        "ending": ending_item(job.ending) if job.ending else None,
        "retried_by": job.retried_by,
        "trace": job.trace or None,
        **audit_item(job.by),
        "started_at": job.started_at or None,
        "finished_at": job.finished_at or None,
    }


def as_import(item: Item) -> dict[str, Any]:
    """Read what jobs of files and of archives store alike."""
    ending = item.get("ending")
    return {
        "source": as_source(item["source"]),
        "size": item.get("size", 0),
        "by": as_audit(item),
        "encoding": item.get("encoding"),
        "delimiter": item.get("delimiter"),
        "publish_mode": PublishMode(item["publish_mode"]),
        "client": as_client(item.get("client")),
        "dry_run": item["dry_run"],
        "status": JobStatus(item["status"]),
        "started_at": item.get("started_at", ""),
        "finished_at": item.get("finished_at", ""),
        "is_cancelled": item.get("is_cancelled", False),
        "ending": as_ending(ending) if ending else None,
        "retried_by": item.get("retried_by"),
        "trace": item.get("trace", ""),
        "updated_at": item["updated_at"],
    }


def client_item(client: Client | None) -> Item | None:
    """Who asked for a job over HTTP."""
    if client is None:
        return None
    return {"groups": sorted(client.groups), "is_machine": client.is_machine}


def as_client(item: Item | None) -> Client | None:
    """Read who asked for a job."""
    return None if item is None else Client(frozenset(item["groups"]), item["is_machine"])


def _parent_item(parent: Parent) -> Item:
    item: Item = {"id": parent.id, "index": parent.index, "seq": parent.seq}
    return item if parent.token is None else {**item, "token": parent.token}


def _as_parent(item: Item) -> Parent:
    return Parent(item["id"], item["index"], item.get("token"), item["seq"])


def source_item(source: Source) -> Item:
    """Where an object lies."""
    return {"bucket": source.bucket, "key": source.key, "version_id": source.version_id}


def as_source(item: Item) -> Source:
    """Read where an object lies."""
    return Source(item["bucket"], item["key"], item["version_id"])


def problem_item(problem: Problem | None) -> list[str] | None:
    """What is wrong, if something is."""
    return None if problem is None else [problem.code, problem.reason]


def as_problem(fields: Any) -> Problem | None:
    """Read what is wrong, if something is."""
    return Problem(*fields) if fields else None


def _loaded_item(loaded: Loaded) -> Item:
    return {
        "rows": loaded.rows,
        "header": list(loaded.header),
        "columns": list(loaded.columns),
        "reader": str(loaded.reader),
        "source": source_item(loaded.source),
    }


def _as_loaded(item: Item) -> Loaded:
    return Loaded(
        item["rows"],
        tuple(item["header"]),
        tuple(item["columns"]),
        Reader(item["reader"]),
        as_source(item["source"]),
    )


def ending_item(ending: Ending) -> Item:
    """How a job, or a file of an archive, has ended."""
    counts = ending.counts.by_name
    item: Item = {"status": str(ending.status), **counts, "cancelled": ending.cancelled}
    if ending.problem is not None:
        item["problem"] = problem_item(ending.problem)
    return item


def as_ending(item: Item) -> Ending:
    """Read how a job, or a file of an archive, has ended."""
    counts = Counts(item["created"], item["updated"], item["unchanged"], item["failed"])
    problem = as_problem(item.get("problem"))
    return Ending(JobStatus(item["status"]), counts, item["cancelled"], problem)


IMPORTS = Kind(
    name="imports",
    item=job_item,
    record=as_job,
    is_open=lambda job: job.status.is_open or job.is_awaited,
)
