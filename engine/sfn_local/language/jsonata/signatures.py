"""Signatures of functions: which arguments they take, in letters."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sfn_local.language.jsonata.errors import JsonataError
from sfn_local.language.jsonata.values import NOTHING, Value, is_function, is_numeric_type

PLURALS = {
    "a": "arrays",
    "b": "booleans",
    "f": "functions",
    "n": "numbers",
    "o": "objects",
    "s": "strings",
}
ACCEPTED = {
    **{letter: f"[{letter}m]" for letter in "snblo"},
    "a": "[asnblfom]",
    "f": "f",
    "j": "[asnblom]",
    "x": "[asnblfom]",
}


@dataclass(slots=True)
class Parameter:
    """A parameter; from_context is the pattern of a context that can replace it."""

    letters: str
    pattern: str
    from_context: str = ""
    subtype: str | None = None


class Signature:
    """A signature, compiled."""

    def __init__(self, text: str) -> None:
        """Text is that between the angle brackets, with them.

        Raises:
            JsonataError: it is not a signature.
        """
        self.parameters = list(_parameters(text))
        self._pattern = re.compile("".join(f"({each.pattern})" for each in self.parameters))

    def check(self, arguments: list[Value], context: Value) -> list[Value]:
        """Return the arguments as the function gets them: single values as arrays, the context.

        Raises:
            JsonataError: they do not match.
        """
        given = "".join(map(letter_of, arguments))
        found = self._pattern.fullmatch(given)
        if found is None:
            raise self._mismatch(arguments, given)
        checked: list[Value] = []
        position = 0
        for parameter, matched in zip(self.parameters, found.groups(), strict=True):
            if not matched and parameter.from_context:
                checked.append(_context(parameter, context, position))
            elif not matched:
                checked.append(arguments[position] if position < len(arguments) else NOTHING)
                position += 1
            for letter in matched:
                checked.append(_argument(parameter, letter, matched, arguments[position], position))
                position += 1
        return checked

    def _mismatch(self, arguments: list[Value], given: str) -> JsonataError:
        pattern, good = "", 0
        for parameter in self.parameters:
            pattern += parameter.pattern
            found = re.match(pattern, given)
            if found is None:
                break
            good = found.end()
        value = arguments[good] if good < len(arguments) else NOTHING
        return JsonataError("T0410", value=value, index=good + 1)


def letter_of(value: Value) -> str:
    """Return the letter of a value's type; `m` is for what is missing."""
    if isinstance(value, str):
        return "s"
    if isinstance(value, bool):
        return "b"
    if is_numeric_type(value):
        return "n"
    if is_function(value):
        return "f"
    if value is None:
        return "l"
    if isinstance(value, list):
        return "a"
    return "o" if isinstance(value, dict) else "m"


def _context(parameter: Parameter, context: Value, position: int) -> Value:
    if not re.match(parameter.from_context, letter_of(context)):
        raise JsonataError("T0411", value=context, index=position + 1)
    return context


def _argument(
    parameter: Parameter, letter: str, matched: str, value: Value, position: int
) -> Value:
    if parameter.letters != "a":
        return value
    if letter == "m":
        return NOTHING
    if parameter.subtype is not None and not _is_of(parameter.subtype, letter, matched, value):
        kind = PLURALS.get(parameter.subtype)
        raise JsonataError("T0412", value=value, index=position + 1, type=kind)
    return value if letter == "a" else [value]


def _is_of(subtype: str, letter: str, matched: str, value: Value) -> bool:
    if letter != "a":
        return matched == subtype
    return all(letter_of(item) == subtype[0] for item in value)


def _parameters(text: str) -> Iterator[Parameter]:
    latest: Parameter | None = None
    position = 1
    while position < len(text) and text[position] != ":":
        symbol = text[position]
        if symbol in ACCEPTED:
            if latest:
                yield latest
            latest = Parameter(symbol, ACCEPTED[symbol])
        elif symbol == "(":
            end = _closing(text, position, "()")
            if latest:
                yield latest
            latest = _choice(text[position + 1 : end], position)
            position = end
        elif latest:
            position = _refine(latest, symbol, text, position)
        position += 1
    if latest:
        yield latest


def _choice(letters: str, position: int) -> Parameter:
    if "<" in letters:
        raise JsonataError("S0402", position, value=letters)
    return Parameter(f"({letters})", f"[{letters}m]")


def _refine(parameter: Parameter, symbol: str, text: str, position: int) -> int:
    if symbol == "-":
        parameter.from_context = parameter.pattern
        parameter.pattern += "?"
    elif symbol in "?+":
        parameter.pattern += symbol
    elif symbol == "<":
        if parameter.letters not in ("a", "f"):
            raise JsonataError("S0401", position, value=parameter.letters)
        end = _closing(text, position, "<>")
        parameter.subtype = text[position + 1 : end]
        return end
    return position


def _closing(text: str, start: int, brackets: str) -> int:
    depth = 1
    for position in range(start + 1, len(text)):
        depth += {brackets[0]: 1, brackets[1]: -1}.get(text[position], 0)
        if depth == 0:
            return position
    return len(text)


def signature(text: str) -> Any:
    """Return the signature of a text, or None for an empty one."""
    return Signature(text) if text else None
