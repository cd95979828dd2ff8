"""Points in time as pictures show them, in the calendar of ISO 8601.

Source: XPath and XQuery Functions and Operators 3.1, "fn:format-dateTime", as JSONata has it.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sfn_local.language.jsonata.errors import JsonataError
from sfn_local.language.jsonata.integers import (
    DIGITS,
    LOWER,
    ROMANS,
    TITLE,
    UPPER,
    WORD_VALUES,
    WORDS,
    Format,
    format_as,
    parse_as,
    read_picture,
)
from sfn_local.language.jsonata.values import NOTHING, Value

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)

ISO_PICTURE = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"
ISO_TEXT = re.compile(
    r"\d{4}(-[01]\d)*(-[0-3]\d)*(T[0-2]\d:[0-5]\d:[0-5]\d)*(\.\d+)?([+-][0-2]\d:?[0-5]\d|Z)?\Z"
)
ISO_PARTS = re.compile(
    r"(?P<Y>\d{4})(?:-(?P<M>\d\d)(?:-(?P<D>\d\d))?)?"
    r"(?:T(?P<H>\d\d):(?P<m>\d\d):(?P<s>\d\d)(?:\.(?P<f>\d+))?(?P<Z>[+-]\d\d:?\d\d|Z)?)?\Z"
)

DEFAULTS = {
    **dict.fromkeys("YMDdWwXxHhf", "1"),
    **dict.fromkeys("FPCE", "n"),
    **dict.fromkeys("ms", "01"),
    **dict.fromkeys("Zz", "01:01"),
}
WITH_NUMBERS = "YMDdFWwXxHhms"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WEEK, MINUTES, MILLIS, NOON, MOST_DIGITS, PAIR = 7, 60, 1000, 12, 4, 2
THURSDAY = 4
PICTURE_PARTS = re.compile(r"\[\[|\[([^\]]*)\]|\[")


@dataclass(slots=True)
class Marker:
    """A component in a picture, and how it is shown."""

    component: str
    shown_as: str
    modifier: str
    least: int | None
    most: int | None
    names: str = ""
    format: Format | None = None
    width: int = 0


def format_millis(millis: int, picture: Value, zone: Value) -> str:
    """Return the text of a point in time."""
    hours, minutes = (0, 0) if zone is NOTHING else _offset(zone)
    moment = EPOCH + timedelta(milliseconds=millis, minutes=MINUTES * hours + minutes)
    markers = _read(ISO_PICTURE if picture is NOTHING else picture)
    return "".join(
        each if isinstance(each, str) else _shown(moment, each, hours, minutes) for each in markers
    )


def _offset(zone: str) -> tuple[int, int]:
    found = re.match(r"\s*[-+]?\d+", zone)
    offset = int(found[0]) if found else 0
    return math.floor(offset / 100), int(math.fmod(offset, 100))


def _read(picture: str) -> list[str | Marker]:
    parts: list[str | Marker] = []
    position = 0
    for found in PICTURE_PARTS.finditer(picture):
        parts.append(picture[position : found.start()].replace("]]", "]"))
        position = found.end()
        if found[0] == "[[":
            parts.append("[")
        elif found[1] is None:
            raise JsonataError("D3135")
        else:
            parts.append(_marker("".join(found[1].split())))
    parts.append(picture[position:].replace("]]", "]"))
    return [part for part in parts if part]


def _marker(text: str) -> Marker:
    body, comma, width = text.rpartition(",")
    body = body if comma else text
    least, _, most = width.partition("-") if comma else ("", "", "")
    component, shown_as, modifier = body[:1], body[1:], ""
    if len(shown_as) > 1 and shown_as[-1] in "atco":
        shown_as, modifier = shown_as[:-1], shown_as[-1]
    shown_as = shown_as or DEFAULTS.get(component, "")
    if not shown_as:
        raise JsonataError("D3132", value=component)
    marker = Marker(component, shown_as, modifier, _count(least), _count(most))
    if shown_as[0] in "nN":
        marker.names = LOWER if shown_as[0] == "n" else TITLE if shown_as[1:2] == "n" else UPPER
    elif component in WITH_NUMBERS + "f":
        _add_format(marker)
    if component in "Zz":
        marker.format = read_picture(shown_as)
    return marker


def _count(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def _add_format(marker: Marker) -> None:
    picture = f"{marker.shown_as};{marker.modifier}" if marker.modifier else marker.shown_as
    marker.format = read_picture(picture)
    marker.format.required = max(marker.format.required, marker.least or 0)
    if marker.component not in "YMD":
        return
    if marker.most is not None:
        marker.width = marker.format.required = marker.most
    else:
        width = marker.format.required + marker.format.optional
        marker.width = width if width >= PAIR else 0


def _first_week(year: int, month: int) -> datetime:
    """Return the Monday of the first week: the one that has the first Thursday."""
    first = datetime(year, month, 1, tzinfo=UTC)
    weekday = first.isoweekday()
    days = WEEK + 1 - weekday if weekday > THURSDAY else 1 - weekday
    return first + timedelta(days=days)


def _month_after(year: int, month: int, step: int) -> tuple[int, int]:
    years, index = divmod(month - 1 + step, NOON)
    return year + years, index + 1


def _weeks(moment: datetime, month: int, step: int, most: int) -> int:
    """Return the number of a week in a year or a month, which begins in a month."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    week = (day - _first_week(moment.year, month)) / timedelta(days=WEEK) + 1
    if week > most and day >= _first_week(*_month_after(moment.year, month, step)):
        week = 1
    elif week < 1:
        start = _first_week(*_month_after(moment.year, month, -step))
        week = (day - start) / timedelta(days=WEEK) + 1
    return math.floor(week)


