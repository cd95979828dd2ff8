"""Functions on strings."""

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote_to_bytes

from sfn_local.language.jsonata.errors import InternalError, JsonataError
from sfn_local.language.jsonata.functions.registry import Caller, of_something
from sfn_local.language.jsonata.limits import MOST_BYTES
from sfn_local.language.jsonata.texts import text_of
from sfn_local.language.jsonata.values import NOTHING, Sequence, Value, is_function, is_numeric_type

SPACES = re.compile(r"[ \t\n\r]+")
COMPONENT = "!'()*~"
ADDRESS = COMPONENT + ";/?:@&=+$,#"
KEPT_ESCAPES = ";/?:@&=+$,#"
ESCAPE = re.compile("%(?:" + "|".join(f"{ord(each):02X}" for each in KEPT_ESCAPES) + ")", re.I)
BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]*={0,2}\s*\Z")
DIGITS = re.compile(r"\d+")


@of_something("string", "<x-b?:s>", 1)
def string(_: Caller, value: Value, is_pretty: Value = NOTHING) -> Value:
    """Return the value as a text."""
    return text_of(value, is_pretty is True)


@of_something("substring", "<s-nn?:s>", takes_nothing=True)
def substring(_: Caller, text: str, start: Value, length: Value = NOTHING) -> Value:
    """Return the part of a text that begins there."""
    start = 0 if start is NOTHING else start
    start = 0 if len(text) + start < 0 else start
    if length is NOTHING:
        return text[int(start) :]
    if length <= 0:
        return ""
    end = start + length if start >= 0 else len(text) + start + length
    return text[int(start) : int(end)]


@of_something("substringBefore", "<s-s:s>", takes_nothing=True)
def substring_before(_: Caller, text: str, part: Value) -> Value:
    """Return what stands before a part, or the whole text."""
    if part is NOTHING:
        return text
    return text.partition(part)[0] if part else ""


@of_something("substringAfter", "<s-s:s>", takes_nothing=True)
def substring_after(_: Caller, text: str, part: Value) -> Value:
    """Return the text after a part, or the whole text."""
    return text.partition(part)[2] if part and part in text else text


@of_something("lowercase", "<s-:s>")
def lowercase(_: Caller, text: str) -> Value:
    """Return the text in small letters."""
    return text.lower()


@of_something("uppercase", "<s-:s>")
def uppercase(_: Caller, text: str) -> Value:
    """Return the text in capital letters."""
    return text.upper()


@of_something("length", "<s-:n>")
def length(_: Caller, text: str) -> Value:
    """Return how many characters the text has."""
    return len(text)


@of_something("trim", "<s-:s>")
def trim(_: Caller, text: str) -> Value:
    """Return the text with single spaces within, and none around it."""
    return SPACES.sub(" ", text).removeprefix(" ").removesuffix(" ")


@of_something("pad", "<s-ns?:s>", takes_nothing=True)
def pad(_: Caller, text: str, width: Value, filler: Value = NOTHING) -> Value:
    """Return the text, filled up to a width: behind it, or before it if the width is negative."""
    if width is NOTHING:
        return text
    missing = int(abs(width)) - len(text)
    if missing <= 0:
        return text
    if missing > MOST_BYTES:
        raise MemoryError
    padding = ((filler or " ") * missing)[:missing]
    return text + padding if width > 0 else padding + text


def matches(run: Caller, matcher: Value, text: str) -> Iterator[dict[str, Value]]:
    """Return all matches, one after the other."""
    found = run.call(matcher, [text])
    while found is not NOTHING:
        if not _is_match(found):
            raise JsonataError("T1010")
        yield found
        found = run.call(found["next"], [])


def _is_match(found: Value) -> bool:
    return isinstance(found, dict) and (
        is_numeric_type(found.get("start")) and is_function(found.get("next"))
    )


@of_something("contains", "<s-(sf):b>")
def contains(run: Caller, text: str, part: Value) -> Value:
    """Return whether a part or a match of a pattern is in the text."""
    if isinstance(part, str):
        return part in text
    return next(matches(run, part, text), None) is not None


@of_something("match", "<s-f<s:o>n?:a<o>>")
def match(run: Caller, text: str, matcher: Value, limit: Value = NOTHING) -> Value:
    """Return the matches of a pattern."""
    _check_limit(limit, "D3040")
    found = Sequence()
    for each in _limited(run, matcher, text, limit):
        found.append({"match": each["match"], "index": each["start"], "groups": each["groups"]})
    return found


def _check_limit(limit: Value, code: str) -> None:
    if limit is not NOTHING and limit < 0:
        raise JsonataError(code, value=limit, index=3)


def _limited(run: Caller, matcher: Value, text: str, limit: Value) -> Iterator[dict[str, Value]]:
    if limit is not NOTHING and limit <= 0:
        return
    for count, each in enumerate(matches(run, matcher, text), 1):
        yield each
        if limit is not NOTHING and count >= limit:
            return


