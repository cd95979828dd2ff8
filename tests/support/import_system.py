"""A system with imports: their machine, and the stream of their table."""

import csv
from collections.abc import Sequence
from functools import partial
from io import StringIO
from typing import Any

from tests.support.moto_system import MotoSystem
from tests.support.stream import Stream
from tests.support.system import TENANT

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.import_csv.job import Job
from sfn_cqrs.machines.import_csv.service import Progress, Request
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService

CONSUMER = "StreamOnImportChangedFunction"
HEADER = ("icao", "name", "country", "lat", "lon", "tz")


class ImportSystem(MotoSystem):
    """A system whose import machine runs, too."""

    def __init__(self, seed: int | None = None, *, batch: int = 100, **more: Any) -> None:
        """`batch` is how many rows the Map hands on at a time."""
        super().__init__(seed, **more)
        self.import_machine = self.template.machines["import-csv"]
        definition = self.import_machine.definition.replace(
            '"MaxItemsPerBatchPath": "$.rows"', f'"MaxItemsPerBatch": {batch}'
        )
        self.engine.update_state_machine(self.import_machine.arn, definition)
        self.import_stream = Stream.of(self.template, CONSUMER)
        self.streams["ImportTmpTable"] = self.import_stream

    def notify(self) -> bool:
        """Hand on what the import table's stream has, then single rows, and then the notices."""
        if self.import_stream.pending:
            batch = self.import_stream.take(None)
            self.import_stream.deliver(
                batch, partial(self.lambdas.invoke, CONSUMER), self.clock, self._sleep
            )
            return True
        return self.consume("ImportActionQueue", "QueueOnImportActionFunction") or super().notify()

    def _wait(self) -> bool:
        """Let a second pass while an import runs, so that chains move between a batch's tries."""
        if any(each["status"] == "RUNNING" for each in self.import_executions()):
            self.engine.run_for(1)
            return True
        return super()._wait()

    @property
    def service(self) -> ImportService:
        return ImportService(TENANT)

    def upload(self, body: bytes) -> str:
        """Put a file where the tenant's files lie."""
        key = self.service.upload_key("a.csv")
        self.clients["s3"].put_object(
            Bucket=self.template.environment["IMPORT_BUCKET"], Key=key, Body=body
        )
        return key

    def start(self, body: bytes, **request: Any) -> str:
        """Start an import; answers its id."""
        asked = Request(table="airports", key=self.upload(body), **request)
        return self.service.start(asked).job.key.id

    def imported(self, body: bytes, **request: Any) -> Progress:
        """Import a file by the machine, until everything has come to rest."""
        id_ = self.start(body, **request)
        self.run()
        return self.service.get(id_)

    def job(self, id_: str) -> Job:
        found = bootstrap.import_jobs().find(ImportKey.from_input({"tenant": TENANT, "id": id_}))
        if found is None:
            raise LookupError(id_)
        return found

    def import_executions(self) -> list[dict[str, Any]]:
        """Every execution of the machine, as DescribeExecution shows it."""
        return self.executions(self.import_machine)

    def path(self) -> list[str]:
        """The states that the one execution entered."""
        (execution,) = self.import_executions()
        return self.path_of(execution)


def a_line(icao: str, name: str = "Narita", lat: str = "35.7") -> tuple[str, ...]:
    """A row of the airports' file."""
    return (icao, name, "JP", lat, "140.3", "Asia/Tokyo")


def a_file(rows: Sequence[Sequence[str]], **dialect: Any) -> bytes:
    """A file of airports."""
    text = StringIO(newline="")
    csv.writer(text, **dialect).writerows([HEADER, *rows])
    return text.getvalue().encode()
