"""The files of imports: those with a row of an erased person are deleted, in all versions.

A file is deleted whole: the import that read it has its counts, and the others' rows are items by
now. Only errors.csv keeps its other rows.
"""

import codecs
import csv
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.object_versions import Version
from sfn_cqrs.kernel.erasure import CountFiles, Erasure, Matches, names
from sfn_cqrs.kernel.errors import InvalidFileError
from sfn_cqrs.kernel.keys import ImportKey, ZipKey
from sfn_cqrs.machines.import_csv.csv.formulas import plain
from sfn_cqrs.machines.import_csv.csv.report import BYTE_ORDER_MARK, report_line
from sfn_cqrs.machines.import_csv.csv.text import Text

REPORT: Final = "/errors.csv"
_DELIMITERS: Final = ",;\t|"


class Files:
    """The files of one tenant; some have rows of a person."""

    def __init__(self, erasure: Erasure, matches: Matches, busy: set[str], *, writes: bool) -> None:
        """Look for a person in the files; those that are `busy` are left for the next pass."""
        self._erasure = erasure
        self._matches: Matches = lambda cell: matches(cell) or matches(plain(cell))
        self._busy = busy
        self._writes = writes
        self._bucket = bootstrap.import_bucket()
        self.count = 0
        self.left: list[str] = []

    def run(self) -> None:
        """Delete what has a row of the person, and the archives that such files came from."""
        tenant = self._erasure.key.tenant
        archives: set[str] = set()
        for prefix in (f"jobs/{tenant}/", f"uploads/{tenant}/"):
            for version in self._bucket.versions(prefix):
                if version.has_content and self._has_to_go(version):
                    self._erase(version)
                    archives |= {part for part in version.key.split("/") if part[:2] == "z-"}
        for source in self._sources(archives):
            for version in self._bucket.versions(source):
                self._erase(version)

    def _sources(self, archives: set[str]) -> Iterator[str]:
        for id_ in sorted(archives):
            job = bootstrap.zip_jobs().find(ZipKey.of(self._erasure.key.tenant, id_))
            if job is not None:
                yield job.source.key

    def _erase(self, version: Version) -> None:
        if not self._writes:
            self.count += 1
            return
        if version.key in self._busy or not self._busy.isdisjoint(version.key.split("/")):
            self.left.append(f"files: {version.key} is still read by an import")
            return
        bootstrap.erasures().change(self._erasure.key, CountFiles(1))
        if version.key.endswith(REPORT) and version.is_latest:
            import_ = ImportKey.of(self._erasure.key.tenant, version.key.split("/")[2])
            self._bucket.put_report(import_, self._other_rows(version))
        self._bucket.delete([version])

    def _has_to_go(self, version: Version) -> bool:
        """Return whether a file names the person; one that cannot be read is left, and named."""
        try:
            return self._names_the_person(version)
        except (csv.Error, RecursionError, ValueError) as error:
            self.left.append(f"files: {version.key} cannot be read: {type(error).__name__}")
            return False

    def _names_the_person(self, version: Version) -> bool:
        """Return whether a cell of a file is what names the person."""
        if version.key.lower().endswith(".zip"):
            return False  # its files are looked at
        if version.key.endswith((".json", ".jsonl")):  # our own
            texts = codecs.iterdecode(self._bucket.content(version), "utf-8", "replace")
            return any(names(value, self._matches) for value in _as_json(texts))
        try:
            return any(names(row, self._matches) for row in _as_rows(self._text(version)))
        except InvalidFileError:
            return False  # no text, so no import has read it

    def _other_rows(self, version: Version) -> Iterator[str]:
        yield BYTE_ORDER_MARK
        for row in csv.reader(_lines(self._text(version))):
            if not names(row, self._matches):
                yield report_line(row)

    def _text(self, version: Version) -> Iterator[str]:
        return Text(self._bucket.content(version)).blocks()


def _lines(blocks: Iterable[str]) -> Iterator[str]:
    held = ""
    for block in blocks:
        *whole, held = (held + block).split("\n")
        yield from (f"{line}\n" for line in whole)
    if held:
        yield held


def _as_json(blocks: Iterable[str]) -> Iterator[object]:
    for line in _lines(blocks):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            yield line


def _as_rows(blocks: Iterable[str]) -> Iterator[list[str]]:
    lines = _lines(blocks)
    first = next(lines, "")
    delimiter = max(_DELIMITERS, key=first.count)
    for row in csv.reader(chain([first], lines), delimiter=delimiter):
        yield [cell.strip() for cell in row]
