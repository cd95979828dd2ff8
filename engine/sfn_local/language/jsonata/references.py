"""The references of an expression: its own names, variables, functions, and bare names.

Source: Step Functions Developer Guide, "Transforming data with JSONata in Step Functions"; what
AWS refuses as a bare name at the top level is in floci-io/floci 2670 and 2699.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sfn_local.language.jsonata.nodes import Node

ROOT = "$"
STATES = "states"
CALLS = ("function", "partial")


@dataclass(slots=True)
class References:
    """The names in an expression; bound are those that it gives a meaning itself."""

    bare: list[str] = field(default_factory=list)
    contexts: list[str] = field(default_factory=list)
    variables: set[str] = field(default_factory=set)
    called: set[str] = field(default_factory=set)
    states_fields: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)


def references(tree: Node) -> References:
    """Return all that an expression refers to."""
    found = References()
    _walk(tree, True, found)
    return found


def _walk(node: Node, is_top: bool, found: References) -> None:
    """Look at a node; at the top nothing but `$states` and variables has a value."""
    _note(node, is_top, found)
    found.bound.update(name for name in (node.focus, node.index) if name)
    if node.kind == "path":
        _path(node, is_top, found)
    else:
        for inner in _parts(node):
            _walk(inner, is_top and node.kind != "transform", found)
    for stage in (*node.predicates, *node.stages):
        if stage.filter is not None:
            _walk(stage.filter, False, found)
        elif stage.index:
            found.bound.add(stage.index)
    for pair in node.group.pairs if node.group else ():
        for inner in pair:
            _walk(inner, False, found)


def _note(node: Node, is_top: bool, found: References) -> None:
    if node.kind == "name" and is_top:
        found.bare.append(node.value)
    elif node.kind == "variable" and node.value in ("", ROOT):
        if is_top or node.value == ROOT:
            found.contexts.append("$" + node.value)
    elif node.kind == "variable":
        found.variables.add(node.value)
    elif node.kind in CALLS and node.first.kind == "variable":
        found.called.add(node.first.value)
    elif node.kind == "bind":
        found.bound.add(node.first.value)
    elif node.kind == "lambda":
        found.bound.update(parameter.value for parameter in node.items)


def _path(node: Node, is_top: bool, found: References) -> None:
    steps = node.items
    first = steps[0]
    field = steps[1] if len(steps) > 1 else first
    if first.kind == "variable" and first.value == STATES and field.kind == "name":
        found.states_fields.add(field.value)
    for index, step in enumerate(steps):
        _walk(step, is_top and index == 0, found)


def _parts(node: Node) -> Iterator[Node]:
    """Return the nodes inside, without what a bind or a lambda only names."""
    if node.kind in CALLS and node.first.kind == "variable":
        yield from node.items
        return
    if node.kind == "bind":
        yield node.second
        return
    yield from (each for each in (node.left, node.right, node.third) if each is not None)
    if node.kind != "lambda":
        yield from node.items
    for pair in node.pairs:
        yield from pair
    for term in node.terms:
        yield term.expression
