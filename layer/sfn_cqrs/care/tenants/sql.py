"""A tenant's rows in every table of PostgreSQL that has a column `tenant`."""

from collections.abc import Iterator
from typing import Final

from sfn_cqrs.kernel.errors import SqlRefusedError
from sfn_cqrs.kernel.sql.sql import Sql

BATCH: Final = 5_000
"""Rows that one statement deletes."""
_IS_REFERENCED: Final = "23503"
_TABLES: Final = """
    SELECT format('%I.%I', nspname, relname) AS name
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relkind = 'r' AND attname = 'tenant' AND NOT attisdropped
      AND atttypid IN (CAST('text' AS regtype), CAST('varchar' AS regtype))
      AND nspname <> 'information_schema' AND nspname !~ '^pg_'
      AND has_table_privilege(pg_class.oid, 'SELECT')
      AND has_table_privilege(pg_class.oid, 'DELETE')
    ORDER BY 1"""
"""Rows of a partitioned table are in its partitions, which are tables as well."""


class SqlTenant:
    """The rows of one tenant, as far as whoever is connected may delete them."""

    def __init__(self, sql: Sql, tenant: str) -> None:
        """Use one database."""
        self._sql = sql
        self._tenant = tenant

    def counts(self) -> dict[str, int]:
        """Return how many rows each table has, without tables that have none."""
        counted = {table: self._count(table) for table in self._tables()}
        return {table: count for table, count in counted.items() if count}

    def delete(self) -> dict[str, int]:
        """Delete the rows, and return how many there were, by table.

        Raises:
            SqlRefusedError: rows of a table without the column refer to one.
        """
        left, deleted = self._tables(), dict[str, int]()
        while left:
            refused: dict[str, SqlRefusedError] = {}
            for table in left:
                try:
                    for count in self._deleted(table):
                        deleted[table] = deleted.get(table, 0) + count
                except SqlRefusedError as error:  # rows that refer to them go first
                    if error.state != _IS_REFERENCED:
                        raise
                    refused[table] = error
            if len(refused) == len(left):
                raise refused[left[0]]
            left = list(refused)
        return deleted

    def _tables(self) -> list[str]:
        return [str(row["name"]) for row in self._sql.rows(_TABLES)]

    def _count(self, table: str) -> int:
        # Names come from PostgreSQL, which has quoted them; the tenant is a parameter.
        query = f"SELECT count(*) AS rows FROM {table} WHERE tenant = :tenant"  # nosec B608
        return int(self._sql.rows(query, tenant=self._tenant)[0]["rows"])

    def _deleted(self, table: str) -> Iterator[int]:
        statement = (
            f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("  # nosec B608
            f"SELECT ctid FROM {table} WHERE tenant = :tenant LIMIT {BATCH}))"
        )
        while count := self._sql.run(statement, tenant=self._tenant):
            yield count
