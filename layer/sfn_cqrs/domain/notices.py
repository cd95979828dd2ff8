"""Messages that tell of a version, a task or an item: of its end, and of its failure."""

from typing import Any

from sfn_cqrs.domain.approval import Approval
from sfn_cqrs.domain.import_job import Job
from sfn_cqrs.domain.imports import Counts
from sfn_cqrs.domain.process import Process
from sfn_cqrs.domain.task import Item, Task

MAX_MESSAGE = 1_000


def command_status(process: Process, table: str) -> dict[str, Any]:
    """The notice that a version has closed; the error's name, but not its text."""
    return {
        "action": "command-status",
        **_identity(process, table),
        "content": {
            "status": process.status,
            "source": process.source,
            "outcome": str(process.outcome),
            "type": process.key.type,
            "code": process.key.code,
            "version": process.version,
            "attempt": process.attempt,
            "error": process.error,
        },
    }


def sfn_alarm(process: Process, table: str, execution: str) -> dict[str, Any]:
    """The alarm that a version has failed."""
    message = f"{process.error}: {process.cause or ''}".splitlines()[0][:MAX_MESSAGE]
    return {
        "action": "sfn-alarm",
        **_identity(process, table),
        "content": {"errorMessage": message, "sfnId": execution},
    }


def task_execute(task: Task, table: str) -> dict[str, Any]:
    """The message that has a task worked on."""
    return {
        "action": "task-execute",
        **_task_identity(task, table),
        "content": {"taskType": task.key.type, "attempt": task.attempt},
    }


def task_status(task: Task, table: str) -> dict[str, Any]:
    """The notice that a task has ended, with its counts."""
    counts = task.counts
    return {
        "action": "task-status",
        **_task_identity(task, table),
        "content": {
            "status": str(task.status),
            "source": task.source,
            "taskType": task.key.type,
            "attempt": task.attempt,
            "total": task.total,
            "completed": counts.completed if counts else 0,
            "failed": counts.failed if counts else 0,
            "cancelled": counts.cancelled if counts else 0,
        },
    }


def sub_task_status(item: Item, table: str) -> dict[str, Any]:
    """The notice that an item has ended; the error's name, but neither its text nor a result."""
    return {
        "action": "sub-task-status",
        **_item_identity(item, table),
        "content": {
            "status": str(item.status),
            "taskType": item.key.type,
            "index": item.index,
            "attempt": item.attempt,
            "error": item.error,
        },
    }


def item_alarm(item: Item, table: str, execution: str) -> dict[str, Any]:
    """The alarm that an item has failed."""
    message = f"{item.error}: {item.cause or ''}".splitlines()[0][:MAX_MESSAGE]
    return {
        "action": "sfn-alarm",
        **_item_identity(item, table),
        "content": {"errorMessage": message, "sfnId": execution},
    }


def import_execute(job: Job, table: str) -> dict[str, Any]:
    """The message that has a single row imported."""
    return {
        "action": "import-execute",
        **_import_identity(job, table),
        "content": {"table": job.table},
    }


def import_status(job: Job, counts: Counts, table: str) -> dict[str, Any]:
    """The notice of how far a job is: its file is read, another twentieth is done, it ended."""
    problem = job.ending.problem if job.ending else None
    return {
        "action": "import-status",
        **_import_identity(job, table),
        "content": {
            "status": str(job.status),
            "table": job.table,
            "total": job.total,
            "created": counts.created,
            "updated": counts.updated,
            "unchanged": counts.unchanged,
            "failed": counts.failed,
            "cancelled": job.ending.cancelled if job.ending else 0,
            "error": problem.code if problem else None,
        },
    }


def import_alarm(job: Job, counts: Counts, table: str) -> dict[str, Any]:
    """The alarm that a job has failed."""
    problem = job.ending.problem if job.ending else None
    reason = f"{problem.code}: {problem.reason}" if problem else "see errors.csv"
    message = f"{counts.failed} of {job.total} rows failed; {reason}"[:MAX_MESSAGE]
    return {
        "action": "sfn-alarm",
        **_import_identity(job, table),
        "content": {"errorMessage": message, "sfnId": job.key.execution_name(table)},
    }


def _import_identity(job: Job, table: str) -> dict[str, Any]:
    key = job.key
    return {
        "id": key.id,
        "table": table,
        "pk": key.pk,
        "sk": key.sk,
        "tenantCode": key.tenant,
    }


def approval_status(approval: Approval, table: str) -> dict[str, Any]:
    """The notice that something has happened to an approval; it names nobody."""
    return {
        "action": "approval-status",
        **_approval_identity(approval, table),
        "content": {
            "happened": str(approval.happened),
            "status": str(approval.status),
            "source": approval.source,
            "type": approval.type,
            "attempt": approval.attempt,
            "approved": len(approval.votes),
            "needed": approval.rules.needed,
            "reminders": approval.reminders,
            "expiresAt": approval.expires_at,
            "error": approval.error,
        },
    }


def approval_alarm(approval: Approval, table: str, execution: str) -> dict[str, Any]:
    """The alarm that what follows a decision has failed."""
    message = f"{approval.error}: {approval.cause or ''}".splitlines()[0][:MAX_MESSAGE]
    return {
        "action": "sfn-alarm",
        **_approval_identity(approval, table),
        "content": {"errorMessage": message, "sfnId": execution},
    }


def _approval_identity(approval: Approval, table: str) -> dict[str, Any]:
    key = approval.key
    return {"id": key.id, "table": table, "pk": key.pk, "sk": key.sk, "tenantCode": key.tenant}


def _task_identity(task: Task, table: str) -> dict[str, Any]:
    key = task.key
    return {
        "id": key.id,
        "table": table,
        "pk": key.pk,
        "sk": key.sk,
        "tenantCode": key.tenant,
    }


def _item_identity(item: Item, table: str) -> dict[str, Any]:
    key = item.key
    return {
        "id": key.id,
        "table": table,
        "pk": key.items_pk,
        "sk": key.item_sk(item.index),
        "tenantCode": key.tenant,
    }


def _identity(process: Process, table: str) -> dict[str, Any]:
    return {
        "id": process.command_id,
        "table": table,
        "pk": process.key.pk,
        "sk": process.key.version_sk(process.version),
        "tenantCode": process.key.tenant,
    }
