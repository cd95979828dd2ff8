"""The functions that Step Functions adds to JSONata, and the one that it takes away.

Source: Step Functions Developer Guide, "Transforming data with JSONata in Step Functions",
"Step Functions provided JSONata functions".
"""

import hashlib
import random as python_random
import uuid
from collections.abc import Callable
from typing import Any

from sfn_local.document import Json, loads

LONGEST_RANGE = 1000
UUID_BITS = 128

ALGORITHMS = {
    "MD5": hashlib.md5,
    "SHA-1": hashlib.sha1,
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


class FunctionFailure(ValueError):  # noqa: N818 - becomes a States.QueryEvaluationError
    """A function refuses its arguments."""


def _partition(array: Json = None, size: Json = None) -> Json:
    if not isinstance(array, list) or not _is_integer(size) or size < 1:
        raise FunctionFailure("$partition takes an array and a positive integer")
    return [list(array[start : start + size]) for start in range(0, len(array), size)]


def _range(first: Json = None, last: Json = None, step: Json = None) -> Json:
    if not all(map(_is_integer, (first, last, step))) or step == 0:
        raise FunctionFailure("$range takes two integers and a step that is not 0")
    numbers = range(first, last + (1 if step > 0 else -1), step)
    if len(numbers) > LONGEST_RANGE:
        raise FunctionFailure(f"$range may have at most {LONGEST_RANGE} elements")
    return numbers[0] if len(numbers) == 1 else list(numbers)  # a sequence, as JSONata has them


def _hash(text: Json = None, algorithm: Json = None) -> Json:
    if not isinstance(text, str) or algorithm not in ALGORITHMS:
        raise FunctionFailure(f"$hash takes a string and one of {', '.join(ALGORITHMS)}")
    return ALGORITHMS[algorithm](text.encode(), usedforsecurity=False).hexdigest()


def _parse(text: Json = None) -> Json:
    if not isinstance(text, str):
        raise FunctionFailure("$parse takes a string with JSON")
    try:
        return loads(text)
    except ValueError as error:
        raise FunctionFailure(f"$parse takes a string with JSON: {error}") from None


def aws_functions(random: Callable[[], float]) -> dict[str, Callable[..., Any] | None]:
    """By name; random numbers come from the engine, so that a seed repeats them."""

    def random_number(seed: Json = None) -> Json:
        if seed is None:
            return random()
        if not _is_integer(seed):
            raise FunctionFailure("$random takes an integer as its seed, or nothing")
        return python_random.Random(seed).random()

    def new_uuid() -> Json:
        return str(uuid.UUID(int=int(random() * 2**53) << 75 | int(random() * 2**53), version=4))

    return {
        "partition": _partition,
        "range": _range,
        "hash": _hash,
        "random": random_number,
        "uuid": new_uuid,
        "parse": _parse,
        "eval": None,
    }


def _is_integer(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
