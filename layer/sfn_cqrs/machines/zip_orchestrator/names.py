"""What an entry of a ZIP archive is called: for people to read, and to find its table by.

A name is shown and matched. It is never part of a path or a key.
"""

import re
import unicodedata
import zlib
from struct import unpack_from

MAX_SHOWN_CHARACTERS = 255
UTF8_FLAG = 0x0800
UNICODE_PATH = 0x7075
_PATH_VERSION = 1
_PATH_HEADER_BYTES = 5
_EXTRA_HEADER_BYTES = 4
_TIMED = re.compile(r"\d{14}-(.+)\.csv", re.IGNORECASE)
_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_TOLERATED = re.compile(r"[\uf8f0-\uf8f3]")  # bytes that are no character in CP932
_SEPARATOR = re.compile(r"[/\\]")


def decoded_name(raw: bytes, flags: int, extra: bytes) -> str:
    """A name as a person reads it.

    What the archive declares comes first: the UTF-8 flag, then Info-ZIP's Unicode path (0x7075),
    if it belongs to this very name. Undeclared bytes are UTF-8 if they are valid UTF-8, as macOS
    and Linux write them; then CP932, as Japanese Windows does; then CP437, which takes any byte.
    """
    declared = raw if flags & UTF8_FLAG else _unicode_path(raw, extra)
    guesses = [(declared, "utf-8")] if declared is not None else []
    for data, encoding in (*guesses, (raw, "utf-8"), (raw, "cp932")):
        text = _decoded(data, encoding)
        if text is not None:
            return _showable(text)
    return _showable(raw.decode("cp437"))


def base_name(name: str) -> str:
    """Return the text after the last separator of either kind."""
    return _SEPARATOR.split(name)[-1]


def folders(name: str) -> list[str]:
    """Return the parts before the last separator."""
    return _SEPARATOR.split(name)[:-1]


def table_in(name: str) -> str | None:
    """The table of a file that is called `yyyymmddHHMMSS-{table}.csv`; None if it is not."""
    found = _TIMED.fullmatch(base_name(name))
    return found[1] if found else None


def _decoded(data: bytes, encoding: str) -> str | None:
    """The text; None for bytes that the encoding does not have, or that it only tolerates."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if _TOLERATED.search(text) else text


def _showable(name: str) -> str:
    text = unicodedata.normalize("NFC", _UNSHOWABLE.sub("\ufffd", name))
    if len(text) <= MAX_SHOWN_CHARACTERS:
        return text
    return f"…{text[1 - MAX_SHOWN_CHARACTERS :]}"  # the end has the name, the beginning folders


def _unicode_path(raw: bytes, extra: bytes) -> bytes | None:
    """The field's name, if its checksum says that it was written for this name."""
    at = 0
    while at + _EXTRA_HEADER_BYTES <= len(extra):
        kind, size = unpack_from("<HH", extra, at)
        body = extra[at + _EXTRA_HEADER_BYTES :][:size]
        at += _EXTRA_HEADER_BYTES + size
        if kind != UNICODE_PATH or len(body) <= _PATH_HEADER_BYTES:
            continue
        version, checksum = unpack_from("<BL", body)
        if version == _PATH_VERSION and checksum == zlib.crc32(raw):
            return body[_PATH_HEADER_BYTES:]
    return None
