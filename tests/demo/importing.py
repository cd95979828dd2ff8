"""What the demonstration's imports share: rows of airports, and how they are sent and looked at."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs_tools.client.api import Api
from sfn_cqrs_tools.client.imports import watched
from sfn_cqrs_tools.client.upload import upload
from sfn_cqrs_tools.terminal.progress import progress
from sfn_cqrs_tools.testing.client import UnexpectedError

if TYPE_CHECKING:
    from rich.console import Console

    from sfn_cqrs_tools.stack.local_stack import LocalStack

TABLE: Final = "airports"
NUMBERS: Final = ("elevation", "lat", "lon")
Row = dict[str, str]


def airports(count: int | None) -> list[Row]:
    """Return the rows of `airportsdata`, or so many of them from all over the world."""
    rows = _world()
    step = max(1, len(rows) // count) if count else 1
    return rows[::step][:count]


@cache
def _world() -> list[Row]:
    text = files("airportsdata").joinpath("airports.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def csv_of(rows: list[Row], delimiter: str = ",") -> str:
    """Return rows as the text of a file."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def item_of(row: Row, version: int) -> dict[str, Any]:
    """Return the item that a row must become; an import strips the blanks around a cell."""
    cells = {column: cell.strip() for column, cell in row.items()}
    attributes: dict[str, Any] = {
        column: cell for column, cell in cells.items() if column not in ("icao", "name")
    }
    for column in NUMBERS:
        attributes[column] = float(cells[column])
    return {"version": version, "name": cells["name"], "attributes": attributes}


class Importer:
    """Imports for one tenant, whose items nobody else writes."""

    def __init__(self, stack: LocalStack, console: Console, tenant: str) -> None:
        """Take the stack, and where to show how far an import is."""
        headers = {"content-type": "application/json", "x-tenant-code": tenant}
        self.api = Api(stack.http, headers, proxies=False)
        self._stack = stack
        self._console = console
        self._tenant = tenant

    def run(self, path: Path, **asked: str) -> tuple[dict[str, Any], float]:
        """Upload a file and have the machine import it; the job as it has ended, and seconds.

        Raises:
            UnexpectedError: it was not imported at all.
        """
        size = path.stat().st_size
        with progress(self._console, "Uploaded", size, in_bytes=True) as update:
            key = upload(self.api, path, None, update)
        body = {"key": key, "processingMode": "STEP_FUNCTION", **asked}
        began = time.monotonic()
        job = watched(self.api, self.api.post("/imports", json.dumps(body)), self._console)
        if "error" in job:
            raise UnexpectedError(f"{path.name} was not imported: {job['error']['message']}")
        return job, time.monotonic() - began

    def items(self) -> dict[str, dict[str, Any]]:
        """Return the tenant's items by code, as `item_of` makes them."""
        return {
            each["code"]: {name: each[name] for name in ("version", "name", "attributes")}
            for page in self._pages("DataTableName")
            for each in map(unmarshal, page["Items"])
        }

    def versions(self) -> int:
        """Return how many versions of the tenant's items there are, whoever wrote them."""
        return sum(page["Count"] for page in self._pages("CommandsTableName", Select="COUNT"))

    def _pages(self, table: str, **how: str) -> Iterator[dict[str, Any]]:
        """Return pages of the tenant's items in a table, 1 MB each; the HTTP API's are small."""
        scan = self._stack.client("dynamodb").get_paginator("scan")
        pages: Iterator[dict[str, Any]] = scan.paginate(
            TableName=self._stack.outputs[table],
            FilterExpression="tenant = :tenant",
            ExpressionAttributeValues={":tenant": {"S": self._tenant}},
            **how,
        )
        return pages
