"""Imports of ZIP archives from the outside: start, look, cancel."""

from dataclasses import astuple, dataclass, replace

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.clock import iso, new_ulid, ulid_of
from sfn_cqrs.kernel.errors import NotFailedError, NotFoundError, NotOpenError
from sfn_cqrs.kernel.functions.requests import create_once, seen_id
from sfn_cqrs.kernel.keys import ZipKey, checked_tenant
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.tables.paging import DEFAULT_LIMIT, Page
from sfn_cqrs.kernel.values import digest
from sfn_cqrs.machines.import_csv import files, strategies
from sfn_cqrs.machines.import_csv.job import Cancel, RetryBy
from sfn_cqrs.machines.import_csv.reserving import take_place
from sfn_cqrs.machines.import_csv.results import PublishMode
from sfn_cqrs.machines.zip_orchestrator.job import ZipJob
from sfn_cqrs.machines.zip_orchestrator.progress import ZipProgress, progress_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipRequest:
    """The archive to import, and its settings; without a table each file's name says it.

    A declared encoding or delimiter applies to all files.
    """

    key: str
    table: str | None = None
    publish_mode: PublishMode = PublishMode.SYNC
    encoding: str | None = None
    delimiter: str | None = None
    dry_run: bool = False


class ZipImports:
    """A tenant's imports of archives; the uploads are below `uploads/<tenant>/`."""

    def __init__(self, tenant: str, client: Client | None = None, user: str = "") -> None:
        """Work for one tenant, and for a client, or for code. Each table declares who may do what.

        The user, whom AWS has verified, may cancel and retry what they have sent.
        """
        self._tenant = checked_tenant(tenant)
        self._client = client
        self._user = user

    def start(self, request: ZipRequest, caller: Caller) -> ZipProgress:
        """Store a job and return it; the table's stream starts its machine.

        If the caller's idempotency key was used for the same request before, return that job as it
        is now.

        Raises:
            InvalidInputError: there is no such table or object.
            IdempotencyMismatchError: the caller's idempotency key was used for something else.
            TooManyImportsError: a client's tenant has its maximum of open imports.
        """
        strategies.check_archive(request.table, caller.client, request.publish_mode)
        asked = digest(["zip", *astuple(request)])
        seen = seen_id(self._tenant, caller.request_key, asked)
        if seen is not None:
            return self.get(seen)
        job = self._new(request, caller)
        take_place(job.key, job.size, caller.client)
        id_ = create_once(bootstrap.zip_jobs(), job, caller.request_key, asked)
        return ZipProgress(job, []) if id_ == job.key.id else self.get(id_)

    def start_version(self, request: ZipRequest, version_id: str | None, caller: Caller) -> str:
        """Start the import of a version of an archive once, however often this is called.

        Return the job's id, which is derived from the version. By default it is the current
        version.

        Raises:
            InvalidInputError: there is no such table or object.
        """
        job = self._new(request, caller, version_id, is_derived=True)
        bootstrap.zip_jobs().create(job)
        return job.key.id

    def get(self, id_: str) -> ZipProgress:
        """Return a job with its live counts and the files that the client may see.

        Raises:
            NotFoundError: there is no such job.
            NotPermittedError: the client may not see imports into its table.
        """
        job = self._find(id_)
        if job.table is not None:
            strategies.check_read(job.table, self._client)
        return self._seen(progress_of(job))

    def list(self, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> Page[ZipProgress]:
        """Return a page of jobs, the newest first; limit 1 to 100.

        The page leaves out jobs that the client may not see, so it may be short.
        """
        page = bootstrap.zip_jobs().page(ZipKey(self._tenant, ""), limit, cursor)
        seen = [job for job in page.items if job.table is None or self._may_read(job.table)]
        return Page([self._seen(progress_of(job)) for job in seen], page.next_cursor)

    def cancel(self, id_: str) -> ZipProgress:
        """Start no further file, and no further batch of the current one; return the job.

        Finished work stays and is counted.

        Raises:
            NotFoundError: there is no such job.
            NotPermittedError: the client did not send the archive, and may not import all its
                files.
            NotOpenError: it has ended.
        """
        job = self._find(id_)
        self._check_sent(job, self._client, self._user)
        written = bootstrap.zip_jobs().change(job.key, Cancel(), job)
        job = written.record or job
        if not written.done:
            raise NotOpenError(f"import {id_} has ended as {job.status}")
        progress = progress_of(job)
        for each in progress.files:
            if each.file.begun and each.file.status.is_open:
                child = job.key.child(each.file.index)
                bootstrap.import_jobs().change(child, Cancel())
        return self._seen(progress)

    def retry(self, id_: str, caller: Caller) -> ZipProgress:
        """Have the files that failed, or were not begun, imported by a new job, and return it.

        If a file's import was begun, only its failed and unprocessed rows are imported. A job has
        one retry: asking again returns that same job.

        Raises:
            NotFoundError: there is no such job.
            NotPermittedError: the client did not send the archive, and may not import all its
                files.
            NotFailedError: the job has not ended, or has succeeded.
            TooManyImportsError: a client's tenant has its maximum of open imports.
        """
        job, now = self._find(id_), bootstrap.now()
        strategies.check_archive(job.table, caller.client, job.publish_mode)
        self._check_sent(job, caller.client, caller.user)
        retry = RetryBy(ZipKey(self._tenant, new_ulid(now)).id)
        written = bootstrap.zip_jobs().change(job.key, retry, job)
        noted = written.record.retried_by if written.record else None
        if noted is None:
            raise NotFailedError(f"the import is {job.status}, not FAILED or CANCELLED")
        key = ZipKey.of(self._tenant, noted)
        if bootstrap.zip_jobs().find(key) is not None:
            return self.get(noted)
        take_place(key, job.size, caller.client)
        sender = caller.client or job.client  # what a client sent stays a client's
        again = ZipJob(
            key=key,
            table=job.table,
            opened_at=iso(now),
            retries=(job.key, *job.retries),
            **job.file,
            **files.made_by(replace(caller, client=sender), iso(now)),
        )
        bootstrap.zip_jobs().create(again)
        return self.get(noted)

    def _check_sent(self, job: ZipJob, client: Client | None, user: str) -> None:
        """Refuse a client that did not send an archive and may not import and read all its files.

        Until the files are known, they may belong to any table.
        """
        if job.table is not None:
            strategies.check_publish(job.table, client)
            strategies.check_steers(job.table, client, job, user)
        elif client is not None and not job.is_sent_by(user):
            named = {file.table for file in bootstrap.zip_jobs().files(job.key)}
            for table in sorted(strategies.tables()):
                if table in named or not named:
                    strategies.check_publish(table, client)
                    strategies.check_steers(table, client, job, user)

    def _may_read(self, table: str | None) -> bool:
        """Return whether the client may see a file; without a known table it may belong to any."""
        known = strategies.tables()
        tables = (table,) if table in known else known
        return all(strategies.may_read(each, self._client) for each in tables)

    def _seen(self, progress: ZipProgress) -> ZipProgress:
        """Return what the client may see: without files of other tables, and texts about them."""
        table = progress.job.table
        seen = [each for each in progress.files if self._may_read(table or each.file.table)]
        if len(seen) == len(progress.files) and (seen or self._may_read(table)):
            return progress
        return ZipProgress(progress.job, seen, is_whole=False)

    def _find(self, id_: str) -> ZipJob:
        job = bootstrap.zip_jobs().find(ZipKey.of(self._tenant, id_))
        if job is None:
            raise NotFoundError(f"there is no import {id_!r}")
        return job

    def _new(
        self,
        request: ZipRequest,
        caller: Caller,
        version_id: str | None = None,
        *,
        is_derived: bool = False,
    ) -> ZipJob:
        strategies.check_archive(request.table, caller.client, request.publish_mode)
        source, head = files.found(f"uploads/{self._tenant}/", request.key, version_id)
        now = bootstrap.now()
        identity = (source.bucket, source.key, source.version_id)
        ulid = ulid_of(head.modified, *identity) if is_derived else new_ulid(now)
        return ZipJob(
            key=ZipKey(self._tenant, ulid),
            source=source,
            size=head.size,
            table=request.table,
            opened_at=iso(now),
            publish_mode=request.publish_mode,
            dry_run=request.dry_run,
            **files.read_as(request.encoding, request.delimiter),
            **files.made_by(caller, iso(now)),
        )
