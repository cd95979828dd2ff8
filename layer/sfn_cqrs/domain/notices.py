"""Messages about the end or the failure of a version, a task or an item."""

from operator import attrgetter
from typing import Any, NamedTuple

from sfn_cqrs.domain import task as tasks
from sfn_cqrs.domain.approval import Approval
from sfn_cqrs.domain.import_job import Job
from sfn_cqrs.domain.imports import Counts
from sfn_cqrs.domain.keys import PublicKey, TaskKey
from sfn_cqrs.domain.process import Process
from sfn_cqrs.domain.saga import Saga
from sfn_cqrs.domain.task import Item, Task

MAX_MESSAGE = 1_000
Message = dict[str, Any]
Failed = Process | Item | Approval | Saga


class Place(NamedTuple):
    """The public id of what has no key of its own, whose it is, and its item's keys."""

    id: str
    tenant: str
    pk: str
    sk: str


Named = Place | PublicKey | TaskKey


def notice(action: str, of: Named, table: str, content: Message) -> Message:
    """A message of one kind, in the envelope that all have."""
    return {
        "action": action,
        "id": of.id,
        "table": table,
        "pk": of.pk,
        "sk": of.sk,
        "tenantCode": of.tenant,
        "content": content,
    }


def event_of(message: Message) -> Message:
    """Return what other systems get of a notice: no key of a table."""
    return {
        "id": message["id"],
        "tenant": message["tenantCode"],
        "content": message["content"],
    }


def alarm(of: Named, table: str, message: str, execution: str | None) -> Message:
    """Return the alarm of a failure: a line, and the execution's ARN if one was at work."""
    content = {"errorMessage": message[:MAX_MESSAGE], "sfnId": execution}
    return notice("sfn-alarm", of, table, content)


def failure_alarm(failed: Failed, table: str, execution: str | None) -> Message:
    """Return the alarm of a failure: its error, and the first line of what is known of it."""
    line = f"{failed.error}: {failed.cause or ''}".splitlines()[0]
    return alarm(_place_of(failed), table, line, execution)


def command_status(process: Process, table: str) -> Message:
    """The notice that a version has closed; the error's name, but not its text."""
    names = ("status", "source", "outcome", "version", "attempt", "lane", "error")
    content = _told(process, *names, type="key.type", code="key.code")
    return notice("command-status", _place_of(process), table, content)


def task_execute(task: Task, table: str) -> Message:
    """The message that has a task worked on."""
    content = {"taskType": task.key.type, "attempt": task.attempt}
    return notice("task-execute", task.key, table, content)


def task_status(task: Task, table: str) -> Message:
    """The notice that a task has ended, with its counts."""
    told = _told(task, "status", "source", "attempt", "total", taskType="key.type")
    content = {**told, **(task.counts or tasks.Counts()).by_name}
    return notice("task-status", task.key, table, content)


def sub_task_status(item: Item, table: str) -> Message:
    """The notice that an item has ended; the error's name, but neither its text nor a result."""
    content = _told(item, "status", "index", "attempt", "error", taskType="key.type")
    return notice("sub-task-status", _place_of(item), table, content)


def import_execute(job: Job, table: str) -> Message:
    """The message that has a single row imported."""
    content = {"table": job.table}
    return notice("import-execute", job.key, table, content)


def import_status(job: Job, counts: Counts, table: str) -> Message:
    """The notice of how far a job is: its file is read, another twentieth is done, it ended."""
    problem = job.ending.problem if job.ending else None
    content = {
        "status": str(job.status),
        "table": job.table,
        "total": job.total,
        **counts.by_name,
        "cancelled": job.ending.cancelled if job.ending else 0,
        "error": problem.code if problem else None,
    }
    return notice("import-status", job.key, table, content)


def import_alarm(job: Job, counts: Counts, table: str, execution: str | None) -> Message:
    """The alarm that a job has failed."""
    problem = job.ending.problem if job.ending else None
    reason = f"{problem.code}: {problem.reason}" if problem else "see errors.csv"
    message = f"{counts.failed} of {job.total} rows failed; {reason}"
    return alarm(job.key, table, message, execution)


def approval_status(approval: Approval, table: str) -> Message:
    """The notice that something has happened to an approval; it names nobody."""
    names = ("happened", "status", "source", "type", "attempt", "reminders", "error")
    told = _told(approval, *names, needed="rules.needed", expiresAt="expires_at")
    content = {**told, "approved": len(approval.votes)}
    return notice("approval-status", approval.key, table, content)


def saga_status(saga: Saga, table: str) -> Message:
    """The notice that a saga has ended or is parked; the error's name, but not its text."""
    content = _told(saga, "status", "source", "saga", "attempt", "error")
    return notice("saga-status", saga.key, table, content)


def _told(what: object, *names: str, **paths: str) -> Message:
    """Return fields by their own names, and others by where they are, such as `key.type`."""
    found = {**dict.fromkeys(names), **paths}
    return {name: attrgetter(path or name)(what) for name, path in found.items()}


def _place_of(what: Failed) -> Named:
    key = what.key
    if isinstance(what, Process):
        sk = what.key.version_sk(what.version)
        return Place(what.command_id, key.tenant, what.key.pk, sk)
    if isinstance(what, Item):
        return Place(what.key.id, key.tenant, what.key.items_pk, what.key.item_sk(what.index))
    return what.key
