"""How many items of a Map Run may fail, and how many children run at a time.

Sources: Step Functions Developer Guide, "Setting failure thresholds for Distributed Map states";
"Step Functions service quotas", 10,000 parallel child executions.
"""

import pytest

from sfn_local.executions.counts import Tolerance
from sfn_local.executions.map_run import MapRun


@pytest.mark.parametrize(
    ("tolerance", "failed", "total", "is_exceeded"),
    [
        (Tolerance(), 0, 10, False),
        (Tolerance(), 1, None, True),
        (Tolerance(count=2), 2, None, False),
        (Tolerance(count=2), 3, None, True),
        (Tolerance(percentage=50.0), 5, 10, False),
        (Tolerance(percentage=50.0), 6, 10, True),
        (Tolerance(percentage=50.0), 6, None, False),
        (Tolerance(percentage=0.0), 1, None, True),
        (Tolerance(percentage=33.4), 1, 3, False),
        (Tolerance(percentage=33.3), 1, 3, True),
        (Tolerance(count=9, percentage=10.0), 2, 10, True),
    ],
)
def test_a_share_is_judged_once_all_items_are_read_and_nothing_at_once(
    tolerance: Tolerance, failed: int, total: int | None, is_exceeded: bool
) -> None:
    assert tolerance.is_exceeded(failed, total) is is_exceeded


@pytest.mark.parametrize(
    ("asked", "places"), [(0, 10_000), (1, 1), (10_000, 10_000), (50_000, 10_000)]
)
def test_ten_thousand_children_run_at_a_time_at_most(asked: int, places: int) -> None:
    run = MapRun("arn:run", "arn:execution", "arn:machine", asked, Tolerance(), started=0.0)

    assert run.places == places
