"""The demonstration's tasks: twenty items of which two fail, and are retried once mended."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sfn_cqrs.service.tasks import types as task_types
from sfn_cqrs_tools.demo.client import Client
from sfn_cqrs_tools.demo.compare import unlike
from sfn_cqrs_tools.demo.step import PATIENCE_SECONDS, DemoError, Report, Scale
from sfn_cqrs_tools.terminal.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from sfn_cqrs_tools.stack.local_stack import LocalStack

TYPE = "ORDER_REMINDER"
ITEMS = 20
BROKEN = (6, 13)
ENDED = ("COMPLETED", "FAILED", "CANCELLED")


@dataclass(frozen=True)
class TaskStory:
    """The results: the task at its first end and after its retry; runs are by item.

    On a bad day a handler may run again for an item whose end was not written.
    """

    failed: dict[str, Any]
    retried: dict[str, Any]
    runs: dict[int, int]
    is_bad_day: bool = False

    def differences(self) -> list[str]:
        """Compare with what has to be; return what differs, a line each."""
        expected_runs = {index: 2 if index in BROKEN else 1 for index in range(ITEMS)}
        runs = self.runs
        if self.is_bad_day:
            runs = {item: min(runs.get(item, 0), least) for item, least in expected_runs.items()}
        facts = [
            ("first end", ("FAILED", ITEMS - 2, 2), _end_of(self.failed)),
            ("failed items", BROKEN, _failed_items(self.failed)),
            ("end after the retry", ("COMPLETED", ITEMS, 0), _end_of(self.retried)),
            ("runs of each item", expected_runs, runs),
        ]
        return unlike(facts)


def tell(stack: LocalStack, console: Console, scale: Scale) -> Report:
    """Run a task whose items fail in part, mend its handler, and retry it."""
    del scale
    console.print(f"\nA task of {ITEMS} items, {len(BROKEN)} of which fail and are retried:\n")
    with progress(console, "Done", ITEMS) as update:
        return Report([], run_tasks(stack, update).differences())


def run_tasks(stack: LocalStack, update: Callable[[int], None]) -> TaskStory:
    """Run a task whose items 6 and 13 fail, mend its handler, and retry it.

    Raises:
        DemoError: a request was refused, or the task does not end within a minute.
    """
    with Client(stack.http) as client, _handler_that_fails() as (runs, mended):
        letters = [{"order": f"o-{n}", "to": f"customer{n}@example.com"} for n in range(ITEMS)]
        body = {"taskType": TYPE, "name": "Twenty letters", "input": letters}
        id_ = _asked(client, "/tasks", body)["id"]
        failed = _ended(client, id_, 1, update)
        mended.set()
        _asked(client, f"/tasks/{id_}/retry", {})
        retried = _ended(client, id_, 2, update)
        is_bad_day = stack.functions.weather is not None
        return TaskStory(failed, retried, dict(runs), is_bad_day)


@contextmanager
def _handler_that_fails() -> Iterator[tuple[Counter[int], threading.Event]]:
    """Stand in front of the handler: count its runs, and fail two items until it is mended."""
    real = task_types.find(TYPE)
    runs: Counter[int] = Counter()
    lock, mended = threading.Lock(), threading.Event()

    def watched(item: task_types.TaskItem) -> object:
        with lock:
            runs[item.index] += 1
        if item.index in BROKEN and not mended.is_set():
            raise ValueError("the post office does not know this street yet")
        return real.handler(item)

    watched.__module__ = real.handler.__module__
    register = task_types.task_handler(
        TYPE,
        timeout=real.timeout,
        retry=real.retry,
        fail_fast=real.fail_fast,
        publish=real.access.publish,
        read=real.access.read,
    )
    register(watched)
    try:
        yield runs, mended
    finally:
        register(real.handler)


def _asked(client: Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    status, answer = client.send("POST", path, body)
    if status != HTTPStatus.ACCEPTED:
        raise DemoError(f"POST {path} answered {status}: {answer}")
    return answer


def _ended(client: Client, id_: str, attempt: int, update: Callable[[int], None]) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = client.send("GET", f"/tasks/{id_}?limit={ITEMS}")[1]
        update(found["completed"] + found["failed"])
        if found["attempt"] == attempt and found["status"] in ENDED:
            return found
        if time.monotonic() > deadline:
            raise DemoError(f"task {id_} is still {found['status']}; see the log")
        time.sleep(0.1)


def _end_of(found: dict[str, Any]) -> tuple[str, int, int]:
    return found["status"], found["completed"], found["failed"]


def _failed_items(found: dict[str, Any]) -> tuple[int, ...]:
    return tuple(item["index"] for item in found["items"] if item["status"] == "FAILED")
