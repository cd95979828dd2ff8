"""Coverage of a definition: which of its ways a test run has taken.

A way is a state, a retrier, a catcher, a rule of a Choice or its Default. The engine says which
are taken, since a history does not tell two rules with one target apart, and EXPRESS children
have none.
"""

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from typing import Any

from sfn_local.document import Json
from sfn_local.executions.runtime import Way
from sfn_local.graph.model import describe_rule
from sfn_local.lint.model import Definition, StateNode, entries

__all__ = ["Coverage", "Way", "ways_of"]

ENTERED = "State"


@dataclass(frozen=True, slots=True)
class Coverage:
    """The ways of a definition, each described, and those that were taken."""

    ways: dict[Way, str]
    taken: frozenset[Way]

    @classmethod
    def of(cls, definition: Json, taken: Set[Way]) -> "Coverage":
        """The coverage of a definition by what an engine has noted."""
        ways = ways_of(definition)
        return cls(ways, frozenset(ways.keys() & taken))

    @property
    def missing(self) -> dict[Way, str]:
        """The ways that were not taken, in the order of the definition."""
        return {way: told for way, told in self.ways.items() if way not in self.taken}

    @property
    def percentage(self) -> float:
        """The share that was taken; 100 where there is no way."""
        return 100 * len(self.taken) / len(self.ways) if self.ways else 100.0

    def lines(self, name: str) -> Iterator[str]:
        """A line with the figures, and one for each way that was not taken."""
        yield f"{name}: {len(self.taken)} of {len(self.ways)} ways, {self.percentage:.0f} %"
        for way, told in self.missing.items():
            yield f"    {way[0]}: {told}"

    def as_json(self) -> dict[str, Any]:
        """The figures, and the ways that were not taken."""
        return {
            "ways": len(self.ways),
            "taken": len(self.taken),
            "percentage": round(self.percentage, 1),
            "missing": [
                {"state": state, "field": field, "position": position, "what": told}
                for (state, field, position), told in self.missing.items()
            ],
        }


def ways_of(definition: Json) -> dict[Way, str]:
    """All ways of a definition, each in a few words."""
    if not isinstance(definition, dict):
        return {}
    return {
        (state.name, field, position): told
        for state in Definition(definition).states
        for field, position, told in _ways(state)
    }


def _ways(state: StateNode) -> Iterable[tuple[str, int, str]]:
    yield ENTERED, 0, "was never entered"
    for position, retrier in entries(state.fields.get("Retry")):
        yield "Retry", position, f"was never retried after {_errors(retrier)}"
    for position, catcher in entries(state.fields.get("Catch")):
        told = f"never caught {_errors(catcher)}, to {catcher.get('Next')}"
        yield "Catch", position, told
    rules = list(entries(state.fields.get("Choices")))
    for position, rule in rules:
        yield "Choices", position, f"{describe_rule(rule)}, to {rule.get('Next')}: never"
    if "Default" in state.fields:
        yield "Choices", len(rules), f"otherwise, to {state.fields['Default']}: never"


def _errors(entry: dict[str, Json]) -> str:
    errors = entry.get("ErrorEquals")
    return ", ".join(map(str, errors)) if isinstance(errors, list) else "an error"
