"""What the HTTP API shows of sagas; names are camelCase."""

from typing import Any

from sfn_cqrs.domain.saga import Entry, EntryStatus, Saga, SagaStatus
from sfn_cqrs.domain.saga_programs import Move


def saga_view(saga: Saga) -> dict[str, Any]:
    """A saga in a list; `error` says why it turned back, or why it is parked."""
    view: dict[str, Any] = {
        "id": saga.key.id,
        "saga": saga.saga,
        "name": saga.name,
        "status": str(saga.status),
        "attempt": saga.attempt,
        "createdAt": saga.created.at,
        "createdBy": saga.created.by,
        "openedAt": saga.opened_at,
        "statusAt": saga.updated_at,
    }
    if saga.error is not None:
        view |= {"error": saga.error, "cause": saga.cause}
    return view


def log_view(saga: Saga, moves: tuple[Move, ...], left: list[str]) -> dict[str, Any]:
    """A saga with its input, its log in the order of the machine, and what is left to do."""
    steps = [_entry_view(saga, move.step, "step") for move in moves]
    undone = [_entry_view(saga, move.compensation, "compensation") for move in reversed(moves)]
    lines = [line for line in (*steps, *undone) if line is not None]
    return {**saga_view(saga), "input": saga.input, "log": lines, "left": left}


def _entry_view(saga: Saga, name: str, kind: str) -> dict[str, Any] | None:
    entry = saga.log.get(name)
    if entry is None:
        return None
    view: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "status": _status(saga, entry),
        "attempt": entry.attempt,
        "try": entry.seq + 1,
        "beganAt": entry.began_at,
    }
    if entry.ended_at is not None:
        view["endedAt"] = entry.ended_at
    if entry.result is not None:
        view["result"] = entry.result
    if entry.error is not None:
        view |= {"error": entry.error, "cause": entry.cause}
    return view


def _status(saga: Saga, entry: Entry) -> str:
    """What has begun and was given up may have happened or not: nobody knows."""
    is_at_work = saga.status in (SagaStatus.RUNNING, SagaStatus.COMPENSATING) and (
        entry.attempt == saga.attempt
    )
    if entry.status is EntryStatus.STARTED and not is_at_work:
        return "UNKNOWN"
    return str(entry.status)
