"""What an imported row costs, and how fast a file is read.

The loader's passes run over the real airports many times over, by CPU time. The rows are 1,000
airports, then the same with another name, published SYNC with the data table's handler alone,
by the machine; what is counted went over the wire to the local stack, from the job to its end,
without the notifier and the request. The peer is the TypeScript framework that this project
re-implements, by its code.
"""

import csv
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import islice
from pathlib import Path
from statistics import quantiles
from typing import Any

import airportsdata
from report import Figure, main
from stacks import a_stack
from waiting import reached, until, until_quiet

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.keys import ImportKey, ItemKey, MappingKey
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.csv.rows import open_csv
from sfn_cqrs.machines.import_csv.progress import Progress
from sfn_cqrs.machines.import_csv.results import Counts, Marker, PublishMode
from sfn_cqrs.machines.import_csv.service import Request
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService
from sfn_cqrs_tools.client.prices import DOLLARS, EXPRESS_LANE, IMPORTED_ROW, RUN_SECONDS, express
from sfn_cqrs_tools.client.prices import million as dollars_of_a_million
from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.testing.client import Client
from sfn_cqrs_tools.testing.faults import Watch

SOURCE = Path(airportsdata.__file__).parent / "airports.csv"
ROWS = 1_000
ASYNC_ROWS = 20
BESIDE_ROWS = 5_000
TRANSITIONS = 9
"""Of a row's command, where the standard lane takes it: its type has no projection."""
MILLION = 1_000_000
CHUNK = 1024 * 1024
TABLE = "bench-airports"
MACHINE = "ImportCsv"
BATCH = 100
PATIENCE_SECONDS = 900
CHILD_SECONDS = 5.0
BATCH_GB_SECONDS = 2.0
"""An estimate: two seconds of 1,024 MB for a hundred rows."""


def measure() -> list[Figure]:
    """Measure everything."""
    logger.setLevel("WARNING")  # it took this process's output, where the table belongs
    recorder = Recorder()
    with a_stack(recorder) as stack:
        register()
        return [
            *passes(),
            memory(),
            *rows(stack, recorder),
            *queued(stack, recorder),
            *airports(stack),
            *beside(stack),
            *million(stack),
        ]


def register() -> None:
    """A table like the airports', whose items no handler but the data table's sees."""
    handlers.load()
    handlers.command_type("BENCH_AIRPORT")
    airports = type(strategies.find("airports"))
    strategies.import_strategy(TABLE)(type("Bench", (airports,), {"type": "BENCH_AIRPORT"}))


def passes() -> list[Figure]:
    """The loader's passes: counting a plain file, and rewriting another."""
    header, _, body = SOURCE.read_bytes().partition(b"\n")
    plain = header + b"\n" + body * 8
    return [
        Figure("csv_loader, a plain file", _scan(plain), "rows/s", 300_000, at_least=True),
        Figure("csv_loader, rewriting", _rewrite(plain.replace(b",", b";")), "rows/s"),
    ]


def memory() -> Figure:
    """How much more a process needs for a million rows than for a thousand."""
    needed = [
        int(subprocess.check_output([sys.executable, __file__, "--rows", str(count)]))
        for count in (ROWS, MILLION)
    ]
    return Figure("csv_loader, a million rows", (needed[1] - needed[0]) / 1024, "MiB more", 32)


def rows(stack: LocalStack, recorder: Recorder) -> list[Figure]:
    """A thousand rows created, then changed."""
    table = _airports(ROWS)
    recorder.clear()
    created = _import(stack, table)
    until_quiet(recorder)
    everything = recorder.invocation_counts()
    invocations = _machine_s(everything) + 1  # the stream's consumer starts the execution, once
    told = sum(everything.values()) - invocations
    calls = 1 + sum((one.function or "").startswith(MACHINE) for one in recorder.calls)
    written, read = recorder.write_units, recorder.read_units
    recorder.clear()
    updated = _import(stack, [table[0], *(_renamed(row) for row in table[1:])])
    until_quiet(recorder)
    assert created.counts == Counts(created=ROWS), created
    assert updated.counts == Counts(updated=ROWS), updated
    batches = ROWS / BATCH
    dollars = (
        written * DOLLARS["write unit"]
        + read * DOLLARS["read unit"]
        + (invocations + told) * DOLLARS["invocation"]
        + batches * BATCH_GB_SECONDS * DOLLARS["GB-second, arm64"]
        + batches * express(CHILD_SECONDS)
        + 6 * DOLLARS["state transition"]
    )
    return [
        Figure(
            "Lambda invocations, 1,000 created rows",
            invocations,
            "invocations",
            15,
            "2,105 until queued, 19,000 until applied",
        ),
        Figure("notifier and progress, beside that", told, "invocations"),
        Figure("AWS calls, 1,000 created rows", calls, "calls", 100),
        Figure("write units, a created row", written / ROWS, "WRU", 4.5, "15"),
        Figure(
            "write units, a changed row",
            recorder.write_units / ROWS,
            "WRU",
            IMPORTED_ROW["SYNC"]["write unit"],
        ),
        Figure("a million created rows, all services", dollars / ROWS * MILLION, "$", 5, "318"),
    ]


