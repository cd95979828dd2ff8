"""errors.csv: the rows that failed, as the file had them, with the reason of each."""

import csv
from collections.abc import Iterable
from typing import IO

from sfn_cqrs.domain.csv_header import REPORT_COLUMNS
from sfn_cqrs.domain.formulas import safe
from sfn_cqrs.domain.imports import FailedRow


def write_report(file: IO[str], header: tuple[str, ...], failed: Iterable[FailedRow]) -> int:
    """Write rows, each with its number, its problem's code and the reason; answers how many.

    A row of another length is cut or filled, so that the last three columns stay in place. Every
    cell is quoted, and none is a formula, whatever separates cells where the file is opened.
    """
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([safe(name) for name in header] + list(REPORT_COLUMNS))
    count = 0
    width = len(header)
    for each in failed:
        cells, problem = each.row.cells, each.problem
        shown = [*cells[:width], *[""] * (width - len(cells))]
        numbered = [str(each.row.number), problem.code, safe(problem.reason)]
        writer.writerow([*map(safe, shown), *numbered])
        count += 1
    return count
