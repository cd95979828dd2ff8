"""Which ways through a machine its executions have taken: retriers, catchers and choices.

Watches the engine itself, since the history does not tell two rules with one target apart and
EXPRESS children have none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sfn_local.dataflow.recovery import Retriers, find_catcher
from sfn_local.lint.model import Definition
from sfn_local.states.choice import ChoiceState
from sfn_local.states.retrying import RetryingState

Way = tuple[str, str, int]  # state, field, position; the Default of a Choice follows its rules


def ways_of(definition: dict[str, Any]) -> set[Way]:
    """All the ways that a definition has."""
    return {
        (state.name, field, position)
        for state in Definition(definition).states
        for field in ("Retry", "Catch", "Choices")
        for position in range(len(state.fields.get(field, [])) + _defaults(state.fields, field))
    }


def _defaults(fields: dict[str, Any], field: str) -> int:
    return 1 if field == "Choices" and "Default" in fields else 0


@contextmanager
def watched() -> Iterator[set[Way]]:
    """The ways that are taken meanwhile."""
    taken: set[Way] = set()
    delay, catch, choose = Retriers.delay, RetryingState._catch, ChoiceState.execute

    def watch_delay(self: Retriers, visit: Any, failure: Any) -> Any:
        attempts, before = visit.attempts, dict(visit.attempts)
        answer = delay(self, visit, failure)
        changed = [position for position in attempts if attempts[position] != before.get(position)]
        taken.update((visit.state.name, "Retry", position) for position in changed)
        return answer

    def watch_catch(self: RetryingState, visit: Any, failure: Any) -> Any:
        catcher = find_catcher(self.catchers, failure)
        if catcher is not None:
            taken.add((self.name, "Catch", self.catchers.index(catcher)))
        return catch(self, visit, failure)

    def watch_choice(self: ChoiceState, visit: Any) -> Any:
        document, rules = self._flow.input(visit), self._choices
        holding = [position for position, rule in enumerate(rules) if rule.holds(visit, document)]
        taken.add((self.name, "Choices", min(holding, default=len(rules))))
        return choose(self, visit)

    with (
        patch.object(Retriers, "delay", watch_delay),
        patch.object(RetryingState, "_catch", watch_catch),
        patch.object(ChoiceState, "execute", watch_choice),
    ):
        yield taken
