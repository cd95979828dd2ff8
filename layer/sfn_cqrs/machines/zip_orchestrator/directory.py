"""A ZIP archive's directory: where its entries lie, and whether they can be read.

The standard library reads the directory, which lies at the archive's end, from a window of
bytes. It trusts the record that ends the directory, so that is looked at first.
"""

import io
import stat
import struct
import zipfile
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from sfn_cqrs.kernel.errors import InvalidFileError
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.zip_orchestrator.names import base_name, decoded_name, folders

MAX_ENTRIES = 1_000
MAX_RATIO = 200
MAX_HARMLESS_BYTES = 1024 * 1024
"""A small file may compress as well as it likes."""
MAX_DIRECTORY_BYTES = 4 * 1024 * 1024
TAIL_BYTES = 1024 * 1024
"""What is read first; it has the directory of all but the strangest archives."""
LOCAL_HEADER_BYTES = 30

_END = b"PK\x05\x06"
_END_BYTES = 22
_END64 = b"PK\x06\x06"
_END64_BYTES = 56
_LOCATOR = b"PK\x06\x07"
_LOCATOR_BYTES = 20
_MAX_COMMENT_BYTES = 0xFFFF
_DOS_FOLDER = 0x10
_UNIX = 3
_ENCRYPTED_FLAGS = 0x2041  # encrypted, strongly, or with a masked directory
_AES = 99
_STORED, _DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
_METHODS = {
    1: "Shrink",
    6: "Implode",
    9: "Deflate64",
    12: "bzip2",
    14: "LZMA",
    20: "Zstandard",
    93: "Zstandard",
    95: "xz",
    98: "PPMd",
}
_ARCHIVES = (".7z", ".bz2", ".gz", ".lzh", ".rar", ".tar", ".tgz", ".xz", ".zip", ".zst")
_UNREADABLE = (
    zipfile.BadZipFile,
    NotImplementedError,
    OSError,
    OverflowError,
    ValueError,
    struct.error,
)


class Kind(StrEnum):
    """The decision on an entry: it is imported, passed over, or refused."""

    CSV = "csv"
    SKIPPED = "skipped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry's bytes lie, and what they must become.

    `room` is how far the next entry, or the directory, is from this entry's header.
    """

    offset: int
    room: int
    method: int
    compressed: int
    size: int
    crc: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as the directory has it; the problem says why it is passed over or refused."""

    name: str
    kind: Kind
    place: Place
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class _End:
    """Where the last record lies, its copy without comment, and where the directory begins."""

    at: int
    record: bytes
    start: int


def directory_start(tail: bytes, size: int) -> int:
    """Where the directory of an archive of this size begins, from its last bytes.

    Raises:
        InvalidFileError: it is not an archive, is cut off or split, or has too many entries.
    """
    return _end_of(tail, size).start


def entries_of(window: bytes, size: int) -> list[Entry]:
    """The entries of an archive in the order of their names; the window is its end.

    Raises:
        InvalidFileError: the directory cannot be read, or has too many entries.
    """
    end = _end_of(window, size)
    first = size - len(window)
    if end.start < first:
        raise _damaged()
    readable = _Window(window[: end.at - first] + end.record, first)
    try:
        with zipfile.ZipFile(readable) as archive:
            infos = archive.infolist()
    except _UNREADABLE as error:
        raise _damaged(f" ({error})") from error
    _check_count(len(infos))
    places = _places(infos, end.start)
    entries = [_entry(*pair) for pair in zip(infos, places, strict=True)]
    return sorted(entries, key=lambda entry: (entry.name, entry.place.offset))


def data_offset(header: bytes, place: Place) -> int:
    """Where an entry's data begins, from the header before it.

    Raises:
        InvalidFileError: there is no such header, or the data runs into the next entry.
    """
    if len(header) < LOCAL_HEADER_BYTES or header[:4] != b"PK\x03\x04":
        raise InvalidFileError("damaged", "the entry's header is damaged; make the archive anew")
    name, extra = struct.unpack_from("<HH", header, 26)
    before: int = LOCAL_HEADER_BYTES + name + extra
    if before + place.compressed > place.room:
        raise InvalidFileError(
            "overlapping", "the entry runs into the next one; make the archive anew"
        )
    return place.offset + before


class _Window(io.RawIOBase):
    """The end of a file as if it were the whole; the part before it cannot be read."""

    def __init__(self, data: bytes, first: int) -> None:
        self._data, self._first, self._at = data, first, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        bases = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._first + len(self._data)}
        at: int = bases[whence] + offset
        if at < 0:
            raise OSError("before the beginning")
        self._at = at
        return at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        if self._at < self._first:
            return 0
        found = self._data[self._at - self._first :][: len(buffer)]
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


