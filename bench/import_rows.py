"""What an imported row costs, and how fast a file is read.

The loader's passes run over the real airports many times over, by CPU time. The rows are 1,000
airports, then the same with another name, published SYNC with the data table's handler alone;
what is counted went over the wire to the local stack: the job, its batches and its end. The
peer is the TypeScript framework that this project re-implements, by its code.
"""

import csv
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from io import StringIO
from itertools import islice
from pathlib import Path

import airportsdata
from report import Figure, main

from sfn_cqrs.domain.csv_rows import open_csv
from sfn_cqrs.service import handlers, strategies
from sfn_cqrs.service.imports import Imported, ImportService, Request
from sfn_local.recorder import Recorder
from sfn_local.stack import LocalStack

SOURCE = Path(airportsdata.__file__).parent / "airports.csv"
ROWS = 1_000
MILLION = 1_000_000
CHUNK = 1024 * 1024
TABLE = "bench-airports"
DOLLARS_PER_WRU = 0.625e-6
DOLLARS_PER_RRU = 0.125e-6


def measure() -> list[Figure]:
    """Measure everything."""
    recorder = Recorder()
    with (
        tempfile.TemporaryDirectory() as state,
        LocalStack(state_dir=state, recorder=recorder, reload=False) as stack,
    ):
        return [*passes(), memory(), *rows(stack, recorder)]


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
    handlers.load()
    handlers.command_type("BENCH_AIRPORT")
    airports = type(strategies.find("airports"))
    strategies.import_strategy(TABLE)(type("Bench", (airports,), {"type": "BENCH_AIRPORT"}))
    with SOURCE.open(encoding="utf-8", newline="") as file:
        table = list(islice(csv.reader(file), ROWS + 1))
    changed = [table[0], *([row[0], row[1], f"{row[2]} II", *row[3:]] for row in table[1:])]
    recorder.clear()
    began = time.perf_counter()
    created = _import(stack, table)
    seconds = time.perf_counter() - began
    calls = sum(recorder.call_counts().values())
    written, read = recorder.write_units, recorder.read_units
    recorder.clear()
    updated = _import(stack, changed)
    assert created.progress.counts.created == ROWS
    assert updated.progress.counts.updated == ROWS
    rewritten = recorder.write_units / ROWS
    dollars = (written * DOLLARS_PER_WRU + read * DOLLARS_PER_RRU) / ROWS * MILLION
    return [
        Figure("AWS calls, 1,000 created rows", calls, "calls", 100, "19,000 invocations"),
        Figure("write units, a created row", written / ROWS, "WRU", 4.5, "15"),
        Figure("write units, a changed row", rewritten, "WRU", 6.5),
        Figure("DynamoDB, a million created rows", dollars, "$", 5, "318 in all"),
        Figure("rows, one after another", ROWS / seconds, "rows/s"),
    ]


def _import(stack: LocalStack, table: list[list[str]]) -> Imported:
    text = StringIO(newline="")
    csv.writer(text).writerows(table)
    service = ImportService("tenant1")
    key = service.upload_key("airports.csv")
    bucket = stack.outputs["ImportBucketName"]
    stack.client("s3").put_object(Bucket=bucket, Key=key, Body=text.getvalue().encode())
    return service.import_now(Request(table=TABLE, key=key))


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
        sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))
        _print_memory(int(sys.argv[2]))
    else:
        main("One imported row, everything counted from the job to its end", measure)
