"""The header of a CSV file: which of its columns are whose.

Names are compared without case, width and blanks around them, so that `ＩＣＡＯ ` is `icao`.
"""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sfn_cqrs.kernel.errors import InvalidFileError

MAX_COLUMNS = 500
MAX_HEADER_BYTES = 16 * 1024
REPORT_COLUMNS = ("row", "code", "reason")
"""The columns that errors.csv adds; a corrected file is imported again with them."""


def without_report(header: tuple[str, ...], columns: tuple[str | None, ...]) -> tuple[str, ...]:
    """The header without the columns that an errors.csv has added, if the file was one."""
    last = len(REPORT_COLUMNS)
    was_report = (
        tuple(map(folded, header[-last:])) == REPORT_COLUMNS and columns[-last:] == (None,) * last
    )
    return header[:-last] if was_report else header


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a table knows.

    `aliases` are other names for them, such as `{"latitude": "lat"}`. A column that is not
    known refuses the file, or is left out.
    """

    names: tuple[str, ...]
    required: frozenset[str]
    aliases: Mapping[str, str] = field(default_factory=dict)
    refuses_unknown: bool = True

    def assigned(self, header: Sequence[str]) -> tuple[str | None, ...]:
        """The column of each cell of the header; None for one that is left out.

        Raises:
            InvalidFileError: a name is missing, unknown, empty or there twice.
        """
        check_size(header)
        known = self._known()
        own = len(header) - len(REPORT_COLUMNS) * self.is_report(header)
        columns = [known.get(folded(name)) for name in header[:own]]
        self._check(list(header[:own]), columns)
        return (*columns, *[None] * (len(header) - own))

    def also_called(self, mapping: Mapping[str, str]) -> "Columns":
        """Return the same columns with more names for them, by heading."""
        return replace(self, aliases={**self.aliases, **mapping})

    def unless_named(self, mapping: Mapping[str, str]) -> dict[str, str]:
        """Return the headings of a mapping that no column has for its name already."""
        known = self._known()
        return {heading: name for heading, name in mapping.items() if folded(heading) not in known}

    def is_report(self, header: Sequence[str]) -> bool:
        """Whether a file is an errors.csv, by its header."""
        ends = tuple(map(folded, header[-len(REPORT_COLUMNS) :]))
        return "row" not in self._known() and ends == REPORT_COLUMNS

    def count_of_known(self, header: Sequence[str]) -> int:
        """How many names of a header are known; the right delimiter gives the most."""
        known = self._known()
        return sum(folded(name) in known for name in header)

    def _known(self) -> dict[str, str]:
        own = {folded(name): name for name in self.names}
        return own | {folded(alias): name for alias, name in self.aliases.items()}

    def _check(self, header: list[str], columns: list[str | None]) -> None:
        counts = Counter(column for column in columns if column is not None)
        twice = sorted(column for column, count in counts.items() if count > 1)
        if twice:
            raise InvalidFileError(
                "header_duplicate", f"the header names {_listed(twice)} more than once"
            )
        missing = sorted(self.required - counts.keys())
        if missing:
            raise InvalidFileError(
                "header_missing",
                f"the header lacks {_listed(missing)}; it has {_listed(header)}",
            )
        if self.refuses_unknown:
            self._refuse_unknown(header, columns)

    def _refuse_unknown(self, header: list[str], columns: list[str | None]) -> None:
        unknown = [place for place, column in enumerate(columns) if column is None]
        empty = [letters(place) for place in unknown if not header[place].strip()]
        if empty:
            raise InvalidFileError(
                "header_empty", f"column {', '.join(empty)} has no name; name it or remove it"
            )
        if unknown:
            raise InvalidFileError(
                "header_unknown",
                f"the header has {_listed([header[place] for place in unknown])}, which this"
                f" table does not know; it knows {_listed(list(self.names))}",
            )


def folded(name: str) -> str:
    """A name as names are compared."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def letters(place: int) -> str:
    """A column as a spreadsheet names it: A, B, … Z, AA."""
    name = ""
    place += 1
    while place:
        place, digit = divmod(place - 1, 26)
        name = chr(ord("A") + digit) + name
    return name


def check_size(header: Sequence[str]) -> None:
    """Refuse a header that is larger than a file's may be.

    Raises:
        InvalidFileError: it has too many columns or bytes.
    """
    size = sum(len(name.encode("utf-8", "replace")) for name in header)
    if len(header) > MAX_COLUMNS or size > MAX_HEADER_BYTES:
        raise InvalidFileError(
            "header_too_large",
            f"the header has {len(header)} columns and {size} bytes;"
            f" at most {MAX_COLUMNS} and {MAX_HEADER_BYTES} are read",
        )


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name[:64]) for name in names[:10])
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown  # noqa: PLR2004
