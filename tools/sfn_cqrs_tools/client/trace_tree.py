"""A trace drawn as a tree: the calls, when they began, how long they took, which failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.text import Text
from rich.tree import Tree

from sfn_cqrs_tools.client.traces import Segment, with_depth


def draw_trace(id_: str, segments: Sequence[Segment]) -> Tree:
    """Return a drawing of a trace; times count from its first segment."""
    began = min(one.began for one in segments)
    whole = max(one.ended for _, one in with_depth(segments)) - began
    tree = Tree(Text.assemble((id_, "bold"), ("  ", ""), (_time(whole), "dim")))
    _draw(tree, segments, began)
    return tree


def _draw(tree: Tree, segments: Iterable[Segment], began: float) -> None:
    for one in segments:
        failure = failure_of(one)
        style = "red" if failure else ""
        line = Text.assemble((name_of(one), style), (f"  +{_time(one.began - began)}", "dim"))
        line.append(f"  {_time(one.ended - one.began)}", style="cyan")
        if failure:
            line.append(f"  {failure}", style="red")
        _draw(tree.add(line), one.below, began)


def name_of(segment: Segment) -> str:
    """Return what a segment is called: a function, an operation or a request."""
    document = segment.document
    operation = document.get("aws", {}).get("operation")
    status = document.get("http", {}).get("response", {}).get("status")
    name = f"{document['name']} {operation}" if operation else str(document["name"])
    return f"{name} {status}" if status and "request" in document["http"] else name


def failure_of(segment: Segment) -> str:
    """Return the class of the error with which a segment ended, or an empty text."""
    if not (segment.document.get("fault") or segment.document.get("error")):
        return ""
    cause: Any = segment.document.get("cause", {})
    exceptions = cause.get("exceptions", []) if isinstance(cause, dict) else []
    return str(exceptions[0].get("type", "failed")) if exceptions else "failed"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{max(seconds, 0) * 1000:.0f} ms"
