"""Which steps of a saga run before a state, as the paths of its machine say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def steps_before(definition: Mapping[str, Any], state: str) -> tuple[str, ...]:
    """Return the steps whose results a state of a saga needs, in their order.

    The first Choice leads to the steps, and back to their compensations. A state beside both paths
    is where the machine goes when the first step fails.
    """
    states = definition["States"]
    turn = next(one for one in states.values() if one["Type"] == "Choice")
    forward = tuple(_path(states, turn["Default"]))
    back = tuple(_path(states, turn["Choices"][0]["Next"]))
    steps = tuple(one for one in forward if one not in back)
    undone = tuple(one for one in back if one not in forward)[::-1]
    if state == definition["StartAt"]:
        return ()
    if state in steps:
        return steps[: steps.index(state)]
    if state in undone:
        return steps[: undone.index(state) + 1]
    return steps if state in forward else steps[:1]


def _path(states: Mapping[str, Any], name: str | None) -> Iterator[str]:
    while name is not None and states[name]["Type"] == "Task":
        yield name
        name = states[name].get("Next")
