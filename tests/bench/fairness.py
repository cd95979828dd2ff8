"""How long a quiet tenant's single tasks take beside a loud tenant's, through the local stack.

The loud tenant sends three times as many tasks as are worked on at a time, each of five seconds.
The quiet one sends a task of five seconds every second: alone, and once all of the loud tenant's
are in the queue. Each is counted from the call to what the API answers once it has ended.
"""

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from report import Figure, main
from stacks import a_stack

from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.task.types import task_handler
from sfn_cqrs_tools.runtime.recorder import Recorder

TYPE = "BENCH_SLOW"
SECONDS = 5.0
LOUD_TASKS = 120
QUIET_TASKS = 6
POLL_SECONDS = 0.05
ENDED = ("COMPLETED", "FAILED", "CANCELLED")
QUEUED = ("QUEUED", "PROCESSING", *ENDED)


def measure() -> list[Figure]:
    """Measure the quiet tenant alone, then beside the loud one."""
    task_handler(TYPE, publish=MEMBERS)(lambda _item: time.sleep(SECONDS))
    with a_stack(Recorder(), window_seconds=0.05) as stack:
        alone = _quiet(stack.http)
        with ThreadPoolExecutor(8) as senders:
            ids = list(senders.map(partial(_create, stack.http), ["loud"] * LOUD_TASKS))
        for id_ in ids:
            _until(stack.http, "loud", id_, QUEUED)
        beside = _quiet(stack.http)
        began = time.perf_counter()
        for id_ in ids:
            _until(stack.http, "loud", id_, ENDED)
        return [
            Figure("a quiet tenant's task alone, the slowest", max(alone), "s"),
            Figure("the same beside a loud tenant", max(beside), "s", 2 * max(alone)),
            Figure("the loud tenant's tasks go on", time.perf_counter() - began, "s more"),
        ]


def _quiet(url: str) -> list[float]:
    """Send a task each second; how long each took."""
    with ThreadPoolExecutor(QUIET_TASKS) as waiting:
        found = []
        for _ in range(QUIET_TASKS):
            found.append(waiting.submit(_timed, url))
            time.sleep(1)
        return [each.result() for each in found]


def _timed(url: str) -> float:
    began = time.perf_counter()
    _until(url, "quiet", _create(url, "quiet"), ENDED)
    return time.perf_counter() - began


def _create(url: str, tenant: str) -> str:
    return str(_sent(url, "POST", "/tasks", tenant, {"taskType": TYPE, "input": {"n": 1}})["id"])


def _until(url: str, tenant: str, id_: str, statuses: tuple[str, ...]) -> None:
    while _sent(url, "GET", f"/tasks/{id_}", tenant)["status"] not in statuses:
        time.sleep(POLL_SECONDS)


def _sent(url: str, method: str, path: str, tenant: str, body: object = None) -> dict[str, Any]:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    headers = {"content-type": "application/json", "x-tenant-code": tenant}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    answer: dict[str, Any] = json.loads(response.read())
    connection.close()
    if response.status >= HTTPStatus.BAD_REQUEST:
        refusal = f"{response.status} {answer.get('code')}: {answer.get('detail')}"
        raise SystemExit(f"{method} {path} of {tenant} was refused: {refusal}")
    return answer


if __name__ == "__main__":
    main("fairness", measure)
