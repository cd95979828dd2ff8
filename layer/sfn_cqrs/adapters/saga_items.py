"""Items of the sagas table: what a saga and its log look like when stored."""

from dataclasses import fields
from typing import Any

from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.adapters.item_parts import as_request, public_item, request_item
from sfn_cqrs.adapters.records import Kind
from sfn_cqrs.domain.keys import SagaKey
from sfn_cqrs.domain.saga import Entry, EntryStatus, Saga, SagaStatus

_ENTRY = frozenset(one.name for one in fields(Entry)) - {"unknown"}


def saga_item(saga: Saga) -> Item:
    """The saga as stored."""
    return {
        **public_item(saga, "saga"),
        "saga": saga.saga,
        "name": saga.name,
        "input": saga.input,
        "status": str(saga.status),
        "attempt": saga.attempt,
        "restarts": saga.restarts,
        "is_undoing": saga.is_undoing,
        "log": {name: entry_item(entry) for name, entry in saga.log.items()},
        "error": saga.error,
        "cause": saga.cause,
        **request_item(saga),
        "opened_at": saga.opened_at,
    }


def entry_item(entry: Entry) -> dict[str, Any]:
    """A line of the log as stored; what it lacks is left out."""
    lines = {
        "status": str(entry.status),
        "attempt": entry.attempt,
        "seq": entry.seq,
        "began_at": entry.began_at,
        "ended_at": entry.ended_at,
        "result": entry.result,
        "error": entry.error,
        "cause": entry.cause,
    }
    known = {name: value for name, value in lines.items() if value is not None}
    return {**entry.unknown, **known}


def as_saga(item: Item) -> Saga:
    """Read a saga."""
    return Saga(
        key=SagaKey(item["tenant"], item["ulid"]),
        saga=item["saga"],
        name=item["name"],
        input=item["input"],
        status=SagaStatus(item["status"]),
        attempt=item["attempt"],
        restarts=item["restarts"],
        is_undoing=item["is_undoing"],
        log={name: as_entry(entry) for name, entry in item["log"].items()},
        error=item.get("error"),
        cause=item.get("cause"),
        opened_at=item["opened_at"],
        updated_at=item["updated_at"],
        **as_request(item),
    )


def as_entry(entry: dict[str, Any]) -> Entry:
    """Read a line of the log."""
    known = {name: value for name, value in entry.items() if name in _ENTRY}
    unknown = {name: value for name, value in entry.items() if name not in _ENTRY}
    return Entry(**{**known, "status": EntryStatus(entry["status"])}, unknown=unknown)


SAGAS = Kind(
    name="sagas",
    item=saga_item,
    record=as_saga,
    is_open=lambda saga: saga.status.is_open,
)
