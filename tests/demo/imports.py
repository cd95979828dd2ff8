"""The demonstration's imports: a file of airports, the same again, and one with mistakes."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from tests.demo.compare import differ
from tests.demo.importing import TABLE, Importer, Row, airports, csv_of, item_of
from tests.demo.step import Report, Scale

from sfn_cqrs_tools.client.imports import COUNTS

if TYPE_CHECKING:
    from rich.console import Console

    from sfn_cqrs_tools.stack.local_stack import LocalStack

TENANT: Final = "tenant2"
CHANGED, BROKEN = 200, 50
DIALECTS: Final = {"mixed.csv": ("utf-16", ";")}


@dataclass(frozen=True)
class Mistake:
    """What is put into a cell of a row, and why the row must fail then."""

    column: str
    cell: str
    reason: str


MISTAKES: Final = (
    Mistake("lat", "135.7", "lat: must be between -90 and 90, is 135.7"),
    Mistake("tz", "Mars/Olympus", "tz: 'Mars/Olympus' is not a time zone, such as Asia/Tokyo"),
    Mistake("country", "", "country: must not be empty"),
    Mistake("elevation", "high", "elevation: 'high' is not a number"),
    Mistake("icao", "", "code: must not be empty"),
)


def tell(stack: LocalStack, console: Console, scale: Scale) -> Report:
    """Import a file, the same again, then one with changes and mistakes; compare every row."""
    with TemporaryDirectory(prefix="sfn-cqrs-demo-") as folder:
        return ImportStory(stack, console, Path(folder), airports(scale.rows)).report()


class ImportStory:
    """One run on a stack that is up."""

    def __init__(self, stack: LocalStack, console: Console, folder: Path, rows: list[Row]) -> None:
        """Take the stack, where to tell, where to put files, and the rows to import."""
        self._importer = Importer(stack, console, TENANT)
        self._console = console
        self._folder = folder
        self._rows = rows
        self._found: list[str] = []
        self._numbers: list[tuple[str, str]] = []

    def report(self) -> Report:
        """Import everything, and compare."""
        rows = self._rows
        self._import("airports.csv", rows, "created", created=len(rows))
        versions = self._importer.versions()
        self._import("again.csv", rows, "unchanged", unchanged=len(rows))
        self._found += differ(
            "versions", {"written": versions}, {"written": self._importer.versions()}
        )

        changed, broken = self._changed(), self._broken()
        mixed = [{**row, **changed.get(n, {}), **broken.get(n, {})} for n, row in enumerate(rows)]
        expected = {
            "updated": len(changed),
            "failed": len(broken),
            "unchanged": len(rows) - len(changed) - len(broken),
        }
        job = self._import("mixed.csv", mixed, "gone through", **expected)
        self._compare_report(job["id"], mixed, broken)
        self._console.print("\nComparing data and read models with the source …\n")
        return Report(self._numbers, [*self._found, *self.compared()])

    def compared(self) -> list[str]:
        """Compare data, versions and read models with the source; return the differences.

        An import strips the blanks around a cell.
        """
        from shop import airports  # noqa: PLC0415 - the stack puts it on the path

        changed = self._changed()
        rows = [
            {column: cell.strip() for column, cell in {**row, **changed.get(place, {})}.items()}
            for place, row in enumerate(self._rows)
        ]
        version = {row["icao"]: 1 + (place in changed) for place, row in enumerate(rows)}
        listed = airports.by_icao().rows(TENANT, "airports")
        return [
            *differ(
                "data",
                {row["icao"]: item_of(row, version[row["icao"]]) for row in rows},
                self._importer.items(),
            ),
            *differ(
                "airports_by_country",
                dict(Counter(row["country"] for row in rows)),
                airports.airports_of(TENANT),
            ),
            *differ(
                "airports_by_icao",
                {row["icao"]: (row["name"], version[row["icao"]]) for row in rows},
                {row["sort"]: (row["name"], row["version"]) for row in listed},
            ),
            *differ(
                "versions",
                {"written": sum(version.values())},
                {"written": self._importer.versions()},
            ),
        ]

    def _import(self, name: str, rows: list[Row], what: str, **counts: int) -> dict[str, Any]:
        """Upload a file, have it imported by the machine, and compare how it is counted."""
        path = self._folder / name
        encoding, delimiter = DIALECTS.get(name, ("utf-8", ","))
        path.write_bytes(csv_of(rows, delimiter).encode(encoding))
        self._console.print(f"\nImporting {name}, {len(rows):,} rows in {encoding}:\n")
        job, seconds = self._importer.run(path, tableName=TABLE)
        self._numbers.append((f"{name}: rows {what}", f"{len(rows):,}"))
        self._numbers.append((f"{name}: rows/s", f"{len(rows) / seconds:,.0f}"))
        expected = {"total": len(rows), **dict.fromkeys(COUNTS, 0), **counts}
        self._found += differ(name, expected, {field: job[field] for field in expected})
        return job

    def _changed(self) -> dict[int, Row]:
        """Return rows with another name, by their place."""
        places = _spread(len(self._rows), CHANGED)
        return {place: {"name": f"{self._rows[place]['name']} (renamed)"} for place in places}

    def _broken(self) -> dict[int, Row]:
        """Return rows behind some of those, with one mistake each."""
        places = _spread(len(self._rows), CHANGED)[:: CHANGED // BROKEN]
        return {
            place + 1: {mistake.column: mistake.cell}
            for place, mistake in zip(places, cycle(MISTAKES), strict=False)
        }

    def _compare_report(self, id_: str, rows: list[Row], broken: Mapping[int, Row]) -> None:
        """Row by row: the file's own cells, the row as a spreadsheet counts, and the reason."""
        text = b"".join(self._importer.api.content(f"/imports/{id_}/errors.csv")).decode(
            "utf-8-sig"
        )
        found = {row.pop("row"): row for row in csv.DictReader(io.StringIO(text, newline=""))}
        expected = {
            str(place + 2): {
                **{column: _harmless(cell) for column, cell in rows[place].items()},
                "code": "invalid",
                "reason": mistake.reason,
            }
            for place, mistake in zip(broken, cycle(MISTAKES), strict=False)
        }
        self._found += differ("errors.csv, row", expected, found)


def _spread(rows: int, wanted: int) -> range:
    """Return so many places among all rows, none beside another; fewer if there are not many."""
    return range(0, rows - 1, max(2, rows // wanted))[:wanted]


def _harmless(cell: str) -> str:
    """Return a cell as errors.csv has it: a spreadsheet must not take it for a formula."""
    try:
        float(cell)
    except ValueError:
        return f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell
    return cell
