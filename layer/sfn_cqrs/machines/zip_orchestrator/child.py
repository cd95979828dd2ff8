"""Importing a file of an archive by its own import, which ends the state's wait."""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.kernel.notices import at_depth
from sfn_cqrs.machines.import_csv.job import Job
from sfn_cqrs.machines.import_csv.service import FileImports, Request
from sfn_cqrs.machines.zip_orchestrator.job import ArchivedFile, ZipJob
from sfn_cqrs.machines.zip_orchestrator.state import ZipState

TRIES_PER_ATTEMPT = 1_000
"""More than a state's tries, so a later attempt's token always replaces an earlier one."""


def begin_child(job: ZipJob, file: ArchivedFile, state: ZipState) -> None:
    """Have a file imported by its own import, which ends the state's wait.

    Raises:
        SupersededError: the file is not there, or a later try is waiting already.
    """
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
    with at_depth(job.depth):
        _start(job, file, request, state)


def _start(job: ZipJob, file: ArchivedFile, request: Request, state: ZipState) -> None:
    FileImports(job.key.tenant).start_child(
        job.key,
        file.index,
        request,
        state.token,
        seq=state.ref.attempt * TRIES_PER_ATTEMPT + state.context.state.retry_count,
        caller=Caller(user=job.by.by, ip=job.by.ip, client=job.client),
        earlier=_earlier(job, file.index),
    )


def _earlier(job: ZipJob, index: int) -> Job | None:
    """Return the file's import in the jobs that this one retries: only its failed rows are left."""
    found = (bootstrap.import_jobs().find(key.child(index)) for key in job.retries)
    return next((child for child in found if child is not None), None)
