"""rebuild.asl.json: how an execution ends; its mocked cases take every way."""

import pytest

from sfn_local.pytest_plugin import RunMachine

KEYS = {"name": "offers_by_customer", "attempt": 1, "beginsAt": "1970-01-01T00:00:00Z"}
WAYS = {
    "NothingIsLeft": ("success", "SUCCEEDED"),
    "SomebodyElseOwnsIt": ("superseded", "SUCCEEDED"),
    "ItIsCancelledMeanwhile": ("superseded", "SUCCEEDED"),
    "NextWorkFails": ("stopped", "FAILED"),
    "ASegmentStops": ("stopped", "FAILED"),
}


@pytest.mark.parametrize("case", WAYS)
def test_a_rebuild_fails_where_it_can_be_resumed_and_not_where_it_was_cancelled(
    run_machine: RunMachine, case: str
) -> None:
    run = run_machine("rebuild", input=KEYS, mock=case)

    assert (run.path[-1], run.status) == WAYS[case]
