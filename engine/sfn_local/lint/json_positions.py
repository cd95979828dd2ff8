"""A JSON parser that remembers where everything stands."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from sfn_local.document import Json
from sfn_local.language.jsonpath.reader import Reader

BLANKS = re.compile(r"[ \t\n\r]*")
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}
DECODER = json.JSONDecoder()
DEEPEST = 200
PLACEHOLDER = re.compile(r"\$\{(?:[^{}\"]|\"[^\"]*\")*\}")


class JsonSyntaxError(ValueError):
    """The text is not JSON; offset counts the characters before the place that is wrong."""

    def __init__(self, message: str, offset: int) -> None:
        """The message says what is wrong there."""
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass
class Located:
    """A JSON value, and the place of each of its parts by JSON pointer.

    A field's place is that of its name; repeated lists the fields that their object has
    more than once, each with the offset of the later one.
    """

    text: str
    value: Json = None
    offsets: dict[str, int] = field(default_factory=dict)
    repeated: list[tuple[str, int]] = field(default_factory=list)

    def offset(self, pointer: str) -> int:
        """The place of a part, or of the nearest one around it."""
        while pointer not in self.offsets and pointer:
            pointer = pointer.rpartition("/")[0]
        return self.offsets.get(pointer, 0)

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Both from 1; the column counts characters."""
        starts = [0, *(found.end() for found in re.finditer("\n", self.text))]
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1


def escape(name: str) -> str:
    """A field's name as a part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def unescape(part: str) -> str:
    """The field's name that a part of a JSON pointer stands for."""
    return part.replace("~1", "/").replace("~0", "~")


def children(value: Json, pointer: str) -> Iterator[tuple[str, str, Json]]:
    """The fields or items of a value: the pointer to each, its name or place, and what it holds."""
    if isinstance(value, list):
        value = {str(position): item for position, item in enumerate(value)}
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield f"{pointer}/{escape(name)}", name, inner


def all_in(value: Json, pointer: str, name: str = "") -> Iterator[tuple[str, str, Json]]:
    """A value, then all that is in it, however deep."""
    yield pointer, name, value
    for where, inner_name, inner in children(value, pointer):
        yield from all_in(inner, where, inner_name)


def parse(text: str, *, at_rest: bool = False) -> Located:
    """The value of a JSON text; one at rest may have placeholders without quotes, read as texts.

    Raises:
        JsonSyntaxError: the text is not JSON.
    """
    located = Located(text)
    _Parser(located, at_rest=at_rest).document()
    return located


class _Parser(Reader):
    def __init__(self, located: Located, *, at_rest: bool) -> None:
        super().__init__(located.text)
        self._located = located
        self._at_rest = at_rest
        self._depth = 0

    def document(self) -> None:
        self._skip_blanks()
        self._located.value = self._value("")
        self._skip_blanks()
        if not self.at_end:
            raise self._error("the document should end here")

    def _value(self, pointer: str) -> Json:
        self._located.offsets.setdefault(pointer, self.position)
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._error("the document is nested too deep")
        value = self._value_of(self.peek(), pointer)
        self._depth -= 1
        return value

    def _value_of(self, first: str, pointer: str) -> Json:
        if first == "{":
            return self._object(pointer)
        if first == "[":
            return self._list(pointer)
        if first == '"':
            return self._string()
        return self._number_or_word()

    def _object(self, pointer: str) -> dict[str, Json]:
        fields: dict[str, Json] = {}
        self.position += 1
        self._skip_blanks()
        if self.take("}"):
            return fields
        while True:
            self._field(fields, pointer)
            if self.take("}"):
                return fields
            self._expect(",", "a comma or } should stand here")

    def _field(self, fields: dict[str, Json], pointer: str) -> None:
        self._skip_blanks()
        if self.peek() != '"':
            raise self._error("a field name in double quotes should stand here")
        start = self.position
        name = self._string()
        inner = f"{pointer}/{escape(name)}"
        if name in fields:
            self._located.repeated.append((inner, start))
        self._located.offsets[inner] = start
        self._skip_blanks()
        self._expect(":", "a colon should stand here")
        self._skip_blanks()
        fields[name] = self._value(inner)
        self._skip_blanks()

    def _list(self, pointer: str) -> list[Json]:
        items: list[Json] = []
        self.position += 1
        self._skip_blanks()
        if self.take("]"):
            return items
        while True:
            self._skip_blanks()
            items.append(self._value(f"{pointer}/{len(items)}"))
            self._skip_blanks()
            if self.take("]"):
                return items
            self._expect(",", "a comma or ] should stand here")

    def _string(self) -> str:
        try:
            text, self.position = DECODER.raw_decode(self.text, self.position)
        except json.JSONDecodeError as error:
            raise JsonSyntaxError(error.msg.lower(), error.pos) from None
        return str(text)

    def _number_or_word(self) -> Json:
        for word, value in WORDS.items():
            if self.take(word):
                return value
        placeholder = self.match(PLACEHOLDER) if self._at_rest else None
        if placeholder is not None:
            return placeholder
        number = self.match(NUMBER)
        if number is None:
            raise self._error("a JSON value should stand here")
        return json.loads(number)

    def _expect(self, expected: str, message: str) -> None:
        if not self.take(expected):
            raise self._error(message)

    def _skip_blanks(self) -> None:
        self.match(BLANKS)

    def _error(self, message: str) -> JsonSyntaxError:
        return JsonSyntaxError(message, self.position)
