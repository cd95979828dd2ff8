"""A file's bytes as text: which encoding it is in, and what is not text at all.

Everything is decoded strictly, so that a wrong encoding is an error with a row number and
never a wrong letter.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sfn_cqrs.kernel.errors import InvalidFileError, InvalidInputError

SAMPLE = 64 * 1024
"""Bytes from the first that is not ASCII on, which the detection looks at."""
ENCODINGS = {
    "utf-8": "utf-8",
    "cp932": "cp932",
    "euc-jp": "euc_jis_2004",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "windows-1252": "cp1252",
    "iso-8859-1": "latin-1",
}
"""The names of encodings, and Python's codecs for them."""
_ALIASES = {
    "utf8": "utf-8",
    "utf-8-sig": "utf-8",
    "sjis": "cp932",
    "shift-jis": "cp932",
    "windows-31j": "cp932",
    "ms932": "cp932",
    "eucjp": "euc-jp",
    "utf16": "utf-16",
    "utf-16-le": "utf-16le",
    "utf-16-be": "utf-16be",
    "cp1252": "windows-1252",
    "latin-1": "iso-8859-1",
    "latin1": "iso-8859-1",
}
_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16le",
    codecs.BOM_UTF16_BE: "utf-16be",
}
_SIGNATURES = {
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Excel workbook (XLS)",
    b"%PDF-": "a PDF",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"PAR1": "a Parquet file",
    b"\x7fELF": "a program",
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
}
_MARKUP = {
    b"<!doctype html": "an HTML page",
    b"<html": "an HTML page",
    b"<?xml": "an XML document",
    b'{"': "JSON",
    b"[{": "JSON",
}
_HEAD = 4096
_MIN_SAMPLE = 256
_MAX_CONTROLS = 0.02
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f]")


def checked_encoding(name: str) -> str:
    """The name of an encoding as we spell it.

    Raises:
        InvalidInputError: it is not known.
    """
    spelt = name.strip().lower().replace("_", "-")
    spelt = _ALIASES.get(spelt, spelt)
    if spelt not in ENCODINGS:
        raise InvalidInputError("encoding", f"must be one of {', '.join(ENCODINGS)}")
    return spelt


@dataclass(slots=True)
class Text:
    """A file as text; `chunks` are its bytes in order, each at most some MiB.

    `encoding` is what the file turned out to be in as far as it was read; what is `declared`
    beats what is detected.
    """

    chunks: Iterator[bytes]
    declared: str | None = None
    encoding: str = "utf-8"
    has_bom: bool = False
    _decoder: codecs.IncrementalDecoder | None = field(default=None, repr=False)
    _held: bytes = b""

    def blocks(self) -> Iterator[str]:
        """Yield the text, chunk by chunk.

        Raises:
            InvalidFileError: the file is not text, or in another encoding. The text
                before the fault has been yielded, so that the reader knows its row.
        """
        chunks = self._chunks()
        first = next(chunks, b"")
        yield from self._decode(first[self._begin(first) :])
        for chunk in chunks:
            yield from self._decode(chunk)
        yield from self._decode(b"", is_last=True)

    def _chunks(self) -> Iterator[bytes]:
        """Yield the chunks; only the last may be smaller than the sample."""
        parts: list[bytes] = []
        for part in self.chunks:
            parts.append(part)
            if sum(map(len, parts)) >= SAMPLE:
                yield b"".join(parts)
                parts.clear()
        yield b"".join(parts)

    def _begin(self, first: bytes) -> int:
        """Look at the first bytes; answers how many of them are the byte order mark."""
        refuse_other_formats(first)
        bom = next((bom for bom in _BOMS if first.startswith(bom)), b"")
        self.has_bom = bool(bom)
        marked = _BOMS.get(bom) or _utf16_without_bom(first)
        if self.declared == "utf-16":
            self._decode_as(marked if marked in ("utf-16le", "utf-16be") else "utf-16le")
        elif self.declared or marked:
            self._decode_as(self.declared or str(marked))
        if not self.encoding.startswith("utf-16"):
            refuse_binary(first)
        return len(bom) if self.encoding == _BOMS.get(bom) else 0

    def _decode_as(self, name: str) -> None:
        self.encoding = name
        self._decoder = codecs.getincrementaldecoder(ENCODINGS[name])("strict")

    def _decode(self, chunk: bytes, *, is_last: bool = False) -> Iterator[str]:
        chunk, self._held = self._held + chunk, b""
        if self._decoder is None:
            found = _NOT_ASCII.search(chunk)
            if found is None:
                yield chunk.decode("ascii")
                return
            if len(chunk) - found.start() < _MIN_SAMPLE and not is_last:
                self._held = chunk  # too little to tell; the next chunk says more
                return
            self._decode_as(detected(chunk[found.start() :][:SAMPLE]))
        yield from self._strictly(chunk, is_last)

    def _strictly(self, chunk: bytes, is_last: bool) -> Iterator[str]:
        if self._decoder is None:
            raise TypeError("the encoding is not chosen yet")
        try:
            yield self._decoder.decode(chunk, is_last)
        except UnicodeDecodeError as error:
            yield error.object[: error.start].decode(error.encoding)
            raise InvalidFileError("encoding", self._explained(error)) from error

    def _explained(self, error: UnicodeDecodeError) -> str:
        byte = error.object[error.start]
        return (
            f"byte 0x{byte:02X} is not valid in {self.encoding.upper()};"
            " save the file as UTF-8, or name its encoding"
        )


