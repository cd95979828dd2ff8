"""errors.csv: the rows that failed, as the file had them, with the reason of each."""

import csv
import re
from collections.abc import Iterable
from typing import IO

from sfn_cqrs.domain.csv_header import REPORT_COLUMNS
from sfn_cqrs.domain.imports import FailedRow

_FORMULA = re.compile(r"[\s\"']*[=+\-@\t\r\n\0＝＋－＠]")
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)*([eE][+-]?[0-9]+)?%?")


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; plain numbers stay as they are.

    Source: CWE-1236, https://owasp.org/www-community/attacks/CSV_Injection
    """
    if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def write_report(file: IO[str], header: tuple[str, ...], failed: Iterable[FailedRow]) -> int:
    """Write rows, each with its number, its problem's code and the reason; answers how many.

    A row of another length is cut or filled, so that the last three columns stay in place.
    """
    writer = csv.writer(file, lineterminator="\r\n")
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
