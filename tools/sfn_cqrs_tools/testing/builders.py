"""Builders of commands, tasks, jobs and other records for tests."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sfn_cqrs.kernel.command import Audit, Command, Content
from sfn_cqrs.kernel.keys import ApprovalKey, ImportKey, ItemKey, SagaKey, TaskKey, ZipKey
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.request import Request
from sfn_cqrs.kernel.sweeps import Lease
from sfn_cqrs.machines.approval.rules import Approval, Rules
from sfn_cqrs.machines.command.chain import Close
from sfn_cqrs.machines.command.process import Mode, Outcome, Process
from sfn_cqrs.machines.command.publication import Publication, SyncPublication
from sfn_cqrs.machines.import_csv.job import Ending, Job, JobStatus, Source
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.saga.rules import Saga
from sfn_cqrs.machines.task.rules import Item, Task
from sfn_cqrs.machines.zip_orchestrator.directory import Place
from sfn_cqrs.machines.zip_orchestrator.hooks import FinishedImport
from sfn_cqrs.machines.zip_orchestrator.job import ArchivedFile, ZipJob

__all__ = [
    "ARCHIVE",
    "CSV",
    "NRT",
    "ORDERED",
    "RELEASE",
    "RESIZE",
    "SEEN",
    "a_closing",
    "a_command",
    "a_file",
    "a_finished_import",
    "a_job",
    "a_lease",
    "a_process",
    "a_publication",
    "a_saga",
    "a_sync_publication",
    "a_task",
    "a_zip",
    "an_approval",
    "an_item",
]

NRT = ItemKey("tenant1", "AIRPORT", "NRT")
"""The key of the item that builders make."""
LEASED = datetime(2026, 11, 25, 12, tzinfo=UTC)
CREATED = Audit("2026-11-25T08:00:00.000Z", "taro", "192.0.2.10")
UPDATED = Audit("2026-11-25T09:00:00.000Z", "hanako", "192.0.2.11")


def a_command(key: ItemKey = NRT, version: int = 1, **changes: Any) -> Command:
    """Return a version of an item with this `name`, these `attributes` and `is_deleted`.

    The item is an airport, unless you pass another `key`; `changes` are fields of `Command`.
    """
    content = Content(
        changes.pop("name", "Narita"),
        changes.pop("attributes", {"country": "JP", "lat": 35.7647}),
        changes.pop("is_deleted", False),
    )
    fields: dict[str, Any] = {
        "id": f"{key.code}-{version}",
        "content": content,
        "digest": content.digest(key),
        "created": CREATED,
        "updated": UPDATED,
        "source": "api",
        "request_id": f"request-{version}",
        "shape": models.shape_of(key.type),
    }
    return Command(key=key, version=version, **{**fields, **changes})


def a_process(key: ItemKey = NRT, version: int = 1, **changes: Any) -> Process:
    """Return the process of a version of Narita that has just been published."""
    fields: dict[str, Any] = {
        "command_id": f"{key.code}-{version}",
        "source": "api",
        "opened_at": UPDATED.at,
        "updated_at": UPDATED.at,
    }
    return Process(key=key, version=version, **{**fields, **changes})


def a_closing(version: int = 1, outcome: Outcome = Outcome.FAILED) -> Close:
    """Return the write that ends the first attempt of a version, for `world.processes.write`."""
    return Close(version, 1, outcome, f"sync_data:{outcome}", "E", "")


def a_publication(
    key: ItemKey = NRT, version: int = 1, *, request: Request | None = None, **changes: Any
) -> Publication:
    """Return the publication of a version that the machine applies."""
    return Publication(a_command(key, version, **changes), a_process(key, version), request)


def a_sync_publication(
    key: ItemKey = NRT,
    version: int = 1,
    *,
    data_version: int = 0,
    predecessor: int = 0,
    history: dict[str, Any] | None = None,
    **changes: Any,
) -> SyncPublication:
    """Return the publication of a version that the same transaction applies."""
    process = a_process(key, version, mode=Mode.SYNC, status="publish_sync:STARTED")
    return SyncPublication(
        a_command(key, version, **changes),
        process,
        data_version=data_version,
        predecessor=predecessor,
        history=history,
    )


RESIZE = TaskKey("tenant1", "RESIZE", "01KAXK3V9Q0M3W8C5R6T7Y8Z9A")
"""The key of the task that builders make."""


def a_task(key: TaskKey = RESIZE, items: int = 3, **changes: Any) -> Task:
    """Return a task that has just been created, with the inputs {"n": 0}, {"n": 1} and so on."""
    fields: dict[str, Any] = {
        "name": "Resize",
        "total": items,
        "left": items,
        "input": tuple({"n": number} for number in range(items)),
        "created": UPDATED,
        "opened_at": UPDATED.at,
        "updated_at": UPDATED.at,
        "source": "api",
    }
    return Task(key=key, **{**fields, **changes})


def an_item(key: TaskKey = RESIZE, index: int = 0, **changes: Any) -> Item:
    """Return an item that has not begun."""
    fields: dict[str, Any] = {"input": {"n": index}, "updated_at": UPDATED.at}
    return Item(key=key, index=index, **{**fields, **changes})


ORDERED = SagaKey("tenant1", "01KAXK3V9Q0M3W8C5R6T7Y8Z9G")
"""The key of the saga that builders make."""


def a_saga(key: SagaKey = ORDERED, **changes: Any) -> Saga:
    """Return a trip's saga that has just been started."""
    fields: dict[str, Any] = {
        "saga": "trip",
        "name": "trip t-7",
        "input": {"trip": "t-7", "traveller": "ada"},
        "created": UPDATED,
        "opened_at": UPDATED.at,
        "updated_at": UPDATED.at,
        "source": "api",
    }
    return Saga(key=key, **{**fields, **changes})


