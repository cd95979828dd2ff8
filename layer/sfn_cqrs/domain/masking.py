"""Masks what must not be read outside of the tables: in logs, causes, notices and refusals.

A handler's exception may quote what it was given. Kept are the words around it, which tell what
went wrong; masked are addresses of e-mail, IBANs, and what looks like a token or a secret. So are
the values of personal fields that this process has handled last.
"""

import re
from collections.abc import Iterable
from typing import Final

_EMAIL = re.compile(r"[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,8}\w{2,63}")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b")
_RUN = re.compile(r"[A-Za-z0-9+/=_-]{32,}")
_PIECE = re.compile(r"[A-Za-z0-9+=]{20,}")
_MIXED = (re.compile("[a-z]"), re.compile("[A-Z]"), re.compile("[0-9]"))

SHORTEST: Final = 4
"""Characters of a personal value that is masked: a shorter one is part of many words."""
MOST: Final = 500
"""Personal values that are remembered; a batch of an import has some hundred."""
_personal: dict[str, None] = {}


def hide(values: Iterable[str]) -> None:
    """Mask these values from now on, until enough later ones replace them."""
    for value in values:
        if len(value) >= SHORTEST:
            _personal.pop(value, None)
            _personal[value] = None
    while len(_personal) > MOST:
        _personal.pop(next(iter(_personal)), None)


def masked(text: str) -> str:
    """Answer a text without them."""
    for value in sorted((one for one in tuple(_personal) if one in text), key=len, reverse=True):
        text = text.replace(value, "[personal]")
    text = _EMAIL.sub("[e-mail]", text)
    text = _IBAN.sub("[IBAN]", text)
    return _RUN.sub(_masked_run, text)


def mask(error: BaseException) -> None:
    """Mask what an exception says: Lambda shows it to the machine and writes it to the log."""
    error.args = tuple(map(_masked_argument, error.args))


def _masked_run(run: re.Match[str]) -> str:
    """Mask a run that mixes capitals, small letters and digits: no path, name, ULID or digest."""
    pieces = _PIECE.findall(run[0])
    is_secret = any(all(kind.search(piece) for kind in _MIXED) for piece in pieces)
    return "[secret]" if is_secret else run[0]


def _masked_argument(argument: object) -> object:
    text = str(argument)
    clean = masked(text)
    return argument if clean == text else clean
