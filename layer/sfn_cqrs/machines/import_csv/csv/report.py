"""errors.csv: the rows that failed, as the file had them, with the reason of each."""

from collections.abc import Iterable, Iterator

from sfn_cqrs.machines.import_csv.csv.formulas import safe
from sfn_cqrs.machines.import_csv.csv.header import REPORT_COLUMNS
from sfn_cqrs.machines.import_csv.results import FailedRow

BYTE_ORDER_MARK = "\ufeff"
"""By which spreadsheets know UTF-8."""


def report_lines(header: tuple[str, ...], failed: Iterable[FailedRow]) -> Iterator[str]:
    """Yield the lines: the header, then each row with its number, its problem's code and reason.

    A row of another length is cut or filled, so that the last three columns stay in place. Every
    cell is quoted, and none is a formula, whatever separates cells where the file is opened.
    """
    yield BYTE_ORDER_MARK + report_line([*map(safe, header), *REPORT_COLUMNS])
    width = len(header)
    for each in failed:
        cells, problem = each.row.cells, each.problem
        shown = [*cells[:width], *[""] * (width - len(cells))]
        yield report_line(
            [*map(safe, shown), str(each.row.number), problem.code, safe(problem.reason)]
        )


def report_line(cells: list[str]) -> str:
    """Return a row as the report has it."""
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\r\n"
