"""A definition as nodes and edges."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sfn_local.document import Json, dumps
from sfn_local.lint.model import Definition, Scope, StateNode, entries, errors_of

LONGEST_LABEL = 44

SYMBOLS = {
    "GreaterThanEquals": "≥",
    "LessThanEquals": "≤",
    "GreaterThan": ">",
    "LessThan": "<",
    "Equals": "=",
    "Matches": "~",
}
PRESENCE = {
    "IsPresent": "is present",
    "IsNull": "is null",
    "IsNumeric": "is a number",
    "IsString": "is a string",
    "IsBoolean": "is a boolean",
    "IsTimestamp": "is a timestamp",
}


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one state to another; a catch is taken when the state fails."""

    source: str
    target: str
    label: str = ""
    is_catch: bool = False


@dataclass
class Node:
    """A state; inner are the graphs of its branches or of its item processor."""

    name: str
    type: str
    detail: str = ""
    inner: list["Graph"] = field(default_factory=list)


@dataclass
class Graph:
    """The states of one scope, in the order of the text, and how they lead to each other."""

    start: str
    nodes: dict[str, Node]
    edges: list[Edge]


def read_graph(definition: Json) -> Graph:
    """The graph of a definition.

    Raises:
        ValueError: the definition has no states.
    """
    if not isinstance(definition, dict) or not isinstance(definition.get("States"), dict):
        raise ValueError("the definition has no States")
    scopes = Definition(definition).scopes
    return _read_scope(scopes[0], scopes)


def _read_scope(scope: Scope, scopes: list[Scope]) -> Graph:
    nodes = {
        state.name: Node(state.name, state.type, _detail(state), _inner(state, scopes))
        for state in scope.states.values()
    }
    start = scope.fields.get("StartAt")
    edges = [
        edge
        for state in scope.states.values()
        for edge in _edges(state)
        if edge.target in scope.states
    ]
    known = isinstance(start, str) and start in nodes
    return Graph(str(start) if known else next(iter(nodes), ""), nodes, edges)


def _inner(state: StateNode, scopes: list[Scope]) -> list[Graph]:
    own = (f"{state.pointer}/Branches/", f"{state.pointer}/ItemP", f"{state.pointer}/Iterator")
    return [
        _read_scope(scope, scopes)
        for scope in scopes
        if scope.pointer.startswith(own) and "/States/" not in scope.pointer[len(state.pointer) :]
    ]


def _edges(state: StateNode) -> Iterator[Edge]:
    following = state.fields.get("Next")
    if isinstance(following, str):
        yield Edge(state.name, following)
    for _, choice in entries(state.fields.get("Choices")):
        yield Edge(state.name, str(choice.get("Next")), _shorten(describe_rule(choice)))
    default = state.fields.get("Default")
    if isinstance(default, str):
        yield Edge(state.name, default, "otherwise")
    for _, catcher in entries(state.fields.get("Catch")):
        names = [str(error) for error in errors_of(catcher)]
        label = "" if names == ["States.ALL"] else _shorten(", ".join(names))
        yield Edge(state.name, str(catcher.get("Next")), label, is_catch=True)


def describe_rule(rule: dict[str, Json]) -> str:
    """A rule of a Choice state in one line."""
    if isinstance(rule.get("Condition"), str):
        return str(rule["Condition"]).removeprefix("{%").removesuffix("%}").strip()
    for name, word in (("And", " and "), ("Or", " or ")):
        if name in rule:
            return word.join(_nested(inner) for _, inner in entries(rule[name]))
    if isinstance(rule.get("Not"), dict):
        return f"not {_nested(rule['Not'])}"
    return _describe_comparison(rule)


def _nested(rule: dict[str, Json]) -> str:
    text = describe_rule(rule)
    return f"({text})" if {"And", "Or"} & set(rule) else text


def _describe_comparison(rule: dict[str, Json]) -> str:
    variable = str(rule.get("Variable", ""))
    for name, operand in rule.items():
        if name in PRESENCE:
            text = PRESENCE[name]
            return f"{variable} {text if operand is True else text.replace('is', 'is not', 1)}"
        for word, symbol in SYMBOLS.items():
            if name.removesuffix("Path").endswith(word):
                shown = operand if name.endswith("Path") else dumps(operand)
                return f"{variable} {symbol} {shown}"
    return variable


def _detail(state: StateNode) -> str:
    """Return the details of a state that are worth showing beside its type."""
    if state.type == "Wait":
        return _wait_detail(state)
    if state.type == "Map":
        most = state.fields.get("MaxConcurrency")
        return f"{most} at a time" if isinstance(most, int) and most > 0 else ""
    return "waits for its token" if state.is_callback else ""


def _wait_detail(state: StateNode) -> str:
    if isinstance(state.fields.get("Seconds"), int):
        return f"{state.fields['Seconds']} s"
    for name in ("SecondsPath", "TimestampPath", "Timestamp"):
        if name in state.fields:
            return str(state.fields[name])
    return ""


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"
