"""Publishes what is due: the shards of the index at once, the tenants of each in turn."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Final

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.transient import is_transient
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.functions.logs import SWEPT, logger
from sfn_cqrs.kernel.sweeps import Cursor, Lease
from sfn_cqrs.machines.schedule import programs
from sfn_cqrs.machines.schedule.items import PLANNED_SHARDS
from sfn_cqrs.machines.schedule.job_service import keep_jobs
from sfn_cqrs.machines.schedule.runner import PlanFlow
from sfn_cqrs.machines.schedule.turns import in_turn

LOOKED_AT: Final = 1_000
"""How many due plans of a shard are put into turns at a time."""
MARGIN_MS: Final = 20_000
"""The time that the plans of one item may take."""


def publish_due(remaining_ms: Callable[[], int]) -> dict[str, int]:
    """Publish all plans that are due, until time is nearly over; return how their items ended.

    A shard that somebody else works on is left to them.

    Raises:
        Exception: the error of a shard that could not be read. The others are still published.
    """
    keep_jobs()
    now = bootstrap.now()
    shards = [_Shard(number, now, remaining_ms) for number in PLANNED_SHARDS]
    errors = [error for error in bootstrap.at_once()(_Shard.work, shards) if error is not None]
    if errors:
        raise errors[0]
    done = dict(sum((shard.done for shard in shards), Counter[str]()))
    logger.info(SWEPT, kind="plan", sweep=done)
    return done


class _Shard:
    """What is due in one partition of the index."""

    def __init__(self, number: int, now: datetime, remaining_ms: Callable[[], int]) -> None:
        self._number, self._now, self._remaining_ms = number, now, remaining_ms
        self._table = bootstrap.schedule()
        self.done = Counter[str]()

    def work(self) -> Exception | None:
        """Publish it; nothing is written where nothing is due."""
        try:
            found, cursor = self._due(None)
            if found:
                self._work_alone(found, cursor)
        except Exception as error:  # raised after the other shards are done
            return error
        return None

    def _work_alone(self, found: list[Cursor], cursor: Cursor | None) -> None:
        until = self._now + timedelta(milliseconds=self._remaining_ms() + 1_000)
        lease = Lease(f"plan-{self._number}", token_hex(8), self._now, until)
        if self._table.begin_sweep(lease) is None:
            return
        while self._publish(found) and cursor is not None:
            found, cursor = self._due(cursor)
        self._table.end_sweep(lease, {})

    def _publish(self, found: list[Cursor]) -> bool:
        """Publish a page; return False if time is over."""
        for key in in_turn(found):
            if self._remaining_ms() < MARGIN_MS:
                return False
            self.done[self._publish_item(key)] += 1
        return True

    def _publish_item(self, key: Cursor) -> str:
        try:
            plan = self._table.listed_at(key)
            if plan is None or not plan.is_due(iso(self._now)):
                return "ended"  # since it was listed
            is_done = PlanFlow(plan.item).run(programs.work(iso(self._now)))
        except Exception as error:
            if is_transient(error):
                return "busy"
            logger.exception("a plan could not be published")
            return "error"
        return "done" if is_done else "busy"

    def _due(self, cursor: Cursor | None) -> tuple[list[Cursor], Cursor | None]:
        return self._table.due_in(self._number, iso(self._now), LOOKED_AT, cursor)
