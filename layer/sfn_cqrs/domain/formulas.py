"""Cells that no spreadsheet takes for formulas, and back.

A file of commas that is opened where semicolons separate is cut at those within cells: after the
first cell's closing quote, later quotes mean nothing. So a formula may begin after any separator.

Source: CWE-1236, https://owasp.org/www-community/attacks/CSV_Injection
"""

import re

_SEPARATOR = re.compile("([;|\t\r\n])")
_FORMULA = re.compile(r"[\s\"'\x00-\x1f\u200b-\u200f\u2060\ufeff]*[=+\-@\0＝＋－＠﹦﹢﹣﹫]")
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)*([eE][+-]?[0-9]+)?%?")
_BLANK_AT_FIRST = re.compile("'*[\t\r\n]")


def safe(cell: str) -> str:
    """Put an apostrophe before what would be calculated; plain numbers stay as they are."""
    if not _FORMULA.search(cell) and not _BLANK_AT_FIRST.match(cell):
        return cell
    shown = "".join(f"'{part}" if _is_formula(part) else part for part in _SEPARATOR.split(cell))
    return f"'{shown}" if _BLANK_AT_FIRST.match(cell) else shown


def plain(cell: str) -> str:
    """Take away what `safe` has put."""
    if "'" not in cell:
        return cell
    shown = cell[1:] if cell[0] == "'" and _BLANK_AT_FIRST.match(cell) else cell
    return "".join(
        part[1:] if part[:1] == "'" and _is_formula(part[1:]) else part
        for part in _SEPARATOR.split(shown)
    )


def _is_formula(part: str) -> bool:
    return _FORMULA.match(part) is not None and not _NUMBER.fullmatch(part)
