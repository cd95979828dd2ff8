"""Cells that no spreadsheet takes for formulas, and back.

A file of commas that is opened where semicolons separate is cut at those within cells: after the
first cell's closing quote, later quotes mean nothing. So a formula may begin after any separator.

Source: CWE-1236, https://owasp.org/www-community/attacks/CSV_Injection
"""

import re

_SEPARATOR = re.compile("([;|\t\r\n])")
_SIGNS = r"=+\-@\0＝＋－＠﹦﹢﹣﹫"
_INVISIBLE = (
    r"\x00-\x1f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Control characters, and Unicode's Default_Ignorable_Code_Point."""
_SIGN = re.compile(f"[{_SIGNS}]")
_FORMULA = re.compile(rf"[\s\"'{_INVISIBLE}]*[{_SIGNS}]")
"""For `match` alone: a search would try each blank of a run, and take the run's length squared."""
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)*([eE][+-]?[0-9]+)?%?")
_BLANK_AT_FIRST = re.compile("'*[\t\r\n]")


def safe(cell: str) -> str:
    """Put an apostrophe before what would be calculated; a number that ends a cell is left."""
    if not _SIGN.search(cell) and not _BLANK_AT_FIRST.match(cell):
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
    """Return whether the end of a cell is a formula; a number before more text is not a number."""
    return _FORMULA.match(part) is not None and not _NUMBER.fullmatch(part)
