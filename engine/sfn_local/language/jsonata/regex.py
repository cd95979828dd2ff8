"""Regular expressions as JavaScript has them, on Python's."""

import re
from functools import cached_property

LINE_ENDS = r"\n\r\u2028\u2029"
IN_CLASS = {"d": "0-9", "w": "A-Za-z0-9_", "s": r"\s\ufeff"}
OUTSIDE = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "w": "[A-Za-z0-9_]",
    "W": "[^A-Za-z0-9_]",
    "s": r"[\s\ufeff]",
    "S": r"[^\s\ufeff]",
    "/": "/",
    "-": r"\-",
}


class Pattern:
    """A pattern of an expression, with its flags: `i` and `m`."""

    def __init__(self, source: str, flags: str) -> None:
        """Source is what stands between the slashes."""
        self.source = source
        self.flags = flags

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern of Python.

        Raises:
            ValueError: it is none.
        """
        flags = (re.IGNORECASE if "i" in self.flags else 0) | (
            re.MULTILINE if "m" in self.flags else 0
        )
        try:
            return re.compile(_Translation(self.source, "m" in self.flags).text, flags)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(
                f"Invalid regular expression: /{self.source}/: {str(error).capitalize()}"
            ) from None


class _Translation:
    """The text of a pattern of JavaScript, for Python."""

    def __init__(self, source: str, is_multiline: bool) -> None:
        self._source = source
        self._is_multiline = is_multiline
        self._position = 0
        self._in_class = False
        parts = []
        while self._position < len(source):
            parts.append(self._next())
        self.text = "".join(parts)

    def _next(self) -> str:
        character = self._source[self._position]
        if character == "\\":
            return self._escape()
        self._position += 1
        if self._in_class:
            self._in_class = character != "]"
            return "\\[" if character == "[" else character
        if character == "[":
            return self._open_class()
        if character == ".":
            return f"[^{LINE_ENDS}]"
        if character == "$":
            return rf"(?=[{LINE_ENDS}]|\Z)" if self._is_multiline else r"\Z"
        if self._source.startswith("?<", self._position) and character == "(":
            return self._named_group()
        return character

    def _open_class(self) -> str:
        for whole, meaning in (("[^]", r"[\s\S]"), ("[]", "(?!)")):
            if self._source.startswith(whole, self._position - 1):
                self._position += len(whole) - 1
                return meaning
        self._in_class = True
        return "["

    def _named_group(self) -> str:
        if self._source[self._position + 2 : self._position + 3] in ("=", "!", ""):
            return "("
        self._position += 2
        return "(?P<"

    def _escape(self) -> str:
        character = self._source[self._position + 1 : self._position + 2]
        self._position += 2
        if self._in_class:
            return IN_CLASS.get(character, "\\" + character)
        if character == "k" and self._source.startswith("<", self._position):
            end = self._source.find(">", self._position)
            name = self._source[self._position + 1 : end]
            self._position = end + 1
            return f"(?P={name})"
        return OUTSIDE.get(character, "\\" + character)
