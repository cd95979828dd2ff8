"""Draws schedules from a seed."""

from __future__ import annotations

import math
from random import Random
from typing import Final

from sfn_cqrs_tools.testing.simulation.schedule import FAULTS, LEAPS, SKIPS, Schedule, Step

MOST_CHANGES: Final = 4
MOST_STEPS: Final = 5
MOST_CALL: Final = 7
ENVIRONMENTS: Final = 3
DEEP: Final = 2
"""So many runs may stop at a call, one inside the other, until a third one runs."""
_DRAWN: Final = "ababatlppf"
"""The faults as often as they are drawn; most mistakes show when a handler dies or stops."""
_WHOLE, _BOTH_TENANTS, _LEAP, _REBUILD, _OTHER, _CALM = 0.5, 0.3, 0.08, 0.08, 0.4, 0.3
"""How often: all changes; two tenants; a leap; a rebuild; another environment; no fault."""
_SKIPPED: Final = 0.3
"""How often a version that fails is skipped, and not retried; one of a schedule at most."""

Changes = tuple[tuple[int, int], ...]
"""Numbers of changes, each with the number of its tenant."""


def drawn_changes(chance: Random, available: int, most: int) -> Changes:
    """Draw which changes are published, in their order, and for which tenants."""
    if available <= most and chance.random() < _WHOLE:
        chosen = list(range(available))
    else:
        count = chance.randint(1, min(most, available))
        chosen = sorted(chance.sample(range(available), count))
    if chance.random() < _BOTH_TENANTS:
        half = chosen[: max(1, most // 2)]
        return tuple((each, tenant) for each in half for tenant in (0, 1))
    tenant = chance.randrange(2)
    return tuple((each, tenant) for each in chosen)


def drawn(chance: Random, changes: Changes, *, rebuilds: bool) -> Schedule:
    """Draw the steps for some changes."""
    steps = [_step(chance, len(changes), rebuilds) for _ in range(chance.randint(1, MOST_STEPS))]
    fails = next((number for number, step in enumerate(steps) if step.fault == "f"), None)
    if fails is not None and chance.random() < _SKIPPED:
        after = chance.randint(fails + 1, len(steps))
        steps.insert(after, Step(steps[fails].version, fault=SKIPS))
    return Schedule(changes, tuple(steps))


def possible(changes: int) -> float:
    """Return about how many schedules there are of so many changes."""
    a_step = MOST_CHANGES * ENVIRONMENTS * (1 + len(FAULTS) * MOST_CALL)
    return float(a_step) ** MOST_STEPS * math.comb(changes + MOST_CHANGES, MOST_CHANGES)


def _step(chance: Random, versions: int, rebuilds: bool) -> Step:
    kind = chance.random()
    if kind < _LEAP:
        return Step(leap=chance.choice(LEAPS))
    if rebuilds and kind < _LEAP + _REBUILD:
        return Step(rebuilds=True)
    return _delivery(chance, versions, DEEP)


def _delivery(chance: Random, versions: int, depth: int) -> Step:
    version = chance.randrange(versions)
    environment = chance.randrange(ENVIRONMENTS) if chance.random() < _OTHER else 0
    if chance.random() < _CALM:
        return Step(version, environment)
    fault = chance.choice(_DRAWN if depth else _DRAWN.replace("p", ""))
    inside: tuple[Step, ...] = ()
    if fault == "p":
        steps = range(chance.randint(1, 2))
        inside = tuple(_delivery(chance, versions, depth - 1) for _ in steps)
    call = min(chance.randint(1, MOST_CALL), chance.randint(1, MOST_CALL))
    return Step(version, environment, fault, call, inside)
