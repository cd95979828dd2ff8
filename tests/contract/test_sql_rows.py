"""All rows of generations of a table of PostgreSQL, by both adapters."""

import json
from functools import partial

from sfn_cqrs.kernel.sql import generation_rows as sql_rows
from sfn_cqrs.kernel.sql.generation_rows import SqlRows
from sfn_cqrs.kernel.tables.paging import every

TABLE = """CREATE TABLE lines (
    tenant text, generation integer, "order" text, line integer, name text, version bigint,
    words tsvector GENERATED ALWAYS AS (to_tsvector('simple', name)) STORED,
    PRIMARY KEY (tenant, generation, "order", line)
)"""
KEYS = ("tenant", "generation", "order", "line")


def put(sql, generation, *lines, name="x", tenant="t"):
    rows = [
        {"tenant": tenant, "generation": generation, "order": order, "line": line}
        | {"name": name, "version": 1}
        for order, line in lines
    ]
    sql.put_many_if_newer("lines", KEYS, rows)


def rows_of(sql):
    return SqlRows(sql, "lines", ("order", "line"), "t")


def all_of(sql, generations, segment):
    return list(every(partial(rows_of(sql).page, generations, segment)))


def test_each_generation_is_read_whole_and_in_pages(sql, monkeypatch):
    monkeypatch.setattr(sql_rows, "PAGE_SIZE", 2)
    lines = [("ä'\\\"", 1), ("a", 10), ("a", 9), ("B", 1), ("東京", 2)]
    put(sql, 1, *lines)
    put(sql, 2, *lines[:2])
    put(sql, 2, ("z", 1), tenant="u")
    put(sql, 3, ("z", 1))

    first, second = all_of(sql, (1, 2), 0), all_of(sql, (1, 2), 1)

    assert sorted(json.loads(one.place)["order"] for one in first) == sorted(
        order for order, _ in lines
    )
    assert [one.generation for one in second] == [2, 2]
    assert all_of(sql, (1,), 1) == []


def test_a_row_is_the_same_where_its_columns_are(sql):
    put(sql, 1, ("a", 1), ("a", 2), ("b", 1))
    put(sql, 2, ("a", 1))
    put(sql, 2, ("a", 2), name="other")
    rows = rows_of(sql)

    old = {one.place: one.row for one in all_of(sql, (1,), 0)}
    new = rows.find(2, old)

    same, other, lacking = old
    assert new[same] == old[same]
    assert {name for name in old[other] if old[other][name] != new[other][name]} == {
        "name",
        "words",
    }
    assert lacking not in new


def test_only_the_rows_at_the_places_are_deleted(sql):
    put(sql, 1, ("a", 1), ("a", 2), ("b", 1))
    put(sql, 2, ("a", 1))
    put(sql, 1, ("a", 1), tenant="u")
    rows = rows_of(sql)

    rows.delete(1, [one.place for one in all_of(sql, (1,), 0)][:2])
    rows.delete(1, [])

    left = sql.rows("SELECT tenant, generation FROM lines ORDER BY tenant, generation")
    assert [(one["tenant"], one["generation"]) for one in left] == [("t", 1), ("t", 2), ("u", 1)]
