"""Counts what a stack does: invocations, calls to AWS, consumed capacity."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sfn_cqrs_tools.runtime.client_hooks import Hooks, hook, unhook
from sfn_cqrs_tools.runtime.lambdas import Functions, Invocation, current_function

_READS: Final = frozenset(("BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"))
_ERROR_STATUS: Final = 300


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
        read_units, write_units = _units(model.name, parsed.get("ConsumedCapacity", []))
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


def _units(operation: str, consumed: Any) -> tuple[float, float]:
    tables = consumed if isinstance(consumed, list) else [consumed]
    total = sum(float(table.get("CapacityUnits", 0)) for table in tables)
    return (total, 0.0) if operation in _READS else (0.0, total)
