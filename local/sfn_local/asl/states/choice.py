"""Choice: goes where the first rule that holds leads."""

from collections.abc import Iterator

from sfn_local.asl.choice_rules import Rule, compile_rule
from sfn_local.asl.dataflow import JsonPathFlow, VisitSource
from sfn_local.asl.document import Json
from sfn_local.asl.errors import DefinitionError, StateFailure
from sfn_local.asl.execution import Visit
from sfn_local.asl.states.state import BuildGraph, State, Transition


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
        self._flow = JsonPathFlow(definition)
        choices = definition.get("Choices")
        if not isinstance(choices, list) or not choices:
            raise DefinitionError("Choices must be a list with at least one rule", "/Choices")
        self._choices = [_compile_choice(choice, i) for i, choice in enumerate(choices)]
        self._default = definition.get("Default")

    def targets(self) -> Iterator[str]:
        """The names of the states that may follow."""
        yield from (target for _, target in self._choices)
        if self._default is not None:
            yield self._default

    async def execute(self, visit: Visit) -> Transition:
        """Try the rules in their order, then Default.

        Raises:
            StateFailure: States.NoChoiceMatched.
        """
        document = self._flow.input(visit)
        source = VisitSource(document.value, visit)
        held = (target for rule, target in self._choices if rule(source))
        following = next(held, self._default)
        if following is None:
            cause = f"No rule of the state '{self.name}' holds, and it has no Default."
            raise StateFailure("States.NoChoiceMatched", cause)
        return self._flow.narrow_output(visit, document), following


def _compile_choice(choice: Json, position: int) -> tuple[Rule, str]:
    pointer = f"/Choices/{position}"
    if not isinstance(choice, dict) or not isinstance(choice.get("Next"), str):
        raise DefinitionError("a rule of Choices needs a Next", pointer)
    return compile_rule(choice, pointer), choice["Next"]
