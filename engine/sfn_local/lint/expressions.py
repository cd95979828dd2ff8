"""What expressions of both languages refer to, found in their texts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sfn_local.document import Json
from sfn_local.lint.json_positions import escape
from sfn_local.lint.model import StateNode

OPENING, CLOSING = "{%", "%}"
INNER_SCOPES = ("Branches", "ItemProcessor", "Iterator")
RESULT, ERROR, NEITHER = "result", "error", "neither"

QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
IGNORED_IN_JSONATA = re.compile(rf"/\*.*?\*/|`[^`]*`|{QUOTED.pattern}", re.DOTALL)
NAME_IN_JSONPATH = re.compile(r"(?<![\w$@])\$([^\W\d]\w*)")
NAME_IN_JSONATA = re.compile(r"\$([^\W\d]\w*)(\s*\()?")
BOUND = re.compile(r"\$([^\W\d]\w*)\s*:=")
PARAMETERS = re.compile(r"(?:\bfunction|λ)\s*\(([^)]*)\)")
STATES_FIELD = re.compile(r"\$states\.(\w+)")

# JSONata's own functions but $eval, and those that AWS adds.
FUNCTION_NAMES = (
    "abs append assert average base64decode base64encode boolean ceil clone contains count "
    "decodeUrl decodeUrlComponent distinct each encodeUrl encodeUrlComponent error exists filter "
    "floor formatBase formatInteger formatNumber fromMillis join keys length lookup lowercase map "
    "match max merge millis min not now number pad parseInteger power random reduce replace "
    "reverse round shuffle sift single sort split spread sqrt string substring substringAfter "
    "substringBefore sum toMillis trim type uppercase zip "
    "hash parse partition range uuid"
)
FUNCTIONS = frozenset(FUNCTION_NAMES.split())


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
        names = {found[1] for found in NAME_IN_JSONATA.finditer(self._code) if not found[2]}
        return names - self._bound - FUNCTIONS - {"states"}

    def unknown_functions(self) -> set[str]:
        """What it calls, and what neither the language nor itself defines."""
        if not self.is_jsonata:
            return set()
        names = {found[1] for found in NAME_IN_JSONATA.finditer(self._code) if found[2]}
        return names - self._bound - FUNCTIONS

    def states_fields(self) -> set[str]:
        """The fields of `$states` that it reads."""
        return set(STATES_FIELD.findall(self._code)) if self.is_jsonata else set()

    @property
    def binds_states(self) -> bool:
        """Whether it gives `$states` another value."""
        return self.is_jsonata and "states" in self._bound

    @property
    def _code(self) -> str:
        return IGNORED_IN_JSONATA.sub(" ", self.text)

    @property
    def _bound(self) -> set[str]:
        """The names that it defines itself, wherever in it they are known."""
        code = self._code
        names = set(BOUND.findall(code))
        for parameters in PARAMETERS.findall(code):
            names.update(name for name, _ in NAME_IN_JSONATA.findall(parameters))
        return names


def expressions(state: StateNode) -> Iterator[Expression]:
    """The expressions of a state, without those of the states inside it."""
    for name, value in state.fields.items():
        if name not in INNER_SCOPES:
            data = _data_of(state, name)
            yield from _walk(value, f"{state.pointer}/{escape(name)}", name, state, data)


def _data_of(state: StateNode, field: str) -> str:
    has_result = state.type in ("Task", "Map", "Parallel")
    if field == "Catch":
        return ERROR
    return RESULT if has_result and field in ("Assign", "Output") else NEITHER


def _walk(
    value: Json, pointer: str, name: str, state: StateNode, data: str
) -> Iterator[Expression]:
    if isinstance(value, str):
        if state.is_jsonata and value.startswith(OPENING) and value.endswith(CLOSING):
            text = value.removeprefix(OPENING).removesuffix(CLOSING)
            yield Expression(pointer, text, is_jsonata=True, data=data)
        elif not state.is_jsonata and _is_jsonpath(name, value):
            yield Expression(pointer, value, is_jsonata=False)
    elif isinstance(value, dict):
        for inner, entry in value.items():
            yield from _walk(entry, f"{pointer}/{escape(inner)}", inner, state, data)
    elif isinstance(value, list):
        for position, entry in enumerate(value):
            yield from _walk(entry, f"{pointer}/{position}", "", state, data)


def _is_jsonpath(name: str, value: str) -> bool:
    is_path = name.endswith(("Path", ".$")) or name == "Variable"
    return is_path and name != "ResultPath" and value.startswith(("$", "States."))