def _end_of(tail: bytes, size: int) -> _End:
    found = _last_record(tail)
    if found is None:
        raise InvalidFileError(
            "not_a_zip",
            "the file is not a ZIP archive, or one that is cut off: the directory at its end is"
            " missing; upload it again",
        )
    record = tail[found : found + _END_BYTES - 2] + b"\x00\x00"
    disk, first_disk, here, total, directory = struct.unpack_from("<HHHHL", record, 4)
    before = found
    if (end64 := _end64_of(tail, found)) is not None:
        disk, first_disk, here, total, directory = end64
        before -= _END64_BYTES + _LOCATOR_BYTES
    if disk or first_disk or here != total:
        raise InvalidFileError(
            "split", "the archive is one part of several; join them to a single archive first"
        )
    _check_count(total)
    start = size - len(tail) + before - directory
    if start < 0 or directory > MAX_DIRECTORY_BYTES:
        raise _damaged()
    return _End(size - len(tail) + found, record, start)


def _last_record(tail: bytes) -> int | None:
    """Where the last record begins, whose comment ends where the file does."""
    last = len(tail) - _END_BYTES
    at = tail.rfind(_END, 0, last + len(_END)) if last >= 0 else -1
    while at >= 0 and last - at <= _MAX_COMMENT_BYTES:
        (comment,) = struct.unpack_from("<H", tail, at + _END_BYTES - 2)
        if at + comment == last:
            return at
        at = tail.rfind(_END, 0, at)
    return None


def _end64_of(tail: bytes, end: int) -> tuple[int, int, int, int, int] | None:
    """The disks, counts and size in the larger record, which stands just before the last one."""
    locator = end - _LOCATOR_BYTES
    at = locator - _END64_BYTES
    if locator < 0 or tail[locator : locator + 4] != _LOCATOR:
        return None
    if at < 0 or tail[at : at + 4] != _END64:
        raise _damaged()
    found: tuple[int, int, int, int, int] = struct.unpack_from("<LLQQQ", tail, at + 16)
    return found


def _damaged(how: str = "") -> InvalidFileError:
    return InvalidFileError("damaged", f"the archive's directory is damaged{how}; make it anew")


def _check_count(count: int) -> None:
    if count > MAX_ENTRIES:
        raise InvalidFileError(
            "too_many_entries",
            f"the archive has more than {MAX_ENTRIES} entries; make several archives",
        )


def _places(infos: list[zipfile.ZipInfo], end: int) -> list[Place]:
    """Where the entries lie; two that share a header have no room."""
    shared = Counter(info.header_offset for info in infos)
    starts = sorted({*shared, end})
    room = {start: following - start for start, following in pairwise(starts)}
    return [
        Place(
            info.header_offset,
            room.get(info.header_offset, 0) if shared[info.header_offset] == 1 else 0,
            info.compress_type,
            info.compress_size,
            info.file_size,
            info.CRC,
        )
        for info in infos
    ]


def _entry(info: zipfile.ZipInfo, place: Place) -> Entry:
    raw = info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")
    name = decoded_name(raw, info.flag_bits, info.extra)
    if (reason := _passed_over(info, name)) is not None:
        return Entry(name, Kind.SKIPPED, place, reason)
    if (reason := _refused(info, name, place)) is not None:
        return Entry(name, Kind.REFUSED, place, reason)
    return Entry(name, Kind.CSV, place)


def _passed_over(info: zipfile.ZipInfo, name: str) -> Problem | None:
    mode = info.external_attr >> 16 if info.create_system == _UNIX else 0
    if name.endswith(("/", "\\")) or info.external_attr & _DOS_FOLDER or stat.S_ISDIR(mode):
        return Problem("folder", "a folder")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return Problem("link", "a link or a special file, which is never followed")
    base = base_name(name)
    if "__MACOSX" in folders(name) or base.startswith("._"):
        return Problem("resource_fork", "what macOS keeps beside a file")
    if not base.lower().endswith((".csv", *_ARCHIVES)):
        return Problem("not_csv", "only files whose names end in .csv are imported")
    return None


def _refused(info: zipfile.ZipInfo, name: str, place: Place) -> Problem | None:
    if name.lower().endswith(_ARCHIVES):
        return Problem("nested", "an archive in the archive; put its files into the archive itself")
    if info.flag_bits & _ENCRYPTED_FLAGS or place.method == _AES:
        return Problem("encrypted", "the file is encrypted; make the archive without a password")
    if place.method not in (_STORED, _DEFLATED):
        method = _METHODS.get(place.method, f"method {place.method}")
        return Problem(
            "unsupported_method", f"the file is compressed by {method}; use Deflate, or none"
        )
    if place.offset < 0 or LOCAL_HEADER_BYTES + place.compressed > place.room:
        return Problem("overlapping", "the file overlaps another entry; make the archive anew")
    if place.size > max(MAX_RATIO * place.compressed, MAX_HARMLESS_BYTES):
        return Problem(
            "ratio", f"the file becomes more than {MAX_RATIO} times as large when it is extracted"
        )
    return None
