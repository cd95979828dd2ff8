"""A system over the fakes that rebuilds read models while versions are published.

Functions run in three environments, each of which knows for itself which generations there are.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from tests.fakes import ReadModel
from tests.fakes.records import TABLES
from tests.support.calls import Calls, Watched
from tests.support.fake_system import EngineClient, FakeSystem
from tests.support.records import WatchedRecords
from tests.support.system import TENANT

from sfn_cqrs.adapters.executions import Executions
from sfn_cqrs.adapters.generation_items import PROBLEMS, SEGMENTS, VIEWS
from sfn_cqrs.adapters.generations import Generations, Writing
from sfn_cqrs.domain.command import DataRow
from sfn_cqrs.domain.read_models import View
from sfn_cqrs.service.commands.service import CommandService

VIEW = "airports_by_icao"
ENVIRONMENTS = 3


class Environments:
    """What environments know: each invocation has one of them, whatever it has done before."""

    def __init__(self, every: list[Generations], calls: Calls) -> None:
        self._every = every
        self._calls = calls

    @property
    def patience(self) -> int:
        return self._every[0].patience

    def of(self, tenant: str, view: str) -> int:
        return self._mine.of(tenant, view)

    def known(self, tenant: str) -> dict[str, View]:
        return self._mine.known(tenant)

    def all(self, tenant: str) -> list[View]:
        return self._mine.all(tenant)

    def writing(
        self, tenant: str, generations: Mapping[str, int]
    ) -> AbstractContextManager[Writing]:
        return self._mine.writing(tenant, generations)

    @property
    def _mine(self) -> Generations:
        running = getattr(self._calls._own, "running", None)
        return self._every[running.invocation % len(self._every) if running else 0]


class RebuildSystem(FakeSystem):
    """Airports, one of whose read models is rebuilt."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(seed)
        self.environments = Environments(
            [self.world.new_generations() for _ in range(ENVIRONMENTS)], self.calls
        )

    def parts(self) -> dict[str, Any]:
        machine = self.template.machines["rebuild"]
        table = self.template.environment["READ_MODELS_TABLE"]
        executions = Executions(EngineClient(self.engine), machine.arn, table)  # type: ignore[arg-type]
        records = {
            name: WatchedRecords(
                self.world.dynamodb,
                TABLES[kind.name],
                kind,
                requests=self.world.requests,
                now=self.clock.now,
                calls=self.calls,
            )
            for name, kind in (("views", VIEWS), ("segments", SEGMENTS), ("problems", PROBLEMS))
        }
        return {
            **super().parts(),
            **records,
            "generations": self.environments,
            "generation_rows": lambda key: self._watched(self.world.generation_rows(key)),
            "read_models": lambda view, **_: self._watched(
                ReadModel(self.world.store, view, self.environments.of)
            ),
            "rebuild_executions": self._watched(executions),
        }

    # What a test does and sees.

    def publish(self, code: str, version: int = 0) -> None:
        """Publish the next version of an airport, in the background."""
        CommandService(TENANT).publish(
            "AIRPORT", code, name=code, attributes={"country": "JP", "n": version}, version=version
        )

    def operate(self, step: str = "") -> tuple[int, dict[str, Any]]:
        """Begin a rebuild, or take a step of it."""
        body = {} if step in ("", "switch") else None
        return self.api("POST", f"/rebuilds/{VIEW}{step and '/' + step}", body)

    def progress(self) -> dict[str, Any]:
        """Where the read model stands."""
        return self.api("GET", f"/rebuilds/{VIEW}")[1]

    def work(self, minutes: int = 30) -> dict[str, Any]:
        """Let time pass until nobody works any more; resumes what has stopped."""
        for _ in range(minutes):
            found = self.progress()
            if "progress" not in found and not self.processes_open:
                return found
            if found.get("progress", {}).get("hasStopped"):
                self.operate("resume")
            self.sweep()
        raise AssertionError(self.progress())

    @property
    def processes_open(self) -> bool:
        return any(process.outcome.is_open for process in self.processes())

    def versions(self) -> dict[str, int]:
        """The version of each airport in the data."""
        rows: list[tuple[Any, DataRow]] = self.world.store.rows.items()
        return {key.code: row.version for key, row in rows}

    def rows(self, generation: int) -> dict[str, int]:
        """The version of each airport in a generation."""
        name = VIEW if generation == 1 else f"{VIEW}@{generation}"
        return {
            sort: row["version"]
            for (view, _, _, sort), row in self.world.store.views.items()
            if view == name
        }

    def _watched(self, part: Any) -> Any:
        return Watched(part, self.calls, self._saw)