def queued(stack: LocalStack, recorder: Recorder) -> list[Figure]:
    """Rows published ASYNC: what each costs once its command has run through the machine."""
    named = [[row[0], row[1], f"{row[2]} III", *row[3:]] for row in _airports(ASYNC_ROWS)[1:]]
    recorder.clear()
    _import(stack, [_airports(0)[0], *named], publish_mode=PublishMode.ASYNC)
    until(lambda: recorder.invocation_counts()["CommandFinishFunction"] >= ASYNC_ROWS)
    until_quiet(recorder)
    counts = recorder.invocation_counts()
    machine = sum(counts.values()) - _machine_s(counts)
    written = recorder.write_units / ASYNC_ROWS
    functions = machine / ASYNC_ROWS * (DOLLARS["invocation"] + 0.025 * DOLLARS["GB-second, arm64"])
    lanes = {EXPRESS_LANE: express(RUN_SECONDS), "": TRANSITIONS * DOLLARS["state transition"]}
    return [
        Figure("ASYNC: Lambda invocations", machine / ASYNC_ROWS, "a row", None, "19"),
        Figure("ASYNC: write units", written, "WRU a row", IMPORTED_ROW["ASYNC"]["write unit"]),
        *(
            Figure(
                f"ASYNC: a million rows, all services{lane}",
                (run + functions + written * DOLLARS["write unit"]) * MILLION,
                "$",
                dollars_of_a_million(IMPORTED_ROW[f"ASYNC{lane}"]),
                "318",
            )
            for lane, run in lanes.items()
        ),
    ]


def airports(stack: LocalStack) -> list[Figure]:
    """All airports, into a table of their own."""
    airports = type(strategies.find("airports"))
    handlers.command_type("BENCH_ALL")
    strategies.import_strategy("bench-all")(type("All", (airports,), {"type": "BENCH_ALL"}))
    began = time.perf_counter()
    done = _import(stack, _airports(MILLION), name="bench-all")
    seconds = time.perf_counter() - began
    assert done.counts == Counts(created=done.job.total), done
    return [
        Figure(f"{done.job.total:,} airports, whole local stack", seconds, "s", 60),
        Figure("throughput, whole local stack", done.job.total / seconds, "rows/s"),
    ]


def beside(stack: LocalStack) -> list[Figure]:
    """Commands published one after the other while a file is imported."""
    airports = type(strategies.find("airports"))
    handlers.command_type("BENCH_BESIDE")
    strategies.import_strategy("bench-beside")(
        type("Beside", (airports,), {"type": "BENCH_BESIDE"})
    )
    rows = _airports(BESIDE_ROWS)
    thread = threading.Thread(target=lambda: _import(stack, rows, name="bench-beside"))
    watch, seconds = Watch("ORDER"), list[float]()
    with watch.installed(), Client(stack.http) as client:
        thread.start()
        while thread.is_alive():
            code = f"beside-{len(seconds)}"
            body = {"type": "ORDER", "code": code, "name": code}
            began = time.perf_counter()
            client.send("POST", "/commands", {**body, "attributes": {"customer": "a", "total": 1}})
            seconds.append(reached(watch, code) - began)
    cuts = quantiles(seconds, n=100)
    return [
        Figure("a command beside an import, p50", cuts[49], "s"),
        Figure("a command beside an import, p99", cuts[98], "s", 2),
    ]


class Nothing:
    """A data table in which nothing is."""

    def snapshots(self, _keys: Iterable[ItemKey]) -> dict[ItemKey, Any]:
        """Find nothing."""
        return {}


class Counted:
    """The markers of batches, in memory."""

    def __init__(self) -> None:
        """Count nothing yet."""
        self._lock = threading.Lock()
        self._markers: dict[int, Marker] = {}

    def count(self, _key: ImportKey, marker: Marker) -> Counts:
        """Count a batch once."""
        with self._lock:
            return self._markers.setdefault(marker.first, marker).counts

    def counts(self, _key: ImportKey) -> Counts:
        """All batches together."""
        with self._lock:
            return sum((each.counts for each in self._markers.values()), Counts())

    def mapping(self, _key: MappingKey) -> None:
        """Find no headings: none were kept."""

    def markers(self, _key: ImportKey) -> Iterator[Marker]:
        """The batches in their order."""
        with self._lock:
            return iter(sorted(self._markers.values(), key=lambda each: each.first))


