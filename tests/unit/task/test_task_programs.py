"""Who may take an item, end it, or settle it: the conditions that the models explore as well."""

import pytest

from sfn_cqrs.machines.task.programs import Claim, CloseItem, SettleItem
from sfn_cqrs.machines.task.rules import Ending, TaskStatus
from sfn_cqrs_tools.testing.builders import an_item

NOW = 1_000.0
DONE, FAILED, AT_WORK = TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.PROCESSING


@pytest.mark.parametrize(
    ("attempt", "seq", "status", "lease_until", "machines", "queues"),
    [
        (0, 0, TaskStatus.CREATED, 0, True, True),
        (2, 0, AT_WORK, 2_000, True, False),
        (2, 0, AT_WORK, 1_000, True, True),
        (2, 1, AT_WORK, 2_000, False, False),
        (2, 0, FAILED, 0, False, False),
        (1, 9, AT_WORK, 1_000, True, True),
        (1, 9, AT_WORK, 1_001, False, False),
        (1, 9, FAILED, 0, True, True),
        (1, 9, FAILED, 1_001, False, False),
        (1, 9, DONE, 0, False, False),
        (3, 0, AT_WORK, 0, False, False),
    ],
)
def test_an_item_is_taken_by_a_later_try_or_by_a_later_attempt_whose_turn_has_come(
    attempt, seq, status, lease_until, machines, queues
):
    item = an_item(attempt=attempt, seq=seq, status=status, lease_until=lease_until)

    taken = [
        Claim(0, 2, 1, 2_000, is_delivered_once).when(NOW).holds(item)
        for is_delivered_once in (True, False)
    ]

    assert taken == [machines, queues]


@pytest.mark.parametrize(
    ("attempt", "seq", "status", "ends"),
    [(2, 1, AT_WORK, True), (2, 0, AT_WORK, False), (1, 1, AT_WORK, False), (2, 1, DONE, False)],
)
def test_only_the_try_that_works_on_an_item_ends_it(attempt, seq, status, ends):
    item = an_item(attempt=attempt, seq=seq, status=status)

    assert CloseItem(0, 2, 1, Ending(DONE)).when(NOW).holds(item) is ends


@pytest.mark.parametrize(
    ("attempt", "status", "ends"),
    [(0, TaskStatus.CREATED, True), (2, AT_WORK, True), (3, AT_WORK, False), (2, FAILED, False)],
)
def test_an_item_is_settled_unless_it_has_ended_or_a_later_attempt_has_it(attempt, status, ends):
    item = an_item(attempt=attempt, status=status)

    assert SettleItem(0, 2, Ending(FAILED)).when(NOW).holds(item) is ends


def test_an_item_that_ends_has_no_lease_and_one_that_is_settled_keeps_it():
    assert CloseItem(0, 2, 1, Ending(DONE)).sets()["lease_until"] == 0
    assert "lease_until" not in SettleItem(0, 2, Ending(FAILED)).sets()
