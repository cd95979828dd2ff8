"""sql: the migrations of PostgreSQL."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from sfn_cqrs_tools.cli.options import one_line_errors, stack_options
from sfn_cqrs_tools.runtime.postgres import VARIABLE
from sfn_cqrs_tools.terminal.printing import print_table
from sfn_local.cli.command import Group, json_option, print_json
from sfn_local.cli.showing import echo

NONE: Final = "this stack has no PostgreSQL yet: nothing to migrate"


@click.group(cls=Group)
def sql() -> None:
    """Migrations of PostgreSQL: app/PACKAGE/sql/0001_what_it_does.sql and so on."""


def _database_options(command: Callable[..., None]) -> Callable[..., None]:
    @stack_options
    @click.option("--config-env", metavar="STAGE", help="The stack of a stage in samconfig.toml.")
    @click.option("--dsn", metavar="DSN", envvar=VARIABLE, help=f"Any database.  [env: {VARIABLE}]")
    @functools.wraps(command)
    def wrapped(
        *,
        state: Path,
        stack: str | None,
        config_env: str | None,
        dsn: str | None,
        if_there: bool = False,
        **kwargs: Any,
    ) -> None:
        from sfn_cqrs.kernel.errors import SfnCqrsError, TransientError  # noqa: PLC0415
        from sfn_cqrs_tools.client.aws import NoStackError  # noqa: PLC0415 - --help needs no boto3

        with one_line_errors():
            try:
                command(migrations=_migrations(state, stack, config_env, dsn), **kwargs)
            except NoStackError:
                if not if_there:
                    raise
                command(migrations=None, **kwargs)
            except SfnCqrsError as error:
                raise click.ClickException(f"{error.code}: {error}") from error
            except TransientError as error:
                raise click.ClickException(f"busy: {error}; try again") from error

    return wrapped


def _migrations(state: Path, stack: str | None, config_env: str | None, dsn: str | None) -> Any:
    """Return the migrations of the chosen database, or None if the stack has no database."""
    from sfn_cqrs.kernel.sql.connections import role_at, sql_at  # noqa: PLC0415 - --help needs none
    from sfn_cqrs.kernel.sql.migrations import Migrations  # noqa: PLC0415
    from sfn_cqrs_tools.client.aws import Target, find_target  # noqa: PLC0415
    from sfn_cqrs_tools.project import deployed, project  # noqa: PLC0415
    from sfn_cqrs_tools.stack.samconfig import package_of, stack_name  # noqa: PLC0415
    from sfn_cqrs_tools.stack.sql_files import (  # noqa: PLC0415
        POSTGRES,
        POSTGRES_ROLE,
        migrations_of,
    )

    if config_env is not None:
        stack = stack_name(deployed(), config_env)
    package = package_of(project())
    target = Target({}, {})
    if stack is not None or not dsn:
        target = find_target(state, stack)
        package = target.environment.get("APP_PACKAGE", package)
        dsn = target.outputs.get(POSTGRES) or target.environment.get("POSTGRES")
    if not dsn:
        return None
    role = target.outputs.get(POSTGRES_ROLE)
    return Migrations(
        sql_at(dsn, target.client),
        migrations_of(project(), package),
        role_at(role, target.client) if role else None,
    )


@sql.command("migrate", examples=("sfn-cqrs sql migrate --stack sfn-cqrs-dev",))
@_database_options
@click.option("--if-there", is_flag=True, help="Do nothing if the stack is not deployed yet.")
@json_option
def migrate(migrations: Any, as_json: bool) -> None:
    """Apply the migrations that are not applied yet, each file in one transaction.

    First the functions' role is created, or gets its password and rights again. A wrong file is
    reported with its line, and leaves nothing behind. A second migration waits for the first. A
    stack without PostgreSQL has nothing to migrate.
    """
    applied = [] if migrations is None else migrations.migrate()
    if as_json:
        print_json({"applied": applied})
    elif migrations is None:
        echo(NONE)
    else:
        echo("\n".join(f"{name} is applied" for name in applied) or "everything is applied")


@sql.command("status", examples=("sfn-cqrs sql status",))
@_database_options
@json_option
def status(migrations: Any, as_json: bool) -> None:
    """Show the files, and when each was applied."""
    files = [] if migrations is None else migrations.status()
    if as_json:
        print_json([{"name": one.name, "appliedAt": one.applied_at or None} for one in files])
    elif migrations is None:
        echo(NONE)
    else:
        print_table(("file", "applied"), ((one.name, one.applied_at or "no") for one in files))
