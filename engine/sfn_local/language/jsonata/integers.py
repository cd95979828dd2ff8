"""Whole numbers as pictures show them: digits, letters, Roman numerals and words.

Source: XPath and XQuery Functions and Operators 3.1, "fn:format-integer", as JSONata has it.
"""

import math
import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce

from sfn_local.language.jsonata.errors import JsonataError
from sfn_local.language.jsonata.values import LARGEST_EXACT, Value, number, shortest

_SMALL = (
    "Zero One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve Thirteen "
    "Fourteen Fifteen Sixteen Seventeen Eighteen Nineteen"
)

_ORDINALS = (
    "Zeroth First Second Third Fourth Fifth Sixth Seventh Eighth Ninth Tenth "
    "Eleventh Twelfth Thirteenth Fourteenth Fifteenth Sixteenth Seventeenth "
    "Eighteenth Nineteenth"
)
SMALL, ORDINALS = tuple(_SMALL.split(" ")), tuple(_ORDINALS.split(" "))
TENS = ["Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety"]
MAGNITUDES = ["Thousand", "Million", "Billion", "Trillion"]
HUNDRED, THOUSAND, LETTERS = 100, 1000, 26

ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l")),
    *((40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
ROMAN_VALUES = {"M": 1000, "D": 500, "C": 100, "L": 50, "X": 10, "V": 5, "I": 1}
SUFFIXES = {"1": "st", "2": "nd", "3": "rd"}

ZEROS = tuple(
    map(
        ord,
        "0٠۰߀०০੦૦୦௦౦೦൦෦๐໐༠၀႐០᠐᥆᧐᪀᪐᭐᮰᱀᱐꘠꣐꤀꧐꧰꩐꯰０",
    )
)
ASCII_ZERO = ord("0")

DIGITS, ALPHABET, ROMANS, WORDS, SEQUENCE = "digits", "alphabet", "romans", "words", "sequence"
UPPER, LOWER, TITLE = "upper", "lower", "title"
NAMED_FORMS = {
    "A": (ALPHABET, UPPER),
    "a": (ALPHABET, LOWER),
    "I": (ROMANS, UPPER),
    "i": (ROMANS, LOWER),
    "W": (WORDS, UPPER),
    "Ww": (WORDS, TITLE),
    "w": (WORDS, LOWER),
}
LEADING_DIGITS = re.compile(r"\s*([-+]?\d+)")


def _word_values() -> dict[str, int]:
    values = {word.lower(): value for value, word in enumerate(SMALL)}
    values.update((word.lower(), value) for value, word in enumerate(ORDINALS))
    for index, word in enumerate((*TENS, "Hundred")):
        values[word.lower()] = values[word.lower()[:-1] + "ieth"] = (index + 2) * 10
    values["hundredth"] = HUNDRED
    for index, word in enumerate(MAGNITUDES, 1):
        values[word.lower()] = values[word.lower() + "th"] = THOUSAND**index
    return values


WORD_VALUES = _word_values()


@dataclass(slots=True)
class Format:
    """A picture of a whole number; separators are positions from the right, with characters."""

    form: str = DIGITS
    case: str = LOWER
    is_ordinal: bool = False
    zero: int = ASCII_ZERO
    required: int = 0
    optional: int = 0
    every: int = 0
    separators: list[tuple[int, str]] = field(default_factory=list)
    picture: str = ""


def read_picture(picture: str) -> Format:
    """Return what a picture says.

    Raises:
        JsonataError: its digits are from several families.
    """
    primary, semicolon, modifier = picture.rpartition(";")
    primary = primary if semicolon else picture
    is_ordinal = bool(semicolon) and modifier.startswith("o")
    if primary in NAMED_FORMS:
        form, case = NAMED_FORMS[primary]
        return Format(form, case, is_ordinal)
    return _digits(Format(is_ordinal=is_ordinal, picture=primary))


def _digits(format_: Format) -> Format:
    zeros = set()
    position = 0
    for character in reversed(format_.picture):
        zero = _family(ord(character))
        if zero is not None:
            zeros.add(zero)
            format_.required += 1
            position += 1
        elif character == "#":
            format_.optional += 1
            position += 1
        else:
            format_.separators.append((position, character))
    if len(zeros) > 1:
        raise JsonataError("D3131")
    if not zeros:
        format_.form = SEQUENCE
    else:
        format_.zero = zeros.pop()
        format_.every = _interval(format_.separators)
    return format_


def _family(code: int) -> int | None:
    return next((zero for zero in ZEROS if zero <= code <= zero + 9), None)


def _interval(separators: list[tuple[int, str]]) -> int:
    if len({character for _, character in separators}) != 1:
        return 0
    return regular([position for position, _ in separators])


def regular(positions: list[int]) -> int:
    """Return the distance of positions that are equally far from each other, else 0."""
    if not positions:
        return 0
    step = reduce(math.gcd, positions)
    wanted = range(step, step * len(positions) + 1, step or 1)
    return step if step and all(position in positions for position in wanted) else 0


def format_integer(value: float, picture: str) -> str:
    """Return the text of a number, rounded down."""
    whole = math.floor(value) if isinstance(value, int) or value < LARGEST_EXACT else value
    return format_as(int(Decimal(repr(whole))), read_picture(picture))


def format_as(value: int, format_: Format) -> str:
    """Return the text of a number, in a format."""
    sign, size = ("-", -value) if value < 0 else ("", value)
    if format_.form == ALPHABET:
        text = _letters(size, "A" if format_.case == UPPER else "a")
    elif format_.form == ROMANS:
        text = _cased(_roman(size), format_.case)
    elif format_.form == WORDS:
        text = _cased(_words(size, False, format_.is_ordinal), format_.case)
    elif format_.form == DIGITS:
        text = _in_digits(size, format_)
    else:
        raise JsonataError("D3130", value=format_.picture)
    return sign + text


def _cased(text: str, case: str) -> str:
    return text.upper() if case == UPPER else text.lower() if case == LOWER else text


def _letters(value: int, first: str) -> str:
    text = ""
    while value > 0:
        value, letter = divmod(value - 1, LETTERS)
        text = chr(ord(first) + letter) + text
    return text


def _roman(value: int) -> str:
    text = ""
    for size, numeral in ROMAN:
        count, value = divmod(value, size)
        text += numeral * count
    return text


def _words(value: int, is_rest: bool, is_ordinal: bool) -> str:
    if value < len(SMALL):
        return (" and " if is_rest else "") + (ORDINALS if is_ordinal else SMALL)[value]
    if value < HUNDRED:
        tens, rest = divmod(value, 10)
        words = (" and " if is_rest else "") + TENS[tens - 2]
        if rest:
            return f"{words}-{_words(rest, False, is_ordinal)}"
        return words[:-1] + "ieth" if is_ordinal else words
    if value < THOUSAND:
        count, rest = divmod(value, HUNDRED)
        words = (", " if is_rest else "") + SMALL[count] + " Hundred"
    else:
        power = min((len(str(value)) - 1) // 3, len(MAGNITUDES))
        count, rest = divmod(value, THOUSAND**power)
        words = (", " if is_rest else "") + _words(count, False, False) + " "
        words += MAGNITUDES[power - 1]
    if rest:
        return words + _words(rest, True, is_ordinal)
    return words + "th" if is_ordinal else words


def _in_digits(value: int, format_: Format) -> str:
    text = shortest(number(value)).rjust(format_.required, "0")
    if format_.zero != ASCII_ZERO:
        text = "".join(chr(ord(each) + format_.zero - ASCII_ZERO) for each in text)
    text = _separated(text, format_)
    if not format_.is_ordinal:
        return text
    is_teen = len(text) > 1 and text[-2] == "1"
    return text + ("th" if is_teen else SUFFIXES.get(text[-1], "th"))


def _separated(text: str, format_: Format) -> str:
    if format_.every:
        character = format_.separators[0][1]
        first = (len(text) - 1) % format_.every + 1
        groups = [text[:first]]
        groups += [text[at : at + format_.every] for at in range(first, len(text), format_.every)]
        return character.join(groups)
    for position, character in reversed(format_.separators):
        place = len(text) - position
        text = text[: max(0, place)] + character + text[place if place >= 0 else len(text) :]
    return text


def parse_as(text: str, format_: Format) -> Value:
    """Return the number of a text, in a format."""
    if format_.form == ALPHABET:
        return _of_letters(text, "A" if format_.case == UPPER else "a")
    if format_.form == ROMANS:
        return _of_roman(text if format_.case == UPPER else text.upper())
    if format_.form == WORDS:
        return _of_words(text.lower())
    if format_.form == DIGITS:
        return _of_digits(text, format_)
    raise JsonataError("D3130", value=format_.picture)


def _of_letters(text: str, first: str) -> int:
    value = 0
    for letter in text:
        value = value * LETTERS + ord(letter) - ord(first) + 1
    return value


def _of_roman(text: str) -> Value:
    values = [ROMAN_VALUES.get(letter, math.nan) for letter in text]
    following = [max([1, *values[index + 1 :]]) for index in range(len(values))]
    signs = zip(values, following, strict=True)
    return number(sum(-value if value < highest else value for value, highest in signs))


def _of_words(text: str) -> Value:
    parts = [0]
    for word in re.split(r",\s|\sand\s|[\s\\-]", text):
        value = WORD_VALUES.get(word)
        if value is None:
            return math.nan
        if value >= HUNDRED:
            parts.append(parts.pop() * value)
            continue
        if parts[-1] >= THOUSAND:
            parts.append(0)
        parts.append(parts.pop() + value)
    return number(sum(parts))


def _of_digits(text: str, format_: Format) -> Value:
    digits = text[:-2] if format_.is_ordinal else text
    if format_.every:
        digits = digits.replace(",", "")
    else:
        for _, character in format_.separators:
            digits = digits.replace(character, "")
    if format_.zero != ASCII_ZERO:
        digits = "".join(chr(max(0, ord(each) - format_.zero + ASCII_ZERO)) for each in digits)
    found = LEADING_DIGITS.match(digits)
    return number(int(found[1])) if found else math.nan
