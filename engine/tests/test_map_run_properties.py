"""Map Runs under random items, batches, failures, limits and interleavings."""

import json
from typing import Any

from engine.tests.maps import CALL, distributed, writer
from engine.tests.s3 import FakeServices
from hypothesis import given, settings
from hypothesis import strategies as st

from sfn_local import Engine, InlineFunctions, ManualScheduler, VirtualClock


def refuse(payload: bytes) -> bytes:
    value = json.loads(payload)
    items = value["Items"] if isinstance(value, dict) else [value]
    if any(item < 0 for item in items):
        raise ValueError("negative")
    return payload


@settings(max_examples=120, deadline=None)
@given(
    items=st.lists(st.integers(-1, 1), max_size=20),
    batch=st.none() | st.integers(1, 7),
    most_at_once=st.integers(0, 4),
    count=st.none() | st.integers(0, 10),
    percentage=st.none() | st.sampled_from([0, 10, 20, 25, 50, 75, 100]),
    kind=st.sampled_from(["STANDARD", "EXPRESS"]),
    exports=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_counts_results_and_the_threshold_agree(
    items: list[int],
    batch: int | None,
    most_at_once: int,
    count: int | None,
    percentage: int | None,
    kind: str,
    exports: bool,
    seed: int,
) -> None:
    fields: dict[str, Any] = {"MaxConcurrency": most_at_once}
    if batch is not None:
        fields["ItemBatcher"] = {"MaxItemsPerBatch": batch}
    if count is not None:
        fields["ToleratedFailureCount"] = count
    if percentage is not None:
        fields["ToleratedFailurePercentage"] = percentage
    if exports:
        fields["ResultWriter"] = writer()
    services = FakeServices()
    engine = Engine(
        functions=InlineFunctions(lambda _name, payload: refuse(payload)),
        clock=VirtualClock(),
        scheduler=ManualScheduler(seed),
        services=services,
    )
    state = {**distributed(CALL, kind, **fields), "End": True}
    machine = engine.create_state_machine("m", {"StartAt": "it", "States": {"it": state}})
    arn = engine.start_execution(machine, input=json.dumps(items))
    engine.run_until(arn)
    described = engine.describe_execution(arn)
    run = engine.describe_map_run(engine.list_map_runs(arn)[0]["mapRunArn"])
    size = batch or 1
    batches = [items[start : start + size] for start in range(0, len(items), size)]
    bad = sum(len(each) for each in batches if min(each) < 0)
    is_exceeded = (
        (bad > 0 and count is None and percentage is None)
        or (count is not None and bad > count)
        or (percentage is not None and bad * 100 > percentage * len(items))
    )

    assert run["status"] == ("FAILED" if is_exceeded else "SUCCEEDED")
    assert described["status"] == run["status"]
    for counts, total in ((run["itemCounts"], len(items)), (run["executionCounts"], len(batches))):
        assert counts["total"] == total  # also of a run that failed: AWS counts what never started
        assert counts["running"] == 0
        assert min(counts.values()) >= 0
    if not is_exceeded:
        assert run["itemCounts"]["failed"] == bad
        assert run["itemCounts"]["succeeded"] == len(items) - bad
    if exports:
        written = {
            group: sum(
                len(json.loads(content))
                for key, content in services.s3.objects.items()
                if f"/{group}_" in key
            )
            for group in ("SUCCEEDED", "FAILED", "PENDING")
        }
        assert sum(written.values()) == len(batches)
        assert written["SUCCEEDED"] == run["executionCounts"]["succeeded"]
