"""A system in memory that rebuilds read models while versions are published and imported.

Functions run in three environments, each of which knows for itself which generations there are.
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from io import BytesIO
from typing import Any

from tests.support.calls import Calls
from tests.support.fake_system import FakeSystem, executions_of
from tests.support.system import TENANT

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Audit, Command
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.kernel.read_models.read_model import Generations, ReadModel, Writing
from sfn_cqrs.kernel.read_models.rules import View, ViewKey
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv.job import Job
from sfn_cqrs.machines.import_csv.results import PublishMode
from sfn_cqrs_tools.testing.fakes.buckets import ImportBucket

VIEW = "airports_by_icao"
COUNTED = "airports_by_country"
"""The view that imports write in bulk."""
ENVIRONMENTS = 3
BATCH = 2
"""Rows that an import goes through together."""


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


class Objects:
    """The S3 that the engine's own integrations see: the files of imports, and no results."""

    def __init__(self, bucket: ImportBucket) -> None:
        self._bucket = bucket

    def get_object(self, *, Key: str, VersionId: str, **_: str) -> dict[str, Any]:  # noqa: N803
        chunks = self._bucket.chunks(self._bucket.source(Key, VersionId))
        return {"Body": BytesIO(b"".join(chunks))}

    def head_bucket(self, **_: str) -> None: ...

    def put_object(self, **_: str | bytes) -> None: ...


class RebuildSystem(FakeSystem):
    """Airports, one of whose read models is rebuilt."""

    def __init__(self, seed: int | None = None, view: str = VIEW, **more: Any) -> None:
        super().__init__(seed, **more)
        self.view = view
        self.environments = Environments(
            [self.world.new_generations() for _ in range(ENVIRONMENTS)], self.calls
        )
        self.import_machine = self.template.machines["import-csv"]
        definition = self.import_machine.definition.replace(
            '"MaxItemsPerBatchPath": "$.rows"', f'"MaxItemsPerBatch": {BATCH}'
        )
        self.engine.update_state_machine(self.import_machine.arn, definition)

    def client(self, service: str) -> Any:
        return Objects(self.world.import_bucket) if service == "s3" else super().client(service)

    def parts(self) -> dict[str, Any]:
        executions = executions_of(self, "rebuild", "READ_MODELS_TABLE")
        return {
            **super().parts(),
            "import_bucket": self.watch(self.world.import_bucket),
            "generations": self.environments,
            "read_models": lambda view, **_: ReadModel(
                self.world.dynamodb,
                "ReadModelsTable",
                view,
                generation=self.environments.of,
            ),
            "rebuild_executions": self.watch(executions),
        }

    # What a test does and sees.

    def publish(self, code: str, version: int = 0, name: str | None = None) -> None:
        """Publish the next version of an airport, in the background."""
        attributes = {"country": "JP", "n": version}
        CommandService(TENANT).publish(
            "AIRPORT", code, name=name or code, attributes=attributes, version=version
        )

    def start_import(
        self, body: bytes, id_: str, mode: PublishMode = PublishMode.SYNC
    ) -> ImportKey:
        """Have the machine of imports go through a file of airports."""
        key, name = ImportKey(TENANT, id_), f"uploads/{TENANT}/{id_}/a.csv"
        bucket = self.world.import_bucket
        bucket.put(name, body)
        by = Audit(iso(self.clock.now()))
        source = bucket.source(name, str(len(bucket.objects[name])))
        job = Job(key=key, table="airports", source=source, by=by, publish_mode=mode)
        self.world.import_jobs.create(job)
        self.engine.start_execution(self.import_machine.arn, id_, json.dumps(key.as_input()))
        return key

    def imported(self, key: ImportKey) -> Job:
        """Let time pass until an import has ended."""
        for _ in range(30):
            job = self.world.import_jobs.find(key)
            if job is not None and job.ending is not None:
                return job
            self.sweep()
        raise AssertionError(key)

    def operate(self, step: str = "") -> tuple[int, dict[str, Any]]:
        """Begin a rebuild, or take a step of it."""
        body: dict[str, Any] | None = {} if step in ("", "switch") else None
        return self.api("POST", f"/rebuilds/{self.view}{step and '/' + step}", body)

    def progress(self) -> dict[str, Any]:
        """Where the read model stands."""
        return self.api("GET", f"/rebuilds/{self.view}")[1]

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

    def versions(self) -> dict[str, int]:
        """The version of each airport in the data."""
        return {
            row.key.code: row.version
            for row in self.world.stored_rows()
            if row.key.type == "AIRPORT"
        }

    def chain(self, code: str) -> list[Command]:
        """Every version of an airport that is stored, in order."""
        found = (one for one in self.world.stored_commands() if one.key.code == code)
        return sorted(found, key=lambda command: command.version)

    def rows(self, generation: int) -> dict[str, int]:
        """The version of each airport in a generation."""
        return self._fields(generation, "version")

    def names(self, generation: int) -> dict[str, str]:
        """The name of each airport in a generation."""
        return self._fields(generation, "name")

    def counted(self, generation: int) -> int:
        """How many airports a generation counts."""
        return sum(
            row["airports"]
            for (partition, _), row in self._rows(generation)
            if partition == "countries"
        )

    def _fields(self, generation: int, field: str) -> dict[str, Any]:
        return {
            sort: row[field]
            for (partition, sort), row in self._rows(generation)
            if partition != "countries"
        }

    def _rows(self, generation: int) -> list[tuple[tuple[str, str], dict[str, Any]]]:
        """The rows of a generation by partition and sort key."""
        return list(self.world.stored_view(ViewKey(TENANT, self.view), generation).items())
