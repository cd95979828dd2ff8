"""A tenant's rows in a real PostgreSQL: counted and deleted, and nobody else's."""

import pytest

from sfn_cqrs.care.tenants import sql as sql_tenant
from sfn_cqrs.care.tenants.sql import SqlTenant
from sfn_cqrs.kernel.errors import SqlRefusedError

TABLE = "CREATE TABLE a_orders (tenant text, code text, PRIMARY KEY (tenant, code))"
MORE = (
    'DROP TABLE IF EXISTS lines, audited, tenants, "Odd name", parts',
    "CREATE TABLE lines (tenant varchar(50), code text, FOREIGN KEY (tenant, code)"
    " REFERENCES a_orders (tenant, code))",
    'CREATE TABLE "Odd name" (tenant text)',
    "CREATE TABLE parts (tenant text, n int) PARTITION BY RANGE (n)",
    "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)",
    "CREATE TABLE tenants (name text)",
    "CREATE TABLE audited (tenant int)",
    "INSERT INTO tenants VALUES ('acme')",
    "INSERT INTO audited VALUES (1)",
)


@pytest.fixture
def filled(sql):
    """Rows of two tenants, some of which refer to others."""
    for statement in MORE:
        sql.run(statement)
    for tenant in ("acme", "acme2"):
        for number in range(5):
            values = {"tenant": tenant, "code": f"o-{number}"}
            sql.run("INSERT INTO a_orders VALUES (:tenant, :code)", **values)
            sql.run("INSERT INTO lines VALUES (:tenant, :code)", **values)
        sql.run('INSERT INTO "Odd name" VALUES (:tenant)', tenant=tenant)
        sql.run("INSERT INTO parts VALUES (:tenant, 1)", tenant=tenant)
    yield sql
    sql.run("DROP TABLE a_orders CASCADE")


ROWS = {'public."Odd name"': 1, "public.a_orders": 5, "public.lines": 5, "public.parts_1": 1}


def test_a_tenant_is_deleted_in_every_table_and_nobody_else(filled, monkeypatch):
    monkeypatch.setattr(sql_tenant, "BATCH", 2)
    ours, theirs = SqlTenant(filled, "acme"), SqlTenant(filled, "acme2")

    assert ours.counts() == theirs.counts() == ROWS
    assert ours.delete() == ROWS

    assert ours.counts() == ours.delete() == {}
    assert theirs.counts() == ROWS
    assert filled.rows("SELECT count(*) AS n FROM tenants, audited") == [{"n": 1}]


def test_rows_that_something_else_refers_to_are_refused(filled):
    filled.run("DROP TABLE lines")
    filled.run(
        "CREATE TABLE lines (owner text, code text, FOREIGN KEY (owner, code)"
        " REFERENCES a_orders (tenant, code))"
    )
    filled.run("INSERT INTO lines VALUES ('acme', 'o-1')")

    with pytest.raises(SqlRefusedError, match="23503"):
        SqlTenant(filled, "acme").delete()
