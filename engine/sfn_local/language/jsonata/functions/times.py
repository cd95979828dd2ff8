"""Functions on points in time, in milliseconds of 1970."""

from sfn_local.language.jsonata.datetimes import format_millis, iso_millis, parse_millis
from sfn_local.language.jsonata.functions.registry import Caller, native, of_something
from sfn_local.language.jsonata.values import NOTHING, Value

MILLIS = 1000


def _now(run: Caller) -> int:
    return int(run.now.timestamp() * MILLIS)


@native("now", "<s?s?:s>", 2)
def now(run: Caller, picture: Value = NOTHING, zone: Value = NOTHING) -> Value:
    """Return the time of this evaluation as a text."""
    return format_millis(_now(run), picture, zone)


@native("millis", "<:n>")
def millis(run: Caller) -> Value:
    """Return the time of this evaluation."""
    return _now(run)


@of_something("fromMillis", "<n-s?s?:s>")
def from_millis(_: Caller, value: float, picture: Value = NOTHING, zone: Value = NOTHING) -> Value:
    """Return the text of a point in time."""
    return format_millis(int(value), picture, zone)


@of_something("toMillis", "<s-s?:n>")
def to_millis(run: Caller, text: str, picture: Value = NOTHING) -> Value:
    """Return the point in time of a text."""
    return iso_millis(text) if picture is NOTHING else parse_millis(text, picture, run.now)