def _week_holder(moment: datetime, month: int, step: int) -> tuple[int, int]:
    """Return the year and the month to which a week belongs."""
    if moment < _first_week(moment.year, month):
        return _month_after(moment.year, month, -step)
    following = _month_after(moment.year, month, step)
    return following if moment >= _first_week(*following) else (moment.year, month)


def _component(moment: datetime, component: str) -> Value:
    simple = {
        "Y": moment.year,
        "M": moment.month,
        "D": moment.day,
        "d": moment.timetuple().tm_yday,
        "F": moment.isoweekday(),
        "H": moment.hour,
        "h": moment.hour % NOON or NOON,
        "P": "pm" if moment.hour >= NOON else "am",
        "m": moment.minute,
        "s": moment.second,
        "f": moment.microsecond // MILLIS,
    }
    if component in simple:
        return simple[component]
    weeks = {
        "W": lambda: _weeks(moment, 1, NOON, 52),
        "w": lambda: _weeks(moment, moment.month, 1, 4),
        "X": lambda: _week_holder(moment, 1, NOON)[0],
        "x": lambda: _week_holder(moment, moment.month, 1)[1],
    }
    return weeks[component]() if component in weeks else "ISO"


def _shown(moment: datetime, marker: Marker, hours: int, minutes: int) -> str:
    if marker.component in "Zz":
        return _zone(marker, hours, minutes)
    value = _component(moment, marker.component)
    if marker.component == "P":
        return value.upper() if marker.names == UPPER else str(value)
    if isinstance(value, str):
        return value
    if marker.component == "Y" and marker.width:
        value %= 10**marker.width
    if marker.names:
        return _named(marker, value)
    return format_as(value, marker.format or Format())


def _named(marker: Marker, value: int) -> str:
    if marker.component in "Mx":
        name = MONTHS[value - 1]
    elif marker.component == "F":
        name = DAYS[value - 1]
    else:
        raise JsonataError("D3133", value=marker.component)
    name = name.upper() if marker.names == UPPER else name
    name = name.lower() if marker.names == LOWER else name
    return name if marker.most is None else name[: marker.most]


def _zone(marker: Marker, hours: int, minutes: int) -> str:
    offset = hours * 100 + minutes
    if offset == 0 and marker.modifier == "t":
        return "Z"
    format_ = marker.format or Format()
    if format_.every or format_.required in (PAIR + 1, MOST_DIGITS):
        text = format_as(offset, format_)
    elif format_.required in (1, PAIR):
        text = format_as(hours, format_)
        text += f":{minutes:02d}" if minutes else ""
    else:
        raise JsonataError("D3134", value=format_.required)
    return ("GMT" if marker.component == "z" else "") + ("+" if offset >= 0 else "") + text


def iso_millis(text: str) -> Value:
    """Return the point in time of a text of ISO 8601.

    Raises:
        JsonataError: D3110, it is none.
    """
    if not ISO_TEXT.match(text):
        raise JsonataError("D3110", value=text)
    found = ISO_PARTS.match(text)
    if found is None:
        return math.nan
    parts = {
        name: int(found[name] or least)
        for name, least in zip("YMDHms", (1970, 1, 1, 0, 0, 0), strict=True)
    }
    fraction = int((found["f"] or "0").ljust(3, "0")[:3])
    return _millis(parts, fraction, _zone_minutes(found["Z"]))


def _zone_minutes(text: str | None) -> int:
    if text is None or text == "Z":
        return 0
    digits = text[1:].replace(":", "")
    minutes = int(digits[:2]) * MINUTES + int(digits[2:])
    return -minutes if text[0] == "-" else minutes


def _millis(parts: dict[str, int], fraction: int, zone: int) -> Value:
    years, month = divmod(parts["M"] - 1, NOON)
    try:
        moment = datetime(parts["Y"] + years, month + 1, 1, tzinfo=UTC) + timedelta(
            days=parts["D"] - 1,
            hours=parts["H"],
            minutes=parts["m"] - zone,
            seconds=parts["s"],
            milliseconds=fraction,
        )
    except (ValueError, OverflowError):
        return math.nan
    return (moment - EPOCH) // timedelta(milliseconds=1)


