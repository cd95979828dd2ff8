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
    first_shard = int(now.timestamp()) % OPEN_SHARDS  # no shard is always the last
    for shard in (*range(first_shard, OPEN_SHARDS), *range(first_shard)):
        if remaining_ms() < MARGIN_MS:
            break
        cursor = cursors.pop(str(shard), None)
        found, next_cursor = processes.opened(shard, cursor, before, PER_SHARD)
        first = processes.opened(shard, None, before, PER_SHARD)[0] if cursor else found
        oldest = min([oldest, *_opened(first)])
        done.update(_swept(process) for process in found)
        if next_cursor is not None:
            cursors[str(shard)] = next_cursor
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
