"""Filter expressions, from `?(` to `)`."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from sfn_local.document import Json, loads
from sfn_local.language.jsonpath.path import Path, Segment
from sfn_local.language.jsonpath.reader import Reader

Condition = Callable[[Json, Json], bool]
ReadPath = Callable[[Reader], Path]
ReadSegments = Callable[[Reader], tuple[Segment, ...]]

NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
WORD = re.compile(r"(true|false|null)\b")
BARE = re.compile(r"[A-Za-z_][\w-]*")  # a string without quotes: AWS's own samples have some
REGEX = re.compile(r"/((?:[^/\\]|\\.)*)/([a-z]*)")
OPERATOR = re.compile(r"==|!=|<=|>=|=~|<|>|(?:in|nin|contains|size|empty)\b")
DEEPEST = 50

MISSING: Any = object()


class Operand:
    """One side of a comparison: a path from the child, a path from the root, or a literal."""

    def __init__(self, value: Callable[[Json, Json], Json], *, is_path: bool) -> None:
        """Value gives the operand for a child and the root; MISSING where a path leads nowhere."""
        self.value = value
        self.is_path = is_path


def read_condition(reader: Reader, read_path: ReadPath, read_segments: ReadSegments) -> Condition:
    """The condition at the reader's position."""
    return _Conditions(reader, read_path, read_segments).either()


class _Conditions:
    def __init__(self, reader: Reader, read_path: ReadPath, read_segments: ReadSegments) -> None:
        self._reader = reader
        self._read_path = read_path
        self._read_segments = read_segments
        self._depth = 0

    def either(self) -> Condition:
        return self._joined("||", self._all, any)

    def _all(self) -> Condition:
        return self._joined("&&", self._one, all)

    def _joined(
        self, word: str, read: Callable[[], Condition], holds: Callable[[Iterable[bool]], bool]
    ) -> Condition:
        conditions = [read()]
        while self._take(word):
            conditions.append(read())
        if len(conditions) == 1:
            return conditions[0]
        return lambda child, root: holds(condition(child, root) for condition in conditions)

    def _one(self) -> Condition:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._reader.error("the filter is nested too deep")
        condition = self._negated_or_nested()
        self._depth -= 1
        return condition

    def _negated_or_nested(self) -> Condition:
        if self._take("!"):
            negated = self._one()
            return lambda child, root: not negated(child, root)
        if self._take("("):
            nested = self.either()
            self._reader.skip_blanks()
            self._reader.expect(")")
            return nested
        return self._comparison()

    def _comparison(self) -> Condition:
        left = self._operand()
        self._reader.skip_blanks()
        operator = self._reader.match(OPERATOR)
        if operator is None:
            if not left.is_path:
                raise self._reader.error("a comparison should stand here")
            return lambda child, root: left.value(child, root) is not MISSING
        right = self._regex() if operator == "=~" else self._operand()
        compare = COMPARE[operator]
        return lambda child, root: compare(left.value(child, root), right.value(child, root))

    def _operand(self) -> Operand:
        self._reader.skip_blanks()
        next_character = self._reader.peek()
        if next_character == "@":
            return self._relative_path()
        if next_character == "$":
            path = self._read_path(self._reader)
            return Operand(lambda _, root: _value_or_missing(path, root), is_path=True)
        literal = self._literal()
        return Operand(lambda _child, _root: literal, is_path=False)

    def _relative_path(self) -> Operand:
        start = self._reader.position
        self._reader.expect("@")
        segments = self._read_segments(self._reader)
        text = "$" + self._reader.text[start + 1 : self._reader.position]
        path = Path(text, segments, of_context=False)
        return Operand(lambda child, _: _value_or_missing(path, child), is_path=True)

    def _literal(self) -> Json:
        reader = self._reader
        if reader.peek() in ("'", '"'):
            return reader.quoted()
        if reader.peek() == "[":
            return self._list()
        text = reader.match(NUMBER) or reader.match(WORD)
        if text is None:
            bare = reader.match(BARE)
            if bare is not None:
                return bare
            raise reader.error("a path, a number, a string, true, false or null should stand here")
        return loads(text) if text in ("true", "false", "null") else _number(text)

    def _list(self) -> list[Json]:
        self._reader.expect("[")
        items: list[Json] = []
        while not self._take("]"):
            if items:
                self._reader.expect(",")
                self._reader.skip_blanks()
            items.append(self._literal())
        return items

    def _regex(self) -> Operand:
        self._reader.skip_blanks()
        text = self._reader.match(REGEX)
        if text is None:
            raise self._reader.error("a regular expression between slashes should stand here")
        pattern, _, flags = text[1:].rpartition("/")
        try:
            compiled = re.compile(pattern, re.IGNORECASE if "i" in flags else 0)
        except (re.error, RecursionError, OverflowError) as error:
            raise self._reader.error(f"the regular expression is not one ({error})") from None
        return Operand(lambda _child, _root: compiled, is_path=False)

    def _take(self, expected: str) -> bool:
        self._reader.skip_blanks()
        return self._reader.take(expected)


def _number(text: str) -> float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _value_or_missing(path: Path, root: Json) -> Json:
    found, value = path.find(root)
    missing = not found or (not path.is_definite and not value)
    return MISSING if missing else value


def kind(value: Json) -> str:
    """The JSON type of a value: booleans are not numbers."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return type(value).__name__


def equal(left: Json, right: Json) -> bool:
    """Whether two values are the same JSON value."""
    return kind(left) == kind(right) and bool(left == right)


def _ordered(compare: Callable[[Json, Json], bool]) -> Callable[[Json, Json], bool]:
    def ordered(left: Json, right: Json) -> bool:
        comparable = kind(left) == kind(right) and kind(left) in ("number", "str")
        return comparable and compare(left, right)

    return ordered


def _matches(left: Json, pattern: re.Pattern[str]) -> bool:
    return isinstance(left, str) and pattern.fullmatch(left) is not None


def _contains(left: Json, right: Json) -> bool:
    if isinstance(left, str):
        return isinstance(right, str) and right in left
    return isinstance(left, list) and any(equal(item, right) for item in left)


def _has_size(left: Json, right: Json) -> bool:
    return isinstance(left, (list, str)) and equal(len(left), right)


def _is_empty(left: Json, right: Json) -> bool:
    return isinstance(left, (list, str, dict)) and (len(left) == 0) == bool(right)


COMPARE: dict[str, Callable[[Json, Json], bool]] = {
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    "<": _ordered(lambda left, right: left < right),
    "<=": _ordered(lambda left, right: left <= right),
    ">": _ordered(lambda left, right: left > right),
    ">=": _ordered(lambda left, right: left >= right),
    "=~": _matches,
    "in": lambda left, right: _contains(right, left) if isinstance(right, list) else False,
    "nin": lambda left, right: not _contains(right, left) if isinstance(right, list) else False,
    "contains": _contains,
    "size": _has_size,
    "empty": _is_empty,
}
