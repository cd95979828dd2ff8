"""PostgreSQL as a read model: the interface for handlers, whichever adapter connects.

Statements name their parameters `:name`. Both adapters behave the same. Rows have JSON's types, a
transient failure is a `BusyError`, and a refusal by PostgreSQL is a `SqlRefusedError`.
"""

import json
import random
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from math import isfinite
from typing import Any, Final, TypeVar

from sfn_cqrs.kernel.aws.groups import groups
from sfn_cqrs.kernel.errors import BusyError, InvalidInputError, SqlRefusedError
from sfn_cqrs.kernel.read_models.read_model import count_writes

Scalar = str | int | float | bool | None
"""The types of a parameter; write `CAST(:total AS numeric)` where text is not meant."""
Row = Mapping[str, Any]
T = TypeVar("T")

TRIES: Final = 4
MAX_ROW_BYTES: Final = 1_000_000
MAX_BATCH_BYTES: Final = 3_000_000
"""The Data API takes a request of 4 MiB."""
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_ROLLED_BACK: Final = ("40001", "40P01")
_BUSY: Final = ("08", "53", *_ROLLED_BACK, "25006", "55P03", "57P01", "57P02", "57P03")
"""Beginnings of SQLSTATEs: no connection, no room, a conflict, a lock, a server that ends."""
_BEHIND: Final = ("42703", "42P01", "28P01")
_NOT_ALLOWED: Final = "42501"
_WHO_MAY: Final = "whoever is connected may not: handlers use rows, migrations make tables"


class SqlBusyError(BusyError):
    """PostgreSQL is unreachable or full, or another transaction is in the way."""


class RolledBackError(SqlBusyError):
    """A deadlock or a conflict: PostgreSQL has undone the statement, so it can be made again."""


class SqlBehindError(SqlBusyError):
    """A table, a column or the functions' role is not there yet: a migration is under way."""


class Transaction(ABC):
    """Statements that take effect together, or not at all."""

    @abstractmethod
    def _run(self, statement: str, parameters: Mapping[str, Scalar]) -> int: ...

    @abstractmethod
    def _texts(self, query: str, parameters: Mapping[str, Scalar]) -> list[str]: ...

    def run(self, statement: str, **parameters: Scalar) -> int:
        """Run a statement; return how many rows it changed."""
        return self._run(statement, checked(parameters))

    def rows(self, query: str, **parameters: Scalar) -> list[dict[str, Any]]:
        """Return the rows of a query, with JSON's types."""
        return [json.loads(text) for text in self._texts(as_json(query), checked(parameters))]

    def put_if_newer(self, table: str, keys: Row, row: Row, version: int) -> bool:
        """Put a row; return False if that version or a later one is stored.

        Args:
            table: its name; it has a column `version`, and `keys` are its primary key.
            keys: the columns of the key.
            row: the other columns; columns that are not named keep their values.
            version: the version of the command.
        """
        return self.put_many_if_newer(table, tuple(keys), [{**keys, **row, "version": version}]) > 0

    def put_many_if_newer(self, table: str, keys: Sequence[str], rows: Sequence[Row]) -> int:
        """Put each row whose `version` is newer; return the number of rows that were put.

        If several rows have the same key, the highest version counts. All rows have the same
        columns. Each three megabytes are one statement. It may be repeated, because a repetition
        changes nothing.
        """
        statement = ""
        count = 0
        for texts, columns in _batches(table, keys, rows):
            statement = statement or _upsert(table, keys, columns)
            put = self._put(statement, {"rows": f"[{','.join(texts)}]"})
            count_writes(put, len(texts) - put)
            count += put
        return count

    def _put(self, statement: str, parameters: Mapping[str, Scalar]) -> int:
        return self.run(statement, **parameters)


