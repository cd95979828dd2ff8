"""The user's import strategies: found in the package APP_PACKAGE, by a decorator, and run."""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from sfn_cqrs.adapters.transient import naming_busy
from sfn_cqrs.domain.command import Content, DataRow
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.errors import InvalidInputError, TransientError, UnknownTableError
from sfn_cqrs.domain.failure import place_of
from sfn_cqrs.domain.import_strategy import Comparison, ImportStrategy, Record, Wanted
from sfn_cqrs.domain.keys import ItemKey
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


def wanted_by(strategy: ImportStrategy, tenant: str, cells: Mapping[str, str]) -> Wanted | Problem:
    """Take a row through its strategy; a bad row answers its problem.

    Raises:
        TransientError: the strategy says that another try may cure it, or AWS is busy.
    """
    try:
        with naming_busy():
            given = cells if strategy.model is None else strategy.model.model_validate(dict(cells))
            record = strategy.transform(given)
            strategy.validate(record)
        key = ItemKey.checked(tenant, strategy.type, record.code)
        content = Content.checked(record.name, record.attributes, is_deleted=record.is_deleted)
    except TransientError:
        raise
    except InvalidInputError as error:
        return Problem("invalid", str(error))
    except Exception as error:
        return _problem_of(error)
    return Wanted(key, Record(record.code, content.name, content.attributes, content.is_deleted))


def compared(
    strategy: ImportStrategy, wanted: Wanted, found: DataRow | None
) -> Comparison | Problem:
    """Have a strategy compare what a row wants with the item as it is.

    Raises:
        TransientError: the strategy says that another try may cure it, or AWS is busy.
    """
    try:
        with naming_busy():
            return strategy.compare(wanted.record, found)
    except TransientError:
        raise
    except Exception as error:
        return _problem_of(error)


def _problem_of(error: Exception) -> Problem:
    """A pydantic error lists what is wrong with each field; any other is the strategy's fault."""
    listed = getattr(error, "errors", None)
    if not callable(listed):
        place = place_of(error)
        reason = f"{type(error).__name__}: {error}"
        return Problem("strategy", f"{reason} ({place})" if place else reason)
    reasons = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in listed()]
    return Problem("invalid", "; ".join(reasons))
