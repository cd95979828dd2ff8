"""Where an execution stands, so that it can go on from there: after a redrive, after a restart."""

from dataclasses import dataclass, field
from typing import Any

from sfn_local.document import Document, Json


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a line stands: in a state, entered at a moment with an input and variables.

    Lines are those of its Map or Parallel state, each with its own progress or its output. A
    token has been handed over where is_submitted says so; due is when its pause ends. Retries
    counts the attempts that failed, and attempts those of each entry of Retry. An exact one is
    that of an execution that never stopped, as after a restart.
    """

    state: str
    input: Document
    event: int
    entered: float
    variables: dict[str, Json] = field(default_factory=dict)
    lines: "dict[int, Progress | Document]" = field(default_factory=dict)
    token: str | None = None
    is_submitted: bool = False
    due: float | None = None
    retries: int = 0
    attempts: dict[int, int] = field(default_factory=dict)
    is_exact: bool = False

    def without_tokens(self) -> "Progress":
        """Return the progress for a redrive: tasks that waited for a token start again."""
        lines = {
            index: line if isinstance(line, Document) else line.without_tokens()
            for index, line in self.lines.items()
        }
        return Progress(self.state, self.input, self.event, self.entered, self.variables, lines)

    def as_json(self) -> dict[str, Any]:
        """As a journal keeps it."""
        return {
            "state": self.state,
            "input": self.input.text,
            "event": self.event,
            "entered": self.entered,
            "variables": self.variables,
            "token": self.token,
            "is_submitted": self.is_submitted,
            "due": self.due,
            "retries": self.retries,
            "attempts": {str(entry): made for entry, made in self.attempts.items()},
            "lines": {
                str(index): line.text if isinstance(line, Document) else line.as_json()
                for index, line in self.lines.items()
            },
        }

    @classmethod
    def of_json(cls, value: dict[str, Any]) -> "Progress":
        """Read the output of as_json."""
        lines = {
            int(index): Document.parse(line) if isinstance(line, str) else cls.of_json(line)
            for index, line in value["lines"].items()
        }
        attempts = {int(entry): made for entry, made in value.get("attempts", {}).items()}
        given = {**value, "input": Document.parse(value["input"]), "lines": lines}
        return cls(**{**given, "attempts": attempts}, is_exact=True)
