"""Importing a file of an archive by an import of its own, which ends the state's wait."""

from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.errors import SupersededError
from sfn_cqrs.domain.import_job import Cancel, Job
from sfn_cqrs.domain.values import Json
from sfn_cqrs.domain.zip_job import ArchivedFile, ZipJob
from sfn_cqrs.service.commands.service import Caller
from sfn_cqrs.service.imports.service import ImportService, Request
from sfn_cqrs.service.zips.state import ZipState

TRIES_PER_ATTEMPT = 1_000
"""More than a state has, so that a later attempt's token always takes an earlier one's place."""


def trigger(state: ZipState) -> None:
    """Begin the import of the file that the state's input names; nobody begins it twice.

    Cancelling writes its mark and then stops the imports that there are; here the import is
    created and then the mark is read, so that one of the two sees the other.

    Raises:
        SupersededError: there is no such job, or a later try waits already.
    """
    zips, key, index = bootstrap.zip_jobs(), state.ref.key, int(state.input["index"])
    job = zips.find(key)
    if job is None:
        raise SupersededError(f"there is no import {key.id}")
    file = zips.processing(key, index) if _is_wanted(job, state) else None
    if file is None:
        bootstrap.zip_executions().succeed(state.token, {"Payload": _not_begun(index, state.input)})
        return
    _begin(job, file, state)
    found = zips.find(key)
    if found is not None and found.is_cancelled:
        bootstrap.import_jobs().change(key.child(index), Cancel())


def _is_wanted(job: ZipJob, state: ZipState) -> bool:
    return job.is_mine(state.ref.attempt) and not job.is_cancelled and "error" not in state.input


def _begin(job: ZipJob, file: ArchivedFile, state: ZipState) -> None:
    if file.source is None or file.table is None:
        raise SupersededError(f"file {file.index} of {job.key.id} is not there")
    request = Request(
        table=file.table,
        key=file.source.key,
        publish_mode=job.publish_mode,
        encoding=job.encoding,
        delimiter=job.delimiter,
        dry_run=job.dry_run,
    )
    ImportService(job.key.tenant).start_child(
        job.key,
        file.index,
        request,
        state.token,
        seq=state.ref.attempt * TRIES_PER_ATTEMPT + state.context.state.retry_count,
        caller=Caller(user=job.by.by, ip=job.by.ip),
        earlier=_earlier(job, file.index),
    )


def _earlier(job: ZipJob, index: int) -> Job | None:
    """The file's import in the jobs that this one retries: only its failed rows are left."""
    found = (bootstrap.import_jobs().find(key.child(index)) for key in job.retries)
    return next((child for child in found if child is not None), None)


def _not_begun(index: int, state_input: dict[str, Any]) -> dict[str, Json]:
    """The answer of a wait that nobody else ends; an error is for the last state to record."""
    answer: dict[str, Json] = {"index": index, "status": "NOT_BEGUN"}
    return answer | ({"error": state_input["error"]} if "error" in state_input else {})
