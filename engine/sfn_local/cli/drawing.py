"""A state machine in the terminal, in one of the forms that there are."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from sfn_local.cli.command import json_option, print_json, several
from sfn_local.cli.showing import echo, styled
from sfn_local.document import Json
from sfn_local.graph import CAUGHT, FAILED, RUNNING, SUCCEEDED, Taken, drawn, mermaid, svg
from sfn_local.graph.drawn import BOXES, LABEL, NAME, PLAIN, WAY
from sfn_local.graph.model import read_graph
from sfn_local.graph.notes import Stay, report
from sfn_local.graph.taken import NOT_TAKEN

COLOURS: Mapping[str, dict[str, Any]] = {
    SUCCEEDED: {"fg": "green"},
    CAUGHT: {"fg": "yellow"},
    FAILED: {"fg": "red", "bold": True},
    RUNNING: {"fg": "blue", "bold": True},
    NOT_TAKEN: {"dim": True},
    WAY: {"dim": True},
    LABEL: {"dim": True},
    NAME: {"bold": True},
}


drawing_options = several(
    click.option("--svg", "svg_path", metavar="FILE", help="Write an SVG picture; - is stdout."),
    click.option("--mermaid", "as_mermaid", is_flag=True, help="Print Mermaid text, for Markdown."),
    json_option,
)
"""Choose another form than a drawing in text."""


def print_drawing(
    definition: Json,
    path: Taken | None,
    found: Mapping[str, Stay],
    notes: Mapping[str, str],
    *,
    svg_path: str | None,
    as_mermaid: bool,
    as_json: bool,
) -> None:
    """Print a state machine, or write its picture; `notes` follow the states.

    Raises:
        ValueError: the definition has no states.
    """
    if as_json:
        print_json(report(read_graph(definition), path, found))
    elif svg_path is not None:
        _write(svg(definition, path), svg_path)
    elif as_mermaid:
        echo(mermaid(definition, path), nl=False)
    else:
        said = {name: stay.words for name, stay in found.items()}
        said |= {
            name: ", ".join(filter(None, (said.get(name), one))) for name, one in notes.items()
        }
        for line in drawn(definition, path, said, pens=BOXES if _has_boxes() else PLAIN):
            echo(*(styled(part.text, **COLOURS.get(part.look, {})) for part in line))


def _write(picture: str, path: str) -> None:
    if path == "-":
        echo(picture, nl=False)
    else:
        Path(path).write_text(picture, encoding="utf-8")


def _has_boxes() -> bool:
    """Return whether the reader sees more than ASCII: a terminal of Unicode does."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return sys.stdout.isatty() and encoding.startswith("utf")
