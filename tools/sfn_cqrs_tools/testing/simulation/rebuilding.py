"""A rebuild beside the versions: the next generation of every read model."""

from __future__ import annotations

from collections.abc import Sequence

from sfn_cqrs.commands import Caller
from sfn_cqrs.kernel.keys import data_partitions
from sfn_cqrs.kernel.read_models.rules import Stage, View, ViewKey
from sfn_cqrs.machines.rebuild import programs
from sfn_cqrs.machines.rebuild.runner import RebuildFlow
from sfn_cqrs.machines.rebuild.service import RebuildService
from sfn_cqrs_tools.testing.dynamodb import DynamoDB
from sfn_cqrs_tools.testing.fakes.clock import ManualClock
from sfn_cqrs_tools.testing.simulation.subject import Subject


class Rebuilding:
    """Begins with its first step, and replays all items with the second."""

    def __init__(self, subject: Subject, tenants: Sequence[str], tables: DynamoDB) -> None:
        """Take the read models of the handlers, each of all tenants."""
        names = sorted({name for named in subject.handlers.values() for name in named})
        self._keys = [ViewKey(tenant, name) for tenant in tenants for name in names]
        self._tables = tables
        self._begun: list[View] = []
        self._is_done = False

    def step(self, clock: ManualClock) -> str:
        """Begin, or replay; return what was done."""
        if not self._begun:
            for key in self._keys:
                service = RebuildService(key.tenant)
                self._begun.append(service.rebuild(key.view, Caller()).view)
            clock.advance(seconds=1 + max(view.patience for view in self._begun))
            return "a rebuild begins: from now on handlers write the next generation, too"
        return self.finish()

    def finish(self) -> str:
        """Replay all items, if it has begun; return what was done."""
        if self._is_done or not self._begun:
            return ""
        stored = {item["pk"]["S"] for item in self._tables.items("DataTable")}
        for view in self._begun:
            for name in _with_items(view, stored):
                RebuildFlow(view.key).run(
                    programs.work(view.attempt, Stage.REPLAYING, name, lambda: False)
                )
        self._is_done = True
        return "the rebuild replays every item into the next generation"

    def generations(self) -> dict[str, int]:
        """Return the next generation of each read model; empty if there is none."""
        return {view.key.view: view.other or view.serving for view in self._begun}


def _with_items(view: View, stored: set[str]) -> list[str]:
    """Return the segments of a read model that have items."""
    return [
        f"{type_}#{bucket:02d}"
        for type_ in view.types
        for bucket, pk in enumerate(data_partitions(view.key.tenant, type_))
        if pk in stored
    ]
