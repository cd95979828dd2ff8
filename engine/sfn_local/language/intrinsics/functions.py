"""The intrinsic functions themselves, with AWS's limits.

Source: Step Functions Developer Guide, "Intrinsic functions for JSONPath states".
"""

import base64
import binascii
import hashlib
import json
import math
import random as python_random
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sfn_local.document import Json, dumps, loads
from sfn_local.language.jsonpath.filters import equal

LONGEST_TEXT = 10_000
LONGEST_RANGE = 1000
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**31), 2**31 - 1
RANDOM_BITS = 2**32

Random = Callable[[], float]

PLACEHOLDER_OR_ESCAPE = re.compile(r"\\(.)|(\{\})|([{}])", re.DOTALL)


class IntrinsicError(ValueError):
    """A function refuses its arguments; the message names the call."""


class _Refused(Exception):  # noqa: N818 - internal, becomes an IntrinsicError
    pass


@dataclass(frozen=True, slots=True)
class Template:
    """The first argument of States.Format, cut at its placeholders."""

    parts: tuple[str, ...]
    text: str

    @classmethod
    def parse(cls, raw: str) -> "Template":
        r"""Cut at each `{}`; `\{`, `\}`, `\'` and `\\` stand for the character itself."""
        parts = [""]
        text = ""
        position = 0
        for found in PLACEHOLDER_OR_ESCAPE.finditer(raw):
            between = raw[position : found.start()]
            literal = found.group(1) or found.group(3) or ""
            text += between + (found.group(2) or literal)
            parts[-1] += between + literal
            parts += [""] if found.group(2) else []
            position = found.end()
        parts[-1] += raw[position:]
        return cls(tuple(parts), text + raw[position:])


@dataclass(frozen=True, slots=True)
class Function:
    """An intrinsic function and the number of its arguments; most None is any number."""

    compute: Callable[[list[Json], Random], Json]
    fewest: int
    most: int | None

    def call(self, values: list[Json], random: Random, text: str) -> Json:
        """The function's value.

        Raises:
            IntrinsicError: it refuses the arguments.
        """
        try:
            return self.compute(values, random)
        except _Refused as refused:
            message = f"The function '{text}' had the following error: {refused}"
            raise IntrinsicError(message) from None


def _format(values: list[Json], _: Random) -> Json:
    template, *rest = values
    if isinstance(template, str):
        template = Template.parse(template)
    if not isinstance(template, Template):
        raise _Refused("the first argument must be a string")
    if len(template.parts) - 1 != len(rest):
        message = f"{len(template.parts) - 1} placeholders, but {len(rest)} arguments"
        raise _Refused(f"the number of arguments does not match: {message}")
    pieces = [template.parts[0]]
    for value, part in zip(rest, template.parts[1:], strict=True):
        pieces += [_shown(value), part]
    return "".join(pieces)