def million(stack: LocalStack) -> list[Figure]:
    """A million rows through csv_loader and the Map: a dry run, its counters in memory."""
    growth, seconds = {}, 0.0
    for count in (MILLION // 10, MILLION):
        with (
            bootstrap.override(data=Nothing(), imports=Counted()),
            tempfile.TemporaryFile() as file,
        ):
            file.writelines(_repeated(count))
            file.seek(0)
            before = _resident()
            began = time.perf_counter()
            peak, done = _watched(stack, file)
            seconds = time.perf_counter() - began
        assert done.counts == Counts(created=count), done
        growth[count] = peak - before
    return [
        Figure("a million rows through loader and Map", MILLION / seconds, "rows/s"),
        Figure("memory of all that, a million rows", growth[MILLION] / 1024, "MiB more", 128),
        Figure("memory of all that, 100,000 rows", growth[MILLION // 10] / 1024, "MiB more"),
    ]


def _watched(stack: LocalStack, file: Any) -> tuple[int, Progress]:
    """Import a file as a dry run; answers the most memory it took, in KiB."""
    peak = _resident()
    is_over = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not is_over.wait(0.2):
            peak = max(peak, _resident())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        done = _import_file(stack, file, TABLE, PublishMode.SYNC, dry_run=True)
    finally:
        is_over.set()
        thread.join()
    return peak, done


def _resident() -> int:
    """The memory of this process in KiB: the engine's and the functions'."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) if found else 0


def _machine_s(invocations: Counter[str]) -> int:
    """The invocations of the import machine's own functions."""
    return sum(count for name, count in invocations.items() if name.startswith(MACHINE))


def _airports(count: int) -> list[list[str]]:
    """The header, and so many rows."""
    with SOURCE.open(encoding="utf-8", newline="") as file:
        return list(islice(csv.reader(file), count + 1))


def _renamed(row: list[str]) -> list[str]:
    return [*row[:2], f"{row[2]} II", *row[3:]]


def _import(
    stack: LocalStack,
    table: list[list[str]],
    publish_mode: PublishMode = PublishMode.SYNC,
    name: str = TABLE,
) -> Progress:
    text = StringIO(newline="")
    csv.writer(text).writerows(table)
    return _import_file(stack, text.getvalue().encode(), name, publish_mode)


def _import_file(
    stack: LocalStack, body: Any, name: str, mode: PublishMode, *, dry_run: bool = False
) -> Progress:
    """Have the machine import a file, and wait for its end without asking too often."""
    service = ImportService("tenant1")
    key = service.upload_key("airports.csv")
    bucket = stack.outputs["ImportBucketName"]
    stack.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    ended: list[str] = []

    def on_status_change(execution: dict[str, str]) -> None:
        is_ours = execution["stateMachineArn"].endswith("-import-csv")
        if is_ours and execution["status"] != "RUNNING":
            ended.append(execution["executionArn"])

    stack.engine.on_status_change.append(on_status_change)
    request = Request(table=name, key=key, publish_mode=mode, dry_run=dry_run)
    job = service.start(request).job
    until(lambda: bool(ended), PATIENCE_SECONDS)
    stack.engine.on_status_change.remove(on_status_change)
    progress = service.get(job.key.id)
    assert isinstance(progress, Progress)
    return progress


def _scan(data: bytes) -> float:
    began = time.process_time()
    scan = open_csv(_chunks(data), strategies.find("airports").known_columns()).scan()
    assert scan.obstacle is None
    return scan.rows / (time.process_time() - began)


def _rewrite(data: bytes) -> float:
    began = time.process_time()
    file = open_csv(_chunks(data), strategies.find("airports").known_columns())
    count = sum(1 for row in file.rows() if row.as_json_line())
    return count / (time.process_time() - began)


def _chunks(data: bytes) -> Iterator[bytes]:
    return (data[start : start + CHUNK] for start in range(0, len(data), CHUNK))


def _repeated(count: int) -> Iterator[bytes]:
    header, *lines = SOURCE.read_bytes().splitlines(keepends=True)
    yield header
    while count > 0:
        yield b"".join(lines[:count])
        count -= len(lines)


def _print_memory(count: int) -> None:
    from shop.airport_import import Airports  # noqa: PLC0415 - in the measured process only

    scan = open_csv(_repeated(count), Airports.known_columns()).scan()
    assert scan.rows == count
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--rows"]:
        sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples/shop/app"))
        _print_memory(int(sys.argv[2]))
    else:
        main("Imported rows, everything counted from the job to its end", measure)
