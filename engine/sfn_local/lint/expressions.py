"""The names that expressions of both languages refer to, found in their texts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from sfn_local.dataflow.jsonata.expressions import CLOSE, OPEN, is_expression
from sfn_local.document import Json
from sfn_local.language.jsonata import JsonataError, parse
from sfn_local.language.jsonata.functions import FUNCTIONS
from sfn_local.language.jsonata.references import STATES, References, references
from sfn_local.lint.json_positions import all_in, escape
from sfn_local.lint.model import StateNode

INNER_SCOPES = ("Branches", "ItemProcessor", "Iterator")
RESULT, ERROR, NEITHER = "result", "error", "neither"

QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
NAME_IN_JSONPATH = re.compile(r"(?<![\w$@])\$([^\W\d]\w*)")

ADDED = ("hash", "parse", "partition", "range", "uuid")


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression of a state; data says what `$states` has there beside the input."""

    pointer: str
    text: str
    is_jsonata: bool
    data: str = NEITHER

    def variables(self) -> set[str]:
        """The variables that it reads."""
        if not self.is_jsonata:
            return set(NAME_IN_JSONPATH.findall(QUOTED.sub("''", self.text)))
        found = self.references
        return found.variables - found.bound - functions() - {STATES}

    def unknown_functions(self) -> set[str]:
        """The functions that it calls, and the names that nothing defines."""
        return self.references.called - self.references.bound - functions()

    @property
    def references(self) -> References:
        """Return the names in a JSONata expression; none if the text cannot be parsed."""
        try:
            return references(parse(self.text)) if self.is_jsonata else References()
        except (JsonataError, RecursionError):
            return References()


@lru_cache(maxsize=1)
def functions() -> frozenset[str]:
    """JSONata's own functions; of these `$eval` is missing here, and those that AWS adds."""
    return frozenset((*FUNCTIONS, *ADDED))


def expressions(state: StateNode) -> Iterator[Expression]:
    """The expressions of a state, without those of the states inside it."""
    for name, value in state.fields.items():
        if name not in INNER_SCOPES:
            yield from _in_field(name, value, state)


def _data_of(state: StateNode, field: str) -> str:
    has_result = state.type in ("Task", "Map", "Parallel")
    if field == "Catch":
        return ERROR
    return RESULT if has_result and field in ("Assign", "Output") else NEITHER


def _in_field(field: str, content: Json, state: StateNode) -> Iterator[Expression]:
    data = _data_of(state, field)
    for pointer, name, value in all_in(content, f"{state.pointer}/{escape(field)}", field):
        if not isinstance(value, str):
            continue
        if state.is_jsonata and is_expression(value):
            text = value.removeprefix(OPEN).removesuffix(CLOSE)
            yield Expression(pointer, text, is_jsonata=True, data=data)
        elif not state.is_jsonata and _is_jsonpath(name, value):
            yield Expression(pointer, value, is_jsonata=False)


def _is_jsonpath(name: str, value: str) -> bool:
    is_path = name.endswith(("Path", ".$")) or name == "Variable"
    return is_path and name != "ResultPath" and value.startswith(("$", "States."))
