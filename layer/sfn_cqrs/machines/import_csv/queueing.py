"""Imports start in turn, oldest first: only so many at a time, per tenant and in all."""

from itertools import islice

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.records import Write
from sfn_cqrs.machines.import_csv.job import ImportRecord, JobStatus
from sfn_cqrs.machines.import_csv.places import IMPORTS as QUEUE
from sfn_cqrs.machines.import_csv.places import Admit, Arrive, ImportQueue, Leave, Settle, Turn

LOOKED_AT = 1_000
"""How many waiting imports are looked at each time; those behind them have their turn later."""


def may_begin(job: ImportRecord) -> bool:
    """Return whether a job's execution may start now, without waiting for others to end.

    A job outside of the queue may. So may a cancelled one: it only has to end.
    """
    if not job.takes_a_place or job.is_cancelled:
        return True
    turn = _turn(job)
    return str(turn) in _change(Arrive(turn, bootstrap.import_places())).running


def waits_its_turn(job: ImportRecord) -> bool:
    """Return whether a job waits because others hold all the places that it could take."""
    if job.status is not JobStatus.CREATED or not job.takes_a_place:
        return False
    queue, turn = bootstrap.import_queue().find(QUEUE) or ImportQueue(), _turn(job)
    return str(turn) not in queue.running and not queue.has_room(
        turn.tenant, bootstrap.import_places()
    )


def leave(job: ImportRecord) -> None:
    """Release the place of a job that has ended, and start those that wait for it."""
    if not job.takes_a_place:
        return
    queue = _change(Leave(frozenset({_turn(job)})))
    if queue.waiting:
        begin_waiting()


def begin_waiting() -> int:
    """Start waiting imports, the oldest first, while there are places; return how many started."""
    queue = bootstrap.import_queue().find(QUEUE)
    if queue is None or not queue.waiting:
        return 0
    seen, left, begun = queue.waiting, set[str](), 0
    queue = _change(Leave(_ended(queue)))
    places, imports = bootstrap.import_places(), bootstrap.every_import()
    for number, job in enumerate(islice(imports.waiting(), LOOKED_AT + 1)):
        if len(queue.running) >= places.all or number == LOOKED_AT:
            return begun  # there may be more, so all of them keep waiting
        turn = _turn(job)
        if queue.has_room(turn.tenant, places):
            queue = _change(Admit(turn, places))
        if str(turn) in queue.running:
            imports.start(job)
            begun += 1
        else:
            left.add(turn.tenant)
    _change(Settle(seen, frozenset(left)))
    return begun


def _turn(job: ImportRecord) -> Turn:
    return Turn(job.key.tenant, job.key.id)


def _change(write: Write[ImportQueue]) -> ImportQueue:
    queues = bootstrap.import_queue()
    written = queues.change(QUEUE, write)
    if written.record is None:
        queues.create(ImportQueue())
        written = queues.change(QUEUE, write)
    return written.record or ImportQueue()


def _ended(queue: ImportQueue) -> frozenset[Turn]:
    return frozenset(turn for turn in map(Turn.of, queue.running) if not _is_open(turn))


def _is_open(turn: Turn) -> bool:
    job = bootstrap.every_import().find(turn.tenant, turn.id)
    return job is not None and job.status.is_open
