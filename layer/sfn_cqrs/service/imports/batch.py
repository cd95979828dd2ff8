"""One batch of a job, as a Map's child brings it."""

from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.import_job import Job
from sfn_cqrs.domain.imports import Counts, InputRow
from sfn_cqrs.domain.keys import ImportKey
from sfn_cqrs.service.imports import strategies
from sfn_cqrs.service.imports.rows import RowBatch

BATCH = 100
"""Rows to a batch, as many as one read of current rows takes."""
RETRIES = 5
"""As often the machine has a batch tried again."""


def run_batch(
    key: ImportKey, items: list[dict[str, Any]], *, is_last_try: bool = False
) -> Counts | None:
    """Go through a batch of `{index, value}`; None if its job has ended or is cancelled.

    Raises:
        TransientError: something is busy; the same batch may be tried again.
    """
    job = bootstrap.import_jobs().find(key)
    if job is None or job.loaded is None or job.is_cancelled or not job.status.is_open:
        return None
    return run_rows(job, job.loaded.rows_of(items), is_last_try=is_last_try)


def run_rows(job: Job, rows: list[InputRow], *, is_last_try: bool = False) -> Counts:
    """Go through rows of a job that is open."""
    strategy = strategies.find(job.table)
    return RowBatch(job.settings(), strategy, rows, is_last_try=is_last_try).run().counts
