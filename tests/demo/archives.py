"""The demonstration's archive: three files of airports, two of them in CP932."""

from __future__ import annotations

import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tests.demo.compare import differ
from tests.demo.importing import Importer, Row, airports, csv_of, item_of
from tests.demo.step import Report, Scale

if TYPE_CHECKING:
    from rich.console import Console

    from sfn_cqrs_tools.stack.local_stack import LocalStack

TENANT: Final = "tenant3"
ROWS: Final = 100
FILES: Final = {
    "20261125120000-airports.csv": "utf-8",
    "20261125120001-airports.csv": "cp932",
    "20261125120002-airports.csv": "cp932",
}
"""The names say for which table; Japanese Windows writes CP932."""


def tell(stack: LocalStack, console: Console, scale: Scale) -> Report:
    """Import an archive, and compare every row of each file."""
    del scale
    rows = japanese_airports(ROWS * len(FILES))
    parts = {name: rows[place :: len(FILES)] for place, name in enumerate(FILES)}
    importer = Importer(stack, console, TENANT)
    with TemporaryDirectory(prefix="sfn-cqrs-demo-") as folder:
        path = Path(folder, "exports.zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, encoding in FILES.items():
                archive.writestr(name, csv_of(parts[name]).encode(encoding))
        console.print(f"\nImporting {path.name}, {len(FILES)} files of {ROWS} rows:\n")
        job, _ = importer.run(path, kind="zip")
    found = {
        file["name"]: (file["table"], file["status"], file["total"], file["created"])
        for file in job["files"]
    }
    return Report(
        [(f"{path.name}: rows in {len(FILES)} files", f"{job['created']:,}")],
        [
            *differ(path.name, dict.fromkeys(FILES, ("airports", "COMPLETED", ROWS, ROWS)), found),
            *differ("data", {row["icao"]: item_of(row, 1) for row in rows}, importer.items()),
        ],
    )


def japanese_airports(count: int) -> list[Row]:
    """Airports with names that are written in Japanese, and no letter that CP932 does not have."""
    named = ({**row, "name": f"{row['name']} 空港"} for row in airports(None))
    return [row for row in named if _is_cp932("".join(row.values()))][:count]


def _is_cp932(text: str) -> bool:
    try:
        text.encode("cp932")
    except UnicodeEncodeError:
        return False
    return True
