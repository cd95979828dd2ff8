"""The user's import strategies: found in the package APP_PACKAGE, registered by a decorator."""

import re
from collections.abc import Callable
from typing import TypeVar

from sfn_cqrs.domain.errors import UnknownTableError
from sfn_cqrs.domain.import_strategy import ImportStrategy
from sfn_cqrs.service import handlers

S = TypeVar("S", bound=type[ImportStrategy])
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_strategies: dict[str, ImportStrategy] = {}


def import_strategy(table: str) -> Callable[[S], S]:
    """Register a class that turns the rows of a table into items."""
    if not _NAME.fullmatch(table):
        raise ValueError(f"{table!r} is no table: 1 to 64 of a-z, 0-9, '_' or '-', a letter first")

    def register(strategy: S) -> S:
        namesake = _strategies.get(table)
        if namesake is not None and type(namesake).__module__ != strategy.__module__:
            raise ValueError(f"{table!r} has a strategy in {type(namesake).__module__} already")
        _strategies[table] = strategy()
        return strategy

    return register


def find(table: object) -> ImportStrategy:
    """The strategy of a table.

    Raises:
        UnknownTableError: nobody registers it; it names the tables that exist.
    """
    handlers.load()
    if not isinstance(table, str) or table not in _strategies:
        raise UnknownTableError(table, sorted(_strategies))
    return _strategies[table]


def tables() -> frozenset[str]:
    """Every table that has a strategy."""
    handlers.load()
    return frozenset(_strategies)
