"""A rebuild beside the versions: the next generation of every read model."""

from __future__ import annotations

from collections.abc import Sequence

from sfn_cqrs import bootstrap
from sfn_cqrs.commands import Caller
from sfn_cqrs.kernel.read_models.rules import Stage, View, ViewKey
from sfn_cqrs.machines.rebuild import programs
from sfn_cqrs.machines.rebuild.runner import RebuildFlow
from sfn_cqrs.machines.rebuild.service import RebuildService
from sfn_cqrs_tools.testing.fakes.clock import ManualClock
from sfn_cqrs_tools.testing.simulation.subject import Subject


class Rebuilding:
    """Begins with its first step, and replays all items with the second."""

    def __init__(self, subject: Subject, tenants: Sequence[str]) -> None:
        """Take the read models of the handlers, each of all tenants."""
        names = sorted({name for named in subject.handlers.values() for name in named})
        self._keys = [ViewKey(tenant, name) for tenant in tenants for name in names]
        self._begun: list[View] = []
        self.is_done = False

    def step(self, clock: ManualClock) -> str:
        """Begin, or replay; return what was done."""
        if not self._begun:
            for key in self._keys:
                service = RebuildService(key.tenant)
                self._begun.append(service.rebuild(key.view, Caller()).view)
            clock.advance(seconds=1 + max(view.patience for view in self._begun))
            return "a rebuild begins: from now on handlers write the next generation, too"
        self.finish()
        return "the rebuild has replayed every item into the next generation"

    def finish(self) -> None:
        """Replay all items, if it has begun."""
        for view in [] if self.is_done else self._begun:
            for name in view.segments():
                RebuildFlow(view.key).run(
                    programs.work(view.attempt, Stage.REPLAYING, name, lambda: False)
                )
        self.is_done = bool(self._begun)

    def generations(self) -> dict[str, int]:
        """Return the next generation of each read model; empty if there is none."""
        return {view.key.view: view.other or view.serving for view in self._begun}
