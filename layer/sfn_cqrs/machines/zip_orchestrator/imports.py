"""Imports for Python code, of files, rows and archives: an id says what it names."""

from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.clock import iso, new_ulid
from sfn_cqrs.kernel.errors import NotFoundError, NotPermittedError, NotUndoableError
from sfn_cqrs.kernel.keys import ImportKey, ZipKey
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.tables.paging import DEFAULT_LIMIT, Page
from sfn_cqrs.kernel.tables.records import Records
from sfn_cqrs.machines.import_csv import files, strategies
from sfn_cqrs.machines.import_csv.direct import MAX_DIRECT_ROWS
from sfn_cqrs.machines.import_csv.job import NO_SOURCE, Job, UndoBy
from sfn_cqrs.machines.import_csv.progress import Progress, progress_of
from sfn_cqrs.machines.import_csv.reserving import take_place
from sfn_cqrs.machines.import_csv.service import FileImports
from sfn_cqrs.machines.zip_orchestrator.both_kinds import BothKinds
from sfn_cqrs.machines.zip_orchestrator.job import ZipJob
from sfn_cqrs.machines.zip_orchestrator.progress import ZipProgress
from sfn_cqrs.machines.zip_orchestrator.service import ZipImports, ZipRequest


class ImportService(FileImports):
    """The imports of a tenant. Its files are below `uploads/<tenant>/` in the import bucket."""

    def __init__(self, tenant: str, client: Client | None = None, user: str = "") -> None:
        """Work for one tenant, and for a client, or for code. Each table declares who may do what.

        The user, whom AWS has verified, may cancel and retry what they have sent.

        Raises:
            InvalidInputError: no key can hold this tenant.
        """
        super().__init__(tenant, client, user)
        self._zips = ZipImports(tenant, client, user)

    def start_zip(self, request: ZipRequest, caller: Caller | None = None) -> ZipProgress:
        """Let the machine import a ZIP archive's CSV files, one after the other; return the job.

        Raises:
            InvalidInputError: there is no such table or archive.
            IdempotencyMismatchError: the caller's idempotency key was used for something else.
            TooManyImportsError: a client's tenant has its maximum of open imports.
        """
        return self._zips.start(request, caller or Caller())

    def get(self, id_: str) -> Progress | ZipProgress:
        """Return a job with its live counts, or an archive with those of its files.

        Raises:
            NotFoundError: there is no such job.
        """
        if ZipKey.is_named_by(id_):
            return self._zips.get(id_)
        return self._get_file(id_)

    def list_zips(
        self, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[ZipProgress]:
        """Return a page of archives' jobs, the newest first; limit 1 to 100."""
        return self._zips.list(limit=limit, cursor=cursor)

    def cancel(self, id_: str) -> Progress | ZipProgress:
        """Start no further batch and return the job; finished work stays and is counted.

        Raises:
            NotFoundError: there is no such job.
            NotPermittedError: the client may not import, or another has sent what it may not read.
            NotOpenError: it has ended.
        """
        if ZipKey.is_named_by(id_):
            return self._zips.cancel(id_)
        return self._cancel_file(id_)

    def retry(self, id_: str, caller: Caller | None = None) -> Progress | ZipProgress:
        """Import the rows that failed, or were not processed, again by a new job; return it.

        They keep their numbers, and their order among all rows of the file. A job has one retry:
        asking again returns that same job, which can be retried in turn.

        Raises:
            NotFoundError: there is no such job.
            NotFailedError: the job has not ended, or none of its rows failed.
            TooManyImportsError: a client's tenant has its maximum of open imports.
        """
        if ZipKey.is_named_by(id_):
            return self._zips.retry(id_, caller or Caller())
        return self._retry_file(id_, caller or Caller())

    def undo(self, id_: str, caller: Caller | None = None, *, dry_run: bool = False) -> Progress:
        """Undo an import by a new job, and return it: items return to their earlier states.

        An item that somebody has changed since is kept. An import has one undo: asking again
        returns that same job. A dry run is a separate job that writes nothing.

        Raises:
            NotFoundError: there is no such import.
            NotUndoableError: the import has not ended, has written nothing, or is too old.
            NotPermittedError: the client may not import into the table, or code made the import.
            TooManyImportsError: a client's tenant has its maximum of open imports.
        """
        job, caller = BothKinds().find(self._tenant, id_), caller or Caller()
        if job is None:
            raise NotFoundError(f"there is no import {id_!r}")
        table = job.table or self._table_of(job.key)
        strategies.check_publish(table, caller.client)
        if caller.client is not None and job.client is None:
            raise NotPermittedError(f"code has made {id_}, so only code may undo it")
        strategies.check_undo(table, caller.client, job, caller.user)
        now = bootstrap.now()
        if refusal := job.why_not_undone(iso(now)):
            raise NotUndoableError(f"{id_} cannot be undone: {refusal}")
        total = job.total if isinstance(job, Job) else job.ending.counts.total if job.ending else 0
        if total > MAX_DIRECT_ROWS:
            strategies.check_step_function(table, caller.client)
        key = ImportKey(self._tenant, new_ulid(now))
        if not dry_run:
            key = self._undone_by(job, key)
            found = bootstrap.import_jobs().find(key)
            if found is not None:
                return progress_of(found)
        take_place(key, job.size, caller.client)
        made_by = files.made_by(caller, iso(now))
        undo = Job(key=key, table=table, source=NO_SOURCE, undoes=id_, dry_run=dry_run, **made_by)
        bootstrap.import_jobs().create(undo)
        return progress_of(self._find(key.id))

    def _table_of(self, key: ImportKey | ZipKey) -> str:
        """Return the one table that an archive's files belong to."""
        known = bootstrap.zip_jobs().files(ZipKey.of(self._tenant, key.id))
        tables = sorted({file.table for file in known if file.begun and file.table})
        if len(tables) == 1:
            return tables[0]
        raise NotUndoableError(
            f"{key.id} cannot be undone as a whole: its files are of {len(tables)} tables;"
            " undo the imports of its files, the last one first"
        )

    def _undone_by(self, job: Job | ZipJob, key: ImportKey) -> ImportKey:
        """Note who undoes an import, and return the key of the first who did."""
        jobs: Records[Any] = (
            bootstrap.import_jobs() if isinstance(job, Job) else bootstrap.zip_jobs()
        )
        noted = jobs.change(job.key, UndoBy(key.id), job).record
        return ImportKey.of(self._tenant, noted.undone_by) if noted and noted.undone_by else key
