"""The user's import strategies: found in the package APP_PACKAGE, by a decorator, and run."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from sfn_cqrs.kernel.aws.transient import naming_busy
from sfn_cqrs.kernel.command import Content, DataRow
from sfn_cqrs.kernel.errors import (
    InvalidFileError,
    InvalidInputError,
    NotPermittedError,
    TransientError,
    UnknownTableError,
)
from sfn_cqrs.kernel.failure import lines_of, place_of
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.policy import (
    CODE,
    UNDECLARED,
    Access,
    Client,
    Policy,
    checked_whole,
    permits,
    require,
)
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.import_csv.csv.header import Columns, check_size
from sfn_cqrs.machines.import_csv.csv.rows import CsvFile, Problem, open_csv
from sfn_cqrs.machines.import_csv.declaration import Comparison, ImportStrategy, Record, Wanted
from sfn_cqrs.machines.import_csv.job import ImportRecord, Job
from sfn_cqrs.machines.import_csv.results import PublishMode

LOG_SECONDS = 10
S = TypeVar("S", bound=type[ImportStrategy])
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_strategies: dict[str, ImportStrategy] = {}
_rules: dict[str, "Rule"] = {}
_logged: dict[tuple[str, str], float] = {}


@dataclass(frozen=True, slots=True)
class Rule:
    """A table's rule: which clients may import, how many ASYNC rows, and whether by the machine."""

    publish: Policy = CODE
    async_rows: int = 0
    step_function: bool = False


def import_strategy(
    table: str, *, publish: Policy = CODE, async_rows: int = 0, step_function: bool = False
) -> Callable[[S], S]:
    """Register a class that turns the rows of a table into items.

    Rows are published, so a client also needs the permission to publish the items' type.

    Args:
        table: the table's name, such as airports.
        publish: which clients may import: `CODE`, `MEMBERS`, `group("clerk")`. Code always may.
        async_rows: how many rows of a file a client may import as ASYNC, each by an execution
            of its own; by default none.
        step_function: whether a client may have the machine import files of any size, and
            archives; by default a file of at most 1,000 rows, within the request.
    """
    checked_whole(publish)
    if not _NAME.fullmatch(table):
        raise ValueError(
            f"{table!r} is not a table: 1 to 64 of a-z, 0-9, '_' or '-', a letter first"
        )

    def register(strategy: S) -> S:
        namesake = _strategies.get(table)
        if namesake is not None and type(namesake).__module__ != strategy.__module__:
            raise ValueError(f"{table!r} has a strategy in {type(namesake).__module__} already")
        _strategies[table] = strategy()
        _rules[table] = Rule(publish, async_rows, step_function)
        return strategy

    return register


def find(table: object) -> ImportStrategy:
    """Return the strategy of a table.

    Raises:
        UnknownTableError: nobody registers it. The error names the tables that exist.
    """
    return handlers.registered(_strategies, table, UnknownTableError)


def columns_of(table: str, mapping: Mapping[str, str]) -> Columns:
    """Return the columns of a table, with the headings that a file has for them.

    Raises:
        UnknownTableError: nobody registers it.
    """
    return find(table).known_columns().also_called(mapping)


def opened(job: Job, chunks: Iterator[bytes]) -> CsvFile:
    """Return a job's file with its header read, by the columns of the job's table.

    Raises:
        InvalidFileError, UnknownTableError: why not.
    """
    columns = columns_of(job.table, job.mapping)
    return open_csv(chunks, columns, encoding=job.encoding, delimiter=job.delimiter)


def check_mapping(table: str, mapping: Mapping[str, str]) -> None:
    """Refuse a mapping to a column that the table does not have, or of more than a header has.

    Raises:
        InvalidInputError: the mapping names other columns. The error names those that exist.
    """
    names = find(table).known_columns().names
    try:
        check_size(list(mapping))
    except InvalidFileError as error:
        raise InvalidInputError("mapping", str(error)) from error
    for heading, name in mapping.items():
        if name not in names or not heading.strip():
            raise InvalidInputError(
                "mapping", f"{heading!r} is mapped to {name!r}; columns: {', '.join(names)}"
            )


def rule_of(table: str) -> Rule:
    """Return a table's rule for clients."""
    handlers.load()
    return _rules.get(table, Rule())


def check_publish(
    table: object, client: Client | None, mode: PublishMode = PublishMode.SYNC
) -> None:
    """Refuse a client that may not import into a table.

    Raises:
        UnknownTableError, NotPermittedError: why not.
    """
    strategy, name = find(table), str(table)
    if client is None:
        return
    rule, declaration = rule_of(name), f'@import_strategy("{name}")'
    require(rule.publish, client, f"importing into {name}", declaration, "publish")
    handlers.check_import(strategy.type, client)
    if mode is PublishMode.ASYNC and not rule.async_rows:
        raise NotPermittedError(
            f"importing into {name} as ASYNC is for code only;"
            f' @import_strategy("{name}", async_rows=…) would allow it, up to so many rows'
        )


def check_step_function(table: str, client: Client | None) -> None:
    """Refuse a client that may not have the machine import into a table.

    Raises:
        NotPermittedError: it says which declaration would allow it.
    """
    if not may_use_machine(table, client):
        raise NotPermittedError(
            f"importing into {table} by the machine (STEP_FUNCTION) is for code only;"
            f' @import_strategy("{table}", step_function=True) would allow it;'
            " a file of at most 1,000 rows can be imported as DIRECT"
        )


