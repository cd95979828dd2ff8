"""Functions on numbers."""

import math
import re

from sfn_local.language.jsonata.errors import JsonataError
from sfn_local.language.jsonata.functions.registry import Caller, native, of_something
from sfn_local.language.jsonata.integers import format_integer, parse_as, read_picture
from sfn_local.language.jsonata.pictures import format_number
from sfn_local.language.jsonata.values import (
    NOTHING,
    Value,
    as_float,
    is_numeric_type,
    number,
    rounded_to,
)

DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([Ee][-+]?[0-9]+)?\Z")
OTHER_BASES = re.compile(r"0(?:[xX][0-9A-Fa-f]+|[oO][0-7]+|[bB][01]+)\Z")
LOWEST_BASE, HIGHEST_BASE = 2, 36
NUMERALS = "0123456789abcdefghijklmnopqrstuvwxyz"


@of_something("sum", "<a<n>:n>")
def total(_: Caller, values: list[float]) -> Value:
    """Return the sum of the numbers."""
    result: float = 0
    for value in values:
        result += value
    return number(result)


@of_something("max", "<a<n>:n>")
def largest(_: Caller, values: list[float]) -> Value:
    """Return the largest number."""
    return max(values) if values else NOTHING


@of_something("min", "<a<n>:n>")
def smallest(_: Caller, values: list[float]) -> Value:
    """Return the smallest number."""
    return min(values) if values else NOTHING


@of_something("average", "<a<n>:n>")
def average(run: Caller, values: list[float]) -> Value:
    """Return the mean of the numbers."""
    return number(as_float(total(run, values)) / len(values)) if values else NOTHING


@of_something("number", "<(nsb)-:n>")
def to_number(_: Caller, value: Value) -> Value:
    """Return the number of a text or of a boolean."""
    if is_numeric_type(value):
        return value
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and OTHER_BASES.match(value):
        return number(int(value, 0))
    if isinstance(value, str) and DECIMAL.match(value) and math.isfinite(float(value)):
        return int(value) if value.lstrip("-").isdigit() else number(float(value))
    raise JsonataError("D3030", value=value, index=1)


@of_something("abs", "<n-:n>")
def absolute(_: Caller, value: float) -> Value:
    """Return the number without its sign."""
    return number(abs(value))


@of_something("floor", "<n-:n>")
def floor(_: Caller, value: float) -> Value:
    """Return the next whole number below."""
    return number(math.floor(value)) if math.isfinite(value) else value


@of_something("ceil", "<n-:n>")
def ceiling(_: Caller, value: float) -> Value:
    """Return the next whole number above."""
    return number(math.ceil(value)) if math.isfinite(value) else value


@of_something("round", "<n-n?:n>")
def rounded(_: Caller, value: float, places: Value = NOTHING) -> Value:
    """Return the number, rounded to so many decimal places."""
    return rounded_to(value, 0 if places is NOTHING else int(places))


@of_something("sqrt", "<n-:n>")
def square_root(_: Caller, value: float) -> Value:
    """Return the square root."""
    if value < 0:
        raise JsonataError("D3060", value=value, index=1)
    return number(math.sqrt(value))


@of_something("power", "<n-n:n>", takes_nothing=True)
def power(_: Caller, base: float, exponent: Value) -> Value:
    """Return the power of a number."""
    try:
        result = math.nan if exponent is NOTHING else as_float(base) ** as_float(exponent)
    except (OverflowError, ZeroDivisionError):
        result = math.inf
    if isinstance(result, complex) or not math.isfinite(result):
        raise JsonataError("D3061", value=base, exp=exponent, index=1)
    return number(result)


@native("random", "<:n>")
def random(run: Caller) -> Value:
    """Return a number from 0 to below 1."""
    return run.random()


@of_something("formatBase", "<n-n?:s>")
def format_base(_: Caller, value: float, base: Value = NOTHING) -> Value:
    """Return the number in another base."""
    radix = 10 if base is NOTHING else int(rounded_to(base, 0))
    if not LOWEST_BASE <= radix <= HIGHEST_BASE:
        raise JsonataError("D3100", value=radix)
    rest = int(rounded_to(value, 0))
    digits = ""
    sign, rest = ("-", -rest) if rest < 0 else ("", rest)
    while rest:
        rest, digit = divmod(rest, radix)
        digits = NUMERALS[digit] + digits
    return sign + (digits or "0")


@of_something("formatNumber", "<n-so?:s>")
def format_as_picture(_: Caller, value: float, picture: str, options: Value = NOTHING) -> Value:
    """Return the number as a picture shows it."""
    return format_number(value, picture, {} if options is NOTHING else options)


@of_something("formatInteger", "<n-s:s>")
def format_whole(_: Caller, value: float, picture: str) -> Value:
    """Return the whole number as a picture shows it."""
    return format_integer(value, picture)


@of_something("parseInteger", "<s-s:n>")
def parse_whole(_: Caller, text: str, picture: str) -> Value:
    """Return the whole number of a text that a picture describes."""
    return parse_as(text, read_picture(picture))