def detected(sample: bytes) -> str:
    """The encoding of text that begins with a byte that is not ASCII.

    Text that is valid UTF-8 is UTF-8. The Japanese encoding that gives more kana
    and kanji wins; the wrong one gives half-width katakana, or nothing at all.
    """
    if _decoded_as("utf-8", sample) is not None:
        return "utf-8"
    texts = {name: _decoded_as(name, sample) for name in ("cp932", "euc-jp")}
    scores = {name: _japanese(text) for name, text in texts.items() if text is not None}
    return max(scores, key=lambda name: scores[name], default="utf-8")


def refuse_other_formats(head: bytes) -> None:
    """Name a file that is not CSV.

    Raises:
        InvalidFileError: naming what it is.
    """
    name = next((name for magic, name in _SIGNATURES.items() if head.startswith(magic)), None)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        is_workbook = b"[Content_Types].xml" in head or b"xl/" in head
        name = "an Excel workbook (XLSX)" if is_workbook else "a ZIP archive"
    start = head[:_HEAD].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    name = name or next((name for mark, name in _MARKUP.items() if start.startswith(mark)), None)
    if name is not None:
        raise InvalidFileError("not_csv", f"this is {name}, not CSV; save it as CSV UTF-8")


def refuse_binary(head: bytes) -> None:
    """Name a file that is not text at all.

    Raises:
        InvalidFileError: too many of its first bytes are control characters.
    """
    sample = head[:_HEAD]
    if len(_CONTROLS.findall(sample)) > max(1, len(sample) * _MAX_CONTROLS):
        raise InvalidFileError("not_csv", "this is a binary file, not CSV; save it as CSV UTF-8")


def _utf16_without_bom(first: bytes) -> str | None:
    """UTF-16 has a zero beside every comma, quote and line end of its header."""
    line = first[:_HEAD]
    low, high = line[0::2], line[1::2]
    for name, zeros, others in (("utf-16le", high, low), ("utf-16be", low, high)):
        if zeros.count(0) * 4 > len(zeros) and others.count(0) * 8 <= zeros.count(0):
            return name
    return None


def _decoded_as(name: str, sample: bytes) -> str | None:
    decoder = codecs.getincrementaldecoder(ENCODINGS[name])("strict")
    try:
        return decoder.decode(sample)
    except UnicodeDecodeError:
        return None


def _japanese(text: str) -> int:
    """How much a text looks like Japanese as people write it."""
    kana = sum("぀" <= letter <= "ヿ" for letter in text)
    kanji = sum("一" <= letter <= "鿿" for letter in text)
    odd = sum("｡" <= letter <= "ﾟ" or letter >= "\ue000" > letter for letter in text)
    return 3 * kana + kanji - 2 * odd
