"""A chain drawn as text: each version, its end, its waits, and the cause of its failure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from rich.text import Text

from sfn_cqrs_tools.terminal.causes import code_of, cut, reason_of

_LOOKS: Final = {
    "APPLIED": ("●", "green"),
    "FAILED": ("✗", "bold red"),
    "BLOCKED": ("◌", "yellow"),
    "WAITING": ("◔", "cyan"),
    "OPEN": ("○", "blue"),
    "SKIPPED": ("–", "dim"),
}
_LONGEST_CAUSE: Final = 1_000


def draw_chain(versions: Iterable[Mapping[str, Any]]) -> Text:
    """Draw versions, as the API lists them, from the first to the last."""
    ordered = sorted(versions, key=lambda one: int(one["version"]))
    width = max((len(str(one["version"])) for one in ordered), default=1)
    lines: list[Text] = []
    for index, one in enumerate(ordered):
        is_last = index + 1 == len(ordered)
        margin = " " * (width + 3) + (" " if is_last else "│")
        lines.append(_version_line(one, width))
        if "error" in one:
            reason = cut(reason_of(one.get("cause")), _LONGEST_CAUSE)
            lines.append(Text(f"{margin}  {one['error']}: {reason}", style="red"))
            lines += [Text(f"{margin}  {line}") for line in code_of(one.get("cause"))]
        if "traceId" in one:
            lines.append(Text(f"{margin}  trace {one['traceId']}", style="dim"))
        elif "error" not in one and not is_last:
            lines.append(Text(margin, style="dim"))
    return Text("\n").join(lines)


def _version_line(version: Mapping[str, Any], width: int) -> Text:
    outcome = version["outcome"]
    mark, style = _LOOKS.get(outcome, ("?", ""))
    line = Text(f" v{version['version']:<{width}} ")
    line.append(f"{mark} {outcome:<8}", style=style)
    line.append(f" {version['status']}", style="dim")
    line.append("".join(f" · {note}" for note in _notes(version)))
    return line


def _notes(version: Mapping[str, Any]) -> Iterator[str]:
    if "waitsFor" in version:
        yield f"waits for v{version['waitsFor']}"
    if version["attempt"] > 1:
        yield f"attempt {version['attempt']}"
    if by := version.get("repairedBy"):
        yield f"{'skipped' if version['outcome'] == 'SKIPPED' else 'retried'} by {by}"
    if others := version.get("together"):
        names = (f"{one['type']} {one['code']} v{one['version']}" for one in others)
        yield f"together with {', '.join(names)}"
    if version.get("isDeleted"):
        yield "deletion"
    if version.get("mode") == "SYNC":
        yield "sync"
    if version.get("lane") == "EXPRESS" and version["attempt"] == 1:
        yield "express"
