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
    """Put an apostrophe before what would be calculated; a number that ends a cell is left."""
    if not _FORMULA.search(cell) and not _BLANK_AT_FIRST.match(cell):
        return cell
    *parts, last = _SEPARATOR.split(cell)
    shown = "".join(f"'{part}" if _FORMULA.match(part) else part for part in parts)
    shown += f"'{last}" if _is_formula(last) else last
    return f"'{shown}" if _BLANK_AT_FIRST.match(cell) else shown


def plain(cell: str) -> str:
    """Take away what `safe` has put."""
    if "'" not in cell:
        return cell
    shown = cell[1:] if cell[0] == "'" and _BLANK_AT_FIRST.match(cell) else cell
    *parts, last = _SEPARATOR.split(shown)
    found = "".join(
        part[1:] if part[:1] == "'" and _FORMULA.match(part[1:]) else part for part in parts
    )
    return found + (last[1:] if last[:1] == "'" and _is_formula(last[1:]) else last)


def _is_formula(part: str) -> bool:
    """Whether what ends a cell would be calculated; what stands before more text is no number."""
    return _FORMULA.match(part) is not None and not _NUMBER.fullmatch(part)
