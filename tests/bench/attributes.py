"""From which size on attributes are cheaper in S3 than in the items, by what really is called.

Counted is version 2 of an item, applied by the standard lane with one projection: in the items,
attributes are written three times (command, row, history), in S3 once, and read where needed.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from report import Figure, main
from stacks import a_stack
from waiting import until

from sfn_cqrs.kernel.aws import attributes_bucket
from sfn_cqrs_tools.client.prices import million
from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.testing.client import Client

KIB = 1024
SIZES = (1, 2, 3, 4, 6, 8, 16, 32, 64, 100)
ANYWHERE, NOWHERE = 1024 * KIB, 0
NOTIFIER = "QueueOnNotificationFunction"
QUIET_SECONDS = 1.0
SECONDS = {"PutObject": 0.050, "GetObject": 0.030}
"""Estimates of AWS's answers within a region."""


def measure() -> list[Figure]:
    """Measure each size both ways."""
    recorder = Recorder()
    figures: list[Figure] = []
    cheaper = 0
    with (
        a_stack(recorder, window_seconds=0.05, parameters={"ExpressLane": "disabled"}) as stack,
        Client(stack.http) as client,
    ):
        for size in SIZES:
            with _inline_up_to(ANYWHERE):
                inline, units, _ = _counted(client, recorder, f"inline-{size}", size)
            with _inline_up_to(NOWHERE):
                beside, _, seconds = _counted(client, recorder, f"beside-{size}", size)
            unit = (
                f"$ a million ({units:.0f} WRU); in S3 {beside:.1f} $, {seconds * 1000:.0f} ms more"
            )
            figures.append(Figure(f"{size} KiB in the items", inline, unit))
            cheaper = cheaper or (size if beside < inline else 0)
    return [*figures, Figure("cheaper in S3 from", float(cheaper), "KiB on")]


@contextmanager
def _inline_up_to(most: int) -> Iterator[None]:
    before = attributes_bucket.MAX_INLINE_BYTES
    attributes_bucket.MAX_INLINE_BYTES = most
    try:
        yield
    finally:
        attributes_bucket.MAX_INLINE_BYTES = before


def _counted(
    client: Client, recorder: Recorder, code: str, size: int
) -> tuple[float, float, float]:
    """What storage takes for a version: dollars a million, write units, and seconds in S3."""
    for version in (0, 1):
        recorder.clear()
        attributes = {"customer": "ada", "total": version, "note": "x" * (size * KIB - 50)}
        body = {"type": "ORDER", "code": code, "name": code, "version": version}
        client.send("POST", "/commands", {**body, "attributes": attributes})
        until(lambda: client.chain("ORDER", code)[0]["outcome"] == "APPLIED")
        until(lambda: recorder.invocation_counts()[NOTIFIER] > 0)
        time.sleep(QUIET_SECONDS)
    calls = recorder.call_counts()
    puts, gets = calls["s3.PutObject"], calls["s3.GetObject"]
    used = {
        "write unit": recorder.write_units,
        "read unit": recorder.read_units,
        "S3 PUT": puts,
        "S3 GET": gets,
    }
    seconds = puts * SECONDS["PutObject"] + gets * SECONDS["GetObject"]
    return million(used), recorder.write_units, seconds


if __name__ == "__main__":
    main("Attributes in the items, or in S3", measure)
