"""Makes the parts of ZIP archives: their jobs, their files and their machine."""

from sfn_cqrs.kernel.aws.executions import Executions
from sfn_cqrs.kernel.aws.parts import executions_of
from sfn_cqrs.kernel.parts import Parts, part
from sfn_cqrs.kernel.tables.parts import requests
from sfn_cqrs.machines.zip_orchestrator.bucket import ZipBucket
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS
from sfn_cqrs.machines.zip_orchestrator.table import ZipJobs


@part
def zip_jobs(parts: Parts) -> ZipJobs:
    """Return the imports of ZIP archives."""
    client, table = parts.client("dynamodb"), parts.variable("IMPORT_TMP_TABLE")
    return ZipJobs(client, table, ZIPS, requests=requests(parts), now=parts.now)


@part
def zip_bucket(parts: Parts) -> ZipBucket:
    """Return the archives and their files."""
    return ZipBucket(parts.client("s3"), parts.variable("IMPORT_BUCKET"))


@part
def zip_executions(parts: Parts) -> Executions:
    """Return the machine of ZIP archives."""
    return executions_of(parts, "zip-orchestrator", parts.variable("IMPORT_TMP_TABLE"))
