"""The sweep over all versions that have been open for long."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.process_table import OPEN_SHARDS
from sfn_cqrs.domain import chain
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.process import Process
from sfn_cqrs.service.chain import Chain
from sfn_cqrs.service.logs import logger

GRACE = timedelta(minutes=2)
"""Longer than a request that publishes synchronously can live."""
PER_SHARD = 31
"""Times 16 shards: at most some 500 versions a sweep."""
MARGIN_MS = 5_000


@dataclass(slots=True)
class Report:
    """What a sweep did: how often each action, and the age of the oldest open version."""

    done: dict[str, int] = field(default_factory=dict)
    oldest_age: float = 0.0


def sweep(remaining_ms: Callable[[], int]) -> Report:
    """Sweep each shard from where the last sweep ended, until the time is nearly over.

    One version that cannot be swept is logged and does not stop the others.
    """
    now = bootstrap.now()
    before = iso(now - GRACE)
    processes = bootstrap.processes()
    cursors = processes.cursors()
    done: Counter[str] = Counter()
    oldest = now
    for shard in range(OPEN_SHARDS):
        if remaining_ms() < MARGIN_MS:
            break
        oldest = min([oldest, *_opened(processes.opened(shard, "", iso(now), PER_SHARD))])
        found = processes.opened(shard, cursors.get(str(shard), ""), before, PER_SHARD)
        done.update(_swept(process) for process in found)
        cursors[str(shard)] = found[-1].opened_at if len(found) == PER_SHARD else ""
    processes.keep_cursors(cursors)
    return Report(dict(done), (now - oldest).total_seconds())


def _opened(processes: list[Process]) -> list[datetime]:
    return [datetime.fromisoformat(each.opened_at) for each in processes if each.outcome.is_open]


def _swept(process: Process) -> str:
    try:
        return Chain(process.key).run(chain.sweep(process.version))
    except Exception:
        logger.exception("a version could not be swept", version=process.version)
        return "error"
