"""One PostgreSQL for a session of tests, and both ways to speak to it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from pg8000.native import Connection
from tests.support.data_api import CLUSTER, SECRET, serving

from sfn_cqrs.kernel.sql.data_api import DataApiSql
from sfn_cqrs.kernel.sql.driver import DriverSql
from sfn_cqrs_tools.runtime.postgres import LocalPostgres


@contextmanager
def a_server() -> Iterator[LocalPostgres]:
    """A server of its own, for whoever kills it."""
    with tempfile.TemporaryDirectory() as folder, LocalPostgres(Path(folder) / "pg") as server:
        yield server


def connected(dsn: str) -> Connection:
    """A connection of the test's own."""
    parts = urlsplit(dsn)
    return Connection(
        str(parts.username),
        password=parts.password,
        host=str(parts.hostname),
        port=int(parts.port or 0),
        database=parts.path[1:],
        ssl_context=False,
    )


@contextmanager
def by_driver(dsn: str) -> Iterator[DriverSql]:
    """The driver's adapter."""
    sql = DriverSql(lambda: dsn)
    yield sql
    sql.close()


@contextmanager
def by_data_api(dsn: str) -> Iterator[tuple[DataApiSql, Any]]:
    """The Data API's adapter, and the endpoint that it speaks to."""
    with serving(lambda: connected(dsn)) as (url, api):
        yield DataApiSql(_client(url), CLUSTER, SECRET, "postgres"), api


@cache
def _client(url: str) -> Any:
    config = Config(retries={"mode": "standard", "max_attempts": 1})
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.client(  # type: ignore[call-overload]
        "rds-data", region_name="us-east-1", endpoint_url=url, config=config, **keys
    )
