"""Choice: goes where the first rule that holds leads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sfn_local.dataflow.choice_rules import compile_rule
from sfn_local.dataflow.flow import Flow, compile_flow, uses_jsonata
from sfn_local.dataflow.jsonata import Expression, Scope, is_expression
from sfn_local.dataflow.jsonpath import VisitSource
from sfn_local.document import Document, Json
from sfn_local.errors import DefinitionError, RuntimeFailure
from sfn_local.executions.line import Visit
from sfn_local.states.graph import BuildGraph
from sfn_local.states.state import State, Transition

OF_EACH_RULE = ("Assign", "Output")
NO_NEXT_STATE = "Failed to transition out of the state. The state does not point to a next state."


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of Choices; the output of the state is what the flow of its rule makes."""

    holds: Callable[[Visit, Document], bool]
    next: str
    flow: Flow


class ChoiceState(State):
    """A Choice state."""

    type = "Choice"
    needs_transition = False

    def __init__(self, name: str, definition: dict[str, Json], _: BuildGraph) -> None:
        """Compile the state.

        Raises:
            DefinitionError: it has no rules, or one that is not well formed.
        """
        super().__init__(name, definition)
        self._flow = compile_flow(definition)
        choices = definition.get("Choices")
        if not isinstance(choices, list) or not choices:
            raise DefinitionError("Choices must be a list with at least one rule", "/Choices")
        self._choices = [_compile_choice(definition, rule, i) for i, rule in enumerate(choices)]
        self._default = definition.get("Default")

    def targets(self) -> Iterator[str]:
        """The names of the states that may follow."""
        yield from (choice.next for choice in self._choices)
        if self._default is not None:
            yield self._default

    async def execute(self, visit: Visit) -> Transition:
        """Try the rules in their order, then Default.

        Raises:
            RuntimeFailure: no rule holds, and Default is missing.
        """
        document = self._flow.input(visit)
        for position, choice in enumerate(self._choices):
            if choice.holds(visit, document):
                if visit.line.runtime.ways is not None:
                    visit.line.runtime.took(self.name, "Choices", position)
                return choice.flow.narrow_output(visit, document), choice.next
        if self._default is None:
            raise RuntimeFailure(NO_NEXT_STATE)
        visit.runtime.took(self.name, "Choices", len(self._choices))
        return self._flow.narrow_output(visit, document), self._default


def _compile_choice(state: dict[str, Json], rule: Json, position: int) -> Choice:
    pointer = f"/Choices/{position}"
    if not isinstance(rule, dict) or not isinstance(rule.get("Next"), str):
        raise DefinitionError("a rule of Choices needs a Next", pointer)
    fields = {name: value for name, value in state.items() if name not in OF_EACH_RULE}
    own = {name: rule[name] for name in OF_EACH_RULE if name in rule}
    compile_holds = _compile_condition if uses_jsonata(state) else _compile_comparison
    return Choice(compile_holds(rule, position), rule["Next"], compile_flow({**fields, **own}))


def _compile_comparison(rule: dict[str, Json], position: int) -> Callable[[Visit, Document], bool]:
    compiled = compile_rule(rule, f"/Choices/{position}")
    return lambda visit, document: compiled(VisitSource(document.value, visit))


def _compile_condition(rule: dict[str, Json], position: int) -> Callable[[Visit, Document], bool]:
    pointer = f"/Choices/{position}/Condition"
    condition = rule.get("Condition")
    if isinstance(condition, bool):
        return lambda visit, document: condition  # noqa: ARG005
    if not is_expression(condition):
        raise DefinitionError("Condition must be true, false or an expression in {% %}", pointer)
    expression = Expression(condition, f"Choices[{position}]/Condition", pointer)

    def holds(visit: Visit, document: Document) -> bool:  # noqa: ARG001 - as a comparison
        return bool(expression.evaluate_as(Scope(visit), "boolean"))

    return holds
