"""Migrations of PostgreSQL: numbered files, each applied once, in order, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sfn_cqrs.kernel.errors import MigrationError, SqlRefusedError
from sfn_cqrs.kernel.sql.grants import grant
from sfn_cqrs.kernel.sql.role import Role
from sfn_cqrs.kernel.sql.script import Migration, Statement, in_order
from sfn_cqrs.kernel.sql.sql import Sql, Transaction

_LOCK: Final = 7_310_551_042
"""The number that stands for migrations among the advisory locks of the database."""
_OWN: Final = "sfn_cqrs_migrations"
_TABLE: Final = """CREATE TABLE IF NOT EXISTS sfn_cqrs_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    digest text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)"""
_APPLIED: Final = "SELECT number, name, digest, applied_at FROM sfn_cqrs_migrations ORDER BY number"


@dataclass(frozen=True, slots=True)
class Applied:
    """A file, and when it was applied; empty if it was not."""

    name: str
    applied_at: str = ""


class Migrations:
    """The files of a package, and the database that they are for."""

    def __init__(self, sql: Sql, migrations: Sequence[Migration], role: Role | None = None) -> None:
        """Read every file before anything is run.

        Args:
            sql: the database, with the rights of its tables' owner.
            migrations: the files.
            role: the role that reads and writes their rows; None for the owner of the tables.

        Raises:
            MigrationError: a file has a wrong name or number, or cannot be read.
        """
        self._sql = sql
        self._role = role
        self._files = in_order(migrations)
        self._statements = {one.name: one.statements() for one in self._files}

    def status(self) -> list[Applied]:
        """Return every file, in order.

        Raises:
            MigrationError: an applied file is gone, or has been changed since.
        """
        with self._sql.transaction() as transaction:
            found = self._found(transaction)
        return [Applied(one.name, found.get(one.number, "")) for one in self._files]

    def migrate(self) -> list[str]:
        """Apply the files that are not applied yet, and return their names.

        First the role gets its rights. Each file is one transaction, and a lock keeps others from
        migrating: a wrong file leaves nothing behind, and a second caller finds the work done.

        Raises:
            MigrationError: naming the file and the line; those before it stay applied.
        """
        if self._role is not None:
            self._grant(self._role)
        return [one.name for one in self._files if self._apply(one)]

    def _grant(self, role: Role) -> None:
        with self._sql.transaction() as transaction:
            transaction.run(f"SELECT pg_advisory_xact_lock({_LOCK})")
            transaction.run(_TABLE)
            try:
                grant(transaction, role, _OWN)
            except SqlRefusedError as error:
                raise MigrationError(f"the role {role.name} cannot be made: {error}") from error

    def _apply(self, migration: Migration) -> bool:
        with self._sql.transaction() as transaction:
            transaction.run(f"SELECT pg_advisory_xact_lock({_LOCK})")
            if migration.number in self._found(transaction):
                return False
            for statement in self._statements[migration.name]:
                _run(transaction, migration, statement)
            transaction.run(
                "INSERT INTO sfn_cqrs_migrations (number, name, digest)"
                " VALUES (:number, :name, :digest)",
                number=migration.number,
                name=migration.name,
                digest=migration.digest,
            )
        return True

    def _found(self, transaction: Transaction) -> dict[int, str]:
        """Return when each number was applied."""
        transaction.run(f"SELECT pg_advisory_xact_lock({_LOCK})")
        transaction.run(_TABLE)
        rows = transaction.rows(_APPLIED)
        files = {one.number: one for one in self._files}
        for row in rows:
            file = files.get(row["number"])
            if file is None or file.digest != row["digest"]:
                what = "is gone" if file is None else "has been changed"
                raise MigrationError(
                    f"{row['name']}: it {what} since it was applied; write what is to be different"
                    " into a new file"
                )
        return {row["number"]: row["applied_at"] for row in rows}


def _run(transaction: Transaction, migration: Migration, statement: Statement) -> None:
    try:
        transaction.run(statement.text)
    except SqlRefusedError as error:
        _, _, position = error.detail.partition("position ")
        line = statement.line_at(int(position)) if position else statement.line
        place = f"{migration.name}:{line}"
        raise MigrationError(f"{place}: {error}; nothing of it is applied") from error
