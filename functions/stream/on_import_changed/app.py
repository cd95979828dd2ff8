"""The one consumer of the import table's stream: it starts jobs, and tells how far they are.

A file's execution is started here; a single row, on which the user's code works, by a message.

The event source lets through jobs, and the counters that batches move; a job has a step once
there is something to tell of it. The first record that fails for a passing reason ends the
batch there: Lambda delivers it again, and all behind it. What can never be processed goes to
the dead letters.
"""

from collections.abc import Callable
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.dynamodb import Item, unmarshal
from sfn_cqrs.adapters.import_items import as_import_key, as_job
from sfn_cqrs.adapters.zip_items import as_zip
from sfn_cqrs.domain.import_job import Job, JobStatus
from sfn_cqrs.domain.keys import ImportKey
from sfn_cqrs.domain.notices import import_execute
from sfn_cqrs.domain.zip_job import ZipJob
from sfn_cqrs.service.import_progress import advance, told_of
from sfn_cqrs.service.logs import logger
from sfn_cqrs.service.zip_progress import told_of_zip

KINDS: dict[str, Callable[[Item], Job | ZipJob | ImportKey]] = {"job": as_job, "zip": as_zip}


def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Handle the records in their order; answers the first that has to come again."""
    notices: list[dict[str, Any]] = []
    alarms: list[dict[str, Any]] = []
    counted: dict[ImportKey, str] = {}
    failures = []
    sequence_number = ""
    try:
        for record in event["Records"]:
            sequence_number = record["dynamodb"]["SequenceNumber"]
            match _read(record):
                case Job() as job:
                    _handle(job, notices, alarms)
                case ZipJob() as archive:
                    _handle_zip(archive, notices, alarms)
                case ImportKey() as key:
                    counted.setdefault(key, sequence_number)
        for key, number in counted.items():
            sequence_number = number
            advance(key)
    except Exception:
        logger.exception("a record will be delivered again", record=sequence_number)
        failures = [{"itemIdentifier": sequence_number}]
    bootstrap.events().publish(notices)
    bootstrap.alarms().publish(alarms)
    return {"batchItemFailures": failures}


def _read(record: dict[str, Any]) -> Job | ZipJob | ImportKey | None:
    try:
        image = unmarshal(record["dynamodb"]["NewImage"])
        return KINDS.get(image["kind"], as_import_key)(image)
    except (KeyError, TypeError, ValueError) as error:
        keys = record.get("dynamodb", {}).get("Keys", {})
        bootstrap.dead_letters().put(keys, f"no import: {type(error).__name__}: {error}")
        logger.exception("a record went to the dead letters")
        return None


def _handle(job: Job, notices: list[dict[str, Any]], alarms: list[dict[str, Any]]) -> None:
    if job.status is JobStatus.CREATED and job.cells is not None:
        notices.append(import_execute(job, bootstrap.import_table_name()))
    elif job.status is JobStatus.CREATED:
        bootstrap.import_executions().start(job.key)
    elif job.step is not None or job.ending is not None:
        told = told_of(job)
        notices += told.notices
        alarms += told.alarms


def _handle_zip(job: ZipJob, notices: list[dict[str, Any]], alarms: list[dict[str, Any]]) -> None:
    if job.status is JobStatus.CREATED:
        bootstrap.zip_executions().start(job.ref)
        return
    told = told_of_zip(job)
    notices += told.notices
    alarms += told.alarms