RELEASE = ApprovalKey("tenant1", "01KAXK3V9Q0M3W8C5R6T7Y8Z9B")
"""The key of the approval that builders make."""


def an_approval(key: ApprovalKey = RELEASE, **changes: Any) -> Approval:
    """Return an approval that hanako has just requested for a week, with a daily reminder."""
    fields: dict[str, Any] = {
        "type": "OFFER_RELEASE",
        "rules": Rules(group="operator"),
        "subject": "o-1",
        "payload": {"total": 1200},
        "note": "Please look",
        "created": UPDATED,
        "expires_at": "2026-12-02T09:00:00.000Z",
        "remind_at": "2026-11-26T09:00:00.000Z",
        "due_at": UPDATED.at,
        "updated_at": UPDATED.at,
        "source": "api",
    }
    approval = Approval(key=key, **{**fields, **changes})
    return approval if "digest" in changes else replace(approval, digest=approval.fingerprint)


SEEN = an_approval().digest
"""The digest that the approver has seen."""
CSV = ImportKey("tenant1", "01KAXK3V9Q0M3W8C5R6T7Y8Z9C")
"""The key of the import that builders make."""
UPLOADED = Source("imports", "uploads/tenant1/1/a.csv", "v1")


def a_job(key: ImportKey = CSV, **changes: Any) -> Job:
    """Return the import of a file that has not begun."""
    fields: dict[str, Any] = {
        "table": "airports",
        "source": UPLOADED,
        "by": UPDATED,
        "updated_at": UPDATED.at,
    }
    return Job(key=key, **{**fields, **changes})


ARCHIVE = ZipKey("tenant1", "01KAXK3V9Q0M3W8C5R6T7Y8Z9Z")
"""The key of the import of an archive that builders make."""


def a_zip(key: ZipKey = ARCHIVE, **changes: Any) -> ZipJob:
    """Return the import of an archive that has not begun."""
    fields: dict[str, Any] = {
        "source": Source("imports", "uploads/tenant1/1/a.zip", "v1"),
        "size": 5 * 2**30,
        "by": UPDATED,
        "opened_at": UPDATED.at,
        "updated_at": UPDATED.at,
    }
    return ZipJob(key=key, **{**fields, **changes})


def a_file(index: int = 0, **changes: Any) -> ArchivedFile:
    """Return a file of an archive that has not been extracted."""
    fields: dict[str, Any] = {
        "name": "売上.csv",
        "place": Place(2**33, 99, 8, 11, 2**32, 0xFFFFFFFF),
        "table": "airports",
    }
    return ArchivedFile(index=index, **{**fields, **changes})


def a_finished_import(status: str, files: Sequence[str], **counts: int) -> FinishedImport:
    """Return an ended import of an archive: its status, its files' names, its counts of rows.

    Args:
        status: COMPLETED, FAILED or CANCELLED.
        files: the names, such as a.csv.
        counts: the rows of all files together: created, updated, unchanged, failed.
    """
    ended = JobStatus(status)
    job = a_zip(status=ended, ending=Ending(ended, Counts(**counts)))
    return FinishedImport(job, tuple(a_file(n, name=name) for n, name in enumerate(files)))


def a_lease(owner: str, *, at: datetime = LEASED, seconds: float = 60) -> Lease:
    """Return a sweep of commands that is held for a minute."""
    return Lease("command", owner, at, at + timedelta(seconds=seconds))
