"""The one consumer of the import table's stream: it starts jobs, and reports their progress.

A file's execution is started here; a single row, on which the user's code works, by a message.

The event source lets through jobs, and the counters that batches move; a job has a step once
it has news.
"""

from collections.abc import Callable

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.functions.stream import Outbox, stream_of
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.kernel.tables.dynamodb import Item
from sfn_cqrs.machines.import_csv.items import IMPORTS, WHOSE
from sfn_cqrs.machines.import_csv.job import Job, JobStatus
from sfn_cqrs.machines.import_csv.notices import import_execute
from sfn_cqrs.machines.import_csv.progress import advance, tell
from sfn_cqrs.machines.import_csv.queueing import leave, may_begin
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS
from sfn_cqrs.machines.zip_orchestrator.job import ZipJob
from sfn_cqrs.machines.zip_orchestrator.progress import tell_zip

Found = Job | ZipJob | ImportKey
KINDS: dict[str, Callable[[Item], Found]] = {"job": IMPORTS.record, "zip": ZIPS.record}


def _read(image: Item) -> Found:
    return KINDS.get(image["kind"], WHOSE.record)(image)


@stream_of("import", _read)
def lambda_handler(found: Found, outbox: Outbox) -> None:
    """Start a job, or tell how far it is; a job's counters are looked at once a batch."""
    if isinstance(found, ImportKey):
        if outbox.is_first(found):
            advance(found)
    elif found.status is JobStatus.CREATED:
        _begin(found, outbox)
    else:
        _tell(found, outbox)
        if not found.status.is_open and outbox.is_first((found.key, "has ended")):
            leave(found)


def _begin(job: Job | ZipJob, outbox: Outbox) -> None:
    """A single row is its message's; a file or an archive begins when it is its turn."""
    if isinstance(job, Job) and job.cells is not None:
        outbox.notices.append(import_execute(job, bootstrap.import_table_name()))
    elif may_begin(job):
        bootstrap.every_import().start(job)


def _tell(job: Job | ZipJob, outbox: Outbox) -> None:
    if isinstance(job, ZipJob):
        tell_zip(job, outbox)
    elif job.step is not None or job.ending is not None:
        tell(job, outbox)
