r"""Reads a call of an intrinsic function.

An argument is a string in single quotes (with `\'`, `\\`, `\{` and `\}`), a number, true, false,
null, a path, or another call.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from sfn_local.document import Json, loads
from sfn_local.language.intrinsics.functions import FUNCTIONS, Template
from sfn_local.language.jsonpath.parser import read_path
from sfn_local.language.jsonpath.path import Path
from sfn_local.language.jsonpath.reader import PathSyntaxError, Reader

DEEPEST = 10

NAME = re.compile(r"States\.[A-Za-z0-9]+")
STRING = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
ESCAPED = "'{}\\"
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
WORD = re.compile(r"(true|false|null)\b")


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in the call."""

    value: Json


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments; text is how it was written."""

    name: str
    arguments: tuple["Literal | Path | Call", ...]
    text: str

    def evaluate(self, read: Callable[[Path], Json], random: Callable[[], float]) -> Json:
        """The function's value, given what paths lead to and a source of randomness in [0, 1).

        Raises:
            IntrinsicError: the function refuses its arguments.
        """
        values = [_evaluate(argument, read, random) for argument in self.arguments]
        return FUNCTIONS[self.name].call(values, random, self.text)


def _evaluate(
    argument: "Literal | Path | Call", read: Callable[[Path], Json], random: Callable[[], float]
) -> Json:
    if isinstance(argument, Literal):
        return argument.value
    return argument.evaluate(read, random) if isinstance(argument, Call) else read(argument)


@lru_cache(maxsize=4096)
def parse_expression(text: str) -> Path | Call:
    """The path or call that the value of a field ending in `.$` is.

    Raises:
        PathSyntaxError: it is neither.
    """
    reader = Reader(text)
    expression = _read_call(reader, 1) if text.startswith("States.") else read_path(reader)
    reader.skip_blanks()
    if not reader.at_end:
        raise reader.error("the expression should end here")
    return expression


def _read_call(reader: Reader, depth: int) -> Call:
    start = reader.position
    name = reader.match(NAME)
    if name is None or name not in FUNCTIONS:
        reader.position = start
        raise reader.error("there is no such intrinsic function")
    if depth > DEEPEST:
        raise reader.error(f"calls may be nested {DEEPEST} deep")
    arguments = _read_arguments(reader, depth, name)
    text = reader.text[start : reader.position]
    _check_count(name, len(arguments), PathSyntaxError(_arity(name), reader.text, start))
    return Call(name, arguments, text)


def _check_count(name: str, count: int, error: PathSyntaxError) -> None:
    function = FUNCTIONS[name]
    if count < function.fewest or (function.most is not None and count > function.most):
        raise error


def _arity(name: str) -> str:
    fewest, most = FUNCTIONS[name].fewest, FUNCTIONS[name].most
    if most is None:
        return f"{name} takes at least {fewest} arguments"
    count = str(fewest) if fewest == most else f"{fewest} to {most}"
    return f"{name} takes {count} argument{'' if most == 1 else 's'}"


def _read_arguments(reader: Reader, depth: int, name: str) -> tuple["Literal | Path | Call", ...]:
    reader.expect("(")
    reader.skip_blanks()
    if reader.take(")"):
        return ()
    arguments = [_read_argument(reader, depth, is_template=name == "States.Format")]
    reader.skip_blanks()
    while not reader.take(")"):
        reader.expect(",")
        reader.skip_blanks()
        arguments.append(_read_argument(reader, depth, is_template=False))
        reader.skip_blanks()
    return tuple(arguments)


def _read_argument(reader: Reader, depth: int, *, is_template: bool) -> "Literal | Path | Call":
    next_character = reader.peek()
    if next_character == "$":
        return read_path(reader)
    if next_character == "S":
        return _read_call(reader, depth + 1)
    if next_character == "'":
        text = reader.match(STRING)
        if text is None:
            raise reader.error("the string does not end")
        if any(found[1] not in ESCAPED for found in ESCAPE.finditer(text)):
            raise reader.error("a \\ stands before ', {, } or another \\ only")
        template = Template.parse(text[1:-1])
        return Literal(template if is_template else template.text)
    return Literal(_read_value(reader))


def _read_value(reader: Reader) -> Json:
    text = reader.match(NUMBER)
    if text is not None:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    text = reader.match(WORD)
    if text is None:
        message = "a path, a string in single quotes, a number, true, false, null or a call"
        raise reader.error(f"{message} should stand here")
    return loads(text)
