"""Masks what must not be read outside of the tables: in logs, causes, notices and refusals.

A user's function may quote what it was given. Kept are the words around it, which tell what
went wrong; masked are addresses of e-mail, IBANs, and what looks like a token or a secret. So are
the values of personal fields: in an exception those of the item at hand, and in a log line those
that this process has handled last for the line's tenant.
"""

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from threading import Lock
from typing import Any, Final

_EMAIL = re.compile(r"[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,8}\w{2,63}")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b")
_RUN = re.compile(r"[A-Za-z0-9+/=_-]{32,}")
_PIECE = re.compile(r"[A-Za-z0-9+=]{20,}")
_MIXED = (re.compile("[a-z]"), re.compile("[A-Z]"), re.compile("[0-9]"))

PERSONAL: Final = "[personal]"
SHORTEST: Final = 4
"""Characters of a personal value that is masked: a shorter one is part of many words."""
LONGEST: Final = 200
"""Characters that are remembered of a value: a log line ends where a longer one begins."""
MOST: Final = 500
"""Values that are remembered of a tenant; a batch of an import has some hundred."""
TENANTS: Final = 10
"""Tenants whose values are remembered."""
_PLAIN = re.compile("[ !#-&(-\\[\\]-~]*")
"""A text that `repr` and JSON quote as it is."""
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")
_process: dict[str, Any] = vars(logging.getLogger(__name__))
_lock: Lock = _process.setdefault("lock", Lock())
_personal: dict[str, dict[str, bool]] = _process.setdefault("personal", {})
"""By tenant, the texts to mask, the latest last, and whether each is only the beginning of one.

Handlers of several threads change them, and each holds the lock meanwhile. They belong to the
process: where code is reloaded, this module is made anew, and the formatter of
the logs is not.
"""


def hide(tenant: str, values: Iterable[str]) -> None:
    """Mask these values in the log lines of a tenant, until enough later ones replace them."""
    new = {form: len(one) > LONGEST for one in values for form in _forms([one[:LONGEST]])}
    with _lock:
        known = _personal.pop(tenant, {})
        kept = {form: is_cut for form, is_cut in known.items() if form not in new} | new
        if kept:
            _personal[tenant] = dict(list(kept.items())[-MOST:])
        for quiet in list(_personal)[:-TENANTS]:
            del _personal[quiet]


def masked(text: str, personal: Iterable[str] = ()) -> str:
    """Answer a text without addresses and secrets, and without these values."""
    for form in sorted(_forms(personal), key=len, reverse=True):
        text = text.replace(form, PERSONAL)
    text = _EMAIL.sub("[e-mail]", text)
    text = _IBAN.sub("[IBAN]", text)
    return _RUN.sub(_masked_run, text)


def masked_line(text: str, tenant: str | None = None) -> str:
    """Answer a text of a log, also without the values of a tenant; None: of all of them.

    Only whoever runs the stack reads it, so another tenant's value tells no tenant anything.
    """
    with _lock:
        lists = list(_personal.values()) if tenant is None else [_personal.get(tenant, {})]
    found = [one for known in lists for one in known.items() if one[0] in text]
    for form, is_beginning in sorted(found, key=lambda one: len(one[0]), reverse=True):
        text = text.partition(form)[0] + PERSONAL if is_beginning and form in text else text
        text = text.replace(form, PERSONAL)
    return masked(text)


@contextmanager
def hiding(tenant: str, personal: Callable[[], Iterable[str]]) -> Iterator[None]:
    """Run a user's function that is given these values: what it raises does not quote them."""
    hide(tenant, personal())
    try:
        yield
    except Exception as error:
        clean = mask(error, tuple(personal()))
        if clean is error:
            raise
        raise clean from None


def mask(error: Exception, personal: Iterable[str] = ()) -> Exception:
    """Mask what an exception and its causes say, and return it.

    Lambda shows it to the machine and writes it to the log. If its text cannot be changed, an
    exception of the same name with the masked text is returned.
    """
    found: list[BaseException] = [error]
    for each in found:  # it grows
        each.args = tuple(_masked_argument(one, personal) for one in each.args)
        for name, value in list(getattr(each, "__dict__", {}).items()):
            each.__dict__[name] = _clean(value, personal)
        chained = (each.__cause__, each.__context__, *getattr(each, "exceptions", ()))
        found += [one for one in chained if one is not None and one not in found]
    said = masked(str(error), personal)
    if said == str(error):
        return error
    twin: Exception = type(type(error).__name__, (Exception,), {})(said)
    return twin.with_traceback(error.__traceback__)


def _forms(values: Iterable[str]) -> set[str]:
    """Return values as a text may quote them: as they are, by `repr` or as JSON."""
    found: set[str] = set()
    for value in values:
        if len(value) < SHORTEST:
            continue
        found.add(value)
        if not _PLAIN.fullmatch(value):
            in_text = f'"{value}'  # within it, repr escapes the other quotation mark, too
            found |= {repr(value)[1:-1], ascii(value)[1:-1], repr(in_text)[2:-1]}
            found |= {json.dumps(value, ensure_ascii=each)[1:-1] for each in (True, False)}
        elif _TIME.fullmatch(value):
            found |= _times(value)
    return found


def _times(value: str) -> set[str]:
    """Return a date or time as Python quotes it, where a model makes one of the text."""
    kind = datetime if value[10:] else date
    try:
        time = kind.fromisoformat(value)
    except ValueError:
        return set()
    return {str(time), repr(time)}


def _masked_argument(argument: object, personal: Iterable[str]) -> object:
    text = str(argument)
    clean = masked(text, personal)
    return argument if clean == text else clean


def _clean(value: Any, personal: Iterable[str]) -> Any:
    match value:
        case str():
            return masked(value, personal)
        case dict():
            return {name: _clean(each, personal) for name, each in value.items()}
        case list():
            return [_clean(each, personal) for each in value]
        case tuple():
            return tuple(_clean(each, personal) for each in value)
        case _:
            return value


def _masked_run(run: re.Match[str]) -> str:
    """Mask a run that mixes capitals, small letters and digits: no path, name, ULID or digest."""
    pieces = _PIECE.findall(run[0])
    is_secret = any(all(kind.search(piece) for kind in _MIXED) for piece in pieces)
    return "[secret]" if is_secret else run[0]
