"""What is worth knowing of each state of an execution, in a few words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sfn_local.graph.model import Graph
from sfn_local.graph.taken import Taken
from sfn_local.trace import Step, stopped_in, trace


@dataclass(frozen=True, slots=True)
class Stay:
    """All visits of a state together."""

    visits: int
    failed: int
    attempts: int
    seconds: float | None
    error: str | None

    @property
    def words(self) -> str:
        """Return it as a note of a drawing."""
        parts = [
            f"×{self.visits}" if self.visits > 1 else "",
            f"{self.failed} failed" if self.failed and self.visits > 1 else "",
            f"{self.attempts} attempts" if self.attempts > self.visits else "",
            show_seconds(self.seconds) if self.seconds else "",
            self.error or "",
        ]
        return ", ".join(part for part in parts if part)


def stays(events: Iterable[dict[str, Any]]) -> dict[str, Stay]:
    """Return the visits of each state in the events of GetExecutionHistory."""
    listed = list(events)
    visits: dict[str, list[Step]] = {}
    steps = trace(listed)
    for step in steps:
        visits.setdefault(step.name, []).append(step)
    reasons = {step.name: step.error for step in stopped_in(listed) if step.error}
    return {
        name: Stay(
            len(each),
            sum(step.error is not None for step in each),
            sum(step.attempts for step in each),
            _seconds(each),
            next((step.error for step in each[::-1] if step.error), reasons.get(name)),
        )
        for name, each in visits.items()
    }


def report(graph: Graph, path: Taken | None, found: Mapping[str, Stay]) -> dict[str, Any]:
    """Return what a drawing shows, for programs."""
    ways = [
        {
            "from": edge.source,
            "to": edge.target,
            "label": edge.label,
            "isCatch": edge.is_catch,
            "taken": path is not None
            and path.has(edge.source, edge.target, is_catch=edge.is_catch),
        }
        for edge in graph.edges
    ]
    return {
        "start": graph.start,
        "states": [
            {
                "name": node.name,
                "type": node.type,
                **_told(node.name, path, found.get(node.name)),
                "inner": [report(inner, path, found) for inner in node.inner],
            }
            for node in graph.nodes.values()
        ],
        "ways": ways,
    }


def show_seconds(seconds: float) -> str:
    """Write a length of time, with milliseconds where they matter."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:,.0f} ms"
    return f"{seconds:,.1f} s" if seconds % 1 else f"{seconds:,.0f} s"


def _told(name: str, path: Taken | None, stay: Stay | None) -> dict[str, Any]:
    if path is None:
        return {}
    return {
        "outcome": path.outcome(name),
        "visits": stay.visits if stay else 0,
        "failed": stay.failed if stay else 0,
        "attempts": stay.attempts if stay else 0,
        "seconds": stay.seconds if stay else None,
        "error": stay.error if stay else None,
    }


def _seconds(steps: list[Step]) -> float | None:
    spent = [step.seconds for step in steps if step.seconds is not None]
    return sum(spent) if len(spent) == len(steps) else None