def _shown(value: Json) -> str:
    """A value in a text, objects as Java writes its maps: as AWS has it, e.g. {a=1, b=[]}."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}={_shown(inner)}' for name, inner in value.items())}}}"
    return dumps(value)


def _string_to_json(values: list[Json], _: Random) -> Json:
    text = _string(values[0], "the argument")
    if not text.strip():
        return None
    try:
        return loads(text)
    except ValueError as error:
        raise _Refused(f"the argument is not JSON: {error}") from None


def _array_partition(values: list[Json], _: Random) -> Json:
    items, size = _list(values[0]), _integer(values[1], "the chunk size")
    if size < 1:
        raise _Refused("the chunk size must be a positive integer")
    return [items[start : start + size] for start in range(0, len(items), size)]


def _array_contains(values: list[Json], _: Random) -> Json:
    return any(equal(item, values[1]) for item in _list(values[0]))


def _array_range(values: list[Json], _: Random) -> Json:
    first, last, step = (_integer(value, "each argument") for value in values)
    if step == 0:
        raise _Refused("the step must not be 0")
    numbers = range(first, last + (1 if step > 0 else -1), step)
    if len(numbers) > LONGEST_RANGE:
        raise _Refused(f"a range has at most {LONGEST_RANGE} items")
    return list(numbers)


def _array_get_item(values: list[Json], _: Random) -> Json:
    items, index = _list(values[0]), _integer(values[1], "the index")
    if not 0 <= index < len(items):
        raise _Refused(f"the index {index} is out of bounds for {len(items)} items")
    return items[index]


def _array_unique(values: list[Json], _: Random) -> Json:
    unique: dict[str, Json] = {}
    for item in _list(values[0]):
        unique.setdefault(json.dumps(item, sort_keys=True), item)
    return [*unique.values()]


def _base64_encode(values: list[Json], _: Random) -> Json:
    text = _short_text(values[0])
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


def _base64_decode(values: list[Json], _: Random) -> Json:
    text = _short_text(values[0])
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise _Refused("the argument is not Base64") from None


def _hash(values: list[Json], _: Random) -> Json:
    algorithm = values[1] if isinstance(values[1], str) else ""
    if algorithm not in HASHES:
        raise _Refused(f"the algorithm must be one of {', '.join(HASHES)}")
    text = values[0] if isinstance(values[0], str) else dumps(values[0])
    return HASHES[algorithm](_short_text(text).encode("utf-8", "surrogatepass")).hexdigest()


def _json_merge(values: list[Json], _: Random) -> Json:
    first, second, deep = values
    if deep is not False:
        raise _Refused("only a shallow merge is supported: the third argument must be false")
    if not isinstance(first, dict) or not isinstance(second, dict):
        raise _Refused("the first two arguments must be objects")
    return {**first, **second}


def _math_random(values: list[Json], random: Random) -> Json:
    start, end = (_rounded(value, "each end") for value in values[:2])
    if start >= end:
        raise _Refused("the start must be less than the end")
    if len(values) > 2:  # noqa: PLR2004 - start, end and a seed
        random = python_random.Random(_rounded(values[2], "the seed")).random
    return start + math.floor(random() * (end - start))


def _math_add(values: list[Json], _: Random) -> Json:
    return sum(_rounded(value, "each argument") for value in values)


def _string_split(values: list[Json], _: Random) -> Json:
    text, separators = _string(values[0], "the text"), _string(values[1], "the splitter")
    if not separators:
        return [text] if text else []
    return [part for part in re.split(f"[{re.escape(separators)}]", text) if part]


def _uuid(_values: list[Json], random: Random) -> Json:
    number = 0
    for _ in range(4):
        number = number * RANDOM_BITS + math.floor(random() * RANDOM_BITS)
    return str(uuid.UUID(int=number, version=4))


def _string(value: Json, what: str) -> str:
    if not isinstance(value, str):
        raise _Refused(f"{what} must be a string")
    return value


def _short_text(value: Json) -> str:
    text = _string(value, "the argument")
    if len(text) > LONGEST_TEXT:
        raise _Refused(f"the argument has more than {LONGEST_TEXT} characters")
    return text


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise _Refused("the first argument must be an array")
    return value


def _integer(value: Json, what: str) -> int:
    is_integral = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not is_integral:
        raise _Refused(f"{what} must be an integer")
    return int(value)


def _rounded(value: Json, what: str) -> int:
    """The nearest integer, halves up, as AWS rounds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _Refused(f"{what} must be a number")
    if not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
        raise _Refused(f"{what} must be within {SMALLEST_INTEGER} and {LARGEST_INTEGER}")
    return math.floor(value + 0.5)


HASHES: dict[str, Callable[[bytes], "hashlib._Hash"]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False),
    "SHA-1": lambda data: hashlib.sha1(data, usedforsecurity=False),
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}

FUNCTIONS: dict[str, Function] = {
    "States.Array": Function(lambda values, _: values, 0, None),
    "States.ArrayContains": Function(_array_contains, 2, 2),
    "States.ArrayGetItem": Function(_array_get_item, 2, 2),
    "States.ArrayLength": Function(lambda values, _: len(_list(values[0])), 1, 1),
    "States.ArrayPartition": Function(_array_partition, 2, 2),
    "States.ArrayRange": Function(_array_range, 3, 3),
    "States.ArrayUnique": Function(_array_unique, 1, 1),
    "States.Base64Decode": Function(_base64_decode, 1, 1),
    "States.Base64Encode": Function(_base64_encode, 1, 1),
    "States.Format": Function(_format, 1, None),
    "States.Hash": Function(_hash, 2, 2),
    "States.JsonMerge": Function(_json_merge, 3, 3),
    "States.JsonToString": Function(lambda values, _: dumps(values[0]), 1, 1),
    "States.MathAdd": Function(_math_add, 2, 2),
    "States.MathRandom": Function(_math_random, 2, 3),
    "States.StringSplit": Function(_string_split, 2, 2),
    "States.StringToJson": Function(_string_to_json, 1, 1),
    "States.UUID": Function(_uuid, 0, 0),
}
