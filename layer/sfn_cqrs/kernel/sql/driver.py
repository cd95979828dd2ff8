"""PostgreSQL by its own protocol, with pg8000: the local server, RDS Proxy, or any DSN."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection

from sfn_cqrs.kernel.errors import BusyError, InvalidInputError, SqlRefusedError
from sfn_cqrs.kernel.sql.sql import Scalar, Sql, SqlBusyError, Transaction, refusal

TIMEOUT_SECONDS: Final = 10
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_LOST: Final = (InterfaceError, OSError, EOFError)
_BROKEN: Final = ("08", "25006", "57P")
"""Prefixes of SQLSTATEs after which a connection is unusable."""


class DriverSql(Sql):
    """Keeps one connection for each thread that needs one, and drops broken ones."""

    def __init__(self, dsn: Callable[[], str]) -> None:
        """Ask for the DSN, `postgresql://user:password@host:port/database`, at first use.

        `?sslmode=` is `disable`, `require` or `verify-full`, with `&sslrootcert=FILE`; without it,
        every server that is not on this machine is verified.
        """
        self._dsn = dsn
        self._idle: list[Connection] = []
        self._lock = Lock()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Statements that take effect when the block ends, unless it raises."""
        with self._watched(SqlBusyError, SqlRefusedError), self._connection() as connection:
            with _telling():
                connection.run("BEGIN")
            try:
                yield _Open(connection)
            except BaseException:
                with _telling():
                    connection.run("ROLLBACK")
                raise
            with _telling():
                connection.run("COMMIT")

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            _close(connection)

    def _run(self, statement: str, parameters: Mapping[str, Scalar]) -> int:
        with self._connection() as connection:
            return _Open(connection)._run(statement, parameters)

    def _texts(self, query: str, parameters: Mapping[str, Scalar]) -> list[str]:
        with self._connection() as connection:
            return _Open(connection)._texts(query, parameters)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or _connected(self._dsn())
        is_sound = False
        try:
            yield connection
            is_sound = True
        except BusyError as error:
            is_sound = not str(error).startswith(("lost", *_BROKEN))
            raise
        except Exception:
            is_sound = True  # PostgreSQL has answered, or the block itself has failed
            raise
        finally:
            if is_sound:
                with self._lock:
                    self._idle.append(connection)
            else:
                _close(connection)


class _Open(Transaction):
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _run(self, statement: str, parameters: Mapping[str, Scalar]) -> int:
        with _telling():
            self._connection.run(statement, **parameters)
        return max(0, int(self._connection.row_count))

    def _texts(self, query: str, parameters: Mapping[str, Scalar]) -> list[str]:
        with _telling():
            return [str(row[0]) for row in self._connection.run(query, **parameters)]


@contextmanager
def _telling() -> Iterator[None]:
    """Raise the errors of both adapters instead of the driver's."""
    try:
        yield
    except DatabaseError as error:
        said = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        where = f"position {said['P']}" if "P" in said else ""
        raise refusal(str(said.get("C", "")), str(said.get("M", error)), where) from error
    except _LOST as error:
        raise SqlBusyError(f"lost the connection: {error}") from error


def _connected(dsn: str) -> Connection:
    parts = urlsplit(dsn)
    if parts.scheme not in ("postgresql", "postgres") or not parts.hostname:
        raise InvalidInputError("dsn", "must be postgresql://user:password@host:port/database")
    options = dict(parse_qsl(parts.query))
    with _telling():
        return Connection(
            unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            host=parts.hostname,
            port=parts.port or 5432,
            database=unquote(parts.path.lstrip("/")) or None,
            timeout=TIMEOUT_SECONDS,
            ssl_context=_ssl_context(parts.hostname, options),
            application_name="sfn-cqrs",
        )


def _ssl_context(host: str, options: Mapping[str, str]) -> ssl.SSLContext | bool:
    mode = options.get("sslmode", "disable" if host in _LOOPBACK else "verify-full")
    if mode == "disable":
        return False  # None would ask for encryption, and do without if there is none
    context = ssl.create_default_context(cafile=options.get("sslrootcert"))
    if mode == "require":  # encrypted, as libpq has it, whoever answers
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif mode != "verify-full":
        raise InvalidInputError("dsn", f"sslmode={mode} is none of disable, require, verify-full")
    return context


def _close(connection: Connection) -> None:
    try:
        connection.close()
    except (DatabaseError, *_LOST):
        return
