"""Both lanes at once, under everything that may happen; the seed is in the test's name."""

from collections import Counter

import pytest
from tests.simulation.lanes import Story, upgrade
from tests.support.proof import deep, sampled

SEEDS = deep(50, 1_000)


def played(seed, **options):
    story = Story(seed, **options)
    with story.system:
        try:
            story.play()
            story.assert_holds()
        except Exception as error:
            pytest.fail(f"seed {seed}: {error!r}")
    return story


@pytest.mark.parametrize("first", sampled(range(0, SEEDS, 10), 1))
def test_every_chain_closes_in_order_and_each_effect_is_there_once(first):
    lanes: Counter[str] = Counter()
    for seed in range(first, first + 10):
        lanes += played(seed).lanes_seen

    assert lanes.keys() == {"EXPRESS ASYNC", "STANDARD ASYNC", "STANDARD SYNC"}


@pytest.mark.parametrize("first", sampled(range(0, 50, 2), 1))
def test_a_stack_is_given_the_lane_and_loses_it_while_commands_run(first):
    for seed in range(first, first + 2):
        story = played(seed, items=2, versions=5, lanes=upgrade)
        assert story.lanes_seen["EXPRESS ASYNC"]
