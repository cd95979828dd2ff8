"""The one consumer of the import table's stream: it starts jobs, and tells how far they are.

A file's execution is started here; a single row, on which the user's code works, by a message.

The event source lets through jobs, and the counters that batches move; a job has a step once
there is something to tell of it.
"""

from collections.abc import Callable

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.adapters.import_items import as_import_key, as_job
from sfn_cqrs.adapters.zip_items import as_zip
from sfn_cqrs.domain.import_job import Job, JobStatus
from sfn_cqrs.domain.keys import ImportKey
from sfn_cqrs.domain.notices import import_execute
from sfn_cqrs.domain.zip_job import ZipJob
from sfn_cqrs.service.imports.progress import advance, tell
from sfn_cqrs.service.stream import Outbox, stream_of
from sfn_cqrs.service.zips.progress import tell_zip

KINDS: dict[str, Callable[[Item], Job | ZipJob | ImportKey]] = {"job": as_job, "zip": as_zip}


def _read(image: Item) -> Job | ZipJob | ImportKey:
    return KINDS.get(image["kind"], as_import_key)(image)


@stream_of("import", _read)
def lambda_handler(found: Job | ZipJob | ImportKey, outbox: Outbox) -> None:
    """Start a job, or tell how far it is; a job's counters are looked at once a batch."""
    match found:
        case ImportKey():
            if outbox.is_first(found):
                advance(found)
        case ZipJob(status=JobStatus.CREATED):
            bootstrap.zip_executions().start(found.ref)
        case ZipJob():
            tell_zip(found, outbox)
        case Job(status=JobStatus.CREATED) if found.cells is not None:
            outbox.notices.append(import_execute(found, bootstrap.import_table_name()))
        case Job(status=JobStatus.CREATED):
            bootstrap.import_executions().start(found.key)
        case Job() if found.step is not None or found.ending is not None:
            tell(found, outbox)
