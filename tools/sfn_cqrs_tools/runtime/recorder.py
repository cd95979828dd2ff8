"""Counts what a stack does: invocations, calls to AWS, consumed capacity."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Final

from sfn_cqrs_tools.runtime.client_hooks import Hooks, hook, unhook
from sfn_cqrs_tools.runtime.lambdas import Functions, Invocation, current_function

_READS: Final = frozenset(("BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"))
_ERROR_STATUS: Final = 300
_UNIT_BYTES: Final = 4_096
_MORE: Final = 3
"""Bytes of a list or a map beside its values."""


@dataclass(frozen=True)
class AwsCall:
    """One call that a function (or None: this process) made, as it went over the wire.

    Capacity is in DynamoDB's units, indexes included; a call that failed tells none.
    """

    function: str | None
    service: str
    operation: str
    error: str | None
    read_units: float
    write_units: float


class Recorder:
    """Remembers each invocation, and each call of the boto3 clients made after `start`."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._lock = threading.Lock()
        self._hooks: Hooks = [
            ("before-parameter-build.dynamodb", _ask_for_capacity),
            ("after-call", self._called),
        ]
        self.invocations: list[Invocation] = []
        self.calls: list[AwsCall] = []

    def start(self, functions: Functions) -> None:
        """Listen to the functions, and to the clients made from now on."""
        functions.listeners.append(self._invoked)
        hook(self._hooks)

    def stop(self) -> None:
        """Stop recording the clients made from now on."""
        unhook(self._hooks)

    def clear(self) -> None:
        """Forget what was recorded."""
        with self._lock:
            self.invocations.clear()
            self.calls.clear()

    def invocation_counts(self) -> Counter[str]:
        """Count the invocations of each function, by logical id."""
        with self._lock:
            return Counter(one.function for one in self.invocations)

    def call_counts(self) -> Counter[str]:
        """Count the calls of each operation: `dynamodb.PutItem`."""
        with self._lock:
            return Counter(f"{one.service}.{one.operation}" for one in self.calls)

    @property
    def write_units(self) -> float:
        """Return the write request units that all calls consumed."""
        with self._lock:
            return sum(one.write_units for one in self.calls)

    @property
    def read_units(self) -> float:
        """Return the read request units that all calls consumed."""
        with self._lock:
            return sum(one.read_units for one in self.calls)

    def _invoked(self, invocation: Invocation) -> None:
        """Record an invocation without its payload: a million payloads fill the memory."""
        with self._lock:
            self.invocations.append(replace(invocation, payload=b"", body={}))

    def _called(self, http_response: Any, parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
        failed = http_response.status_code >= _ERROR_STATUS
        read_units, write_units = _units(model.name, parsed)
        call = AwsCall(
            function=current_function(),
            service=str(model.service_model.service_name),
            operation=model.name,
            error=parsed.get("Error", {}).get("Code") if failed else None,
            read_units=read_units,
            write_units=write_units,
        )
        with self._lock:
            self.calls.append(call)


def _ask_for_capacity(params: dict[str, Any], model: Any, **_: Any) -> None:
    if "ReturnConsumedCapacity" in model.input_shape.members:
        params.setdefault("ReturnConsumedCapacity", "TOTAL")


def _units(operation: str, parsed: Mapping[str, Any]) -> tuple[float, float]:
    consumed = parsed.get("ConsumedCapacity", [])
    tables = consumed if isinstance(consumed, list) else [consumed]
    total = sum(float(table.get("CapacityUnits", 0)) for table in tables)
    if operation not in _READS:
        return 0.0, total
    items = parsed.get("Items") or [parsed.get("Item") or {}]
    return total * max(1, ceil(sum(map(_bytes_of, items)) / _UNIT_BYTES)), 0.0


def _bytes_of(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Return what DynamoDB takes an item for: names and values, lists and maps with a little more.

    ministack tells one unit of each read, whatever it has read.
    """
    return sum(len(name.encode()) + _bytes_in(value) for name, value in item.items())


def _bytes_in(value: Mapping[str, Any]) -> int:
    ((kind, inner),) = value.items()
    if kind == "M":
        return _MORE + len(inner) + _bytes_of(inner)
    if kind == "L":
        return _MORE + len(inner) + sum(map(_bytes_in, inner))
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "N":
        return len(inner) // 2 + 2
    texts = inner if isinstance(inner, list) else [inner]
    return sum(len(text if isinstance(text, bytes) else text.encode()) for text in texts)
