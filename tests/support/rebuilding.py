"""Runs a rebuild's functions one after the other, as the machine does."""

from functions.rebuild.next_work.app import lambda_handler as next_work
from functions.rebuild.work_on_segment.app import lambda_handler as work_on_segment

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.read_models.rules import ViewKey
from sfn_cqrs.machines.rebuild.service import RebuildService
from sfn_cqrs_tools.testing.builders import a_command

VIEW = "airports_by_icao"
OPERATOR = Caller(user="ops")


class Rebuild:
    """A read model of a world, and the machine of rebuilds."""

    def __init__(self, world, sample, lambda_context):
        self.world = world
        self.service = RebuildService("tenant1")
        self._sample = sample
        self._context = lambda_context

    def publish(self, code, version=1, **changes):
        """An applied version, of which the read models do not know."""
        command = a_command(ItemKey("tenant1", "AIRPORT", code), version, **changes)
        snapshot = self.world.data.snapshot(command.key)
        if snapshot is not None:
            self.world.history.append(snapshot)
        self.world.data.put(command.as_row(), version - 1)
        return command

    def event(self, state, given=None):
        event = self._sample(f"rebuild/{state}")
        ref = self.world.rebuild_executions.started[-1]
        event["context"]["Execution"]["Input"] = ref.as_input()
        return event | {"input": given or ref.as_input()}

    def next_work(self, event=None):
        return next_work(event or self.event("next_work"), self._context)

    def work(self, segment):
        return work_on_segment(self.event("work_on_segment", segment), self._context)

    def run(self):
        """All that the execution does from now on."""
        self.world.clock.advance(seconds=60)
        found = self.next_work()
        while found["result"] == "work":
            for segment in found["segments"]:
                while self.work(segment)["result"] == "more":
                    pass
            found = self.next_work()
        ref = self.world.rebuild_executions.started[-1]
        self.world.rebuild_executions.end(ref)

    def rows(self, generation=None):
        """Codes and versions of a generation; by default of the one that is read."""
        if generation is None:
            read = self.world.read_model(VIEW).rows("tenant1", "airports")
            return {row["sort"]: row["version"] for row in read}
        stored = self.world.stored_view(ViewKey("tenant1", VIEW), generation)
        return {sort: row["version"] for (_, sort), row in stored.items()}
