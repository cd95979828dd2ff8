"""The answer of TestState."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sfn_local.document import Document
from sfn_local.errors import StateFailure


@dataclass(slots=True)
class Outcome:
    """The result of the state."""

    status: str = "FAILED"
    output: Document | None = None
    next: str | None = None
    failure: StateFailure | None = None
    result: Document | None = None
    details: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    exchange: dict[str, dict[str, str]] = field(default_factory=dict)

    def answer(self, level: str) -> dict[str, Any]:
        """The answer of TestState at an inspection level."""
        shown: dict[str, Any] = {"status": self.status}
        if self.output is not None:
            shown["output"] = self.output.text
        if self.next is not None:
            shown["nextState"] = self.next
        if self.failure is not None:
            shown |= self.failure.reasons()
        if level != "INFO":
            details = {"errorDetails": self.details} if self.details else {}
            traced = self.exchange if level == "TRACE" else {}
            shown["inspectionData"] = {**self.data, **details, **traced}
        return shown


class Notes:
    """Notes the stages of a data flow until one of them fails."""

    def __init__(self, data: dict[str, Any]) -> None:
        """They are added to the data."""
        self._data = data
        self._has_failed = False

    def __call__(self, name: str, make: Callable[[], Document | None]) -> None:
        """Note a stage, unless it or one before cannot be made."""
        if self._has_failed:
            return
        try:
            document = make()
        except StateFailure:
            self._has_failed = True
            return
        if document is not None:
            self._data[name] = document.text
