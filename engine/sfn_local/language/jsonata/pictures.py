"""Numbers as pictures show them.

Source: XPath and XQuery Functions and Operators 3.1, "fn:format-number", as JSONata has it.
"""

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

from sfn_local.language.jsonata.errors import JsonataError
from sfn_local.language.jsonata.integers import regular
from sfn_local.language.jsonata.values import Value, rounded_to

DEFAULTS = {
    "decimal-separator": ".",
    "grouping-separator": ",",
    "exponent-separator": "e",
    "infinity": "Infinity",
    "minus-sign": "-",
    "NaN": "NaN",
    "percent": "%",
    "per-mille": "\u2030",
    "zero-digit": "0",
    "digit": "#",
    "pattern-separator": ";",
}
MOST_PICTURES = 2
PERCENT, PER_MILLE = 100, 1000


class Symbols:
    """The characters that mean something in a picture."""

    def __init__(self, options: dict[str, Value]) -> None:
        """Options replace the usual characters."""
        names = {**DEFAULTS, **options}
        self.decimal: str = names["decimal-separator"]
        self.grouping: str = names["grouping-separator"]
        self.exponent: str = names["exponent-separator"]
        self.minus: str = names["minus-sign"]
        self.percent = names["percent"]
        self.per_mille = names["per-mille"]
        self.zero: str = names["zero-digit"]
        self.optional: str = names["digit"]
        self.pattern = names["pattern-separator"]
        self.digits = [chr(ord(self.zero) + value) for value in range(10)]
        self.active = [
            *self.digits,
            *(self.decimal, self.exponent, self.grouping, self.optional, self.pattern),
        ]

    def required(self, text: str) -> int:
        """Return how many digits are required in a part of a picture."""
        return sum(each in self.digits for each in text)

    def possible(self, text: str) -> int:
        """Return how many digits have a place in a part of a picture."""
        return self.required(text) + text.count(self.optional)

    def translated(self, digits: str) -> str:
        """Return digits in the family of the picture's."""
        return "".join(self.digits[int(each)] if each.isdigit() else each for each in digits)


@dataclass(slots=True)
class Parts:
    """The parts of a picture."""

    picture: str
    prefix: str
    suffix: str
    active: str
    mantissa: str
    exponent: str | None
    whole: str
    fraction: str


def format_number(value: float, picture: str, options: dict[str, Value]) -> str:
    """Return the text of a number.

    Raises:
        JsonataError: the picture breaks a rule.
    """
    symbols = Symbols(options)
    pictures = picture.split(symbols.pattern)
    if len(pictures) > MOST_PICTURES:
        raise JsonataError("D3080")
    parts = [_parts(each, symbols) for each in pictures]
    for each in parts:
        _check(each, symbols)
    chosen = parts[0] if value >= 0 else parts[-1]
    prefix = chosen.prefix
    if value < 0 and len(parts) == 1:
        prefix = symbols.minus + prefix
    return prefix + _Layout(chosen, symbols).text(value) + chosen.suffix


def _parts(picture: str, symbols: Symbols) -> Parts:
    active = [
        index
        for index, each in enumerate(picture)
        if each in symbols.active and each != symbols.exponent
    ]
    first, last = (active[0], active[-1] + 1) if active else (0, len(picture))
    prefix, inner, suffix = picture[:first], picture[first:last], picture[last:]
    position = picture.find(symbols.exponent, len(prefix))
    mantissa, exponent = inner, None
    if 0 <= position <= len(picture) - len(suffix):
        mantissa, exponent = inner[:position], inner[position + 1 :]
    whole, point, fraction = mantissa.partition(symbols.decimal)
    if not point:
        fraction = suffix
    return Parts(picture, prefix, suffix, inner, mantissa, exponent, whole, fraction)


def _check(parts: Parts, symbols: Symbols) -> None:
    """Raise the last of the rules that the picture breaks."""
    broken = [
        code for code, is_broken in (*_marks(parts, symbols), *_digits(parts, symbols)) if is_broken
    ]
    if broken:
        raise JsonataError(broken[-1])


def _marks(parts: Parts, symbols: Symbols) -> list[tuple[str, bool]]:
    picture, grouping = parts.picture, symbols.grouping
    has_percent, has_per_mille = symbols.percent in picture, symbols.per_mille in picture
    point = picture.find(symbols.decimal)
    around = (picture[point - 1 : point], picture[point + 1 : point + 2]) if point >= 0 else ()
    return [
        ("D3081", picture.count(symbols.decimal) > 1),
        ("D3082", picture.count(symbols.percent) > 1),
        ("D3083", picture.count(symbols.per_mille) > 1),
        ("D3084", has_percent and has_per_mille),
        ("D3085", not symbols.possible(parts.mantissa)),
        ("D3086", any(each not in symbols.active for each in parts.active)),
        ("D3087", grouping in around),
        ("D3088", point < 0 and parts.whole.endswith(grouping)),
        ("D3089", grouping * 2 in picture),
    ]


