"""All rows of generations of a read model in PostgreSQL, in the order of its key."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sfn_cqrs.kernel.read_models.rules import GenerationRow
from sfn_cqrs.kernel.sql.sql import Sql
from sfn_cqrs.kernel.tables.dynamodb import Item
from sfn_cqrs.kernel.tables.paging import Page

PAGE_SIZE = 200
_DIGESTS = """(
    SELECT jsonb_object_agg(key, md5(CAST(value AS text)))
    FROM jsonb_each(to_jsonb(t) - 'generation')
) AS columns"""
"""A row's columns by their digests, so that the answer is small whatever the row holds."""


class SqlRows:
    """The rows of one table of one tenant; a place is the rest of the key as JSON.

    The table has the columns `tenant`, `generation` and `version`, and its primary key is
    `tenant`, `generation` and `keys`.
    """

    def __init__(self, sql: Sql, table: str, keys: Sequence[str], tenant: str) -> None:
        """Use one table; its names are the package's own, and checked where it declares them."""
        self._sql = sql
        self._table = f'"{table}"'
        self._keys = [f'"{key}"' for key in keys]
        self._tenant = tenant

    def page(
        self, generations: tuple[int, ...], segment: int, cursor: str | None
    ) -> Page[GenerationRow]:
        """Return a page of the segment's rows of one generation, after a place."""
        if segment >= len(generations):
            return Page([])
        generation = generations[segment]
        names = ", ".join(f"t.{key}" for key in self._keys)
        # Only names are put together, those of the package's tables; values are parameters.
        after = f"({names}) > (SELECT {self._of('r')} FROM {self._record()} AS r)"  # nosec B608
        query = (
            f"SELECT {self._place()} AS place, {_DIGESTS} FROM {self._table} AS t"  # nosec B608
            " WHERE t.tenant = :tenant AND t.generation = CAST(:generation AS int)"
            f" AND (CAST(:after AS text) IS NULL OR {after})"
            f" ORDER BY {names} LIMIT {PAGE_SIZE}"
        )
        found = self._sql.rows(query, tenant=self._tenant, generation=generation, after=cursor)
        rows = [GenerationRow(generation, _text(one["place"]), one["columns"]) for one in found]
        return Page(rows, rows[-1].place if len(rows) == PAGE_SIZE else None)

    def find(self, generation: int, places: Iterable[str]) -> Mapping[str, Item]:
        """Return the digests of a generation's existing rows at these places, by place."""
        query = (
            f"SELECT {self._place()} AS place, {_DIGESTS} FROM {self._table} AS t"  # nosec B608
            f" JOIN {self._records()} AS k ON {self._same()}"
            " WHERE t.tenant = :tenant AND t.generation = CAST(:generation AS int)"
        )
        found = self._sql.rows(query, **self._where(generation, places))
        return {_text(one["place"]): one["columns"] for one in found}

    def delete(self, generation: int, places: Iterable[str]) -> None:
        """Delete the rows of a generation at these places."""
        statement = (
            f"DELETE FROM {self._table} AS t USING {self._records()} AS k"  # nosec B608
            f" WHERE {self._same()} AND t.tenant = :tenant"
            " AND t.generation = CAST(:generation AS int)"
        )
        self._sql.run(statement, **self._where(generation, places))

    def _where(self, generation: int, places: Iterable[str]) -> dict[str, Any]:
        keys = f"[{','.join(places)}]"
        return {"tenant": self._tenant, "generation": generation, "keys": keys}

    def _record(self) -> str:
        return f"jsonb_populate_record(CAST(NULL AS {self._table}), CAST(:after AS jsonb))"

    def _records(self) -> str:
        return f"jsonb_populate_recordset(CAST(NULL AS {self._table}), CAST(:keys AS jsonb))"

    def _same(self) -> str:
        return " AND ".join(f"t.{key} = k.{key}" for key in self._keys)

    def _of(self, alias: str) -> str:
        return ", ".join(f"{alias}.{key}" for key in self._keys)

    def _place(self) -> str:
        pairs = ", ".join(f"'{key[1:-1]}', t.{key}" for key in self._keys)
        return f"jsonb_build_object({pairs})"


def _text(place: dict[str, Any]) -> str:
    return json.dumps(place, ensure_ascii=False, sort_keys=True)
