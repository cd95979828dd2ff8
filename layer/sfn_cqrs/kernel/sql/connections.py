"""The ways to a PostgreSQL, each imported only where it is taken."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sfn_cqrs.kernel.sql.sql import Sql

if TYPE_CHECKING:
    from sfn_cqrs.kernel.sql.role import Role


def sql_at(where: str, client: Callable[[str], Any]) -> Sql:
    """Return the database that the function's environment and the stack's output name.

    Args:
        where: a DSN, `secret:ARN` of one, or `data-api:CLUSTER|SECRET|DATABASE`.
        client: makes a boto3 client of a service.
    """
    kind, _, rest = where.partition(":")
    if kind == "data-api":
        from sfn_cqrs.kernel.sql.data_api import DataApiSql  # noqa: PLC0415

        cluster, secret, database = rest.split("|")
        return DataApiSql(client("rds-data"), cluster, secret, database)
    from sfn_cqrs.kernel.sql.driver import DriverSql  # noqa: PLC0415

    if kind != "secret":
        return DriverSql(lambda: where)
    secrets = client("secretsmanager")
    return DriverSql(lambda: _secret(secrets, rest))


def role_at(where: str, client: Callable[[str], Any]) -> "Role":
    """Return the role that the functions connect as.

    Args:
        where: a DSN, or the ARN of a secret that has `username` and `password`.
        client: makes a boto3 client of a service.

    Raises:
        InvalidInputError: it does not name a role.
    """
    from sfn_cqrs.kernel.sql.role import Role  # noqa: PLC0415 - who migrates needs it

    if where.startswith("arn:"):
        return Role.of_secret(_secret(client("secretsmanager"), where))
    return Role.of_dsn(where)


def _secret(secrets: Any, arn: str) -> str:
    return str(secrets.get_secret_value(SecretId=arn)["SecretString"])
