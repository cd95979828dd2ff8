"""The corpus: what archives people send, and what becomes of each of their entries.

The tables are `airports` and `orders`. A file is expected as its name with what it holds, or
with the code of why it is passed over or refused.
"""

import io
import random
import stat
import struct
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass, field

CSV = b"code,name\n1,a\n"
NAME = "20261125120000-airports.csv"
TABLES = frozenset({"airports", "orders"})
LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"


@dataclass(frozen=True)
class Refused:
    """A file that is FAILED, with the code of why."""

    code: str


@dataclass(frozen=True)
class Skipped:
    """An entry that is passed over, with the code of why."""

    code: str


@dataclass(frozen=True)
class Case:
    """An archive; either its files in their order, or why there are none."""

    data: bytes
    files: list[tuple[str, bytes | Refused | Skipped]] = field(default_factory=list)
    refused: str | None = None
    says: str = ""
    table: str | None = "airports"


def zipped(*entries, method=zipfile.ZIP_DEFLATED, comment=b"", before=b""):
    """An archive of (name or ZipInfo, content) pairs."""
    buffer = io.BytesIO()
    buffer.write(before)
    with zipfile.ZipFile(buffer, "a" if before else "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
        archive.comment = comment
    return buffer.getvalue()


def info(name, *, mode=0, extra=b"", comment=b""):
    made = zipfile.ZipInfo(name)
    made.create_system, made.external_attr = 3, mode << 16
    made.extra, made.comment, made.compress_type = extra, comment, zipfile.ZIP_DEFLATED
    return made


def renamed(data, before, after):
    """Put other bytes in the place of a name; both have the same length."""
    assert len(before) == len(after)
    return data.replace(before, after)


def patched(data, form, value, *, central=None, local=None, entry=0):
    """Change a field of an entry's header in the directory, of that before its data, or both."""
    raw = bytearray(data)
    for signature, offset in ((CENTRAL, central), (LOCAL, local)):
        at = -1
        for _ in range(entry + 1):
            at = raw.index(signature, at + 1)
        if offset is not None:
            struct.pack_into(form, raw, at + offset, value)
    return bytes(raw)


def end_patched(data, offset, form, value):
    raw = bytearray(data)
    struct.pack_into(form, raw, raw.rindex(b"PK\x05\x06") + offset, value)
    return bytes(raw)


def streamed(*entries):
    """An archive that was written to a pipe: sizes follow the data."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = bytearray()

        def writable(self):
            return True

        def write(self, data):
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return bytes(pipe.data)


def large_form(*entries):
    """An archive in ZIP64 form, of which no size or place is in the ordinary fields."""
    data = zipped(*entries)
    at = data.rindex(b"PK\x05\x06")
    count, size, start = struct.unpack_from("<HLL", data, at + 10)
    record = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    end = struct.pack(
        "<4sHHHHLLH", b"PK\x05\x06", 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0
    )
    return data[:at] + record + locator + end


def unicode_path(raw, name, *, checksum=None):
    text = name.encode()
    crc = zlib.crc32(raw) if checksum is None else checksum
    return struct.pack("<HHBL", 0x7075, 5 + len(text), 1, crc) + text


def forced_zip64():
    """An entry whose own sizes are in the ZIP64 field of the directory."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.csv", "w", force_zip64=True) as file,
    ):
        file.write(CSV)
    data = buffer.getvalue()
    at = data.index(CENTRAL)
    compressed, size = struct.unpack_from("<LL", data, at + 20)
    extra = struct.pack("<HHQQ", 1, 16, size, compressed)
    head = bytearray(data[at : at + 46])
    struct.pack_into("<LL", head, 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<H", head, 30, len(extra))
    end = bytearray(data[data.rindex(b"PK\x05\x06") :])
    struct.pack_into("<L", end, 12, len(head) + 5 + len(extra))
    return data[:at] + bytes(head) + b"a.csv" + extra + bytes(end)


def quoted():
    """The first entry's data runs over the second one, as in a bomb of overlapping entries."""
    data = zipped(("a.csv", CSV), ("b.csv", CSV), method=zipfile.ZIP_STORED)
    whole = len(CSV) + 30 + 5 + len(CSV)
    return patched(patched(data, "<L", whole, central=20), "<L", whole, central=24)


def padded():
    """Eight bytes more belong to the entry than its compressed data needs."""
    data = zipped(("a.csv", CSV))
    at, end = data.index(CENTRAL), data.rindex(b"PK\x05\x06")
    (packed,) = struct.unpack_from("<L", data, at + 20)
    longer = data[:at] + b"garbage!" + data[at:]
    longer = patched(longer, "<L", packed + 8, central=20)
    (start,) = struct.unpack_from("<L", data, end + 16)
    return end_patched(longer, 16, "<L", start + 8)


RANDOM = random.Random(4).randbytes(3_000_000)
LARGE = b"code,name\n" + b"".join(b"%d,abcdefghijklmnopqrstuvwxyz\n" % n for n in range(60_000))
ONE = zipped(("a.csv", CSV))
TWO = zipped(("a.csv", CSV), ("b.csv", CSV))
SLIPS = ["../../etc/x.csv", "/abs.csv", "C:\\x.csv", "a/../../b.csv"]
DAMAGED = "the archive's directory is damaged"
NO_FILES = "the archive has no file whose name ends in .csv"
CUT = "the file is not a ZIP archive, or one that is cut off: the directory at its end is missing"

CORPUS = {
    "one file": Case(ONE, [("a.csv", CSV)]),
    "stored": Case(zipped(("a.csv", CSV), method=zipfile.ZIP_STORED), [("a.csv", CSV)]),
    "an empty file": Case(zipped(("a.csv", b"")), [("a.csv", b"")]),
    "what does not compress": Case(zipped(("a.csv", RANDOM)), [("a.csv", RANDOM)]),
    "what compresses well": Case(zipped(("a.csv", LARGE)), [("a.csv", LARGE)]),
    "a small file that compresses 500 times": Case(
        zipped(("a.csv", b"0" * 500_000)), [("a.csv", b"0" * 500_000)]
    ),
    "in another order than that of the names": Case(
        zipped(("b.csv", b"2"), ("c.csv", b"3"), ("a.csv", b"1")),
        [("a.csv", b"1"), ("b.csv", b"2"), ("c.csv", b"3")],
    ),
    "in folders": Case(
        zipped(("x/", b""), ("x/b.csv", b"2"), ("a/y/c.csv", b"1")),
        [("a/y/c.csv", b"1"), ("x/", Skipped("folder")), ("x/b.csv", b"2")],
    ),
    "separators of Windows": Case(
        renamed(zipped(("x+a.csv", b"1"), ("x+", b"")), b"x+", b"x\\"),
        [("x\\", Skipped("folder")), ("x\\a.csv", b"1")],
    ),
    "names that climb out": Case(
        zipped(*[(name, name.encode()) for name in SLIPS]),
        [(name, name.encode()) for name in sorted(SLIPS)],
    ),
    "the same name twice": Case(
        renamed(zipped(("a.csv", b"1"), ("b.csv", b"2")), b"b.csv", b"a.csv"),
        [("a.csv", b"1"), ("a.csv", b"2")],
    ),
    "the same name in another case": Case(
        zipped(("a.csv", b"1"), ("A.CSV", b"2")), [("A.CSV", b"2"), ("a.csv", b"1")]
    ),
    "a name flagged as UTF-8": Case(zipped(("売上.csv", b"1")), [("売上.csv", b"1")]),
    "a name in UTF-8, decomposed, as macOS writes it": Case(
        renamed(
            zipped(("x" * len(unicodedata.normalize("NFD", "ガ").encode()) + ".csv", b"1")),
            b"x" * 6,
            unicodedata.normalize("NFD", "ガ").encode(),
        ),
        [("ガ.csv", b"1")],
    ),
    "a name in CP932, as Japanese Windows writes it": Case(
        renamed(zipped(("xxxx.csv", b"1")), b"xxxx", "売上".encode("cp932")),
        [("売上.csv", b"1")],
    ),
    "a name in CP932 with a backslash as second byte": Case(
        renamed(zipped(("xxxx.csv", b"1")), b"xxxx", "表ソ".encode("cp932")),
        [("表ソ.csv", b"1")],
    ),
    "a name in CP437": Case(
        renamed(zipped(("caf+.csv", b"1")), b"caf+", b"caf\x82"), [("café.csv", b"1")]
    ),
    "a name in Info-ZIP's own field": Case(
        zipped((info("xxxx.csv", extra=unicode_path(b"xxxx.csv", "売上.csv")), b"1")),
        [("売上.csv", b"1")],
    ),
    "a field for another name": Case(
        zipped((info("xxxx.csv", extra=unicode_path(b"xxxx.csv", "y.csv", checksum=1)), b"1")),
        [("xxxx.csv", b"1")],
    ),
    "a name with control characters": Case(
        renamed(zipped(("a++.csv", b"1")), b"a++", b"a\r\x1b"), [("a\ufffd\ufffd.csv", b"1")]
    ),
    "a name that is very long": Case(
        zipped(("x" * 60_000 + ".csv", b"1")), [("…" + "x" * 250 + ".csv", b"1")]
    ),
    "a link": Case(
        zipped((info("link.csv", mode=stat.S_IFLNK | 0o777), b"/etc/passwd"), ("a.csv", CSV)),
        [("a.csv", CSV), ("link.csv", Skipped("link"))],
    ),
    "a device": Case(
        zipped((info("dev.csv", mode=stat.S_IFCHR | 0o666), b""), ("a.csv", CSV)),
        [("a.csv", CSV), ("dev.csv", Skipped("link"))],
    ),
    "a folder that only its attributes tell": Case(
        zipped((info("d.csv", mode=stat.S_IFDIR | 0o755), b""), ("a.csv", CSV)),
        [("a.csv", CSV), ("d.csv", Skipped("folder"))],
    ),
    "what macOS adds": Case(
        zipped(("__MACOSX/._a.csv", b"x"), ("._b.csv", b"x"), (".DS_Store", b"x"), ("a.csv", CSV)),
        [
            (".DS_Store", Skipped("not_csv")),
            ("._b.csv", Skipped("resource_fork")),
            ("__MACOSX/._a.csv", Skipped("resource_fork")),
            ("a.csv", CSV),
        ],
    ),
    "a file of another kind": Case(
        zipped(("README.txt", b"x"), ("a.csv", CSV)),
        [("README.txt", Skipped("not_csv")), ("a.csv", CSV)],
    ),
    "an archive in the archive": Case(
        zipped(("a.csv", CSV), ("b.zip", ONE)), [("a.csv", CSV), ("b.zip", Refused("nested"))]
    ),
    "an archive called a CSV": Case(
        zipped(("a.csv", ONE), method=zipfile.ZIP_STORED), [("a.csv", ONE)]
    ),
    "an encrypted entry": Case(
        patched(TWO, "<H", 1, central=8, local=6),
        [("a.csv", Refused("encrypted")), ("b.csv", CSV)],
    ),
    "an entry encrypted by AES": Case(
        patched(ONE, "<H", 99, central=10, local=8), [("a.csv", Refused("encrypted"))]
    ),
    "bzip2": Case(
        zipped(("a.csv", CSV), method=zipfile.ZIP_BZIP2),
        [("a.csv", Refused("unsupported_method"))],
    ),
    "LZMA": Case(
        zipped(("a.csv", CSV), method=zipfile.ZIP_LZMA), [("a.csv", Refused("unsupported_method"))]
    ),
    "Deflate64": Case(
        patched(ONE, "<H", 9, central=10, local=8), [("a.csv", Refused("unsupported_method"))]
    ),
    "a method that nobody knows": Case(
        patched(ONE, "<H", 77, central=10, local=8), [("a.csv", Refused("unsupported_method"))]
    ),
    "an entry larger than it says": Case(
        patched(zipped(("a.csv", LARGE)), "<L", 10, central=24, local=22),
        [("a.csv", Refused("wrong_size"))],
    ),
    "an entry smaller than it says": Case(
        patched(TWO, "<L", len(CSV) + 1, central=24, local=22),
        [("a.csv", Refused("wrong_size")), ("b.csv", CSV)],
    ),
    "a stored entry that is larger than it says": Case(
        patched(zipped(("a.csv", CSV), method=zipfile.ZIP_STORED), "<L", 3, central=24),
        [("a.csv", Refused("wrong_size"))],
    ),
    "a checksum that is wrong": Case(
        patched(TWO, "<L", 1, central=16, local=14),
        [("a.csv", Refused("damaged")), ("b.csv", CSV)],
    ),
    "compressed data that is damaged": Case(
        patched(zipped(("a.csv", RANDOM[:2000])), "<L", 0xFFFFFFFF, local=36),
        [("a.csv", Refused("damaged"))],
    ),
    "compressed data that ends early": Case(
        patched(zipped(("a.csv", LARGE), ("b.csv", CSV)), "<L", 100, central=20),
        [("a.csv", Refused("ratio")), ("b.csv", CSV)],
    ),
    "compressed data that ends early, of a small file": Case(
        patched(zipped(("a.csv", RANDOM[:2000])), "<L", 100, central=20),
        [("a.csv", Refused("wrong_size"))],
    ),
    "bytes behind the compressed data": Case(padded(), [("a.csv", Refused("wrong_size"))]),
    "a size that reaches into the directory": Case(
        patched(TWO, "<L", len(zlib.compress(CSV, 6)) - 6 + 8, central=20, entry=1),
        [("a.csv", CSV), ("b.csv", Refused("overlapping"))],
    ),
    "a header that is damaged": Case(
        patched(TWO, "<L", 0, local=0), [("a.csv", Refused("damaged")), ("b.csv", CSV)]
    ),
    "a header that moves the data into the next entry": Case(
        patched(TWO, "<H", 40_000, local=28),
        [("a.csv", Refused("overlapping")), ("b.csv", CSV)],
    ),
    "two entries with the same data": Case(
        patched(TWO, "<L", 0, central=42, entry=1),
        [("a.csv", Refused("overlapping")), ("b.csv", Refused("overlapping"))],
    ),
    "an entry whose data is the next entry": Case(
        quoted(), [("a.csv", Refused("overlapping")), ("b.csv", CSV)]
    ),
    "an entry that lies behind the directory": Case(
        patched(TWO, "<L", 0x7FFFFFFF, central=42),
        [("a.csv", Refused("overlapping")), ("b.csv", CSV)],
    ),
    "a bomb": Case(
        zipped(("bomb.csv", b"0" * 4_000_000), ("a.csv", CSV)),
        [("a.csv", CSV), ("bomb.csv", Refused("ratio"))],
    ),
    "a bomb that says it is small": Case(
        patched(zipped(("bomb.csv", b"0" * 4_000_000)), "<L", 100, central=24, local=22),
        [("bomb.csv", Refused("wrong_size"))],
    ),
    "written to a pipe": Case(
        streamed(("a.csv", CSV), ("b.csv", b"")), [("a.csv", CSV), ("b.csv", b"")]
    ),
    "comments": Case(
        zipped((info("a.csv", comment=b"an entry's"), CSV), comment=b"the archive's"),
        [("a.csv", CSV)],
    ),
    "a comment of the longest kind": Case(
        zipped(("a.csv", CSV), comment=b"x" * 65_535), [("a.csv", CSV)]
    ),
    "a comment that looks like an end": Case(
        zipped(("a.csv", CSV), comment=b"PK\x05\x06" + b"\x01" * 40), [("a.csv", CSV)]
    ),
    "a comment that is an end": Case(
        zipped(("a.csv", CSV), comment=zipped() + b"."), [("a.csv", CSV)]
    ),
    "bytes behind the end": Case(ONE + b"\0" * 30, refused="not_a_zip", says=CUT),
    "behind a program that extracts it": Case(
        zipped(("a.csv", CSV), before=b"MZ" + RANDOM[:5_000]), [("a.csv", CSV)]
    ),
    "behind other bytes that nobody counted": Case(b"#!/bin/sh\n" * 99 + ONE, [("a.csv", CSV)]),
    "ZIP64": Case(large_form(("a.csv", CSV), ("b.csv", b"2")), [("a.csv", CSV), ("b.csv", b"2")]),
    "an entry with sizes in ZIP64": Case(forced_zip64(), [("a.csv", CSV)]),
    "as many entries as may be": Case(
        zipped(*[(f"{n:03d}.csv", b"") for n in range(1_000)]),
        [(f"{n:03d}.csv", b"") for n in range(1_000)],
    ),
    "one entry too many": Case(
        zipped(*[(f"{n}.csv", b"") for n in range(1_001)]),
        refused="too_many_entries",
        says="the archive has more than 1000 entries; make several archives",
    ),
    "more entries than it says": Case(
        end_patched(
            end_patched(zipped(*[(f"{n}.csv", b"") for n in range(1_001)]), 8, "<H", 1),
            10,
            "<H",
            1,
        ),
        refused="too_many_entries",
        says="the archive has more than 1000 entries; make several archives",
    ),
    "no entry": Case(zipped(), refused="no_files", says=NO_FILES),
    "only folders": Case(zipped(("a/", b""), ("b/", b"")), refused="no_files", says=NO_FILES),
    "only files of other kinds": Case(
        zipped(("README.txt", b"x")), refused="no_files", says=NO_FILES
    ),
    "nothing at all": Case(b"", refused="not_a_zip", says=CUT),
    "a CSV": Case(CSV * 100, refused="not_a_zip", says=CUT),
    "cut off": Case(TWO[:-30], refused="not_a_zip", says=CUT),
    "cut off in the middle": Case(
        zipped(("a.csv", RANDOM))[:1_500_000], refused="not_a_zip", says=CUT
    ),
    "one byte short": Case(TWO[:-1], refused="not_a_zip", says=CUT),
    "without its beginning": Case(
        zipped(("a.csv", RANDOM[:5_000]))[3_000:], [("a.csv", Refused("overlapping"))]
    ),
    "a part of several": Case(
        end_patched(ONE, 4, "<H", 3),
        refused="split",
        says="the archive is one part of several; join them to a single archive first",
    ),
    "the directory's size is wrong": Case(
        end_patched(ONE, 12, "<L", 20), refused="damaged", says=DAMAGED
    ),
    "the directory is larger than the archive": Case(
        end_patched(ONE, 12, "<L", 0x7FFFFFFF), refused="damaged", says=DAMAGED
    ),
    "the directory's signature is wrong": Case(
        patched(ONE, "<L", 0, central=0), refused="damaged", says=DAMAGED
    ),
    "a name flagged as UTF-8 that is none": Case(
        renamed(zipped(("売.csv", b"1")), "売".encode(), b"\xff\xfe\xfd"),
        refused="damaged",
        says=DAMAGED,
    ),
    "tables by their names": Case(
        zipped(
            (NAME, b"1"),
            ("x/20261125120001-orders.CSV", b"2"),
            ("20261125120002-nothing.csv", b"3"),
            ("orders.csv", b"4"),
        ),
        [
            (NAME, b"1"),
            ("20261125120002-nothing.csv", Refused("unknown_table")),
            ("orders.csv", Refused("no_table")),
            ("x/20261125120001-orders.CSV", b"2"),
        ],
        table=None,
    ),
}