def may_use_machine(table: str, client: Client | None) -> bool:
    """Return whether a client may have the machine import into a table."""
    return client is None or rule_of(table).step_function


def check_upload(
    table: object, client: Client | None, mode: PublishMode = PublishMode.SYNC
) -> None:
    """Refuse a client that may import into no table that a file or an archive could belong to.

    Raises:
        UnknownTableError, NotPermittedError: why not.
    """
    if table is not None:
        check_publish(table, client, mode)
    elif not any(may_publish(each, client) for each in tables()):
        raise NotPermittedError(
            "no table lets you import into it; @import_strategy(…, publish=MEMBERS) would allow it"
        )


def check_archive(
    table: object, client: Client | None, mode: PublishMode = PublishMode.SYNC
) -> None:
    """Refuse a client that may import none of an archive's files; their names may say the table.

    Raises:
        UnknownTableError, NotPermittedError: why not.
    """
    check_upload(table, client, mode)
    if table is not None:
        check_step_function(str(table), client)
    elif not any(may_publish(each, client) and may_use_machine(each, client) for each in tables()):
        raise NotPermittedError(
            "no table lets you have the machine import into it;"
            " @import_strategy(…, step_function=True) would allow it"
        )


def may_publish(table: str, client: Client | None) -> bool:
    """Return whether a client may import into a table."""
    return permits(check_publish, table, client)


def may_read(table: str, client: Client | None) -> bool:
    """Return whether a client may see a table's imports; those of unregistered tables are seen."""
    return permits(check_read, table, client)


def check_read(table: str, client: Client | None) -> None:
    """Refuse a client that may not see a table's imports: their rows are items of its type.

    Raises:
        NotPermittedError: it says which declaration would allow it.
    """
    handlers.load()
    if client is not None and table in _strategies:
        handlers.check_read(_strategies[table].type, client)


def check_steers(table: str, client: Client | None, job: ImportRecord, user: str) -> None:
    """Refuse a client that cancels, retries or undoes an import of rows that it may not read.

    Whoever sent the import may, since an undo asks again for each row.

    Raises:
        NotPermittedError: another has sent it, and the client may not read all items of its type.
    """
    if not job.is_sent_by(user) and not may_read(table, client):
        raise NotPermittedError(
            f"an import into {table} is cancelled, retried and undone by who sent it,"
            f" or by who may read all items of {find(table).type}"
        )


def check_undo(table: str, client: Client | None, job: ImportRecord, user: str) -> None:
    """Refuse a client that may not steer an import, or may read no item of its type.

    An undo has a row for each version that the import made, so its size tells which rows changed
    something.

    Raises:
        NotPermittedError: why not.
    """
    check_steers(table, client, job, user)
    type_ = find(table).type
    if client is not None and not handlers.access_of(type_).read.allows_own(client):
        handlers.check_read(type_, client)


def check_rows(table: str, client: Client | None, mode: PublishMode, rows: int) -> None:
    """Refuse a client's file that has more rows than may be published as ASYNC.

    Raises:
        InvalidFileError: the file has more rows.
    """
    most = rule_of(table).async_rows
    if client is not None and mode is PublishMode.ASYNC and rows > most:
        raise InvalidFileError(
            "too_many_async_rows",
            f"the file has {rows} rows, and {table} takes at most {most} as ASYNC; import as SYNC",
        )


def types() -> dict[str, Access]:
    """Return every table, with its declaration and that of its items' type."""
    handlers.load()
    return {table: _access_of(table) for table in sorted(_strategies)}


def _access_of(table: str) -> Access:
    read = handlers.types().get(_strategies[table].type, UNDECLARED).read
    return Access(_rules[table].publish, replace(read, owners=frozenset()))


def tables() -> frozenset[str]:
    """Return every table that has a strategy."""
    handlers.load()
    return frozenset(_strategies)


def wanted_by(strategy: ImportStrategy, tenant: str, cells: Mapping[str, str]) -> Wanted | Problem:
    """Return what a row wants by its strategy, or the problem of a bad row.

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
    """Return how a strategy compares a row's wish with the item as it is, or the problem.

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


def _log(error: Exception, place: str) -> None:
    """Log where a strategy raises, once in a while: it may raise in each of a million rows.

    The exception's text is left out, since it may contain a cell.
    """
    now, name = time.monotonic(), type(error).__name__
    if now - _logged.get((name, place), -LOG_SECONDS) >= LOG_SECONDS:
        _logged[name, place] = now
        logger.warning("a strategy failed: %s", name, stackTrace=lines_of(error))


def _problem_of(error: Exception) -> Problem:
    """Return the problem of an error: a pydantic error lists each wrong field.

    Any other error is the strategy's fault.
    """
    listed = getattr(error, "errors", None)
    if not callable(listed):
        place = place_of(error)
        _log(error, place)
        reason = f"{type(error).__name__}: {error}"
        return Problem("strategy", f"{reason} ({place})" if place else reason)
    reasons = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in listed()]
    return Problem("invalid", "; ".join(reasons))