@of_something("replace", "<s-(sf)(sf)n?:s>")
def replace(
    run: Caller, text: str, pattern: Value, replacement: Value, limit: Value = NOTHING
) -> Value:
    """Return the text with other texts in the place of what matches."""
    if pattern == "":
        raise JsonataError("D3010", value=pattern, index=2)
    _check_limit(limit, "D3011")
    if isinstance(pattern, str):
        return _replaced(text, pattern, replacement, limit)
    parts, position = [], 0
    for each in _limited(run, pattern, text, limit):
        parts.append(text[position : each["start"]])
        parts.append(_substitute(run, each, replacement))
        position = each["start"] + len(each["match"])
    return "".join(parts) + text[position:]


def _replaced(text: str, pattern: str, replacement: Value, limit: Value) -> str:
    if limit is NOTHING:
        return text.replace(pattern, text_of(replacement))
    count = -int(-limit // 1)
    return text.replace(pattern, text_of(replacement), count)


def _substitute(run: Caller, found: dict[str, Value], replacement: Value) -> str:
    if isinstance(replacement, str):
        return _filled(replacement, found["match"], found["groups"])
    value = run.call(replacement, [found])
    if not isinstance(value, str):
        raise JsonataError("D3012", value=value)
    return value


def _filled(template: str, whole: str, groups: list[Value]) -> str:
    """The template with the match in the place of `$0`, and groups in that of `$1` and so on."""
    parts = template.split("$")
    filled, index = [parts[0]], 1
    while index < len(parts):
        part = parts[index]
        if part == "" and index + 1 < len(parts):
            index += 1
            filled.append("$" + parts[index])
        elif part.startswith("0"):
            filled.append(whole + part[1:])
        else:
            filled.append(_group(part, groups))
        index += 1
    return "".join(filled)


def _group(part: str, groups: list[Value]) -> str:
    found = DIGITS.match(part[: len(str(len(groups))) if groups else 1])
    if found is None:
        return "$" + part
    digits = found[0]
    if len(digits) > 1 and int(digits) > len(groups):
        digits = digits[:-1]
    number = int(digits)
    value = groups[number - 1] if 0 < number <= len(groups) else NOTHING
    return (value if isinstance(value, str) else "") + part[len(str(number)) :]


@of_something("split", "<s-(sf)n?:a<s>>")
def split(run: Caller, text: str, separator: Value, limit: Value = NOTHING) -> Value:
    """Return the parts of a text between separators."""
    _check_limit(limit, "D3020")
    if limit is not NOTHING and limit <= 0:
        return []
    if isinstance(separator, str):
        parts = text.split(separator) if separator else list(text)
        return parts if limit is NOTHING else parts[: int(limit)]
    parts, start = [], 0
    for each in _limited(run, separator, text, limit):
        parts.append(text[start : each["start"]])
        start = each["end"]
    if limit is NOTHING or len(parts) < limit:
        parts.append(text[start:])
    return parts


@of_something("join", "<a<s>s?:s>")
def join(_: Caller, parts: list[str], separator: Value = NOTHING) -> Value:
    """Return the strings as one."""
    return ("" if separator is NOTHING else separator).join(parts)


@of_something("base64encode", "<s-:s>")
def base64encode(_: Caller, text: str) -> Value:
    """Return the base 64 of a text, of whose characters the low bytes count."""
    return base64.b64encode(bytes(ord(each) & 0xFF for each in text)).decode()


@of_something("base64decode", "<s-:s>")
def base64decode(_: Caller, text: str) -> Value:
    """Return the text of a base 64."""
    plain = text.translate({ord("-"): "+", ord("_"): "/"}).rstrip("= \n")
    try:
        if not BASE64.match(text):
            raise ValueError
        return base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("latin-1")
    except (ValueError, binascii.Error):
        raise InternalError from None


def _encoded(text: str, safe: str, name: str) -> str:
    try:
        return quote(text, safe=safe)
    except UnicodeEncodeError:
        raise JsonataError("D3140", name=name, value=text) from None


def _decoded(text: str, source: str, name: str) -> str:
    try:
        if re.search(r"%(?![0-9A-Fa-f]{2})", text):
            raise ValueError
        return unquote_to_bytes(text).decode()
    except ValueError:
        raise JsonataError("D3140", name=name, value=source) from None


@of_something("encodeUrlComponent", "<s-:s>")
def encode_url_component(_: Caller, text: str) -> Value:
    """Return the text as a part of an address."""
    return _encoded(text, COMPONENT, "encodeUrlComponent")


@of_something("encodeUrl", "<s-:s>")
def encode_url(_: Caller, text: str) -> Value:
    """Return the text as an address."""
    return _encoded(text, ADDRESS, "encodeUrl")


@of_something("decodeUrlComponent", "<s-:s>")
def decode_url_component(_: Caller, text: str) -> Value:
    """Return the text of a part of an address."""
    return _decoded(text, text, "decodeUrlComponent")


@of_something("decodeUrl", "<s-:s>")
def decode_url(_: Caller, text: str) -> Value:
    """Return the text of an address, whose delimiters stay escaped."""
    return _decoded(ESCAPE.sub(lambda found: "%25" + found[0][1:], text), text, "decodeUrl")
