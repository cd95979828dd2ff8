"""A soak: everything at once on a bad day of AWS, and then it all has to add up.

It takes a minute in `make proof` and eight in `make soak`, and then as long as the weather has
it; `make soak SOAK_SECONDS=120`: two.
"""

import gc
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.demo.importing import Importer, airports, csv_of, item_of
from tests.support.proof import deep

from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs_tools.client.api import Api, item_path
from sfn_cqrs_tools.testing.quick_stack import quick_stack
from sfn_local import Engine
from sfn_local.document import dumps
from sfn_local.registry.retention import Retention

pytestmark = [
    pytest.mark.long,
    pytest.mark.proof,
    pytest.mark.stack,
    pytest.mark.real_time("all kinds of work run beside one another for a while"),
]

SECONDS = float(os.environ.get("SOAK_SECONDS") or deep(60, 480))
WEATHER = (0.04, 7)
AFTERWARDS = 600.0
"""Seconds of this machine. Of a thousand items one needs more than ten tries in such weather."""
A_LOOK = 10.0
"""Seconds by which time goes on with each look at what is open, where nothing is at work."""
BOOKS = 50
"""Sagas of one book wait for one another, ever longer."""
STOCK = 1_000
ROWS = 120
ITEMS = 10
GROWTH = 0.1
"""How much more memory the second half may take than the first."""
GARBAGE = 5.0
"""Seconds between two collections of garbage. By itself Python looks through all objects only once
there are a quarter more of them: a short soak would measure what it has not looked through."""
AT_ONCE = 8
SAMPLES_A_SECOND = 2
SWEEPS = ("Commands", "Tasks", "Sagas", "Approvals", "Imports")


