"""The graph: targets, ways in, ways out, names."""

import re
from collections.abc import Iterable
from itertools import chain

from sfn_local.document import Json, dumps
from sfn_local.lint.finding import Report, one_missing_of, only_one_of
from sfn_local.lint.model import Definition, Scope, StateNode
from sfn_local.lint.placeholders import is_unknown

LONGEST_NAME = 80
TERMINAL = ("Choice", "Succeed", "Fail")
# A loop that ends by itself has a number that grows, a list that gets shorter, or a page's token.
ADVANCES = re.compile(
    r"States\.MathAdd|Assign|\[\d+:\]|(next|continuation|page|pagination)_?token|marker"
    r"|exclusive_?start_?key|last_?evaluated_?key|cursor",
    re.IGNORECASE,
)


def check(definition: Definition, report: Report) -> None:
    """Look at how the states lead to each other."""
    everywhere: dict[str, StateNode] = {}
    for scope in definition.scopes:
        _check_targets(scope, definition, report)
        _check_reachability(scope, report)
        _check_loops(scope, report)
        for state in scope.states.values():
            _check_name(state, everywhere, report)
            _check_transition(state, report)


def _check_name(state: StateNode, everywhere: dict[str, StateNode], report: Report) -> None:
    if len(state.name) > LONGEST_NAME:
        message = f"the name has {len(state.name)} characters"
        report.add("name-too-long", state.pointer, message)
    if state.name in everywhere:
        other = everywhere[state.name].pointer
        message = f"there is a state {state.name} at {other} too"
        refusal = f"Duplicate State name: {state.name}"
        report.add("name-repeated", state.pointer, message, refusal=refusal)
    everywhere.setdefault(state.name, state)


def _check_transition(state: StateNode, report: Report) -> None:
    if not state.type or state.type in TERMINAL:
        return
    has_next, has_end = "Next" in state.fields, state.fields.get("End") is True
    if has_next and has_end:
        message, where = f"the state {state.name} has Next and End", f"{state.pointer}/End"
        refusal, at = only_one_of("Next", "End"), state.pointer
        report.add("transition-both", where, message, refusal=refusal, refused_at=at)
    if not has_next and not has_end:
        message = f"the state {state.name} has neither Next nor End"
        refusal = one_missing_of("Next", "End")
        report.add("transition-missing", state.pointer, message, refusal=refusal)


def _check_targets(scope: Scope, definition: Definition, report: Report) -> None:
    start = scope.fields.get("StartAt")
    if isinstance(start, str) and "States" in scope.fields:
        _check_target(f"{scope.pointer}/StartAt", start, scope, definition, report)
    for state in scope.states.values():
        for pointer, target in state.targets():
            _check_target(pointer, target, scope, definition, report)


def _check_target(
    pointer: str, target: str, scope: Scope, definition: Definition, report: Report
) -> None:
    if target in scope.states:
        return
    elsewhere = any(state.name == target for state in definition.states)
    message = f"there is no state {target}"
    if elsewhere:
        message = f"the state {target} is in another scope, which cannot be entered from here"
    refusal = f"Missing 'Next' target: {target}"
    report.add("target-unknown", pointer, message, refusal=refusal)


def _check_reachability(scope: Scope, report: Report) -> None:
    start = scope.fields.get("StartAt")
    if scope.states and not any(map(_is_terminal, scope.states.values())):
        refusal = "Workflow has no terminal state"
        report.add("end-missing", scope.pointer, "no state ends it", refusal=refusal)
        return
    if not isinstance(start, str) or start not in scope.states:
        return
    leads_to = _edges(scope)
    reachable = _closure([start], leads_to)
    for name, state in scope.states.items():
        if name not in reachable:
            message = f"no way leads to the state {name}"
            refusal = f'State "{name}" is not reachable.'
            report.add("unreachable", state.pointer, message, refusal=refusal)
    _check_ends(scope, leads_to, reachable, report)


def _check_ends(
    scope: Scope, leads_to: dict[str, list[str]], reachable: set[str], report: Report
) -> None:
    comes_from: dict[str, list[str]] = {name: [] for name in scope.states}
    for name, targets in leads_to.items():
        for target in targets:
            comes_from[target].append(name)
    ends = [name for name, state in scope.states.items() if _may_end(state, scope)]
    ending = _closure(ends, comes_from)
    for name, state in scope.states.items():
        if name in reachable and name not in ending:
            message = f"no way leads from the state {name} to an end"
            report.add("no-end", state.pointer, message)


def _is_terminal(state: StateNode) -> bool:
    """Whether it ends its scope; one that lacks its transition is another rule's."""
    return state.ends or (state.type != "Choice" and "Next" not in state.fields)


def _may_end(state: StateNode, scope: Scope) -> bool:
    """Whether its scope ends there; where a target lacks, another rule says so."""
    targets = _targets(state)
    return state.ends or not targets or any(target not in scope.states for target in targets)


def _edges(scope: Scope) -> dict[str, list[str]]:
    """Where each state may lead; a placeholder may stand for any state."""
    return {
        name: list(scope.states)
        if any(map(is_unknown, _targets(state)))
        else [target for target in _targets(state) if target in scope.states]
        for name, state in scope.states.items()
    }


def _targets(state: StateNode) -> list[str]:
    return [target for _, target in state.targets()]


def _closure(start: Iterable[Json], edges: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += edges[name]
    return found


def _has_unknown_targets(scope: Scope) -> bool:
    return any(map(is_unknown, chain.from_iterable(map(_targets, scope.states.values()))))


def _check_loops(scope: Scope, report: Report) -> None:
    edges = {} if _has_unknown_targets(scope) else _edges(scope)
    reported: set[str] = set()
    for name in edges:
        after = _closure(edges[name], edges)
        if name not in after or name in reported:
            continue
        loop = {other for other in after if name in _closure(edges[other], edges)}
        reported |= loop
        if not any(_slows(scope.states[other]) for other in loop):
            names = ", ".join(each for each in scope.states if each in loop)
            message = f"the loop of {names} neither waits nor advances"
            report.add("tight-loop", scope.states[name].pointer, message)


def _slows(state: StateNode) -> bool:
    if state.type == "Wait" or state.is_callback or ".sync" in state.resource:
        return True
    own = {name: value for name, value in state.fields.items() if name not in ("Retry", "Catch")}
    return ADVANCES.search(dumps(own)) is not None
