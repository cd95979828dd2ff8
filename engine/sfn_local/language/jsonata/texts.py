"""Values as texts, as `$string` makes of them."""

import json
import math
import re
from collections.abc import Callable

from sfn_local.language.jsonata.errors import JsonataError
from sfn_local.language.jsonata.values import (
    NOTHING,
    Sequence,
    Value,
    is_function,
    is_numeric_type,
    rounded,
    shortest,
)

LONE = re.compile("[\ud800-\udfff]")


def text_of(value: Value, is_pretty: bool = False) -> str:
    """Return a string as it is, anything else as JSON.

    Raises:
        JsonataError: D3001, it is not a finite number.
    """
    if isinstance(value, str):
        return value
    if is_function(value):
        return ""
    if is_numeric_type(value):
        if not math.isfinite(value):
            raise JsonataError("D3001", value=None)
        return shortest(rounded(value))
    if isinstance(value, Sequence) and value.is_wrapper:
        value = value[0]
    return json_text(value, _digits, "\n" if is_pretty else "")


def json_text(value: Value, digits: Callable[[float], str], line: str = "") -> str:
    """Return the JSON of a value; line is what begins a line, and empty where all stands on one."""
    if isinstance(value, dict):
        colon = ": " if line else ":"
        fields = [
            f"{_quoted(name)}{colon}{json_text(field, digits, line and line + '  ')}"
            for name, field in value.items()
            if field is not NOTHING
        ]
        return _enclosed("{", fields, "}", line)
    if isinstance(value, list):
        items = [json_text(item, digits, line and line + "  ") for item in value]
        return _enclosed("[", items, "]", line)
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_numeric_type(value):
        return digits(value)
    if is_function(value):
        return '""'
    if value is NOTHING:
        return "undefined"
    return _quoted(value) if isinstance(value, str) else "null"


def _digits(value: float) -> str:
    if isinstance(value, float) and math.isinf(value):
        raise JsonataError("D1001", value=None)
    return "null" if math.isnan(value) else shortest(rounded(value))


def _enclosed(opening: str, parts: list[str], closing: str, line: str) -> str:
    if not parts or not line:
        return opening + ",".join(parts) + closing
    inner = line + "  "
    return opening + inner + f",{inner}".join(parts) + line + closing


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    if quoted.isascii():
        return quoted
    return LONE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
