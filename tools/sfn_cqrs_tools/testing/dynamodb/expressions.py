"""DynamoDB's expressions: each text is parsed once, into functions of an item."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Inexact
from functools import cache
from typing import Any, NamedTuple

from sfn_cqrs_tools.testing.dynamodb.refusals import RefusedError, UnfitError
from sfn_cqrs_tools.testing.dynamodb.reserved_words import RESERVED
from sfn_cqrs_tools.testing.dynamodb.values import (
    ORDERINGS,
    Item,
    Typed,
    begins_with,
    is_ordered,
    same,
)

Names = Mapping[str, str]
Values = Mapping[str, Typed]
Test = Callable[[Item, Names, Values], bool]
Operand = Callable[[Item, Names, Values], Typed | None]
Path = tuple[str, ...]
COMPARATORS = ("=", "<>", *ORDERINGS)
EXACT = Context(prec=38, traps=[Inexact])
_TOKEN = re.compile(r"\s*(<=|>=|<>|[=<>()\[\],.+-]|[#:]?\w+)")
_FUNCTIONS: dict[str, Callable[..., bool]] = {
    "attribute_exists": lambda value: value is not None,
    "attribute_not_exists": lambda value: value is None,
    "begins_with": begins_with,
}
_NOT_HERE = frozenset(
    ("attribute_type", "contains", "DELETE", "if_not_exists", "list_append", "NOT", "size", "[")
)
"""Features of DynamoDB that the adapters do not use."""


class Expression:
    """The placeholders that a text uses."""

    def __init__(self, reader: "Reader") -> None:
        """Store the placeholders that a reader has met."""
        self.names = frozenset(reader.names)
        self.values = frozenset(reader.values)


class Condition(Expression):
    """A condition or a filter."""

    def __init__(self, reader: "Reader") -> None:
        """Read to the end."""
        self.holds = _any_of(reader)
        reader.end()
        super().__init__(reader)


class KeyPart(NamedTuple):
    """One half of a key condition: `sk BETWEEN :a AND :b`."""

    name: str
    comparison: str
    values: tuple[str, ...]


class KeyCondition(Expression):
    """The parts of a key condition, one or two."""

    def __init__(self, reader: "Reader") -> None:
        """Read to the end."""
        self.parts = [_key_part(reader)]
        if reader.accepts("AND"):
            self.parts.append(_key_part(reader))
        reader.end()
        super().__init__(reader)


class Projection(Expression):
    """The paths that an answer has."""

    def __init__(self, reader: "Reader") -> None:
        """Read to the end."""
        self._paths = reader.several(reader.path)
        reader.end()
        super().__init__(reader)

    def of(self, item: Item, names: Names) -> Item:
        """Return an item with only the requested paths."""
        shown: Item = {}
        for path in self._paths:
            first, *rest = resolved(path, names)
            if rest:
                raise NotImplementedError("a projection of nested attributes")
            if first in item:
                shown[str(first)] = item[str(first)]
        return shown


class Update(Expression):
    """The changes that an update makes to an item."""

    def __init__(self, reader: "Reader") -> None:
        """Read to the end."""
        self._sets: list[tuple[Path, Operand]] = []
        self._removes: list[Path] = []
        self._adds: list[tuple[Path, str]] = []
        clauses: dict[str, Callable[[], Any]] = {
            "SET": lambda: self._sets.extend(reader.several(lambda: _set(reader))),
            "REMOVE": lambda: self._removes.extend(reader.several(reader.path)),
            "ADD": lambda: self._adds.extend(reader.several(lambda: _add(reader))),
        }
        while reader.peek().upper() in clauses:
            clauses.pop(reader.take().upper())()
        reader.end()
        super().__init__(reader)

    def paths(self, names: Names) -> list[Path]:
        """Return the paths that are written."""
        changed = (path for path, _ in (*self._sets, *self._adds))
        return [resolved(path, names) for path in (*changed, *self._removes)]

    def apply(self, before: Item, after: Item, names: Names, values: Values) -> None:
        """Change a copy of the item; every operand is as it was before."""
        made = [(path, operand(before, names, values)) for path, operand in self._sets]
        for path, value in made:
            if value is None:
                raise UnfitError(
                    "The provided expression refers to an attribute that does not exist in the item"
                )
            where = resolved(path, names)
            _holder(after, where)[where[-1]] = value
        for path in self._removes:
            where = resolved(path, names)
            _holder(after, where).pop(where[-1], None)
        for path, placeholder in self._adds:
            where = resolved(path, names)
            _holder(after, where)[where[-1]] = _added(_look(before, where), values[placeholder])


@dataclass
class Reader:
    """The tokens of a text, taken one after the other."""

    kind: str
    tokens: list[str]
    at: int = 0

    def __post_init__(self) -> None:
        """Begin with no placeholders."""
        self.names: set[str] = set()
        self.values: set[str] = set()

    def peek(self) -> str:
        """Return the next token; an empty one is the end."""
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        """Return the next token, and go on."""
        token = self.peek()
        if not token:
            raise self.wrong()
        self.at += 1
        return token

    def accepts(self, word: str) -> bool:
        """Take a word if it comes next; return whether it did."""
        if self.peek().upper() != word:
            return False
        self.at += 1
        return True

    def expect(self, word: str) -> None:
        """Take a word that must come next."""
        if not self.accepts(word):
            raise self.wrong()

    def end(self) -> None:
        """Refuse remaining tokens."""
        if self.peek():
            raise self.wrong()

    def several(self, read: Callable[[], Any]) -> list[Any]:
        """Read one or more, with commas between them."""
        found = [read()]
        while self.accepts(","):
            found.append(read())
        return found

    def value(self) -> str:
        """Take the placeholder of a value."""
        token = self.take()
        if not token.startswith(":"):
            self.at -= 1
            raise self.wrong()
        self.values.add(token)
        return token

    def path(self) -> Path:
        """Take a path, such as `#rows.#row`."""
        path = [self._name()]
        while self.accepts("."):
            path.append(self._name())
        return tuple(path)

    def _name(self) -> str:
        token = self.take()
        if token.startswith("#"):
            self.names.add(token)
        elif not token[0].isalpha():
            self.at -= 1
            raise self.wrong()
        elif token.upper() in RESERVED:
            raise RefusedError(
                f"Invalid {self.kind}: Attribute name is a reserved keyword;"
                f" reserved keyword: {token}"
            )
        return token

    def wrong(self) -> RefusedError:
        """Return the error that names the token."""
        token = self.peek() or "<EOF>"
        return RefusedError(f'Invalid {self.kind}: Syntax error; token: "{token}"')


def _read(kind: str, text: str) -> Reader:
    tokens, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise RefusedError(f'Invalid {kind}: Syntax error; token: "{text[at:].strip()[:1]}"')
        if match[1] in _NOT_HERE:
            raise NotImplementedError(f"{match[1]} is not among what the DynamoDB in memory knows")
        tokens.append(match[1])
        at = match.end()
    if not tokens:
        raise RefusedError(f"Invalid {kind}: The expression can not be empty;")
    return Reader(kind, tokens)


@cache
def condition(text: str) -> Condition:
    """Parse a condition."""
    return Condition(_read("ConditionExpression", text))


@cache
def filtering(text: str) -> Condition:
    """Parse a filter."""
    return Condition(_read("FilterExpression", text))


@cache
def key_condition(text: str) -> KeyCondition:
    """Parse a key condition."""
    return KeyCondition(_read("KeyConditionExpression", text))


@cache
def projection(text: str) -> Projection:
    """Parse a projection."""
    return Projection(_read("ProjectionExpression", text))


@cache
def update(text: str) -> Update:
    """Parse an update."""
    return Update(_read("UpdateExpression", text))


def resolved(path: Path, names: Names) -> Path:
    """Return a path with the names that its placeholders stand for."""
    return tuple(names.get(part, part) for part in path)


# Conditions.


def _any_of(reader: Reader) -> Test:
    tests = [_all_of(reader)]
    while reader.accepts("OR"):
        tests.append(_all_of(reader))
    return tests[0] if len(tests) == 1 else lambda *given: any(test(*given) for test in tests)


def _all_of(reader: Reader) -> Test:
    tests = [_one_of(reader)]
    while reader.accepts("AND"):
        tests.append(_one_of(reader))
    return tests[0] if len(tests) == 1 else lambda *given: all(test(*given) for test in tests)


def _one_of(reader: Reader) -> Test:
    if reader.accepts("("):
        test = _any_of(reader)
        reader.expect(")")
        return test
    if reader.peek() in _FUNCTIONS:
        return _function(reader)
    return _comparison(reader)


def _function(reader: Reader) -> Test:
    name = reader.take()
    reader.expect("(")
    operands = reader.several(lambda: _operand(reader))
    reader.expect(")")
    function, count = _FUNCTIONS[name], 1 if name.endswith("exists") else 2
    if len(operands) != count:
        raise RefusedError(
            f"Invalid {reader.kind}: Incorrect number of operands for operator or function;"
            f" operator or function: {name}, number of operands: {len(operands)}"
        )
    return lambda *given: function(*(operand(*given) for operand in operands))


def _comparison(reader: Reader) -> Test:
    left = _operand(reader)
    if reader.accepts("BETWEEN"):
        first = _operand(reader)
        reader.expect("AND")
        last = _operand(reader)
        return lambda *given: (
            is_ordered("<=", first(*given), found := left(*given))
            and is_ordered("<=", found, last(*given))
        )
    if reader.accepts("IN"):
        reader.expect("(")
        others = reader.several(lambda: _operand(reader))
        reader.expect(")")
        return lambda *given: any(same(left(*given), other(*given)) for other in others)
    comparison = reader.peek()
    if comparison not in COMPARATORS:
        raise reader.wrong()
    return _compared(left, reader.take(), _operand(reader))


def _compared(left: Operand, comparison: str, right: Operand) -> Test:
    if comparison == "=":
        return lambda *given: same(left(*given), right(*given))
    if comparison == "<>":  # true where there is no attribute
        return lambda *given: not same(left(*given), right(*given))
    return lambda *given: is_ordered(comparison, left(*given), right(*given))


def _operand(reader: Reader) -> Operand:
    token = reader.peek()
    if token.startswith(":"):
        reader.value()
        return lambda _item, _names, values: values[token]
    path = reader.path()
    if len(path) == 1:
        return lambda item, names, _values: item.get(names.get(token, token))
    return lambda item, names, _values: _look(item, resolved(path, names))


# Keys.


def _key_part(reader: Reader) -> KeyPart:
    if reader.accepts("("):
        part = _key_part(reader)
        reader.expect(")")
        return part
    if reader.accepts("BEGINS_WITH"):
        reader.expect("(")
        (name,) = reader.path()
        reader.expect(",")
        part = KeyPart(str(name), "begins_with", (reader.value(),))
        reader.expect(")")
        return part
    (name,) = reader.path()
    comparison = reader.take().upper()
    if comparison == "BETWEEN":
        first = reader.value()
        reader.expect("AND")
        return KeyPart(str(name), comparison, (first, reader.value()))
    if comparison not in COMPARATORS or comparison == "<>":
        raise RefusedError(f"Invalid operator used in KeyConditionExpression: {comparison}")
    return KeyPart(str(name), comparison, (reader.value(),))


# Updates.


def _set(reader: Reader) -> tuple[Path, Operand]:
    path = reader.path()
    reader.expect("=")
    return path, _operand(reader)


def _add(reader: Reader) -> tuple[Path, str]:
    return reader.path(), reader.value()


def _added(found: Typed | None, more: Typed) -> Typed:
    if "N" not in more or (found is not None and "N" not in found):
        raise UnfitError("An operand in the update expression has an incorrect data type")
    before = "0" if found is None else found["N"]
    text = f"{EXACT.add(EXACT.create_decimal(before), EXACT.create_decimal(more['N'])):f}"
    return {"N": text.rstrip("0").rstrip(".") if "." in text else text}


def _look(item: Item, path: Path) -> Typed | None:
    found: Any = {"M": item}
    for part in path:
        found = found.get("M", {}).get(part)
        if found is None:
            return None
    return found  # type: ignore[no-any-return]


def _holder(item: Item, path: Path) -> Item:
    """Return the container of the last part of a path."""
    found = _look(item, path[:-1]) if len(path) > 1 else {"M": item}
    if found is None or "M" not in found:
        raise UnfitError(
            "The document path provided in the update expression is invalid for update"
        )
    return found["M"]
