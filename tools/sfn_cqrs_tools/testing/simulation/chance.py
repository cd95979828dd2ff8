"""Time and chance while something is simulated: both come from the schedule, so it can be replayed.

Nothing waits. What a handler asks of them is told, since a second try gets another answer.
"""

from __future__ import annotations

import datetime as datetimes
import os
import random
import secrets
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any
from unittest import mock

Now = Callable[[], datetimes.datetime]
Asked = Callable[[str], None]
"""Is told what was asked for, such as `datetime.now()`."""


@contextmanager
def replaced(now: Now, asked: Asked, modules: Iterable[ModuleType]) -> Iterator[None]:
    """Replace time and chance for the block, also where the modules have imported them by name."""
    instead = {
        (owner, name): (getattr(owner, name), new) for owner, name, new in _instead(now, asked)
    }
    before = random.getstate()
    with ExitStack() as stack:
        for (owner, name), (_, new) in instead.items():
            stack.enter_context(mock.patch.object(owner, name, new))
        by_id = {id(old): new for old, new in instead.values()}
        for module in modules:
            known = {name: by_id[id(one)] for name, one in vars(module).items() if id(one) in by_id}
            stack.enter_context(mock.patch.dict(vars(module), known))
        try:
            yield
        finally:
            random.setstate(before)


def _instead(now: Now, asked: Asked) -> list[tuple[Any, str, Any]]:
    def told(what: str, make: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **named: Any) -> Any:
            asked(what)
            return make(*args, **named)

        return called

    def token(size: int | None = None) -> bytes:
        return random.randbytes(size or 32)

    seconds = [
        (time, "time", told("time.time()", lambda: now().timestamp())),
        (time, "time_ns", told("time.time_ns()", lambda: int(now().timestamp() * 1e9))),
        (time, "sleep", lambda _seconds: None),
        (datetimes, "datetime", _datetime(now, asked)),
        (datetimes, "date", _date(now, asked)),
    ]
    chances = [
        (uuid, "uuid4", told("uuid.uuid4()", lambda: uuid.UUID(bytes=token(16), version=4))),
        (secrets, "randbits", random.getrandbits),
        (secrets, "token_bytes", told("secrets", token)),
        (secrets, "token_hex", told("secrets", lambda size=None: token(size).hex())),
        (os, "urandom", told("os.urandom()", token)),
    ]
    names = ("random", "randint", "choice", "randrange", "uniform")
    return (
        seconds
        + chances
        + [(random, name, told(f"random.{name}()", getattr(random, name))) for name in names]
    )


class _Like(type):
    """Instances of the class that a class stands for are its own."""

    def __instancecheck__(cls, one: object) -> bool:
        return isinstance(one, cls.__mro__[1])


def _datetime(now: Now, asked: Asked) -> type:
    real = datetimes.datetime

    def current(_cls: type, tz: Any = None) -> Any:
        asked("datetime.now()")
        at = now()
        return at.astimezone(tz) if tz else at.replace(tzinfo=None)

    def utc(cls: type) -> Any:
        return current(cls)

    today = {"now": classmethod(current), "utcnow": classmethod(utc), "today": classmethod(utc)}
    return _Like("datetime", (real,), today)


def _date(now: Now, asked: Asked) -> type:
    def today(_cls: type) -> Any:
        asked("date.today()")
        return now().date()

    return _Like("date", (datetimes.date,), {"today": classmethod(today)})
