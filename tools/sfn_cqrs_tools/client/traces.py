"""The traces of a stack: from the local stack's files, or from X-Ray on AWS."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.runtime.state import StateFolder
from sfn_cqrs_tools.runtime.traces import TraceFile

Document = Mapping[str, Any]


@dataclass
class Segment:
    """A segment with those below it, the first begun first."""

    document: Document
    below: list[Segment] = field(default_factory=list)

    @property
    def began(self) -> float:
        """Return the start in seconds since 1970."""
        return float(self.document["start_time"])

    @property
    def ended(self) -> float:
        """Return when it ended; for an execution, when its last call ended."""
        own = float(self.document.get("end_time", self.began))
        if not self.document.get("in_progress"):
            return own
        return max([own, *(one.ended for one in self.below)])

    def as_json(self) -> dict[str, Any]:
        """Return the segment as `--json` prints it."""
        return {**self.document, "subsegments": [one.as_json() for one in self.below]}


def with_depth(segments: Iterable[Segment], depth: int = 0) -> Iterator[tuple[int, Segment]]:
    """Yield segments and those below them, each with how deep it is."""
    for one in segments:
        yield depth, one
        yield from with_depth(one.below, depth + 1)


def find_trace(wanted: str, state: Path, stack: str | None) -> tuple[str, list[Segment]]:
    """Return a trace by its id; on the local stack, a prefix or `@` for the latest also works.

    Raises:
        click.ClickException: there is no such trace, or there are several.
        StackError: no local stack runs there.
    """
    if stack is not None:
        return wanted, tree_of(_on_aws(wanted, state, stack))
    folder = StateFolder(state)
    folder.read()
    traces: dict[str, list[Document]] = defaultdict(list)
    for segment in TraceFile(folder.traces).segments():
        traces[segment["trace_id"]].append(segment)
    id_ = _latest(traces) if wanted == "@" else _by_beginning(wanted, traces)
    return id_, tree_of(traces[id_])


def tree_of(segments: Iterable[Document]) -> list[Segment]:
    """Return the segments without a parent here, each with those below it."""
    by_id = {one["id"]: Segment(one) for one in segments}
    roots: list[Segment] = []
    for segment in sorted(by_id.values(), key=lambda one: one.began):
        parent = by_id.get(segment.document.get("parent_id", ""))
        (roots if parent is None else parent.below).append(segment)
    return roots


def _by_beginning(wanted: str, traces: Iterable[str]) -> str:
    found = [id_ for id_ in traces if id_.startswith(wanted)]
    if not found:
        raise click.ClickException(
            f"no trace {wanted} is kept: `sfn-cqrs chain show TYPE CODE` shows the ids, and the"
            " stack keeps the latest traces only"
        )
    if len(found) > 1:
        raise click.ClickException(f"{wanted} may be {found[0]} or {found[1]}; give more of it")
    return found[0]


def _latest(traces: Mapping[str, list[Document]]) -> str:
    """Return the trace of the latest request that did more than read."""
    requests = [
        (segment["start_time"], id_)
        for id_, segments in traces.items()
        for segment in segments
        if "request" in segment.get("http", {}) and segment["http"]["request"]["method"] != "GET"
    ]
    if not requests:
        raise click.ClickException("no request was made yet that a trace is kept of")
    return max(requests)[1]


def _on_aws(id_: str, state: Path, stack: str) -> list[Document]:
    found = list(segments_of(find_target(state, stack).client("xray"), id_))
    if not found:
        raise click.ClickException(
            f"X-Ray has no trace {id_}: it samples, takes a minute, and keeps traces for 30 days"
        )
    return found


def segments_of(xray: Any, id_: str) -> Iterator[Document]:
    """Yield the segments that X-Ray has of a trace, and those inside them."""
    for page in xray.get_paginator("batch_get_traces").paginate(TraceIds=[id_]):
        for trace in page["Traces"]:
            for segment in trace["Segments"]:
                yield from _flattened(json.loads(segment["Document"]))


def _flattened(document: dict[str, Any]) -> Iterator[Document]:
    """Yield a segment of X-Ray, then those inside it, each with the id of its parent."""
    below = document.pop("subsegments", [])
    yield document
    for each in below:
        yield from _flattened({**each, "parent_id": document["id"]})
