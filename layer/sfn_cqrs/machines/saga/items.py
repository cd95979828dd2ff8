"""Sagas and their logs as items of the sagas table."""

from typing import Final

from sfn_cqrs.kernel.keys import SagaKey
from sfn_cqrs.kernel.tables.codec import CREATED, PUBLIC, Codec
from sfn_cqrs.kernel.tables.records import Kind
from sfn_cqrs.machines.saga.rules import Entry, Move, Saga

_SAGA: Final = Codec(
    Saga,
    kind="saga",
    inside={"key": Codec(SagaKey, also=PUBLIC), "created": CREATED},
    lean=("trace", "depth", "request_id", "order"),
    later=("source",),
    parts={
        Entry: Codec(
            Entry, lean=("is_ahead",), later=("attempt", "seq", "began_at"), rest="unknown"
        ).inner,
        Move: Codec(Move, lean=("kind", "tries", "seconds", "every", "most", "item")).inner,
    },
)

SAGAS = Kind(_SAGA, is_open=lambda saga: saga.status.is_open)
"""The kind of item that a saga is; tests read all with `world.all_of(SAGAS)`."""
