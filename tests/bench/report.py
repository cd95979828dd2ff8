"""How every benchmark prints its figures: a table, or one JSON object."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass

WHOLE = 1000
"""From here on, decimals say nothing."""


@dataclass(frozen=True)
class Figure:
    """One measured figure; `target` is the most, or with `at_least` the least, it may be."""

    name: str
    value: float
    unit: str
    target: float | None = None
    peer: str = ""
    at_least: bool = False

    @property
    def is_missed(self) -> bool:
        """Whether the target is missed."""
        if self.target is None:
            return False
        return self.value < self.target if self.at_least else self.value > self.target


def main(title: str, measure: Callable[[], list[Figure]]) -> None:
    """Measure, print, and exit 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    arguments = parser.parse_args()
    figures = measure()
    if arguments.json:
        print(json.dumps({each.name: _as_json(each) for each in figures}))
    else:
        _print_table(title, figures)
    sys.exit(any(each.is_missed for each in figures))


def _as_json(figure: Figure) -> dict[str, object]:
    return {
        "value": figure.value,
        "unit": figure.unit,
        "target": figure.target,
        "peer": figure.peer or None,
    }


def _print_table(title: str, figures: list[Figure]) -> None:
    rows = [("figure", "value", "unit", "target", "peer"), *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    print(f"{title}\n")
    for number, row in enumerate(rows):
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        print(f"| {' | '.join(cells)} |")
        if number == 0:
            print(f"|{'|'.join('-' * (width + 2) for width in widths)}|")


def _row(figure: Figure) -> tuple[str, str, str, str, str]:
    target = ""
    if figure.target is not None:
        target = f"{'≥' if figure.at_least else '≤'} {figure.target:g}"
    missed = " MISSED" if figure.is_missed else ""
    shown = f"{figure.value:,.0f}" if figure.value >= WHOLE else f"{figure.value:.4g}"
    return figure.name, shown, figure.unit, target + missed, figure.peer
