"""JSON values that a table can hold, and one text for equal values."""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal

from sfn_cqrs.kernel.errors import InvalidInputError

MAX_DEPTH = 28
"""DynamoDB nests 32 levels; the item and its bookkeeping take some."""
_MAX_DIGITS = 38
_MAX_EXPONENT = 125
_MIN_EXPONENT = -130

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""What JSON can say; a number of an item comes back as int or Decimal."""


def checked_json(value: object, path: str, depth: int = 0) -> Json:
    """Copy a JSON value, refusing what would not come back from a table as it was.

    Raises:
        InvalidInputError: naming the path of the first value that cannot be kept.
    """
    if depth > MAX_DEPTH:
        raise InvalidInputError(path, f"is nested deeper than {MAX_DEPTH} levels")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _checked_text(value, path)
    if isinstance(value, int | float | Decimal):
        return _checked_number(value, path)
    if isinstance(value, Mapping):
        return _checked_object(value, path, depth)
    if isinstance(value, list | tuple):
        return [checked_json(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)]
    raise InvalidInputError(
        path, f"has the Python type {type(value).__name__}, which JSON does not have"
    )


def checked_object(value: object, path: str) -> dict[str, Json]:
    """Copy a JSON object.

    Raises:
        InvalidInputError: it is none, or naming the path of what cannot be kept.
    """
    checked = checked_json(value, path)
    if not isinstance(checked, dict):
        raise InvalidInputError(path, "must be an object")
    return checked


def canonical(value: object) -> str:
    """One text for equal values: keys sorted, no blanks, 1.0 written as 1."""
    return json.dumps(_integral(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def size_of(value: object) -> int:
    """The bytes of a JSON value's text."""
    return len(canonical(value).encode())


def check_size(
    value: object, path: str, limit: int, refusal: type[InvalidInputError], most: str
) -> None:
    """Refuse a JSON value that was sent with more bytes than the limit; `most` describes it.

    Raises:
        InvalidInputError: the refusal.
    """
    size = size_of(value)
    if size > limit:
        reason = f"has {size} bytes, and {most}; store it elsewhere and send where it is"
        raise refusal(path, reason)


def digest(value: object) -> str:
    """A short fingerprint of a JSON value; equal values have equal ones."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:32]


def merged(base: Mapping[str, Json], patch: Mapping[str, Json]) -> dict[str, Json]:
    """Merge a patch as RFC 7396 has it: null removes, objects merge, all else replaces."""
    result = dict(base)
    for name, value in patch.items():
        below = result.get(name)
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = merged(below if isinstance(below, dict) else {}, value)
        else:
            result[name] = value
    return result


def _checked_text(value: str, path: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(path, "has half of a surrogate pair") from error
    return value


def _checked_object(value: Mapping[object, object], path: str, depth: int) -> dict[str, Json]:
    result: dict[str, Json] = {}
    for name, inner in value.items():
        if not isinstance(name, str) or not name:
            raise InvalidInputError(path, "has a name that is empty or no string")
        _checked_text(name, path)
        result[name] = checked_json(inner, f"{path}.{name}", depth + 1)
    return result


def _checked_number(value: float | Decimal, path: str) -> int | float:
    number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise InvalidInputError(path, "is NaN or infinite, which JSON does not have")
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    if len(digits) > _MAX_DIGITS:
        raise InvalidInputError(path, f"has more than {_MAX_DIGITS} digits")
    if number and not _MIN_EXPONENT <= number.adjusted() <= _MAX_EXPONENT:
        raise InvalidInputError(path, "is outside the range that DynamoDB holds (1E-130 to 1E+126)")
    if number == number.to_integral_value():
        return int(number)
    if Decimal(str(float(number))) != number:
        raise InvalidInputError(path, "has more digits than a 64-bit float keeps; send a string")
    return float(number)


def _integral(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _integral(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_integral(inner) for inner in value]
    return value
