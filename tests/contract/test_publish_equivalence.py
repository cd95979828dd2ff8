"""The check that a synchronous publish makes of its predecessor, and `whose_turn`: one rule."""

import pytest

from sfn_cqrs.machines.command.process import DataVersion, Outcome, Predecessor, Turn, whose_turn
from sfn_cqrs.machines.command.publication import Refusal
from sfn_cqrs_tools.testing.builders import a_command, a_process, a_sync_publication


@pytest.mark.parametrize("outcome", [None, *Outcome], ids=str)
def test_a_version_is_applied_at_once_where_the_machine_would_apply_it(outcome, world):
    first = a_command(version=1)
    world.data.put(first.as_row(), 0)
    if outcome is not None:
        world.seed(a_process(version=1, outcome=outcome))
    data = DataVersion(1, first.id)
    turn = whose_turn(a_process(version=2), Predecessor(1, outcome), data)

    publication = a_sync_publication(version=2, data_version=1, predecessor=1)
    refusal = world.commands.publish(publication)

    assert refusal is (None if turn is Turn.NOW else Refusal.DATA_MOVED)
