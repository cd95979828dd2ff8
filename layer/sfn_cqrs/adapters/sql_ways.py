"""The ways to a PostgreSQL, each imported only where it is taken."""

from collections.abc import Callable
from typing import Any

from sfn_cqrs.adapters.sql import Sql


def sql_at(where: str, client: Callable[[str], Any]) -> Sql:
    """The database at a place, as the function's environment and the stack's output name it.

    Args:
        where: a DSN, `secret:ARN` of one, or `data-api:CLUSTER|SECRET|DATABASE`.
        client: makes a boto3 client of a service.
    """
    kind, _, rest = where.partition(":")
    if kind == "data-api":
        from sfn_cqrs.adapters.sql_data_api import DataApiSql  # noqa: PLC0415

        cluster, secret, database = rest.split("|")
        return DataApiSql(client("rds-data"), cluster, secret, database)
    from sfn_cqrs.adapters.sql_driver import DriverSql  # noqa: PLC0415

    if kind != "secret":
        return DriverSql(lambda: where)
    secrets = client("secretsmanager")
    return DriverSql(lambda: str(secrets.get_secret_value(SecretId=rest)["SecretString"]))
