"""errors.csv: the rows that failed, as the file had them, with the reason of each."""

import csv
import re
from collections.abc import Iterable
from typing import IO

from sfn_cqrs.domain.csv_header import REPORT_COLUMNS

_FORMULA = re.compile(r"[\s\"']*[=+\-@\t\r\n\0＝＋－＠]")
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)*([eE][+-]?[0-9]+)?%?")


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; plain numbers stay as they are.

    Source: CWE-1236, https://owasp.org/www-community/attacks/CSV_Injection
    """
    if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def write_report(
    file: IO[str],
    header: tuple[str, ...],
    failed: Iterable[tuple[int, list[str], str, str]],
) -> int:
    """Write rows as (number, cells, code, reason); answers how many.

    A row of another length is cut or filled, so that the last three columns stay in place.
    """
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow([safe(name) for name in header] + list(REPORT_COLUMNS))
    count = 0
    width = len(header)
    for number, cells, code, reason in failed:
        shown = [*cells[:width], *[""] * (width - len(cells))]
        writer.writerow([*map(safe, shown), str(number), code, safe(reason)])
        count += 1
    return count
