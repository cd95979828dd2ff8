"""Two metrics of unrepaired failures: the number of versions, and the age of the oldest."""

from datetime import datetime
from typing import Final

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from sfn_cqrs import bootstrap
from sfn_cqrs.machines.command.process_table import BLOCKED_SHARDS, FAILED_SHARDS

COUNT: Final = "UnrepairedVersions"
AGE: Final = "OldestUnrepairedSeconds"
PER_SHARD: Final = 100
"""The most that are counted per shard: 3,200 in all say as much as more would."""


def tell_backlog() -> None:
    """Publish how many versions are FAILED or BLOCKED and since when, or nothing if none is FAILED.

    A version is BLOCKED by a FAILED one, or its wake was lost and the sweep restarts it. A metric
    costs money in each hour that has a value.
    """
    failed = _listed(FAILED_SHARDS)
    if not any(count for count, _ in failed):
        return
    listed = [*failed, *_listed(BLOCKED_SHARDS)]
    oldest = min(opened_at for count, opened_at in listed if count)
    age = (bootstrap.now() - datetime.fromisoformat(oldest)).total_seconds()
    total = sum(count for count, _ in listed)
    with single_metric(name=COUNT, unit=MetricUnit.Count, value=total):
        pass
    with single_metric(name=AGE, unit=MetricUnit.Seconds, value=age):
        pass


def _listed(shards: range) -> list[tuple[int, str]]:
    """Return of each shard how many versions it lists, and when the oldest was opened."""
    unrepaired = bootstrap.processes().unrepaired
    return bootstrap.at_once()(lambda shard: unrepaired(shard, PER_SHARD), shards)