def parse_millis(text: str, picture: str, now: datetime) -> Value:
    """The point in time of a text that a picture describes; missing larger units come from now."""
    markers = _read(picture)
    pattern = "".join(f"({_pattern(each)})" for each in markers)
    found = re.fullmatch(pattern, text, re.IGNORECASE)
    if found is None:
        return NOTHING
    parts = {
        each.component: _parsed(each, part)
        for each, part in zip(markers, found.groups(), strict=True)
        if isinstance(each, Marker)
    }
    if not parts:
        return NOTHING
    return _assembled(parts, now)


def _pattern(part: str | Marker) -> str:
    if isinstance(part, str):
        return re.escape(part)
    if part.component in "Zz":
        separator = _separator(part)
        rest = re.escape(separator) + "[0-9]+" if separator else ""
        return ("GMT" if part.component == "z" else "") + "[-+][0-9]+" + rest
    if part.format is None:
        if part.component not in "MxFP":
            raise JsonataError("D3133", value=part.component)
        return "[a-zA-Z]+"
    return _number_pattern(part.format, part.width)


def _separator(part: Marker) -> str:
    return part.format.separators[0][1] if part.format and part.format.every else ""


def _number_pattern(format_: Format, width: int) -> str:
    if format_.form == DIGITS:
        count = "+"
        if width > 0:
            count = f"{{{width - format_.optional},{width}}}"
        return f"[0-9]{count}" + ("(?:th|st|nd|rd)" if format_.is_ordinal else "")
    if format_.form == WORDS:
        return "(?:" + "|".join([*WORD_VALUES, "and", r"[\-, ]"]) + ")+"
    letters = "MDCLXVI" if format_.form == ROMANS else "A-Z"
    if format_.form not in (ROMANS, "alphabet"):
        raise JsonataError("D3130", value=format_.picture)
    return f"[{letters if format_.case == UPPER else letters.lower()}]+"


def _parsed(marker: Marker, text: str) -> Value:
    if marker.component in "Zz":
        return _parsed_zone(marker, text)
    if marker.format is not None:
        return parse_as(text, marker.format)
    return dict(_names(marker)).get(text)


def _names(marker: Marker) -> Iterator[tuple[str, int]]:
    if marker.component == "P":
        yield from (("am", 0), ("AM", 0), ("pm", 1), ("PM", 1))
        return
    for index, name in enumerate(DAYS if marker.component == "F" else MONTHS, 1):
        yield name[: marker.most] if marker.most else name, index


def _parsed_zone(marker: Marker, text: str) -> int:
    text = text[3:] if marker.component == "z" else text
    separator = _separator(marker)
    if separator:
        hours, _, minutes = text.partition(separator)
        return int(hours) * MINUTES + int(minutes)
    if len(text) - 1 <= PAIR:
        return int(text) * MINUTES
    return int(text[:3]) * MINUTES + int(text[3:])


def _is_date(parts: dict[str, Value], needs: str, excludes: str) -> bool:
    """Return whether the components are those of one way to give a date, and none of another."""
    has = {each for each in "YXMxWwdDPHhmsf" if parts.get(each)}
    return bool(has & set(needs)) and not has & set(excludes)


def _assembled(parts: dict[str, Value], now: datetime) -> Value:
    by_month = _is_date(parts, "YMD", "XxWwd")
    by_day = not by_month and _is_date(parts, "Yd", "XMxWwD")
    by_month_week = _is_date(parts, "Xxw", "YMWdD")
    by_week = not by_month_week and _is_date(parts, "XW", "YMxwdD")
    by_half = not _is_date(parts, "Hmsf", "Ph") and _is_date(parts, "Phmsf", "H")
    wanted = "YD" if by_day else "XxwF" if by_month_week else "XWF" if by_week else "YMD"
    _complete(parts, wanted + ("Phmsf" if by_half else "Hmsf"), now)
    if by_month_week or by_week:
        raise JsonataError("D3136")
    if by_day:
        parts["M"], parts["D"] = 1, parts["d"]
    if by_half:
        parts["H"] = parts["h"] % NOON + NOON * (parts["P"] == 1)
    parts["M"] = max(1, parts.get("M") or 1)
    zone = parts.get("Z") or parts.get("z") or 0
    return _millis(parts, parts["f"], zone)


def _complete(parts: dict[str, Value], wanted: str, now: datetime) -> None:
    """Fill in what lacks: from now before what is given, the least behind it, none between."""
    begun = ended = False
    for component in wanted:
        if parts.get(component) is not None:
            if ended:
                raise JsonataError("D3136")
            begun = True
        elif begun:
            parts[component] = 1 if component in "MDd" else 0
            ended = True
        else:
            value = _component(now, component)
            parts[component] = value
