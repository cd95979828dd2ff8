"""A stack that is killed, or whose disk is full, at a random moment under load loses nothing.

Each kind of strike twenty times in `make torture`, which takes about an hour. It is not a part of
`make proof`: it measures seconds, and there other tests run beside it. A seed
that was printed comes again by TORTURE_SEED, as far as a machine repeats itself.
"""

import json
import os
import random
import signal
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from engine.tests.full_disk import full_disk
from rich.console import Console
from tests.demo.importing import Importer, airports, csv_of, item_of
from tests.support.sockets import children
from tools.tests.local.test_survival import CLI, seven_free_ports
from tools.tests.local.test_up import command_of

from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs_tools.client.api import Api
from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.client.upload import upload
from sfn_cqrs_tools.runtime.state import StackError

pytestmark = [
    pytest.mark.long,
    pytest.mark.proof,
    pytest.mark.torture,
    pytest.mark.stack,
    pytest.mark.real_time("processes are killed while they work, and have to be up again in time"),
]

TIMES = int(os.environ.get("TORTURES", "1"))
APPLIED_WITHIN = 60.0
"""Seconds from the restart, or from the end of the trouble, until all that was sent is applied."""
TENANT = "tenant1"
ITEMS, VERSIONS, CLIENTS = 12, 4, 4
ROWS, LETTERS, SAGAS = 400, 20, 4
LATEST_STRIKE = 8.0
FULL_SECONDS = 3.0


class Stack:
    """`sfn-cqrs up` as a process, on ports and data that stay."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.port = seven_free_ports()
        self.process: subprocess.Popen[str]
        self.start()

    def start(self) -> None:
        """Start it; what it had is still ending, perhaps."""
        until = time.monotonic() + 60
        while True:
            self.process = subprocess.Popen(
                [*CLI, "up", "--json", "--port", str(self.port), "--state", self.state],
                stdout=subprocess.PIPE,
                stderr=(self.state.parent / "up.err").open("ab"),
                text=True,
            )
            line = self.process.stdout.readline()
            if line:
                self.http = json.loads(line)["http"]
                return
            assert time.monotonic() < until, (self.state.parent / "up.err").read_text()

    @property
    def target(self) -> Any:
        """Its outputs and clients, as the demonstration's importer takes them."""
        target = find_target(self.state, None)
        return SimpleNamespace(http=self.http, outputs=target.outputs, client=target.client)

    def api(self, tenant: str = TENANT) -> Api:
        headers = {"content-type": "application/json", "x-user": "taro", "x-tenant-code": tenant}
        return Api(self.http, headers, proxies=False)

    def children(self, kind: str = "") -> list[int]:
        return [pid for pid in children(self.process.pid) if kind in command_of(pid)]

    def postgres(self) -> int:
        """The server: what the shell that watches it has started."""
        text = (self.state / "data/postgres/data/postmaster.pid").read_text(encoding="ascii")
        return int(text.split("\n", 1)[0])

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        self.process.stdout.close()


