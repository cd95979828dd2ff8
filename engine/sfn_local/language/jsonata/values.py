"""The values of JSONata: JSON, nothing, sequences and functions; and how it sees numbers.

`None` is JSON's null, and `NOTHING` is what an expression gives that finds nothing.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from sfn_local.language.jsonata.errors import JsonataError

LARGEST_EXACT = 2**53
LARGEST_WITH_ALL_DIGITS = 1e21
SMALLEST_WITHOUT_EXPONENT = 1e-6
DIGITS = 15
MOST_DIGITS = 24  # far more than a double has

Value = Any


class _Nothing:
    """The value that is not there; JavaScript calls it undefined."""

    def __repr__(self) -> str:
        return "nothing"

    def __bool__(self) -> bool:
        return False


NOTHING: Final = _Nothing()


class Sequence(list[Value]):
    """The results of a query: a single one is the value itself."""

    __slots__ = ("is_kept", "is_wrapper", "tuples")

    def __init__(self, items: Iterable[Value] = ()) -> None:
        """A sequence of these items."""
        super().__init__(items)
        self.is_kept = False
        self.is_wrapper = False
        self.tuples = False


class Built(list[Value]):
    """An array that a path's step builds; it is not flattened into the steps before it."""

    __slots__ = ()


class Function:
    """Anything that can be called; without a signature it takes what it is given."""

    arity: int = 0
    signature: Any = None


@dataclass(eq=False, repr=False)
class Native(Function):
    """A function of the language, or of AWS; call takes the run and then the arguments."""

    name: str
    call: Callable[..., Value]
    arity: int
    signature: Any = None


def is_number(value: Value) -> bool:
    """Return whether it counts as a number: NaN does not.

    Raises:
        JsonataError: D1001, it is infinite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(value, float) and math.isinf(value):
        raise JsonataError("D1001", value=None)
    return not (isinstance(value, float) and math.isnan(value))


def is_numeric_type(value: Value) -> bool:
    """Return whether its type is that of numbers, NaN and infinity among them."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(value: float) -> float | int:
    """Return the number as JSON has it: whole ones without a fraction, large ones as doubles."""
    if isinstance(value, int):
        return value if -LARGEST_EXACT <= value <= LARGEST_EXACT else number(as_float(value))
    if math.isfinite(value) and value.is_integer() and abs(value) < LARGEST_WITH_ALL_DIGITS:
        return int(shortest(value))
    return value


def as_float(value: float) -> float:
    """Return the double of a number; an integer that none can hold is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)


def shortest(value: float) -> str:
    """Return the digits of a number as JavaScript writes them."""
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("-Infinity" if value < 0 else "Infinity")
    if value == 0:
        return "0"
    sign, digits, exponent = _decimal(value)
    size = abs(value)
    if SMALLEST_WITHOUT_EXPONENT <= size < LARGEST_WITH_ALL_DIGITS:
        return sign + _plainly(digits, exponent)
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{exponent:+d}"


def _decimal(value: float) -> tuple[str, str, int]:
    """Return the sign, the shortest digits, and the power of ten of the first of them."""
    mantissa, _, power = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" and not power else fraction
    digits = (whole + fraction).lstrip("0")
    leading = len(whole + fraction) - len(digits)
    exponent = len(whole) - 1 - leading + int(power or 0)
    return "-" if value < 0 else "", digits.rstrip("0") or "0", exponent


def _plainly(digits: str, exponent: int) -> str:
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    fraction = digits[exponent + 1 :]
    return f"{whole}.{fraction}" if fraction else whole


def rounded(value: float) -> float | int:
    """Return a number as texts show it: whole ones in full, others to fifteen digits."""
    if isinstance(value, int) or not math.isfinite(value) or value.is_integer():
        return number(value)
    return number(float(f"{value:.{DIGITS}g}"))


def rounded_to(value: float, places: int) -> float:
    """Return the number with so many decimal places; a half goes to the even neighbour."""
    if not math.isfinite(value):
        return value
    exact = Decimal(repr(value)).scaleb(places)
    if exact.adjusted() > MOST_DIGITS:
        return value
    whole = exact.quantize(Decimal(1), ROUND_HALF_EVEN)
    return number(float(whole.scaleb(-places)))


def is_function(value: Value) -> bool:
    """Return whether it can be called."""
    return isinstance(value, Function)


def append(first: Value, second: Value) -> Value:
    """Return both as one array; nothing adds nothing."""
    if first is NOTHING:
        return second
    if second is NOTHING:
        return first
    left = first if isinstance(first, list) else [first]
    return [*left, *(second if isinstance(second, list) else [second])]


def lookup(holder: Value, name: str) -> Value:
    """Return the field of an object, or those of all objects of an array."""
    if isinstance(holder, dict):
        return holder.get(name, NOTHING)
    if not isinstance(holder, list):
        return NOTHING
    found = Sequence()
    for item in holder:
        value = lookup(item, name)
        if isinstance(value, list):
            found.extend(value)
        elif value is not NOTHING:
            found.append(value)
    return found


def is_same(first: Value, second: Value) -> bool:
    """Return whether two values are equal, with all that is in them."""
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(is_same, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(is_same(first[k], second[k]) for k in first)
    if isinstance(first, list | dict | Function) or isinstance(second, list | dict | Function):
        return first is second
    return isinstance(first, bool) == isinstance(second, bool) and bool(first == second)


def truth(value: Value) -> Value:
    """Return what `$boolean` makes of it; nothing stays nothing."""
    if value is NOTHING:
        return NOTHING
    if isinstance(value, list):
        return any(truth(item) is True for item in value)
    if isinstance(value, str | dict):
        return len(value) > 0
    if isinstance(value, bool | Function):
        return value is not False
    return is_number(value) and value != 0


def is_true(value: Value) -> bool:
    """Return whether a condition holds."""
    return truth(value) is True


def are_numbers(value: Value) -> bool:
    """Return whether it is an array of nothing but numbers."""
    return isinstance(value, list) and all(map(is_number, value))


def are_strings(value: Value) -> bool:
    """Return whether it is an array of nothing but strings."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def joined_surrogates(text: str) -> str:
    """Return the text, with the halves of each pair of surrogates as one character."""
    if text.isascii() or not any("\ud800" <= each <= "\udfff" for each in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
