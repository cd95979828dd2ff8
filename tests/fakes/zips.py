from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from tests.fakes.imports import ImportBucket, ImportJobs
from tests.fakes.store import Store
from tests.fakes.tables import cut_page

from sfn_cqrs.adapters.paging import Page, Range
from sfn_cqrs.adapters.zip_bucket import WINDOW
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.errors import SupersededError
from sfn_cqrs.domain.import_job import Ending, Job, JobStatus, Source
from sfn_cqrs.domain.keys import JOB_PREFIX, ZipKey
from sfn_cqrs.domain.zip_job import ArchivedFile, FileStatus, ZipJob


class ZipJobs:
    """The ZIP jobs of all tenants and their files; the children are the CSV jobs' fake's."""

    def __init__(self, store: Store, import_jobs: ImportJobs) -> None:
        self._store = store
        self._import_jobs = import_jobs
        self.jobs: dict[ZipKey, ZipJob] = {}
        self.listed_jobs: set[ZipKey] = set()
        self.archived: dict[ZipKey, dict[int, ArchivedFile]] = {}
        self.went: dict[ZipKey, dict[str, str]] = {}
        self._cursors: dict[str, dict[str, Any]] = {}

    def create(self, job: ZipJob) -> bool:
        with self._store.lock:
            if job.key in self.jobs:
                return False
            self.jobs[job.key] = job
            self.listed_jobs.add(job.key)
            return True

    def find(self, key: ZipKey) -> ZipJob | None:
        return self.jobs.get(key)

    def page(self, tenant: str, limit: int, cursor: str | None) -> Page[ZipJob]:
        wanted = Range(ZipKey(tenant, "").pk, JOB_PREFIX, limit, cursor, is_descending=True)
        found = {key.sk: job for key, job in self.jobs.items() if key.tenant == tenant}
        return cut_page(wanted, found)

    def begin(self, key: ZipKey, attempt: int) -> ZipJob | None:
        now = iso(self._store.now())
        return self._change(
            key,
            lambda job: job.is_mine(attempt),
            lambda job: replace(job, status=JobStatus.PROCESSING, started_at=job.started_at or now),
        )

    def put_files(self, key: ZipKey, files: Sequence[ArchivedFile]) -> None:
        with self._store.lock:
            kept = self.archived.setdefault(key, {})
            for file in files:
                kept.setdefault(file.index, file)

    def listed(self, key: ZipKey, files: int) -> ZipJob | None:
        return self._change_open(key, files=files)

    def unreadable(self, key: ZipKey, problem: Problem) -> ZipJob | None:
        return self._change_open(key, files=0, problem=problem)

    def files(self, key: ZipKey) -> list[ArchivedFile]:
        return [file for _, file in sorted(self.archived.get(key, {}).items())]

    def children(self, key: ZipKey, indexes: Iterable[int]) -> dict[int, Job]:
        found = {index: self._import_jobs.find(key.child(index)) for index in indexes}
        return {index: job for index, job in found.items() if job is not None}

    def file(self, key: ZipKey, index: int) -> ArchivedFile | None:
        return self.archived.get(key, {}).get(index)

    def extracted(self, key: ZipKey, index: int, source: Source) -> ArchivedFile | None:
        return self._change_file(
            key, index, {FileStatus.CREATED}, status=FileStatus.EXTRACTED, source=source
        )

    def refused(self, key: ZipKey, index: int, problem: Problem) -> ArchivedFile | None:
        return self._change_file(
            key, index, {FileStatus.CREATED}, status=FileStatus.FAILED, problem=problem
        )

    def processing(self, key: ZipKey, index: int) -> ArchivedFile | None:
        begun = {FileStatus.EXTRACTED, FileStatus.PROCESSING}
        return self._change_file(key, index, begun, status=FileStatus.PROCESSING, begun=True)

    def end_files(self, key: ZipKey, attempt: int, files: Iterable[ArchivedFile]) -> None:
        with self._store.lock:
            for file in files:
                job = self.jobs.get(key)
                if job is None or not job.is_mine(attempt):
                    raise SupersededError(f"attempt {attempt} no longer owns the job")
                self.archived[key][file.index] = file

    def end(self, key: ZipKey, attempt: int, ending: Ending) -> ZipJob | None:
        now = iso(self._store.now())
        return self._change(
            key,
            lambda job: job.is_mine(attempt),
            lambda job: replace(job, status=ending.status, ending=ending, finished_at=now),
        )

    def hook_ran(self, key: ZipKey, name: str, error: str) -> None:
        with self._store.lock:
            self.went.setdefault(key, {}).setdefault(name, error)

    def hooks(self, key: ZipKey) -> dict[str, str]:
        return dict(self.went.get(key, {}))

    def leave(self, key: ZipKey, hooks: dict[str, str]) -> ZipJob | None:
        left = self._change(
            key,
            lambda job: key in self.listed_jobs and not job.status.is_open,
            lambda job: replace(job, hooks=hooks),
        )
        if left is not None:
            self.listed_jobs.discard(key)
        return left

    def cancel(self, key: ZipKey) -> ZipJob | None:
        return self._change_open(key, is_cancelled=True)

    def retried_by(self, key: ZipKey, id_: str) -> str | None:
        ended = (JobStatus.FAILED, JobStatus.CANCELLED)
        noted = self._change(
            key,
            lambda job: job.status in ended,
            lambda job: replace(job, retried_by=job.retried_by or id_),
        )
        return noted.retried_by if noted else None

    def go_on(self, key: ZipKey, attempt: int) -> ZipJob | None:
        now = iso(self._store.now())
        return self._change(
            key,
            lambda job: job.attempt == attempt and key in self.listed_jobs,
            lambda job: replace(job, attempt=attempt + 1, opened_at=now),
        )

    def opened(
        self, shard: int, cursor: dict[str, Any] | None, before: str, limit: int
    ) -> tuple[list[ZipJob], dict[str, Any] | None]:
        if shard or cursor:
            return [], None
        found = [self.jobs[key] for key in self.listed_jobs]
        opened = sorted(
            (job for job in found if job.opened_at < before), key=lambda job: job.opened_at
        )
        return opened[:limit], None

    def cursors(self) -> dict[str, dict[str, Any]]:
        return dict(self._cursors)

    def keep_cursors(self, cursors: dict[str, dict[str, Any]]) -> None:
        self._cursors = dict(cursors)

    def _change_open(self, key: ZipKey, **fields: Any) -> ZipJob | None:
        return self._change(key, lambda job: job.status.is_open, lambda job: replace(job, **fields))

    def _change(
        self, key: ZipKey, may: Callable[[ZipJob], bool], changed: Callable[[ZipJob], ZipJob]
    ) -> ZipJob | None:
        with self._store.lock:
            job = self.jobs.get(key)
            if job is None or not may(job):
                return None
            self.jobs[key] = changed(job)
            return self.jobs[key]

    def _change_file(
        self, key: ZipKey, index: int, before: set[FileStatus], **fields: Any
    ) -> ArchivedFile | None:
        with self._store.lock:
            file = self.archived.get(key, {}).get(index)
            if file is None or file.status not in before:
                return None
            self.archived[key][index] = replace(file, **fields)
            return self.archived[key][index]


class ZipBucket:
    """Ranges of the objects of another fake, and the files that archives become."""

    def __init__(self, bucket: ImportBucket) -> None:
        self._bucket = bucket

    def read(self, source: Source, start: int, length: int) -> bytes:
        body = self._bucket.objects[source.key][int(source.version_id) - 1]
        return body[start : start + length]

    def windows(self, source: Source, start: int, length: int) -> Iterator[bytes]:
        return (
            self.read(source, at, min(WINDOW, start + length - at))
            for at in range(start, start + length, WINDOW)
        )

    def put_file(self, key: ZipKey, index: int, pieces: Iterable[bytes]) -> Source:
        name = key.file_key(index)
        self._bucket.put(name, b"".join(pieces))
        return Source("imports", name, str(len(self._bucket.objects[name])))
