"""JSON values together with their text, so that each is written once however often it is used."""

import json
import re
from typing import Any, NoReturn

from sfn_local.quotas import QUOTAS

MAX_BYTES = 262_144
LARGEST_CHARACTER = 4

PACKED = object()
WORD = re.compile(r"[A-Za-z_$][\w$]*")

Json = Any  # None, bool, int, float, str, list or dict with str keys, all the way down


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON value")


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_encode_ascii = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
DECODER = json.JSONDecoder(parse_constant=_refuse)
_decode = DECODER.decode


def dumps(value: Json) -> str:
    """Compact JSON; lone surrogates stay escaped, so that the text can always be encoded.

    Raises:
        ValueError: the value is not JSON: a set, NaN, a cycle, or nested too deep.
    """
    try:
        text = _encode(value)
        return text if text.isascii() or is_encodable(text) else _encode_ascii(value)
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def loads(text: str) -> Json:
    """The value of a JSON text.

    Raises:
        ValueError: the text is not JSON; NaN and Infinity are not either.
    """
    try:
        return _decode(text)
    except RecursionError:
        raise ValueError("the document is nested too deep") from None


def complaint(text: str, error: ValueError) -> str:
    """Return AWS's message for a text that is not JSON, as far as it is known."""
    if not text.strip():
        return "Invalid execution input."
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    rest = text[error.pos :]
    word = WORD.match(rest)
    if error.msg.startswith("Expecting value") and word is not None:
        values = "JSON String, Number, Array, Object or token 'null', 'true' or 'false'"
        return f"Unrecognized token '{word[0]}': was expecting ({values})"
    if error.msg.startswith("Expecting property name") and rest:
        found = f"('{rest[0]}' (code {ord(rest[0])}))"
        return f"Unexpected character {found}: was expecting double-quote to start field name"
    return str(error)


def byte_size(text: str) -> int:
    """The length of the text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def is_encodable(text: str) -> bool:
    """Whether the text has a form in UTF-8: lone surrogates have none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Document:
    """A JSON value; nobody changes it after it was made."""

    __slots__ = ("_text", "_value")

    def __init__(self, value: Json, text: str | None = None) -> None:
        """The text is written when it is first asked for, unless it is known."""
        self._value = value
        self._text = text

    @classmethod
    def parse(cls, text: str) -> "Document":
        """A document from its text.

        Raises:
            ValueError: the text is not JSON.
        """
        return cls(loads(text), text if is_encodable(text) else None)

    @property
    def value(self) -> Json:
        """The value."""
        if self._value is PACKED:
            self._value = loads(self._text or "")
        return self._value

    @property
    def text(self) -> str:
        """The JSON text."""
        if self._text is None:
            self._text = dumps(self._value)
        return self._text

    def pack(self) -> None:
        """Keep only the text, which is smaller; the value is read again when it is asked for."""
        self._text = self.text
        self._value = PACKED

    @property
    def is_too_large(self) -> bool:
        """Whether it has more than 256 KiB, the limit of every payload."""
        text = self.text
        most = QUOTAS.payload_bytes
        return len(text) * LARGEST_CHARACTER > most and byte_size(text) > most
