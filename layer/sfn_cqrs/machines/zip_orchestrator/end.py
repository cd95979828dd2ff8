"""Ending the import of an archive: every file is accounted for before the status is written."""

from dataclasses import replace
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import SupersededError, TransientError
from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.job import Cancel, Job
from sfn_cqrs.machines.import_csv.job import ending_of as ending_of_file
from sfn_cqrs.machines.zip_orchestrator.job import ArchivedFile, End, ZipJob, ending_of, settled

TIMED_OUT = Problem("timed_out", "the file's import did not end in time; look at its own job")


def end_zip(job: ZipJob, state_input: Any, *, is_late: bool) -> ZipJob:
    """End an open job, and return it; `state_input` contains the errors that states raised.

    Raises:
        SupersededError: the attempt does not own the job.
        TransientError: a file's import is still ending, and may be waited for.
    """
    zips, (errors, whole) = bootstrap.zip_jobs(), _errors_of(state_input)
    files = {file.index: file for file in zips.files(job.key)}
    unended = [file for file in files.values() if file.status.is_open]
    begun = [file.index for file in unended if file.begun]
    children = zips.children(job.key, begun)
    running = [child.key for child in children.values() if child.status.is_open]
    for child in running:
        bootstrap.import_jobs().change(child, Cancel())
    if running and not is_late:
        raise TransientError(f"{len(running)} imports of files are still at work")
    for file in unended:
        error = errors.get(file.index, whole)
        files[file.index] = _settled(job, file, children.get(file.index), error)
    zips.end_files(job.key, job.attempt, (files[file.index] for file in unended))
    problem = job.problem
    if whole is not None and job.files is None:
        problem = Problem("failed", whole)
    ending = ending_of(replace(job, problem=problem), files.values())
    ended = zips.change(job.key, End(job.attempt, ending), job)
    if not ended.done or ended.record is None:
        raise SupersededError(f"attempt {job.attempt} no longer owns {job.key.id}")
    return ended.record


def _settled(job: ZipJob, file: ArchivedFile, child: Job | None, error: str | None) -> ArchivedFile:
    if child is None or child.ending is not None:
        return settled(job, file, child, error)
    counted = bootstrap.imports().counts(child.key)
    return file.ended(ending_of_file(replace(child, is_cancelled=False), counted, TIMED_OUT))


def _errors_of(state_input: Any) -> tuple[dict[int, str], str | None]:
    """Return the errors of single files by index, and the one that ended the whole execution."""
    if isinstance(state_input, list):
        failed = [one for one in state_input if isinstance(one, dict) and "error" in one]
        return {one["index"]: str(one["error"]) for one in failed}, None
    failure = Failure.of(state_input)
    return {}, f"{failure.error}: {failure.summary}".splitlines()[0]
