"""The task that repairs a plan's entries: each item repairs some, however often it is tried.

An entry names the attempt that failed. If this task or somebody else has moved it on since, it is
left as it is. So a repeated try changes nothing.
"""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from sfn_cqrs import bootstrap
from sfn_cqrs.care.repairs.rules import DONE, LEFT, PER_ITEM, Action, RepairKind
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import (
    NotFailedError,
    NotFoundError,
    NotParkedError,
    SfnCqrsError,
    TransientError,
)
from sfn_cqrs.kernel.keys import ALL_TENANTS, ImportKey, ItemKey, SagaKey, TaskKey, task_id_parts
from sfn_cqrs.kernel.models.models import Meta
from sfn_cqrs.kernel.notices import depth_here
from sfn_cqrs.kernel.policy import group
from sfn_cqrs.machines.command import chain
from sfn_cqrs.machines.command.runner import Chain
from sfn_cqrs.machines.saga.service import SagaService
from sfn_cqrs.machines.task.service import TaskService
from sfn_cqrs.machines.task.types import TaskItem, task_handler
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService

REPAIR = "SFN_CQRS_REPAIR"
OPERATORS = group("operator")


@dataclass(frozen=True)
class Reference:
    """One that failed, by its id, or as a version of an item; `tenant` in a plan of all tenants."""

    attempt: int
    id: str = ""
    tenant: str = ""
    type: str = ""
    code: str = ""
    version: int = 0


@dataclass(frozen=True)
class Part:
    """A part of a plan, as a client may also send it; who asks is never in it."""

    kind: Literal["command", "task", "import", "saga"]
    action: Literal["retry", "skip"]
    entries: Annotated[list[Reference], Meta(min_length=1, max_length=PER_ITEM)]


@task_handler(REPAIR, timeout=240, retry=8, publish=OPERATORS, read=OPERATORS, model=Part)
def repair(item: TaskItem) -> dict[str, object]:
    """Repair some entries; return how many are done and unchanged, and which failed, by their code.

    Raises:
        TransientError: AWS was busy. Finished repairs stay.
    """
    kind, action = RepairKind(item.input["kind"]), Action(item.input["action"])
    counted: Counter[str] = Counter()
    failed: list[dict[str, object]] = []
    by = _asked_by(item)
    for entry in item.input["entries"]:
        try:
            counted[_repair(item, kind, action, entry, by)] += 1
        except (NotFailedError, NotFoundError, NotParkedError):
            counted[LEFT] += 1
        except TransientError:
            raise
        except SfnCqrsError as error:
            failed.append({**entry, "problem": error.code})
    return {DONE: counted[DONE], LEFT: counted[LEFT], "failed": failed}


def _repair(
    item: TaskItem, kind: RepairKind, action: Action, entry: dict[str, Any], by: str
) -> str:
    if kind is RepairKind.COMMAND:
        # a tenant's operator can also make such a task: its entries must not name another tenant
        whose = entry["tenant"] if item.tenant == ALL_TENANTS else item.tenant
        return _version(whose, action, entry, by)
    if kind is RepairKind.TASK:
        return _task(item.tenant, entry)
    if kind is RepairKind.SAGA:
        return _saga(item.tenant, entry)
    return _import(item, entry, by)


def _version(tenant: str, action: Action, entry: dict[str, Any], by: str) -> str:
    key = ItemKey.checked(tenant, entry["type"], entry["code"])
    version, attempt = entry["version"], entry["attempt"]
    restart = partial(chain.restart, depth=depth_here())
    again = chain.give_up if action is Action.SKIP else restart
    if Chain(key).run(again(version, attempt, by=by)):
        return DONE
    process = bootstrap.processes().find(key, version)
    is_retried = process is not None and process.attempt > attempt and action is Action.RETRY
    return DONE if is_retried else LEFT


def _task(tenant: str, entry: dict[str, Any]) -> str:
    service = TaskService(tenant)
    if service.get(entry["id"]).task.attempt == entry["attempt"]:
        service.retry(entry["id"])
    return DONE


def _saga(tenant: str, entry: dict[str, Any]) -> str:
    saga = bootstrap.sagas().find(SagaKey.of(tenant, entry["id"]))
    if saga is None:
        return LEFT
    if saga.attempt == entry["attempt"]:
        SagaService(tenant).retry(entry["id"])
    return DONE


def _asked_by(item: TaskItem) -> str:
    """Return the user who started the repair; empty if its task has expired."""
    kind, ulid = task_id_parts(item.task_id)
    task = bootstrap.tasks().find(TaskKey(item.tenant, REPAIR, ulid, kind))
    return task.created.by if task else ""


def _import(item: TaskItem, entry: dict[str, Any], by: str) -> str:
    job = bootstrap.import_jobs().find(ImportKey.of(item.tenant, entry["id"]))
    if job is None:
        return LEFT
    caller = Caller(user=by, source="repair")
    ImportService(item.tenant).retry(entry["id"], caller)
    return DONE
