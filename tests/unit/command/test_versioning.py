import pytest

from sfn_cqrs.machines.command.process import (
    DataVersion,
    Mode,
    Outcome,
    Predecessor,
    Turn,
    whose_turn,
)
from sfn_cqrs_tools.testing.builders import a_process

MINE = a_process(version=3, command_id="mine")
HANDED_OVER = a_process(version=3, command_id="mine", mode=Mode.SYNC, attempt=2)
WITH_ITS_PUBLISHER = a_process(version=3, command_id="mine", mode=Mode.SYNC)


@pytest.mark.parametrize(
    ("predecessor", "data", "turn"),
    [
        # the first of its item
        (Predecessor(), DataVersion(), Turn.NOW),
        (Predecessor(), DataVersion(1, "another"), Turn.NOW),
        (Predecessor(), DataVersion(2, "another"), Turn.NOW),
        # the predecessor is under way: wait, though it may have written the data already
        (Predecessor(2, Outcome.OPEN), DataVersion(), Turn.WAIT),
        (Predecessor(2, Outcome.OPEN), DataVersion(1, "another"), Turn.WAIT),
        (Predecessor(2, Outcome.OPEN), DataVersion(2, "another"), Turn.WAIT),
        (Predecessor(2, Outcome.WAITING), DataVersion(1, "another"), Turn.WAIT),
        # it is applied; a data row that is behind all the same is not to be built on
        (Predecessor(2, Outcome.APPLIED), DataVersion(2, "another"), Turn.NOW),
        (Predecessor(2, Outcome.APPLIED), DataVersion(1, "another"), Turn.WAIT),
        # it has failed, before or after its write of the data
        (Predecessor(2, Outcome.FAILED), DataVersion(1, "another"), Turn.BLOCKED),
        (Predecessor(2, Outcome.FAILED), DataVersion(2, "another"), Turn.BLOCKED),
        (Predecessor(2, Outcome.BLOCKED), DataVersion(1, "another"), Turn.BLOCKED),
        # it has no process: an import applied it, or it has expired
        (Predecessor(2), DataVersion(2, "another"), Turn.NOW),
        (Predecessor(2), DataVersion(1, "another"), Turn.GAP),
        (Predecessor(2), DataVersion(), Turn.GAP),
        # version 2 is skipped, so 1 is the predecessor
        (Predecessor(1, Outcome.APPLIED), DataVersion(1, "another"), Turn.NOW),
        (Predecessor(1, Outcome.APPLIED), DataVersion(2, "skipped"), Turn.NOW),
        (Predecessor(1, Outcome.OPEN), DataVersion(2, "skipped"), Turn.WAIT),
        # the data row is there already
        (Predecessor(2, Outcome.APPLIED), DataVersion(3, "mine"), Turn.NOW),
        (Predecessor(2, Outcome.FAILED), DataVersion(3, "mine"), Turn.NOW),
        (Predecessor(2, Outcome.APPLIED), DataVersion(3, "another"), Turn.TOO_LATE),
        (Predecessor(2, Outcome.APPLIED), DataVersion(4, "another"), Turn.TOO_LATE),
        (Predecessor(2, Outcome.APPLIED), DataVersion(4, "mine"), Turn.TOO_LATE),
        (Predecessor(2), DataVersion(99, "another"), Turn.TOO_LATE),
    ],
)
def test_whose_turn_it_is(predecessor, data, turn):
    assert whose_turn(MINE, predecessor, data) is turn


@pytest.mark.parametrize(
    ("process", "data", "turn"),
    [
        (HANDED_OVER, DataVersion(3, "mine"), Turn.NOW),
        (HANDED_OVER, DataVersion(4, "another"), Turn.NOW),
        (HANDED_OVER, DataVersion(2, "another"), Turn.NOW),
        (WITH_ITS_PUBLISHER, DataVersion(4, "another"), Turn.TOO_LATE),
    ],
)
def test_a_synchronous_version_that_was_handed_over_still_runs_its_projections(process, data, turn):
    assert whose_turn(process, Predecessor(2, Outcome.APPLIED), data) is turn


def test_the_numbers_are_those_that_the_machines_choice_compares():
    assert (Turn.NOW, Turn.WAIT, Turn.TOO_LATE) == (0, 1, -1)
