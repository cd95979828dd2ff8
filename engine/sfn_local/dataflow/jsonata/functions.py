"""The functions that Step Functions adds to JSONata, and the one that it takes away.

Sources: Step Functions Developer Guide, "Transforming data with JSONata in Step Functions",
"Step Functions provided JSONata functions"; AWS's answers in floci-io/floci 2662, 2676, 2790.
"""

import hashlib
import json
import math
import uuid
from collections.abc import Callable
from typing import NoReturn

from sfn_local.document import Json
from sfn_local.language.jsonata import NOTHING, LimitError, Native, Sequence
from sfn_local.language.jsonata.limits import TOO_LARGE
from sfn_local.language.jsonata.values import Value, is_number, number

LONGEST_RANGE = 360_145
LARGEST_LONG = 2**63
UUID_BITS = 53

ALGORITHMS = {
    "MD5": hashlib.md5,
    "SHA-1": hashlib.sha1,
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


class FunctionFailure(ValueError):  # noqa: N818 - becomes a States.QueryEvaluationError
    """A function refuses its arguments."""


def _partition(_: Value, array: Value, size: Value) -> Value:
    if array is NOTHING or size is NOTHING:
        return NOTHING
    if not isinstance(array, list) or not is_number(size) or size < 1:
        raise FunctionFailure("$partition takes an array and a positive integer")
    length = math.trunc(size)
    return [list(array[start : start + length]) for start in range(0, len(array), length)]


def _range(_: Value, first: Value, last: Value, step: Value) -> Value:
    if NOTHING in (first, last, step):
        return NOTHING
    if not (is_number(first) and is_number(last) and is_number(step)) or math.trunc(step) == 0:
        raise FunctionFailure("$range takes two numbers and a step that is not 0")
    step = math.trunc(step)
    numbers = range(math.trunc(first), math.trunc(last) + (1 if step > 0 else -1), step)
    if len(numbers) > LONGEST_RANGE:
        raise LimitError(TOO_LARGE)
    return Sequence(numbers)


def _hash(_: Value, text: Value, algorithm: Value) -> Value:
    if text is NOTHING or algorithm is NOTHING:
        return NOTHING
    if not isinstance(text, str) or algorithm not in ALGORITHMS:
        raise FunctionFailure(f"$hash takes a string and one of {', '.join(ALGORITHMS)}")
    return ALGORITHMS[algorithm](text.encode(), usedforsecurity=False).hexdigest()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON value")


def _integer(digits: str) -> float:
    value = int(digits)
    return value if -LARGEST_LONG <= value < LARGEST_LONG else number(float(value))


def _parse(_: Value, text: Value) -> Value:
    if text is NOTHING:
        return NOTHING
    if not isinstance(text, str):
        raise FunctionFailure("$parse takes a string with JSON")
    try:
        return json.loads(text, parse_constant=_refuse, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise FunctionFailure(f"$parse takes a string with JSON: {error}") from None


MULTIPLIER, INCREMENT, MASK = 0x5DEECE66D, 0xB, (1 << 48) - 1
HIGH_BITS, LOW_BITS = 26, 27


def seeded_random(seed: int) -> float:
    """Return the first `nextDouble` of Java's `java.util.Random` with this seed."""
    state = (seed ^ MULTIPLIER) & MASK
    parts = []
    for bits in (HIGH_BITS, LOW_BITS):
        state = (state * MULTIPLIER + INCREMENT) & MASK
        parts.append(state >> (48 - bits))
    return ((parts[0] << LOW_BITS) + parts[1]) / (1 << (HIGH_BITS + LOW_BITS))


def aws_functions(random: Callable[[], float]) -> dict[str, Json]:
    """By name; random numbers come from the engine, so that a seed repeats them."""

    def random_number(_: Value, seed: Value) -> Value:
        if seed is NOTHING:
            return random()
        if not is_number(seed):
            raise FunctionFailure("$random takes an integer as its seed, or nothing")
        return seeded_random(math.trunc(seed))

    def new_uuid(_: Value) -> Value:
        bits = int(random() * 2**UUID_BITS) << 75 | int(random() * 2**UUID_BITS)
        return str(uuid.UUID(int=bits, version=4))

    return {
        "partition": Native("partition", _partition, 2),
        "range": Native("range", _range, 3),
        "hash": Native("hash", _hash, 2),
        "random": Native("random", random_number, 1),
        "uuid": Native("uuid", new_uuid, 0),
        "parse": Native("parse", _parse, 1),
        "eval": NOTHING,
    }
