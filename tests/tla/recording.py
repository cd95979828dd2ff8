"""What our own model of the chain does, as traces of what can be seen from outside."""

import random
from collections.abc import Iterator

from tests.simulation.rules import load_rules
from tests.simulation.world import State, World
from tests.tla.checker import Case, Seen

SEEDS = 60


def traces(case: Case, number: int = SEEDS) -> list[list[Seen]]:
    """Return different traces of random behaviours; each begins before the first publish."""
    found: dict[tuple[Seen, ...], None] = {}
    for seed in range(number):
        world = World(load_rules(), "a" * case.versions, dict(case.faults), sweeps=case.sweeps)
        found[tuple(_walked(world, random.Random(seed)))] = None
    return [list(trace) for trace in found]


def _walked(world: World, choice: random.Random) -> Iterator[Seen]:
    state, last = world.first(), None
    while True:
        seen = _seen(world, state)
        if seen != last:
            yield seen
        last = seen
        moves = [after for _, after in world.moves(state)]
        if not moves and world.sweeps:
            moves = [after for _, after in world.sweep_moves(state)]
        moves += [after for _, after in world.idle_moves(state)]
        if not moves:
            return
        state = choice.choice(moves)


def _seen(world: World, state: State) -> Seen:
    items = [world.process(state, version) for version in range(1, len(world.kinds) + 1)]
    versions = tuple(
        ("NONE", 0) if item is None else (str(item.outcome), item.attempt) for item in items
    )
    return versions, state.data, state.view
