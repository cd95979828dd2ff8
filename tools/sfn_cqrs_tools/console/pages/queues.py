"""Queues, dead letters and sweeps: messages that wait or were given up, and their sweeps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs_tools.console.application import Ask, Refused, View
from sfn_cqrs_tools.console.backend import Backend

PEEKED: Final = 10
LOOK_SECONDS: Final = 2
_URL: Final = "QueueUrl"
_COUNTS: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True)
class Queue:
    """A queue of the stack; `name` is that of its output, without QueueUrl."""

    name: str
    url: str
    waiting: int
    at_work: int

    @property
    def is_dead(self) -> bool:
        """Return whether what lies here was given up."""
        return self.name.endswith("DeadLetter")

    @property
    def label(self) -> str:
        """Return the name as words."""
        words = "".join(f" {one.lower()}" if one.isupper() else one for one in self.name).strip()
        return words.removesuffix(" dead letter").capitalize()


SWEEPS: Final = {
    "command": "CommandsTableName",
    "blocked": "CommandsTableName",
    "task": "TasksTableName",
    "import": "ImportTmpTableName",
    "ended_import": "ImportTmpTableName",
    "zip": "ImportTmpTableName",
    "approval": "ApprovalsTableName",
    "saga": "SagasTableName",
}
"""The sweeps of the framework, each with the table where it keeps how far it is."""
LATE_SECONDS: Final = 300
"""A sweep begins every minute; one that has not for five has stopped."""


@dataclass(frozen=True)
class Sweep:
    """A sweep; `at` is when the last one began that came to its end, in ISO 8601, or empty.

    One that is late has stopped; one that never ran may be of a stack that has just begun.
    `error` is how the latest one ended if it did not end well.
    """

    name: str
    at: str
    is_late: bool
    error: str = ""

    @property
    def label(self) -> str:
        """Return the name as words."""
        return self.name.replace("_", " ").capitalize()


def sweeps(backend: Backend) -> list[Sweep]:
    """Return every sweep, with when it was made last."""
    now = datetime.now(UTC)
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda name: _sweep(backend, name, now), SWEEPS))


def queues(backend: Backend) -> list[Queue]:
    """Return every queue of the template, with its depth."""
    urls = {
        name.removesuffix(_URL): url for name, url in backend.outputs.items() if name.endswith(_URL)
    }
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda each: _queue(backend, *each), urls.items()))


def show(ask: Ask) -> View:
    """List them."""
    return View(
        "queues.html",
        {"queues": queues(ask.backend), "sweeps": sweeps(ask.backend)},
        is_live=True,
    )


def letters(ask: Ask) -> View:
    """Show some messages of a dead letter queue; they stay where they are."""
    queue = _found(ask)
    answer = ask.backend.client("sqs").receive_message(
        QueueUrl=queue.url, MaxNumberOfMessages=PEEKED, VisibilityTimeout=LOOK_SECONDS
    )
    return View("letters.html", {"queue": queue, "letters": answer.get("Messages", [])})


def _found(ask: Ask) -> Queue:
    for queue in queues(ask.backend):
        if queue.name == ask.parts["name"] and queue.is_dead:
            return queue
    raise Refused(HTTPStatus.NOT_FOUND, "not_found", f"There is no queue {ask.parts['name']}.")


def _queue(backend: Backend, name: str, url: str) -> Queue:
    answer = backend.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS))
    waiting, at_work = (int(answer["Attributes"].get(count, 0)) for count in _COUNTS)
    return Queue(name, url, waiting, at_work)


def _sweep(backend: Backend, name: str, now: datetime) -> Sweep:
    answer = backend.client("dynamodb").get_item(
        TableName=backend.outputs[SWEEPS[name]], Key={"pk": {"S": "SWEEP"}, "sk": {"S": name}}
    )
    item = unmarshal(answer.get("Item", {}))
    at, failed_at = item.get("swept_at", ""), item.get("failed_at", "")
    age = (now - datetime.fromisoformat(at)).total_seconds() if at else 0.0
    return Sweep(name, at, age > LATE_SECONDS, item["failure"] if failed_at > at else "")


PAGES: Final = {"/queues": show, "/queues/{name}": letters}
FORMS: Final[dict[str, Any]] = {}
