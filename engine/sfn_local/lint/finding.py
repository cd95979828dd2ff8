"""Findings, and the report that collects them."""

import re
from dataclasses import dataclass

from sfn_local.lint.json_positions import Located, unescape
from sfn_local.lint.placeholders import is_unknown
from sfn_local.lint.rules import NO_END, RULES

POSITION = re.compile(r"(/(?:Choices|Catch|Retry|Branches|And|Or|ErrorEquals))/(\d+)(?=/|\Z)")

OF_NAMES = {  # rules that speak of a field's name, whatever its value is
    "distributed-only",
    "duplicate-key",
    "field-misplaced",
    "field-unknown",
    "inline-tolerance",
    "jsonpath-text",
    "language-mixed",
    "rule-operator",
    "transition-both",
    "value-and-path",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; severity is error or warning, line and column count from 1.

    Refusal and refused_at are what AWS says, and where, as far as that is known.
    """

    id: str
    severity: str
    message: str
    state: str
    pointer: str
    line: int
    column: int
    hint: str
    file: str = ""
    refusal: str = ""
    refused_at: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether AWS refuses the definition for it."""
        return RULES[self.id].is_refused

    @property
    def code(self) -> str:
        """The code of AWS's diagnostic."""
        return RULES[self.id].code

    @property
    def location(self) -> str | None:
        """Where AWS says it is: a pointer with positions in brackets; None for nowhere."""
        if self.code == NO_END:
            return None
        return POSITION.sub(r"\1[\2]", self.refused_at) or "/"


class Report:
    """Collects what the rules find in one definition."""

    def __init__(self, located: Located, name: str, *, at_rest: bool = False) -> None:
        """An empty report about a located definition; name is that of its file.

        Of one at rest nothing is reported that is said of a placeholder.
        """
        self._located = located
        self._name = name
        self._at_rest = at_rest
        self._findings: list[tuple[int, Finding]] = []

    def add(
        self,
        rule: str,
        pointer: str,
        message: str,
        hint: str = "",
        *,
        offset: int | None = None,
        refusal: str = "",
        refused_at: str | None = None,
    ) -> None:
        """Something is wrong with what stands at a JSON pointer, or at an offset of the text.

        Refusal and refused_at are the text and the pointer that AWS answers, where recorded.
        """
        if self._at_rest and self._is_unknown(rule, pointer):
            return
        offset = self._located.offset(pointer) if offset is None else offset
        line, column = self._located.line_and_column(offset)
        finding = Finding(
            id=rule,
            severity=RULES[rule].severity,
            message=message,
            state=state_of(pointer),
            pointer=pointer,
            line=line,
            column=column,
            hint=hint or RULES[rule].hint,
            file=self._name,
            refusal=refusal or message,
            refused_at=pointer if refused_at is None else refused_at,
        )
        self._findings.append((offset, finding))

    def _is_unknown(self, rule: str, pointer: str) -> bool:
        """Whether the rule speaks of a placeholder: of a field's name, or of its value."""
        value = self._located.value
        for part in map(unescape, pointer.split("/")[1:]):
            if is_unknown(part):
                return True
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
                value = value[int(part)]
            else:
                return False
        return rule not in OF_NAMES and is_unknown(value)

    def add_inside(self, rule: str, pointer: str, part: str, position: int, message: str) -> None:
        """Something is wrong at a position of a text that stands, unescaped, at a pointer."""
        start = self._located.offset(pointer)
        found = self._located.text.find(part, start)
        self.add(rule, pointer, message, offset=start if found < 0 else found + position)

    def hide(self, rule: str, pointer: str) -> bool:
        """Leave out what a rule found at a JSON pointer and inside; whether there was anything."""
        before = len(self._findings)
        self._findings = [
            (offset, found)
            for offset, found in self._findings
            if found.id != rule or not f"{found.pointer}/".startswith(f"{pointer}/")
        ]
        return len(self._findings) < before

    def findings(self) -> list[Finding]:
        """All findings, in the order of the text."""
        return [finding for _, finding in sorted(self._findings, key=lambda entry: entry[0])]


EMPTY = "Value cannot be empty"


def required(*names: str) -> str:
    """Return AWS's text about an object that lacks these fields."""
    return f"These fields are required: [{', '.join(names)}]"


def not_supported(name: str) -> str:
    """Return AWS's text about a field that an object may not have."""
    return f"Field '{name}' is not supported"


def only_one_of(*names: str) -> str:
    """Return AWS's text about fields that exclude each other."""
    return f"There should only be one of the following fields: [{', '.join(names)}]"


def one_missing_of(*names: str) -> str:
    """Return AWS's text about an object that has none of these fields."""
    return f"This object should have only one of the following fields: [{', '.join(names)}]"


def state_of(pointer: str) -> str:
    """The innermost state that a JSON pointer leads into; empty outside of all."""
    parts = iter(pointer.split("/"))
    name = ""
    for part in parts:
        if part == "States":
            name = next(parts, name)
    return unescape(name)
