"""The imports of files and of archives together, as the queue and the budgets ask for them."""

from collections.abc import Iterator
from heapq import merge
from typing import TypeVar

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.errors import InvalidFileError
from sfn_cqrs.kernel.keys import ImportKey, ZipKey
from sfn_cqrs.kernel.tables.records import Records
from sfn_cqrs.machines.import_csv.job import ImportRecord, Job, JobStatus
from sfn_cqrs.machines.import_csv.places import EveryImport
from sfn_cqrs.machines.zip_orchestrator.job import ZipJob

PER_PAGE = 25

T = TypeVar("T", Job, ZipJob)


class BothKinds(EveryImport):
    """The jobs of both machines."""

    def find(self, tenant: str, id_: str) -> Job | ZipJob | None:
        """Return the job of a file, a row or an archive by its id, or None if there is none.

        Raises:
            NotFoundError: it is not an id of an import.
        """
        if ZipKey.is_named_by(id_):
            return bootstrap.zip_jobs().find(ZipKey.of(tenant, id_))
        return bootstrap.import_jobs().find(ImportKey.of(tenant, id_))

    def parts(self, tenant: str, id_: str) -> list[ImportKey]:
        """Return the keys of the imports that make up an import: its own, or its files' ones.

        Raises:
            InvalidFileError: the archive does not exist any more.
        """
        if not ZipKey.is_named_by(id_):
            return [ImportKey.of(tenant, id_)]
        archive = bootstrap.zip_jobs().find(ZipKey.of(tenant, id_))
        if archive is None:
            raise InvalidFileError("gone", f"the import {id_} does not exist any more")
        return [archive.key.child(index) for index in range(archive.files or 0)]

    def waiting(self) -> Iterator[ImportRecord]:
        """Yield those that queue and whose execution has not started, the oldest first."""
        files, archives = _opened(bootstrap.import_jobs()), _opened(bootstrap.zip_jobs())
        opened: Iterator[Job | ZipJob] = merge(files, archives, key=lambda job: job.opened_at)
        return (job for job in opened if job.status is JobStatus.CREATED and job.takes_a_place)

    def start(self, job: ImportRecord) -> None:
        """Start a job's execution, once."""
        if isinstance(job, ZipJob):
            bootstrap.zip_executions().start(job.ref, job.trace)
        elif isinstance(job, Job):
            bootstrap.import_executions().start(job.key, job.trace)


def _opened(table: Records[T]) -> Iterator[T]:
    before = iso(bootstrap.now())
    shards = (table.every_opened(shard, before, PER_PAGE) for shard in table.shards)
    return merge(*shards, key=lambda job: job.opened_at)
