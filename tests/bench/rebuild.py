"""What rebuilding a read model takes: items a second on this machine; on AWS, time and dollars.

Orders are put into the data table, and `orders_by_customer` is rebuilt of them through the whole
local stack: replayed, compared. What is counted went over the wire. A million items on AWS take
the same calls an item, with the latencies, quotas and prices that tests/bench/scale.py has, eight
segments at a time; what a function computes for a call is an estimate.
"""

import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from report import Figure, main
from scale import NEW_TABLE_WRITES, SECONDS, USUAL_SECONDS
from waiting import until

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Audit, Content, DataRow
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.read_models.rules import Stage
from sfn_cqrs.machines.command.projection import run_handler
from sfn_cqrs.machines.rebuild.replay import THREADS
from sfn_cqrs.machines.rebuild.service import RebuildService
from sfn_cqrs_tools.client.prices import DOLLARS
from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.stack.settings import Settings

ITEMS = 4_000
MILLION = 1_000_000
VIEW, TENANT, WORKER = "orders_by_customer", "tenant1", "RebuildWorkOnSegmentFunction"
SEGMENTS_AT_A_TIME = 8
"""The machine's MaxConcurrency."""
WAIT_SECONDS = 60
CALL_CPU_SECONDS = 0.004
"""An estimate: what a call takes of a function with 1,024 MB, which has 0.6 of a processor."""
MEMORY_GB = 1.0
COMPARED_READS = 3
"""Units of a row that is compared, by BatchGetItem, of which the local DynamoDB tells none."""
MAX_MINUTES, MAX_DOLLARS = 30, 5
AT = "2026-11-25T12:00:00.000Z"


def measure() -> list[Figure]:
    """Measure the replay and the comparison."""
    logger.setLevel("WARNING")  # it took this process's output, where the table belongs
    recorder = Recorder()
    with (
        tempfile.TemporaryDirectory() as state,
        LocalStack(Settings(state_dir=state, recorder=recorder, reload=False, postgres=False)),
    ):
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(put, range(ITEMS)))
        service = RebuildService(TENANT)
        recorder.clear()
        service.rebuild(VIEW, Caller())
        until(lambda: service.get(VIEW).counts.total > 0)
        began = time.perf_counter()
        until(lambda: service.get(VIEW).view.stage is not Stage.REPLAYING)
        replayed = time.perf_counter() - began
        until(lambda: service.get(VIEW).view.stage is Stage.READY)
        compared = time.perf_counter() - began - replayed
        view = service.get(VIEW).view
        assert view.replayed.done + view.replayed.skipped == ITEMS, view
        assert view.compared.done == ITEMS, view
    return [
        Figure("replayed, whole local stack", ITEMS / replayed, "items/s"),
        Figure("compared, whole local stack", ITEMS / compared, "rows/s"),
        *on_aws(recorder),
    ]


def put(number: int) -> None:
    """An order, as it lies in the data and the read model when its version has closed."""
    audit = Audit(AT, "ada", "")
    attributes = {"customer": f"c-{number % 97}", "total": number}
    row = DataRow(
        key=ItemKey(TENANT, "ORDER", f"o-{number:07d}"),
        version=1,
        command_id=f"id-{number}",
        content=Content.checked(f"Order {number}", attributes, is_deleted=False),
        created=audit,
        updated=audit,
    )
    bootstrap.data().put(row, 0)
    run_handler(row.as_command(), VIEW)


def on_aws(recorder: Recorder) -> list[Figure]:
    """A million items by what was counted of these."""
    calls = [one for one in recorder.calls if one.function == WORKER]
    factor = MILLION / ITEMS
    made = Counter(one.operation for one in calls)
    rows = made["PutItem"]  # of which nearly all are rows, written by threads
    latency = sum(SECONDS.get(name, USUAL_SECONDS) * count for name, count in made.items())
    waits = latency - rows * USUAL_SECONDS * (1 - 1 / THREADS)
    busy = (waits + len(calls) * CALL_CPU_SECONDS) * factor
    writes = sum(one.write_units for one in calls) * factor
    read = sum(one.read_units for one in calls) / ITEMS + COMPARED_READS
    assert not any(one.read_units for one in calls if one.operation == "BatchGetItem")
    seconds = max(busy / SEGMENTS_AT_A_TIME, writes / NEW_TABLE_WRITES) + WAIT_SECONDS
    dollars = (
        writes * DOLLARS["write unit"]
        + read * MILLION * DOLLARS["read unit"]
        + busy * MEMORY_GB * DOLLARS["GB-second, arm64"]
    )
    return [
        Figure("write units", writes / MILLION, "WRU an item", 2),
        Figure("read units", read, "RRU an item"),
        Figure("a million items, on AWS", seconds / 60, "minutes", MAX_MINUTES),
        Figure("a million items, all services", dollars, "$", MAX_DOLLARS),
    ]


if __name__ == "__main__":
    main("Rebuild of a read model", measure)
