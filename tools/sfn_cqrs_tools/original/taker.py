"""What takes rows of the original over: from where, how they are read, and where that is told."""

from __future__ import annotations

from dataclasses import dataclass

from sfn_cqrs_tools.original.report import Report
from sfn_cqrs_tools.original.rows import Reading
from sfn_cqrs_tools.original.shelf import Shelf


@dataclass
class Taker:
    """Takes the rows of one tenant, or of all; a dry run writes nothing."""

    shelf: Shelf
    reading: Reading
    report: Report
    tenant: str | None = None
    is_dry: bool = False
