"""Variables: their names, their scopes, and whether they have a value where they are read.

Source: Step Functions Developer Guide, "Passing data between states with variables".
"""

from sfn_local.document import Json
from sfn_local.lint.expressions import expressions
from sfn_local.lint.finding import Report
from sfn_local.lint.json_positions import escape
from sfn_local.lint.model import Definition, Scope, StateNode, entries

LONGEST_NAME = 80
RESERVED = "states"
NOTHING: frozenset[str] = frozenset()


def check(definition: Definition, report: Report) -> None:
    """Look at every Assign, and at every expression that reads a variable."""
    for state in definition.states:
        for pointer, name in _assignments(state):
            _check_name(name, pointer, report)
    _Scopes(definition, report).check()


def _check_name(name: str, pointer: str, report: Report) -> None:
    if name == RESERVED:
        report.add("variable-name", pointer, "$states belongs to Step Functions")
    elif not name.isidentifier() or len(name) > LONGEST_NAME:
        report.add("variable-name", pointer, f"{name!r} cannot be a variable's name")


def _assignments(state: StateNode) -> list[tuple[str, str]]:
    """Where the state assigns which variables, its rules' and catchers' included."""
    found = _assigned(state.fields, state.pointer)
    for field in ("Catch", "Choices"):
        for position, entry in entries(state.fields.get(field)):
            found += _assigned(entry, f"{state.pointer}/{field}/{position}")
    return found


def _assigned(holder: dict[str, Json], pointer: str) -> list[tuple[str, str]]:
    assign = holder.get("Assign")
    names = assign if isinstance(assign, dict) else {}
    return [(f"{pointer}/Assign/{escape(name)}", name.removesuffix(".$")) for name in names]


class _Scopes:
    """Which variables may have a value in which state."""

    def __init__(self, definition: Definition, report: Report) -> None:
        self._definition = definition
        self._report = report
        self._assigned = {
            scope.pointer: {
                name for state in scope.states.values() for _, name in _assignments(state)
            }
            for scope in definition.scopes
        }
        self._read: set[str] = set()

    def check(self) -> None:
        self._check_scope(self._definition.scopes[0], NOTHING)
        self._check_unread()

    def _check_unread(self) -> None:
        for state in self._definition.states:
            for pointer, name in _assignments(state):
                if name not in self._read and name != RESERVED:
                    self._report.add("variable-unused", pointer, f"nothing reads ${name}")

    def _check_scope(self, scope: Scope, outer: frozenset[str]) -> None:
        for name, known in _known_in(scope, outer).items():
            state = scope.states[name]
            self._check_state(state, scope, known or NOTHING, is_reached=known is not None)
            for inner in self._definition.scopes:
                if _is_directly_inside(inner, state):
                    visible = NOTHING if state.is_distributed else known or NOTHING
                    self._check_shadows(inner, visible)
                    self._check_scope(inner, visible)

    def _check_state(
        self, state: StateNode, scope: Scope, known: frozenset[str], *, is_reached: bool
    ) -> None:
        for expression in expressions(state):
            names = expression.variables()
            self._read |= names
            for name in sorted(names - known) if is_reached else ():
                rule, message = self._explain(name, scope)
                self._report.add(rule, expression.pointer, message)

    def _explain(self, name: str, scope: Scope) -> tuple[str, str]:
        """Why a variable has no value in a scope."""
        assigning = [pointer for pointer, names in self._assigned.items() if name in names]
        if not assigning:
            return "variable-undefined", f"nothing assigns ${name}"
        inside = f"{scope.pointer}/"
        if all(pointer.startswith(inside) for pointer in assigning):
            return "variable-inner", f"${name} is assigned in an inner scope, and ends with it"
        return "variable-undefined", f"no state that assigns ${name} can have run before"

    def _check_shadows(self, inner: Scope, visible: frozenset[str]) -> None:
        for state in inner.states.values():
            for pointer, name in _assignments(state):
                if name in visible:
                    message = f"${name} is a variable of the scope around this one"
                    self._report.add("variable-shadowed", pointer, message)


def _known_in(scope: Scope, outer: frozenset[str]) -> dict[str, frozenset[str] | None]:
    """The variables that may have a value when each state is entered; None: it never is."""
    known: dict[str, frozenset[str] | None] = dict.fromkeys(scope.states)
    start = scope.fields.get("StartAt")
    waiting = [(start, outer)] if isinstance(start, str) and start in known else []
    while waiting:
        name, arriving = waiting.pop()
        before = known[name]
        if before is not None and arriving <= before:
            continue
        known[name] = after = arriving | (before or NOTHING)
        state = scope.states[name]
        after |= {variable for _, variable in _assignments(state)}
        waiting += [(target, after) for _, target in state.targets() if target in known]
    return known


def _is_directly_inside(inner: Scope, state: StateNode) -> bool:
    rest = inner.pointer.removeprefix(f"{state.pointer}/")
    is_own = rest.startswith(("Branches/", "ItemProcessor", "Iterator"))
    return inner.pointer != rest and is_own and "/States/" not in rest