def killed(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def strike_all(stack: Stack) -> None:
    """Kill everything, and start it again."""
    killed(stack.process.pid, *stack.children())
    stack.process.wait(60)
    stack.start()


def strike_up(stack: Stack) -> None:
    """Kill `up` alone."""
    killed(stack.process.pid)
    stack.process.wait(60)
    stack.start()


def strike_fabric(stack: Stack) -> None:
    """Kill the AWS fabric, which ends `up`."""
    killed(*stack.children("fabric_process"))
    assert stack.process.wait(60) == 1
    stack.start()


def strike_postgres(stack: Stack) -> None:
    """Kill PostgreSQL, which `up` starts again."""
    killed(stack.postgres())


def strike_disk(stack: Stack) -> None:
    """Fill the disk for a while."""
    with ExitStack() as full:
        for pid in (stack.process.pid, *stack.children("fabric_process")):
            full.enter_context(full_disk(pid))
        time.sleep(FULL_SECONDS)


STRIKES = (strike_all, strike_up, strike_fabric, strike_postgres, strike_disk)


class Work:
    """All kinds of work at once, each request sent until it is acknowledged."""

    def __init__(self, stack: Stack, name: str, folder: Path) -> None:
        self.stack = stack
        self.name = name
        self.folder = folder
        self.orders = {f"{name}-{number}": number for number in range(ITEMS)}
        self.sagas: list[str] = []
        self.tasks: list[str] = []
        self.imports: list[str] = []
        self.errors: list[BaseException] = []
        works = [partial(self.publish, number) for number in range(CLIENTS)]
        works += [self.import_file, self.run_task, self.run_sagas]
        self.threads = [threading.Thread(target=self._noting, args=(work,)) for work in works]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def wait(self) -> None:
        for thread in self.threads:
            thread.join()
        if self.errors:
            raise self.errors[0]

    def _noting(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self.errors.append(error)

    def post(self, path: str, body: dict[str, Any], tenant: str = TENANT) -> dict[str, Any]:
        """Send a request until it is answered; it has one key."""
        key = {"idempotency-key": uuid.uuid4().hex}
        return insisted(lambda: self.stack.api(tenant).post(path, json.dumps(body), key))

    def publish(self, client: int) -> None:
        for version in range(VERSIONS):
            for code, number in self.orders.items():
                if number % CLIENTS == client:
                    body = {"type": "ORDER", "code": code, "name": code, "version": version}
                    self.post("/commands", {**body, "attributes": self.attributes(number, version)})

    def attributes(self, number: int, version: int) -> dict[str, Any]:
        return {"customer": self.name, "total": 10 * number + version}

    def import_file(self) -> None:
        self.rows = [{**row, "icao": f"{row['icao']}{self.name}".upper()} for row in airports(ROWS)]
        path = self.folder / f"{self.name}.csv"
        path.write_text(csv_of(self.rows), encoding="utf-8")

        key = insisted(lambda: upload(self.stack.api(self.name), path, None, lambda _: None))
        body = {"key": key, "processingMode": "STEP_FUNCTION", "tableName": "airports"}
        self.imports.append(self.post("/imports", body, self.name)["id"])

    def run_task(self) -> None:
        letters = [{"order": f"o-{n}", "to": f"{n}@example.com"} for n in range(LETTERS)]
        body = {"taskType": "ORDER_REMINDER", "name": f"Letters {self.name}", "input": letters}
        self.tasks.append(self.post("/tasks", body)["id"])

    def run_sagas(self) -> None:
        for number in range(SAGAS):
            order = f"saga-{self.name}-{number}"
            given = {"order": order, "customer": "ada", "card": "visa", "total": 40}
            lines = [{"sku": f"BOOK-{number}", "quantity": 1}]
            body = {"saga": "order-saga", "name": order, "input": {**given, "lines": lines}}
            self.sagas.append(self.post("/sagas", body)["id"])

    def is_done(self) -> bool:
        """Whether all of it has come to its end; what goes wrong meanwhile is not yet."""
        chains = self.versions()
        applied = {code: ["APPLIED"] * VERSIONS for code in self.orders}
        api, importing = self.stack.api(), self.stack.api(self.name)
        return (
            {code: [outcome for _, outcome in chain] for code, chain in chains.items()} == applied
            and all(
                importing.get(f"/imports/{id_}")["status"] == "COMPLETED" for id_ in self.imports
            )
            and all(api.get(f"/tasks/{id_}")["status"] == "COMPLETED" for id_ in self.tasks)
            and all(api.get(f"/sagas/{id_}")["status"] == "COMPLETED" for id_ in self.sagas)
        )

    def versions(self) -> dict[str, list[tuple[int, str]]]:
        found: dict[str, list[tuple[int, str]]] = {code: [] for code in self.orders}
        for item in scan(self.stack, "CommandsTableName"):
            if item["kind"] == "process" and item["code"] in found:
                found[item["code"]].append((item["version"], item["outcome"]))
        return {code: sorted(chain) for code, chain in found.items()}

    def check(self, before: Counter[str]) -> None:
        """Compare all that there is with what was asked for."""
        expected = [(version + 1, "APPLIED") for version in range(VERSIONS)]
        assert self.versions() == dict.fromkeys(self.orders, expected)
        rows = {(row["type"], row["code"]): row for row in scan(self.stack, "DataTableName")}
        for code, number in self.orders.items():
            row = rows["ORDER", code]
            assert row["attributes"] == self.attributes(number, VERSIONS - 1)
            assert row["version"] == VERSIONS
        history = Counter(
            item["code"]
            for item in scan(self.stack, "HistoryTableName")
            if item.get("code") in self.orders
        )
        assert set(history.values()) <= {VERSIONS - 1, VERSIONS}, history
        (job,) = (self.stack.api(self.name).get(f"/imports/{id_}") for id_ in self.imports)
        assert (job["status"], job["created"]) == ("COMPLETED", ROWS), job
        importer = Importer(self.stack.target, Console(quiet=True), self.name)
        assert importer.items() == {row["icao"]: item_of(row, 1) for row in self.rows}
        api = self.stack.api()
        (task,) = (api.get(f"/tasks/{id_}") for id_ in self.tasks)
        assert (task["completed"], task["failed"]) == (LETTERS, 0)
        assert stock(self.stack) == {sku: left - 1 for sku, left in before.items()}


def insisted(ask: Callable[[], Any], seconds: float = 180.0) -> Any:
    """The answer, once there is one: nobody listens while the stack starts."""
    until = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except (click.ClickException, StackError, OSError) as error:
            if time.monotonic() > until or getattr(error, "status", 503) != 503:
                raise
        time.sleep(0.2)


def scan(stack: Stack, table: str) -> Iterator[dict[str, Any]]:
    target = stack.target
    pages = target.client("dynamodb").get_paginator("scan")
    for page in pages.paginate(TableName=target.outputs[table], ConsistentRead=True):
        yield from map(unmarshal, page["Items"])


def stock(stack: Stack) -> Counter[str]:
    return Counter(
        {
            row["code"]: row["attributes"]["available"]
            for row in scan(stack, "DataTableName")
            if row["type"] == "STOCK"
        }
    )


@pytest.fixture
def stack(tmp_path):
    started = Stack(tmp_path / "state")
    for number in range(SAGAS):
        book = {"type": "STOCK", "code": f"BOOK-{number}", "name": "Book", "mode": "sync"}
        started.api().post("/commands", json.dumps({**book, "attributes": {"available": 1000}}))
    yield started
    started.end()


@pytest.mark.parametrize("strike", STRIKES, ids=lambda strike: strike.__name__[7:])
def test_a_strike_at_any_moment_loses_and_doubles_nothing(stack, strike, tmp_path, capfd):
    seed = int(os.environ.get("TORTURE_SEED", "0")) or random.randrange(10**6)
    moments = random.Random(f"{seed} {strike.__name__}")
    took = []
    for number in range(TIMES):
        before = stock(stack)
        work = Work(stack, f"{strike.__name__[7:]}{number}", tmp_path)
        moment = moments.uniform(0.2, LATEST_STRIKE)
        work.start()
        time.sleep(moment)
        strike(stack)
        began = time.monotonic()
        work.wait()
        while not insisted(work.is_done):
            seconds = time.monotonic() - began
            assert seconds < APPLIED_WITHIN, (seed, moment, work.versions())
            time.sleep(0.2)
        took.append(time.monotonic() - began)
        work.check(before)
    with capfd.disabled():
        slowest = max(took)
        print(f"\n{strike.__name__[7:]}, {TIMES} times, seed {seed}: within {slowest:.0f} s")
