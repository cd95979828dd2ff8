"""The log lines of an execution's functions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from sfn_cqrs_tools.client.log_lines import LogLine, parsed
from sfn_cqrs_tools.client.log_source import of_aws
from sfn_cqrs_tools.client.runs import Run
from sfn_cqrs_tools.console.backend import Backend
from sfn_cqrs_tools.console.masking import masked

MOST_LINES: Final = 500
MOST_BYTES: Final = 64 * 1024 * 1024
"""The end of the local log that is searched."""
AFTERWARDS: Final = timedelta(minutes=2)
"""A sweep may still log something of an execution that has ended."""


def lines_of(backend: Backend, run: Run) -> list[LogLine]:
    """Return the lines that name an execution, in order; 500 at most."""
    path = backend.target.log
    lines = _on_aws(backend, run) if path is None else _in_file(path, run.name)
    return list(islice(lines, MOST_LINES))


def _in_file(path: Path, name: str) -> Iterator[LogLine]:
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - MOST_BYTES, 0))
        wanted = name.encode()
        found = [line.decode(errors="replace") for line in file if wanted in line]
    yield from parsed(map(masked, found))


def _on_aws(backend: Backend, run: Run) -> Iterator[LogLine]:
    until = (run.stopped or datetime.now(UTC)) + AFTERWARDS
    pages = backend.client("logs").get_paginator("filter_log_events")
    for page in pages.paginate(
        logGroupName=backend.target.physical_id("FunctionLogGroup"),
        startTime=int(run.started.timestamp() * 1000),
        endTime=int(until.timestamp() * 1000),
        filterPattern=f'"{run.name}"',
    ):
        for event in page["events"]:
            yield of_aws({**event, "message": masked(event["message"])})
