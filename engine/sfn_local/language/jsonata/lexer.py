"""Cuts the text of an expression into tokens."""

import re
from dataclasses import dataclass
from typing import Any

from sfn_local.language.jsonata.errors import JsonataError
from sfn_local.language.jsonata.regex import Pattern
from sfn_local.language.jsonata.values import joined_surrogates, number

NAME, VARIABLE, OPERATOR, STRING, NUMBER, VALUE, REGEX, END = (
    "name",
    "variable",
    "operator",
    "string",
    "number",
    "value",
    "regex",
    "(end)",
)

SPACE = " \t\n\r\v"
DOUBLE = frozenset(("..", ":=", "!=", ">=", "<=", "**", "~>"))
SINGLE = frozenset(".[]{}(),@#;:?+-*/%|=<>^&!~")
WORDS = {"and": OPERATOR, "or": OPERATOR, "in": OPERATOR}
CONSTANTS = {"true": True, "false": False, "null": None}
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

DIGITS = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?([Ee][-+]?[0-9]+)?")
HEX = re.compile(r"[0-9a-fA-F]+\Z")
WORD = re.compile(r"[^ \t\n\r\v.\[\]{}(),@#;:?+\-*/%|=<>^&!~]*")
FLAGS = re.compile(r"[im]*")


@dataclass(slots=True)
class Token:
    """A token; the position is where it ends, as JSONata counts."""

    kind: str
    value: Any
    position: int


class Lexer:
    """The tokens of a text, one after the other."""

    def __init__(self, text: str) -> None:
        """Begin at the start."""
        self.text = text
        self.position = 0

    def next(self, after_value: bool) -> Token:
        """Return the next token; after a value a slash divides, elsewhere it begins a pattern.

        Raises:
            JsonataError: there is none.
        """
        self._skip()
        text, start = self.text, self.position
        if start >= len(text):
            return Token(END, END, len(text))
        if text[start] == "/" and not after_value:
            self.position += 1
            return self._token(REGEX, self._regex())
        for length, known in ((2, DOUBLE), (1, SINGLE)):
            symbol = text[start : start + length]
            if symbol in known:
                self.position += length
                return self._token(OPERATOR, symbol)
        if text[start] in "\"'":
            return self._token(STRING, self._string(text[start]))
        digits = DIGITS.match(text, start)
        return self._number(digits[0]) if digits else self._name()

    def _token(self, kind: str, value: Any) -> Token:
        return Token(kind, value, self.position)

    def _skip(self) -> None:
        text = self.text
        while self.position < len(text):
            if text[self.position] in SPACE:
                self.position += 1
            elif text.startswith("/*", self.position):
                end = text.find("*/", self.position + 2)
                if end < 0:
                    raise JsonataError("S0106", self.position)
                self.position = end + 2
            else:
                return

    def _number(self, digits: str) -> Token:
        value = float(digits)
        if value == float("inf"):
            raise JsonataError("S0102", self.position, token=digits)
        self.position += len(digits)
        return self._token(NUMBER, int(digits) if digits.isdigit() else number(value))

    def _string(self, quote: str) -> str:
        text = self.text
        parts: list[str] = []
        self.position += 1
        while self.position < len(text):
            character = text[self.position]
            if character == quote:
                self.position += 1
                return joined_surrogates("".join(parts))
            parts.append(self._escape() if character == "\\" else character)
            self.position += 1
        raise JsonataError("S0101", self.position)

    def _escape(self) -> str:
        self.position += 1
        character = self.text[self.position : self.position + 1]
        if character in ESCAPES:
            return ESCAPES[character]
        if character != "u":
            raise JsonataError("S0103", self.position, token=character)
        octets = self.text[self.position + 1 : self.position + 5]
        if not HEX.match(octets):
            raise JsonataError("S0104", self.position)
        self.position += 4
        return chr(int(octets, 16))

    def _name(self) -> Token:
        text, start = self.text, self.position
        if text[start] == "`":
            end = text.find("`", start + 1)
            self.position = len(text) if end < 0 else end + 1
            if end < 0:
                raise JsonataError("S0105", self.position)
            return self._token(NAME, text[start + 1 : end])
        found = WORD.match(text, start)
        word = found[0] if found else ""
        self.position = start + len(word)
        if word.startswith("$"):
            return self._token(VARIABLE, word[1:])
        if word in CONSTANTS:
            return self._token(VALUE, CONSTANTS[word])
        return self._token(WORDS.get(word, NAME), word)

    def _regex(self) -> Pattern:
        text, start, depth = self.text, self.position, 0
        while self.position < len(text):
            character = text[self.position]
            if character == "/" and depth == 0 and not self._is_escaped(start):
                return self._pattern(start)
            if character in "([{)]}" and text[self.position - 1] != "\\":
                depth += 1 if character in "([{" else -1
            self.position += 1
        raise JsonataError("S0302", self.position)

    def _is_escaped(self, start: int) -> bool:
        before = self.text[start : self.position]
        return (len(before) - len(before.rstrip("\\"))) % 2 == 1

    def _pattern(self, start: int) -> Pattern:
        source = self.text[start : self.position]
        if not source:
            raise JsonataError("S0301", self.position)
        flags = FLAGS.match(self.text, self.position + 1)
        given = flags[0] if flags else ""
        self.position += 1 + len(given)
        return Pattern(source, given)
