"""Imports start in turn, oldest first: only so many at a time, per tenant and in all."""

from collections.abc import Iterator
from heapq import merge
from itertools import islice
from typing import TypeVar

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.keys import ImportKey, ZipKey
from sfn_cqrs.kernel.records import Write
from sfn_cqrs.kernel.tables.records import Records
from sfn_cqrs.machines.import_csv.job import Job, JobStatus
from sfn_cqrs.machines.import_csv.places import IMPORTS as QUEUE
from sfn_cqrs.machines.import_csv.places import Admit, Arrive, ImportQueue, Leave, Settle, Turn
from sfn_cqrs.machines.zip_orchestrator.job import ZipJob

LOOKED_AT = 1_000
"""How many waiting imports are looked at each time; those behind them have their turn later."""
PER_PAGE = 25

T = TypeVar("T", Job, ZipJob)


def may_begin(job: Job | ZipJob) -> bool:
    """Return whether a job's execution may start now, without waiting for others to end.

    A job outside of the queue may. So may a cancelled one: it only has to end.
    """
    if not _stands_in(job) or job.is_cancelled:
        return True
    turn = _turn(job)
    return str(turn) in _changed(Arrive(turn, bootstrap.import_places())).running


def waits_its_turn(job: Job | ZipJob) -> bool:
    """Return whether a job waits because others hold all the places that it could take."""
    if job.status is not JobStatus.CREATED or not _stands_in(job):
        return False
    queue, turn = bootstrap.import_queue().find(QUEUE) or ImportQueue(), _turn(job)
    return str(turn) not in queue.running and not queue.has_room(
        turn.tenant, bootstrap.import_places()
    )


def start(job: Job | ZipJob) -> None:
    """Start a job's execution, once."""
    if isinstance(job, ZipJob):
        bootstrap.zip_executions().start(job.ref, job.trace)
    else:
        bootstrap.import_executions().start(job.key, job.trace)


def leave(job: Job | ZipJob) -> None:
    """Release the place of a job that has ended, and start those that wait for it."""
    if not _stands_in(job):
        return
    queue = _changed(Leave(frozenset({_turn(job)})))
    if queue.waiting:
        begin_waiting()


def begin_waiting() -> int:
    """Start waiting imports, the oldest first, while there are places; return how many started."""
    queue = bootstrap.import_queue().find(QUEUE)
    if queue is None or not queue.waiting:
        return 0
    seen, left, begun = queue.waiting, set[str](), 0
    queue = _changed(Leave(_ended(queue)))
    places = bootstrap.import_places()
    for number, job in enumerate(islice(_waiting(), LOOKED_AT + 1)):
        if len(queue.running) >= places.all or number == LOOKED_AT:
            return begun  # there may be more, so all of them keep waiting
        turn = _turn(job)
        if queue.has_room(turn.tenant, places):
            queue = _changed(Admit(turn, places))
        if str(turn) in queue.running:
            start(job)
            begun += 1
        else:
            left.add(turn.tenant)
    _changed(Settle(seen, frozenset(left)))
    return begun


def find_job(tenant: str, id_: str) -> Job | ZipJob | None:
    """Return the job of a file, a row or an archive by its id, or None if there is none.

    Raises:
        NotFoundError: it is not an id of an import.
    """
    if ZipKey.is_named_by(id_):
        return bootstrap.zip_jobs().find(ZipKey.of(tenant, id_))
    return bootstrap.import_jobs().find(ImportKey.of(tenant, id_))


def _stands_in(job: Job | ZipJob) -> bool:
    """Return whether a job queues.

    A single row is a message of its own, and a file of an archive uses the archive's place.
    """
    return isinstance(job, ZipJob) or (job.cells is None and job.parent is None)


def _turn(job: Job | ZipJob) -> Turn:
    return Turn(job.key.tenant, job.key.id)


def _changed(write: Write[ImportQueue]) -> ImportQueue:
    queues = bootstrap.import_queue()
    written = queues.change(QUEUE, write)
    if written.record is None:
        queues.create(ImportQueue())
        written = queues.change(QUEUE, write)
    return written.record or ImportQueue()


def _ended(queue: ImportQueue) -> frozenset[Turn]:
    return frozenset(turn for turn in map(Turn.of, queue.running) if not _is_open(turn))


def _is_open(turn: Turn) -> bool:
    job = find_job(turn.tenant, turn.id)
    return job is not None and job.status.is_open


def _waiting() -> Iterator[Job | ZipJob]:
    """Yield those whose execution has not started, the oldest first."""
    files, archives = _opened(bootstrap.import_jobs()), _opened(bootstrap.zip_jobs())
    opened: Iterator[Job | ZipJob] = merge(files, archives, key=lambda job: job.opened_at)
    return (job for job in opened if job.status is JobStatus.CREATED and _stands_in(job))


def _opened(table: Records[T]) -> Iterator[T]:
    before = iso(bootstrap.now())
    shards = (table.every_opened(shard, before, PER_PAGE) for shard in table.shards)
    return merge(*shards, key=lambda job: job.opened_at)
