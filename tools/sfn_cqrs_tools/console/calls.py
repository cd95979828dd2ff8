"""The calls of an execution: each function, what it asked of AWS, how long that took."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from botocore.exceptions import ClientError

from sfn_cqrs_tools.client.runs import Run
from sfn_cqrs_tools.client.trace_tree import failure_of, name_of
from sfn_cqrs_tools.client.traces import Segment, segments_of, tree_of, with_depth
from sfn_cqrs_tools.console.backend import Backend
from sfn_cqrs_tools.runtime.trace_header import Trace
from sfn_cqrs_tools.runtime.traces import TraceFile

MOST_CALLS: Final = 500
WIDTH: Final = 1000
SMALLEST: Final = 3.0
AFTERWARDS: Final = timedelta(minutes=2)
"""How long handlers may still be at work, and X-Ray may still write, after an execution."""


@dataclass(frozen=True)
class Call:
    """A call; `begin` is in seconds after the first one, `x` and `width` are its bar."""

    name: str
    depth: int
    begin: float
    seconds: float
    error: str
    x: float
    width: float


@dataclass(frozen=True)
class Calls:
    """All calls in order; the slowest are those that called nothing else."""

    trace: str
    rows: list[Call]
    slowest: list[Call]
    failed: list[Call]
    hidden: int


def calls_of(backend: Backend, run: Run, *, is_whole: bool = False) -> Calls | None:
    """Return the calls of an execution, or of all that its request did; None without a trace."""
    path = backend.target.traces
    found = _in_file(TraceFile(path), run) if path is not None else _on_aws(backend, run)
    if not found or not found[1]:
        return None
    id_, roots = found
    return _drawn(id_, roots if is_whole else _below_execution(roots, run))


def may_grow(run: Run, now: datetime | None = None) -> bool:
    """Return whether its request may have more calls than are kept by now."""
    return run.stopped is None or (now or datetime.now(UTC)) - run.stopped < AFTERWARDS


def _in_file(file: TraceFile, run: Run) -> tuple[str, list[Segment]] | None:
    """Find the segment of the execution, then all of its trace."""
    name = f" {run.name}"
    mark = next((one for one in file.holding(name) if str(one["name"]).endswith(name)), None)
    if mark is None:
        return None
    id_ = str(mark["trace_id"])
    return id_, tree_of(file.holding(id_))


def _on_aws(backend: Backend, run: Run) -> tuple[str, list[Segment]] | None:
    header = Trace.parse(run.trace)
    if header is None:
        return None
    with suppress(ClientError):  # without the right to see traces there are none
        every = segments_of(backend.client("xray"), header.root)
        return header.root, tree_of(every)
    return None


def _below_execution(roots: list[Segment], run: Run) -> list[Segment]:
    """Return what an execution did; the whole trace if it does not name the execution."""
    for _, segment in with_depth(roots):
        named = str(segment.document["name"]).endswith(f" {run.name}")
        arn = segment.document.get("aws", {}).get("execution_arn")
        if named or arn == run.arn:
            return segment.below
    return roots


def _drawn(id_: str, roots: list[Segment]) -> Calls:
    every = list(with_depth(roots))
    began = min(one.began for _, one in every)
    whole = max(max(one.ended for _, one in every) - began, 1e-6)
    rows = [_call(segment, depth, began, whole) for depth, segment in every]
    leaves = [_call(one, 0, began, whole) for _, one in every if not one.below]
    return Calls(
        id_,
        rows[:MOST_CALLS],
        sorted(leaves, key=lambda one: -one.seconds)[:3],
        [one for one in rows if one.error],
        max(len(rows) - MOST_CALLS, 0),
    )


def _call(segment: Segment, depth: int, began: float, whole: float) -> Call:
    begin, seconds = segment.began - began, segment.ended - segment.began
    x = min(WIDTH * begin / whole, WIDTH - SMALLEST)
    width = min(max(WIDTH * seconds / whole, SMALLEST), WIDTH - x)
    return Call(
        name_of(segment),
        depth,
        begin,
        seconds,
        failure_of(segment),
        round(x, 1),
        round(width, 1),
    )
