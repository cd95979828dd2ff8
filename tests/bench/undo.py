"""What it costs to undo an import, and how long it takes on the local stack.

A thousand airports are imported, changed by another import, and that is undone; what is counted
went over the wire, as in import.py. Then all airports, without counting.
"""

import csv
import time
from io import StringIO
from itertools import islice
from pathlib import Path

import airportsdata
from report import Figure, main
from stacks import a_stack
from waiting import until, until_quiet

from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.progress import Progress
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.import_csv.service import Request
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService
from sfn_cqrs_tools.client.prices import DOLLARS, express
from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.stack.local_stack import LocalStack

SOURCE = Path(airportsdata.__file__).parent / "airports.csv"
ROWS, ALL = 1_000, 1_000_000
BATCH, BATCH_GB_SECONDS, CHILD_SECONDS = 100, 2.0, 5.0
MILLION = 1_000_000
PATIENCE_SECONDS = 900
AT_MOST = 2.0
"""Times what the import has cost."""


def measure() -> list[Figure]:
    """Measure the cost, then the time."""
    logger.setLevel("WARNING")
    recorder = Recorder()
    with a_stack(recorder) as stack:
        return [*of_a_million(stack, recorder), *airports(stack)]


def of_a_million(stack: LocalStack, recorder: Recorder) -> list[Figure]:
    """Reckon an import that changes rows, and its undo, by what a thousand rows take."""
    _declare("UNDO_SOME", "undo-some")
    table = some_airports(ROWS)
    import_rows(stack, "undo-some", table)
    until_quiet(recorder)
    recorder.clear()
    changed = import_rows(stack, "undo-some", _renamed(table))
    until_quiet(recorder)
    spent = {"the import": (_dollars(recorder), recorder.write_units, recorder.read_units)}
    recorder.clear()
    undone = _undone(changed)
    until_quiet(recorder)
    spent["its undo"] = (_dollars(recorder), recorder.write_units, recorder.read_units)
    assert changed.counts == undone.counts == Counts(updated=ROWS), undone
    ratio = spent["its undo"][0] / spent["the import"][0]
    return [
        *(
            Figure(f"write units a row, {name}", each[1] / ROWS, "WRU")
            for name, each in spent.items()
        ),
        *(
            Figure(f"read units a row, {name}", each[2] / ROWS, "RRU")
            for name, each in spent.items()
        ),
        *(
            Figure(f"a million changed rows, {name}", each[0] / ROWS * MILLION, "$")
            for name, each in spent.items()
        ),
        Figure("an undo, compared with its import", ratio, "times", AT_MOST),
    ]


def airports(stack: LocalStack) -> list[Figure]:
    """Undo an import that has changed all airports."""
    _declare("UNDO_ALL", "undo-all")
    table = some_airports(ALL)
    import_rows(stack, "undo-all", table)
    began = time.perf_counter()
    changed = import_rows(stack, "undo-all", _renamed(table))
    imported = time.perf_counter()
    undone = _undone(changed)
    seconds = time.perf_counter() - imported
    total = changed.job.total
    assert undone.counts == Counts(updated=total), undone
    return [
        Figure(f"{total:,} airports changed, whole local stack", imported - began, "s"),
        Figure(f"{total:,} airports undone, whole local stack", seconds, "s", 60),
    ]


def _dollars(recorder: Recorder) -> float:
    batches = ROWS / BATCH
    return (
        recorder.write_units * DOLLARS["write unit"]
        + recorder.read_units * DOLLARS["read unit"]
        + sum(recorder.invocation_counts().values()) * DOLLARS["invocation"]
        + batches * BATCH_GB_SECONDS * DOLLARS["GB-second, arm64"]
        + batches * express(CHILD_SECONDS)
        + 6 * DOLLARS["state transition"]
    )


def _declare(type_: str, table: str) -> None:
    airports_ = type(strategies.find("airports"))
    handlers.command_type(type_)
    strategies.import_strategy(table)(type("Bench", (airports_,), {"type": type_}))


def some_airports(count: int) -> list[list[str]]:
    """Return the header and the first airports of the file."""
    with SOURCE.open(encoding="utf-8", newline="") as file:
        return list(islice(csv.reader(file), count + 1))


def _renamed(table: list[list[str]]) -> list[list[str]]:
    header, *rows = table
    return [header, *([*row[:2], f"{row[2]} II", *row[3:]] for row in rows)]


def import_rows(
    stack: LocalStack, table: str, rows: list[list[str]], *, is_dry_run: bool = False
) -> Progress:
    """Import rows as a file, and wait for the end."""
    service, text = ImportService("tenant1"), StringIO(newline="")
    csv.writer(text).writerows(rows)
    key = service.upload_key("airports.csv")
    bucket = stack.outputs["ImportBucketName"]
    stack.client("s3").put_object(Bucket=bucket, Key=key, Body=text.getvalue().encode())
    return _ended(service, service.start(Request(table=table, key=key, dry_run=is_dry_run)))


def _undone(changed: Progress) -> Progress:
    service = ImportService("tenant1")
    return _ended(service, service.undo(changed.job.key.id))


def _ended(service: ImportService, progress: Progress) -> Progress:
    """Wait for a job's end by reading its item, which the counts leave alone."""
    id_ = progress.job.key.id
    until(lambda: not service._find(id_).status.is_open, PATIENCE_SECONDS)
    found = service.get(id_)
    assert isinstance(found, Progress)
    return found


if __name__ == "__main__":
    main("What it costs to undo an import", measure)