def _digits(parts: Parts, symbols: Symbols) -> list[tuple[str, bool]]:
    first = parts.whole.find(symbols.optional)
    last = parts.fraction.rfind(symbols.optional)
    exponent = parts.exponent
    has_mark = symbols.percent in parts.picture or symbols.per_mille in parts.picture
    return [
        ("D3090", first >= 0 and symbols.required(parts.whole[:first]) > 0),
        ("D3091", last >= 0 and symbols.required(parts.fraction[last:]) > 0),
        ("D3092", bool(exponent) and has_mark),
        ("D3093", exponent is not None and symbols.required(exponent) < max(1, len(exponent))),
    ]


class _Layout:
    """Where the digits of a number go."""

    def __init__(self, parts: Parts, symbols: Symbols) -> None:
        self._parts = parts
        self._symbols = symbols
        self._scale = self._least_whole = symbols.required(parts.whole)
        self._least = symbols.required(parts.fraction)
        self._most = symbols.possible(parts.fraction)
        has_exponent = parts.exponent is not None
        self._exponent = symbols.required(parts.exponent) if parts.exponent is not None else 0
        if self._least_whole == 0 and self._most == 0:
            if has_exponent:
                self._least = self._most = 1
            else:
                self._least_whole = 1
        if has_exponent and self._least_whole == 0 and symbols.optional in parts.whole:
            self._least_whole = 1
        if self._least_whole == 0 and self._least == 0:
            self._least = 1

    def text(self, value: float) -> str:
        mantissa, exponent = self._scaled(value)
        whole, fraction = self._digits(mantissa)
        text = self._grouped(whole)
        fraction = self._grouped_fraction(fraction)
        if fraction and self._symbols.decimal in self._parts.picture:
            text += self._symbols.decimal + fraction
        elif fraction:
            text += fraction
        if exponent is None:
            return text
        digits = self._symbols.translated(str(abs(exponent)))
        digits = digits.rjust(self._exponent, self._symbols.zero)
        return text + self._symbols.exponent + (self._symbols.minus * (exponent < 0)) + digits

    def _scaled(self, value: float) -> tuple[float, int | None]:
        if self._symbols.percent in self._parts.picture:
            value *= PERCENT
        elif self._symbols.per_mille in self._parts.picture:
            value *= PER_MILLE
        if not self._exponent:
            return value, None
        exponent = 0
        while value and abs(value) < 10.0 ** (self._scale - 1):
            value, exponent = value * 10, exponent - 1
        while abs(value) > 10.0**self._scale:
            value, exponent = value / 10, exponent + 1
        return value, exponent

    def _digits(self, value: float) -> tuple[str, str]:
        if not math.isfinite(value):
            return ("NaN" if math.isnan(value) else "Infinity"), ""
        places = Decimal(1).scaleb(-self._most)
        exact = Decimal(abs(rounded_to(value, self._most))).quantize(places, ROUND_HALF_UP)
        whole, _, fraction = f"{exact:f}".partition(".")
        zero = self._symbols.zero
        whole = self._symbols.translated(whole.lstrip("0")).rjust(self._least_whole, zero)
        return whole, self._symbols.translated(fraction.rstrip("0")).ljust(self._least, zero)

    def _grouped(self, digits: str) -> str:
        whole = self._parts.whole
        grouping = self._symbols.grouping
        positions = [
            self._symbols.possible(whole[index:])
            for index, each in enumerate(whole)
            if each == grouping
        ]
        every = regular(positions)
        if every:
            positions = list(range(every, len(digits), every))
        cuts = sorted(len(digits) - position for position in positions if position < len(digits))
        return grouping.join(_cut(digits, cuts))

    def _grouped_fraction(self, digits: str) -> str:
        fraction = self._parts.fraction
        grouping = self._symbols.grouping
        cuts = [
            self._symbols.possible(fraction[:index])
            for index, each in enumerate(fraction)
            if each == grouping
        ]
        for cut in cuts:
            digits = digits[:cut] + grouping + digits[cut:]
        return digits


def _cut(text: str, places: list[int]) -> list[str]:
    edges = [0, *places, len(text)]
    return [text[start:end] for start, end in pairwise(edges)]
