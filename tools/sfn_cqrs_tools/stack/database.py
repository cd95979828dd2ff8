"""The PostgreSQL of a stack, which runs if the user's package has migrations for one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sfn_cqrs.kernel.sql.role import Role
from sfn_cqrs.kernel.sql.script import Migration
from sfn_cqrs_tools.runtime.postgres import VARIABLE as DSN
from sfn_cqrs_tools.runtime.postgres import LocalPostgres, PostgresError
from sfn_cqrs_tools.runtime.state import StackError
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.stack.sql_files import migrations_of


@dataclass(frozen=True)
class Database:
    """A PostgreSQL, and what is to be applied to it."""

    migrations: Sequence[Migration] = ()
    given: str = ""
    """Where it is, if it is not the stack's own."""
    server: LocalPostgres | None = None

    @property
    def dsn(self) -> str:
        """Return what functions connect to; empty if there is none."""
        return self.given if self.server is None else self.server.functions_dsn

    def migrate(self) -> None:
        """Apply the migrations; their driver and its errors come from one copy of the layer.

        A project's functions have put their copy in the place of the installed one.

        Raises:
            StackError: a migration is wrong.
        """
        if not self.migrations:
            return
        from sfn_cqrs.kernel.errors import SfnCqrsError, TransientError  # noqa: PLC0415
        from sfn_cqrs.kernel.sql.driver import DriverSql  # noqa: PLC0415 - few have SQL
        from sfn_cqrs.kernel.sql.migrations import Migrations  # noqa: PLC0415

        try:
            server, dsn = self.server, self.dsn
            owner, role = (dsn, None) if server is None else (server.dsn, Role.of_dsn(dsn))
            sql = DriverSql(lambda: owner)
            Migrations(sql, [*self.migrations], role).migrate()
            sql.close()
        except (PostgresError, SfnCqrsError, TransientError) as error:
            raise StackError(f"PostgreSQL: {error}") from error


@contextmanager
def database(
    template: Template, folder: Path, *, port: int, keep: bool, hosts: Sequence[str]
) -> Iterator[Database]:
    """Begin to start the PostgreSQL of a template's package, in parallel; end it afterwards."""
    variables = template.environment
    if "POSTGRES" not in variables:
        yield Database()
        return
    migrations, given = migrations_of(template.root, variables["APP_PACKAGE"]), os.environ.get(DSN)
    if given or not migrations:
        yield Database(migrations, given or "")
        return
    with LocalPostgres(folder, port=port, keep=keep, hosts=hosts) as server:
        yield Database(migrations, server=server)
