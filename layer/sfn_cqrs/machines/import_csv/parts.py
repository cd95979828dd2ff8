"""Makes the parts of imports: jobs, budgets, places, files, and their machine and queue."""

from functools import partial

from sfn_cqrs.kernel.aws.executions import Executions
from sfn_cqrs.kernel.aws.parts import executions_of
from sfn_cqrs.kernel.aws.queue import Queue
from sfn_cqrs.kernel.parts import Parts, part
from sfn_cqrs.kernel.tables.parts import records_of
from sfn_cqrs.kernel.tables.records import Records
from sfn_cqrs.machines.import_csv.bucket import ImportBucket
from sfn_cqrs.machines.import_csv.budget import ImportBudget, Limits
from sfn_cqrs.machines.import_csv.items import IMPORT_BUDGETS, IMPORT_QUEUE, IMPORTS
from sfn_cqrs.machines.import_csv.job import Job
from sfn_cqrs.machines.import_csv.places import ImportQueue, Places
from sfn_cqrs.machines.import_csv.table import ImportTable


@part
def import_jobs(parts: Parts) -> Records[Job]:
    """Return the import jobs."""
    return records_of(parts, IMPORTS, parts.variable("IMPORT_TMP_TABLE"))


@part
def import_budgets(parts: Parts) -> Records[ImportBudget]:
    """Return the tenants' import budgets."""
    return records_of(parts, IMPORT_BUDGETS, parts.variable("IMPORT_TMP_TABLE"))


@part
def import_limits(parts: Parts) -> Limits:
    """Return the limits of one tenant's imports."""
    return Limits(
        jobs=parts.number("TENANT_OPEN_IMPORTS"),
        size=parts.number("TENANT_OPEN_BYTES"),
        rows=parts.number("TENANT_OPEN_ROWS"),
    )


@part
def import_queue(parts: Parts) -> Records[ImportQueue]:
    """Return the running and the waiting imports."""
    return records_of(parts, IMPORT_QUEUE, parts.variable("IMPORT_TMP_TABLE"))


@part
def import_places(parts: Parts) -> Places:
    """Return how many imports run at a time."""
    return Places(
        tenant=parts.number("TENANT_RUNNING_IMPORTS"),
        all=parts.number("RUNNING_IMPORTS"),
        batches=parts.number("IMPORT_BATCHES"),
        rows=parts.number("IMPORT_BATCH_ROWS"),
    )


@part
def imports(parts: Parts) -> ImportTable:
    """Return the jobs' records of their batches."""
    return ImportTable(parts.client("dynamodb"), parts.variable("IMPORT_TMP_TABLE"), parts.now)


@part
def import_bucket(parts: Parts) -> ImportBucket:
    """Return the files of imports. The client that signs is made for the first signature."""
    signer = partial(parts.client, "s3", signs=True)
    return ImportBucket(parts.client("s3"), parts.variable("IMPORT_BUCKET"), signer)


@part
def import_executions(parts: Parts) -> Executions:
    """Return the import machine."""
    return executions_of(parts, "import-csv", parts.variable("IMPORT_TMP_TABLE"))


@part
def import_actions(parts: Parts) -> Queue:
    """Return the queue of single rows to import."""
    return Queue(parts.client("sqs"), parts.variable("IMPORT_ACTION_QUEUE_URL"))
