"""A system with imports of archives: both machines, and the stream of their table."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from tests.support.import_system import ImportSystem
from tests.support.system import TENANT

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.keys import ZipKey
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.zip_orchestrator import hooks as zip_hooks
from sfn_cqrs.machines.zip_orchestrator.hooks import FinishedImport
from sfn_cqrs.machines.zip_orchestrator.job import ZipJob
from sfn_cqrs.machines.zip_orchestrator.progress import ZipProgress
from sfn_cqrs.machines.zip_orchestrator.service import ZipImports, ZipRequest


class ZipSystem(ImportSystem):
    """A system whose ZIP machine runs, too."""

    def __init__(self, seed: int | None = None, **more: Any) -> None:
        super().__init__(seed, **more)
        self.zip_machine = self.template.machines["zip-orchestrator"]

    @property
    def archives(self) -> ZipImports:
        return ZipImports(TENANT)

    def start_zip(self, data: bytes, table: str | None = "airports", **request: Any) -> str:
        """Start the import of an archive; answers its id."""
        asked = ZipRequest(key=self.upload(data), table=table, **request)
        return self.archives.start(asked, Caller(user="taro")).job.key.id

    def imported_zip(self, data: bytes, **request: Any) -> ZipProgress:
        """Import an archive, until everything has come to rest."""
        id_ = self.start_zip(data, **request)
        self.run()
        return self.archives.get(id_)

    def zip_job(self, id_: str) -> ZipJob:
        found = bootstrap.zip_jobs().find(ZipKey.of(TENANT, id_))
        if found is None:
            raise LookupError(id_)
        return found

    def zip_executions(self) -> list[dict[str, Any]]:
        """Every execution of the machine, as DescribeExecution shows it, the first one first."""
        return sorted(self.executions(self.zip_machine), key=lambda each: each["startDate"])

    def settle_zips(self) -> None:
        """Run, and sweep while an archive's job has something left to do."""
        self.until(lambda: not self.unsettled(), sweeps=8)

    def unsettled(self) -> list[str]:
        """The jobs that the index of open ones lists, those of files included."""
        return [item["id"]["S"] for item in self.items("ImportTmpTable") if "open_shard" in item]

    @contextmanager
    def losing(self, function: str, operation: str) -> Iterator[list[str]]:
        """Let a function die before each call of an operation; yields what was lost."""
        lost: list[str] = []

        def lose(call: Any, moment: str) -> None:
            if (call.function, call.operation, moment) == (function, operation, "before"):
                lost.append(str(call))
                raise RuntimeError("lost")

        with self.calls.observed_by(lose):
            yield lost


def hear(monkeypatch: pytest.MonkeyPatch) -> list[FinishedImport]:
    """Put one finalization hook in the place of all, and answer what it is told."""
    monkeypatch.setenv("APP_PACKAGE", "shop")
    handlers.load()
    heard: list[FinishedImport] = []
    monkeypatch.setattr(zip_hooks, "_hooks", {"hear": heard.append})
    return heard


def an_archive(*files: tuple[str, bytes]) -> bytes:
    """An archive of files by their names."""
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()