class Sql(Transaction):
    """One database. Every method raises BusyError, SqlRefusedError or InvalidInputError."""

    on_failure: Callable[[], None] | None = None
    """Called for each failure that another value would not cure, after the last try."""
    is_migrated_later: bool = False
    """Whether the code may run before its migrations, as it does while a stack is deployed."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Transaction]:
        """Statements that take effect when the block ends, unless it raises."""

    def run(self, statement: str, **parameters: Scalar) -> int:
        """Run a statement; return how many rows it changed.

        It is tried again only if PostgreSQL has undone it. If its answer is lost, it may or may not
        have taken effect, so guard writes by their version.
        """
        with self._watched(Exception):
            return again(partial(self._run, statement, checked(parameters)), RolledBackError)

    def rows(self, query: str, **parameters: Scalar) -> list[dict[str, Any]]:
        """Return the rows of a query: numbers, texts, lists and objects; a moment is ISO 8601."""
        with self._watched(Exception):
            texts = again(partial(self._texts, as_json(query), checked(parameters)), BusyError)
        return [json.loads(text) for text in texts]

    def _put(self, statement: str, parameters: Mapping[str, Scalar]) -> int:
        with self._watched(Exception):
            return again(partial(self._run, statement, checked(parameters)), BusyError)

    @contextmanager
    def _watched(self, *kinds: type[Exception]) -> Iterator[None]:
        """Report failures by errors of these kinds."""
        try:
            yield
        except kinds as error:
            if self.on_failure is not None and not _is_of_value(error):
                self.on_failure()
            if self.is_migrated_later and _is_behind(error):
                raise SqlBehindError(str(error)) from error
            raise


def again(attempt: Callable[[], T], cause: type[BusyError]) -> T:
    """Make an attempt, and a few more if the failure is transient."""
    for number in range(TRIES - 1):
        try:
            return attempt()
        except cause:
            time.sleep(random.uniform(0, 0.05 * 2**number))
    return attempt()


def _is_behind(error: Exception) -> bool:
    return isinstance(error, SqlRefusedError) and error.state in _BEHIND


def _is_of_value(error: Exception) -> bool:
    is_refused = isinstance(error, SqlRefusedError) and error.is_of_value
    return is_refused or isinstance(error, InvalidInputError)


def as_json(query: str) -> str:
    """Return a query that gives each row as one text."""
    plain = query.rstrip().rstrip(";")
    # The user's own query; its values are parameters.
    return f"SELECT CAST(to_jsonb(q) AS text) FROM ({plain}) AS q"  # nosec B608


def refusal(state: str, message: str, detail: str = "") -> Exception:
    """Return the error for a SQLSTATE, transient or refused; its message never has a value."""
    if state in _ROLLED_BACK:
        return RolledBackError(f"{state}: {message}")
    if state.startswith(_BUSY):
        return SqlBusyError(f"{state}: {message}")
    if state == _NOT_ALLOWED:
        message = f"{message}; {_WHO_MAY}"
    return SqlRefusedError(state, message, detail)


def checked(parameters: Mapping[str, Scalar]) -> Mapping[str, Scalar]:
    """Return the parameters if PostgreSQL can hold them.

    Raises:
        InvalidInputError: one has an invalid character, is NaN or infinite, or is too large.
    """
    for name, value in parameters.items():
        if isinstance(value, float) and not isfinite(value):
            raise InvalidInputError(name, "is NaN or infinite")
        if isinstance(value, str) and _SURROGATE.search(value):
            raise InvalidInputError(name, "has half of a surrogate pair, which is not a character")
        if isinstance(value, str) and "\0" in value:
            raise InvalidInputError(name, "has a NUL character, which PostgreSQL cannot hold")
        if isinstance(value, str) and len(value.encode()) > MAX_BATCH_BYTES + MAX_ROW_BYTES:
            raise InvalidInputError(name, "is larger than one statement may be")
    return parameters


def _batches(
    table: str, keys: Sequence[str], rows: Sequence[Row]
) -> Iterator[tuple[list[str], list[str]]]:
    """Yield batches of JSON rows: each key's highest version, by key so that none deadlock."""
    columns = sorted(rows[0]) if rows else []
    for name in (table, *columns, *keys):
        if not _NAME.fullmatch(name):
            raise InvalidInputError(name, "is not a name of a table or column: a-z, 0-9 and _")
    if any(sorted(row) != columns for row in rows):
        raise InvalidInputError(table, "rows of one batch have the same columns")
    most = len(rows), MAX_BATCH_BYTES
    for batch in groups(_newest(table, keys, rows), lambda text: (1, len(text)), most):
        yield batch, columns


def _newest(table: str, keys: Sequence[str], rows: Sequence[Row]) -> Iterator[str]:
    newest: dict[str, Row] = {}
    for row in rows:
        key = _text([row[name] for name in keys], table)
        if key not in newest or newest[key]["version"] < row["version"]:
            newest[key] = row
    return (_text(dict(newest[key]), table) for key in sorted(newest))


def _text(value: Any, table: str) -> str:
    """Return a row as JSON in ASCII.

    Raises:
        InvalidInputError: PostgreSQL cannot hold it, or it is too large for one statement.
    """
    try:
        text = json.dumps(value, allow_nan=False, default=_plain, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InvalidInputError(table, f"a row cannot be kept: {error}") from error
    if re.search(r"(?<!\\)(\\\\)*\\u0000", text):
        raise InvalidInputError(table, "a text has a NUL character, which PostgreSQL cannot hold")
    if len(text) > MAX_ROW_BYTES:
        raise InvalidInputError(
            table, f"a row has {len(text)} bytes, and at most {MAX_ROW_BYTES} are put at once"
        )
    return text


def _plain(value: object) -> str:
    if isinstance(value, Decimal | datetime | date):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _upsert(table: str, keys: Sequence[str], columns: Sequence[str]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    new = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in columns if name not in keys)
    key = ", ".join(f'"{name}"' for name in keys)
    # Only names are put together, each of _NAME's letters; values are a parameter.
    return (
        f'INSERT INTO "{table}" AS present ({names}) SELECT {names}'  # nosec B608
        f' FROM jsonb_populate_recordset(CAST(NULL AS "{table}"), CAST(:rows AS jsonb))'
        f" ON CONFLICT ({key}) DO UPDATE SET {new} WHERE present.version < EXCLUDED.version"
    )