class Soak:
    """What was asked for, by kind, and what has to have become of it."""

    def __init__(self, stack: Any, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.until = 0.0
        self.orders: dict[str, dict[str, Any]] = {}
        self.imports: dict[str, dict[str, Any]] = {}
        self.items: dict[str, dict[str, Any]] = {}
        self.tasks: list[str] = []
        self.sagas: list[str] = []
        self.approvals: dict[str, str] = {}
        self.ended: set[str] = set()
        self.memory: list[int] = []
        self.errors: list[BaseException] = []
        self.at_work: set[int] = set()

    def api(self, user: str = "taro", tenant: str = "tenant1") -> Api:
        headers = {"content-type": "application/json", "x-user": user, "x-tenant-code": tenant}
        return Api(self.stack.http, headers, proxies=False)

    def rounds(self) -> Iterator[int]:
        number = 0
        while time.monotonic() < self.until and not self.errors:
            yield number
            number += 1

    def run(self) -> None:
        """Do everything at once until the time is over."""
        self.until = time.monotonic() + SECONDS
        works = [
            partial(self.publish, "a"),
            partial(self.publish, "b"),
            self.import_files,
            self.run_tasks,
            self.run_sagas,
            self.approve,
            self.look_at_memory,
        ]
        threads = [threading.Thread(target=self._noting, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.3)
                if time.monotonic() > self.until:
                    self.let_time_pass()
        if self.errors:
            raise self.errors[0]

    def _noting(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # the other threads have to end, too
            self.errors.append(error)

    def publish(self, name: str) -> None:
        api = self.api()
        for number in self.rounds():
            code = f"{name}-{number}"
            for version in range(3):
                attributes = {"customer": name, "total": 10 * number + version}
                order(api, code, attributes, version)
                self.orders[code] = attributes
            time.sleep(0.1)

    def import_files(self) -> None:
        importer = Importer(self.stack, Console(quiet=True), "soak")
        world = airports(ROWS)
        for number in self.rounds():
            rows = [{**row, "icao": f"{row['icao']}{number}"} for row in world]
            path = self.folder / f"{number}.csv"
            path.write_text(csv_of(rows), encoding="utf-8")
            job, _ = importer.run(path, tableName="airports")
            self.imports[job["id"]] = job
            self.items |= {row["icao"]: item_of(row, 1) for row in rows}

    def run_tasks(self) -> None:
        api = self.api()
        for number in self.rounds():
            letters = [{"order": f"o-{n}", "to": f"{n}@example.com"} for n in range(ITEMS)]
            body = {"taskType": "ORDER_REMINDER", "name": f"Letters {number}", "input": letters}
            self.tasks.append(api.post("/tasks", dumps(body))["id"])
            time.sleep(0.3)

    def run_sagas(self) -> None:
        api = self.api()
        for number in self.rounds():
            given = {"order": f"saga-{number}", "customer": "ada", "card": "visa", "total": 40}
            lines = [{"sku": f"BOOK-{number % BOOKS}", "quantity": 1}]
            body = {
                "saga": "order-saga",
                "name": given["order"],
                "input": {**given, "lines": lines},
            }
            self.sagas.append(api.post("/sagas", dumps(body))["id"])
            time.sleep(0.7)

    def approve(self) -> None:
        taro, hanako = self.api("taro"), self.api("hanako")
        for number in self.rounds():
            code = f"large-{number}"
            order(taro, code, {"customer": "ada", "total": 1200}, 0)
            if not waited(lambda code=code: chain(taro, code) == ["APPLIED"], self.until):
                return
            asked = {"type": "ORDER_RELEASE", "subject": code, "payload": {"total": 1200}}
            id_ = taro.post("/approvals", dumps(asked))["id"]
            seen = hanako.get(f"/approvals/{id_}")
            body = {"reason": "Known", "digest": seen["digest"]}
            hanako.post(f"/approvals/{id_}/approve", dumps(body))
            self.approvals[id_] = code

    def look_at_memory(self) -> None:
        collected = 0.0
        for _ in self.rounds():
            if time.monotonic() > collected + GARBAGE:
                gc.collect()
                collected = time.monotonic()
            text = Path("/proc/self/status").read_text(encoding="ascii")
            self.memory.append(int(text.split("VmRSS:")[1].split()[0]))
            time.sleep(0.25)

    def all_have_ended(self) -> bool:
        """Whether nothing is under way any more, after sweeps under the weather."""
        self.let_time_pass()
        for sweep in SWEEPS:
            self._invoke(f"ScheduleSweep{sweep}Function")
        if self.versions() != {code: [1, 2, 3] for code in self.orders}:
            return False
        for kind, ids, field, end in (
            ("tasks", self.tasks, "status", "COMPLETED"),
            ("sagas", self.sagas, "status", "COMPLETED"),
            ("approvals", self.approvals, "stage", "DONE"),
        ):
            seen = self.each(kind, {*ids} - self.ended)
            self.ended |= {id_ for id_, found in seen.items() if found[field] == end}
        return len(self.ended) == sum(map(len, (self.tasks, self.sagas, self.approvals)))

    def each(self, kind: str, ids: Iterable[str]) -> dict[str, Any]:
        """What the API says of each; some at once, since many an answer is `try again in 2 s`."""
        api, wanted = self.api(), list(ids)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            seen = pool.map(lambda id_: api.get(f"/{kind}/{id_}"), wanted)
            return dict(zip(wanted, seen, strict=True))

    def let_time_pass(self) -> None:
        """Where nothing is at work, all that there is waits for its next try or for a sweep.

        Sooner it may not: what a busy machine has still to do would be late by the leap.
        """
        self.stack.engine.scheduler.settle()
        if not self.at_work:
            self.stack.leap(A_LOOK)

    def watch(self, functions: Any, patch: pytest.MonkeyPatch) -> None:
        """Know which calls of functions are not answered yet, those that wait in line, too."""
        start, numbers = functions._start, count()

        def counted(workers: Any, name: str, payload: bytes, done: Any, trace: str) -> None:
            number = next(numbers)
            self.at_work.add(number)

            def answered(answer: Any) -> None:
                done(answer)
                self.at_work.discard(number)

            start(workers, name, payload, answered, trace)

        patch.setattr(functions, "_start", counted)

    def still_open(self) -> tuple[set[str], dict[str, list[int]]]:
        """What has not ended: ids, and orders with the versions that are applied."""
        ids = {*self.tasks, *self.sagas, *self.approvals} - self.ended
        return ids, {code: found for code, found in self.versions().items() if len(found) < 3}

    def versions(self) -> dict[str, list[int]]:
        """The versions of each order that are applied."""
        found: dict[str, list[int]] = {code: [] for code in self.orders}
        for item in self.scan("CommandsTableName"):
            is_process = item["kind"] == "process" and item["code"] in found
            if is_process and item["outcome"] == "APPLIED":
                found[item["code"]].append(item["version"])
        return {code: sorted(versions) for code, versions in found.items()}

    def scan(self, table: str) -> Iterator[dict[str, Any]]:
        scan = self.stack.client("dynamodb").get_paginator("scan")
        for page in scan.paginate(TableName=self.stack.outputs[table]):
            yield from map(unmarshal, page["Items"])

    def _invoke(self, function: str) -> None:
        with suppress(Exception):  # the weather: the next sweep does it
            self.stack.functions.invoke(function, b"{}")


def order(api: Api, code: str, attributes: dict[str, Any], version: int) -> None:
    body = {"type": "ORDER", "code": code, "name": code, "version": version}
    api.post("/commands", dumps({**body, "attributes": attributes}))


def chain(api: Api, code: str) -> list[str]:
    return [one["outcome"] for one in api.pages(item_path("commands", "ORDER", code))]


def waited(is_done: Callable[[], bool], until: float) -> bool:
    while not is_done():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def median(values: list[int]) -> int:
    return sorted(values)[len(values) // 2]


@pytest.fixture(autouse=True)
def _few_executions_are_kept(monkeypatch):
    """Or the engine grows until it keeps as many as it is meant to, which takes far longer."""
    kept = Retention(executions=200, events=5_000)
    monkeypatch.setitem(Engine.__init__.__kwdefaults__, "retention", kept)


def keep_no_records(patch: pytest.MonkeyPatch) -> None:
    """Or pytest keeps all that is logged during a test, with the frames of what was raised."""
    patch.setattr(logging.getLogger(), "handlers", [])


def test_everything_at_once_on_a_bad_day_ends_and_adds_up(tmp_path, capfd, monkeypatch):
    keep_no_records(monkeypatch)
    with quick_stack(state_dir=tmp_path / "state", weather=WEATHER) as stack:
        soak = Soak(stack, tmp_path)
        api = soak.api()
        for number in range(BOOKS):
            book = {"type": "STOCK", "code": f"BOOK-{number}", "name": "Book", "mode": "sync"}
            api.post("/commands", dumps({**book, "attributes": {"available": STOCK}}))
        soak.watch(stack.functions, monkeypatch)
        soak.run()
        assert waited(soak.all_have_ended, time.monotonic() + AFTERWARDS), soak.still_open()

        rows = {row["code"]: row for row in soak.scan("DataTableName") if row["type"] == "ORDER"}
        for code, attributes in soak.orders.items():
            assert (rows[code]["version"], rows[code]["attributes"]) == (3, attributes)
        for job in soak.imports.values():
            assert (job["status"], job["created"]) == ("COMPLETED", ROWS), str(job)
        importer = Importer(stack, Console(quiet=True), "soak")
        assert importer.items() == soak.items
        for task in soak.each("tasks", soak.tasks).values():
            assert (task["completed"], task["failed"]) == (ITEMS, 0)
        stocks = [row for row in soak.scan("DataTableName") if row["type"] == "STOCK"]
        left = sum(row["attributes"]["available"] for row in stocks)
        assert left == BOOKS * STOCK - len(soak.sagas)
        for code in soak.approvals.values():
            row = api.get(item_path("data", "ORDER", code))
            assert (row["version"], row["attributes"]["release"]) == (2, "released")
        for approval in soak.each("approvals", soak.approvals).values():
            assert approval["status"] == "GRANTED"
        half = len(soak.memory) // 2
        before, after = (
            median(soak.memory[half // 2 : half]),
            median(soak.memory[half + half // 2 :]),
        )
        with capfd.disabled():
            print(
                f"\n{SECONDS:.0f} s: {len(soak.orders)} orders of 3 versions, {len(soak.imports)}"
                f" imports of {ROWS} rows, {len(soak.tasks)} tasks, {len(soak.sagas)} sagas,"
                f" {len(soak.approvals)} approvals; {before // 1024} MB, then {after // 1024} MB"
                f" ({len(soak.memory)} samples)"
            )
        assert len(soak.memory) >= SAMPLES_A_SECOND * SECONDS
        assert after < before * (1 + GROWTH)
        assert all((soak.orders, soak.imports, soak.tasks, soak.sagas, soak.approvals))
