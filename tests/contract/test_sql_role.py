"""The role of the functions on a real PostgreSQL: rows are its to read and write, nothing else."""

import re
from secrets import token_urlsafe
from types import SimpleNamespace

import pytest
from tests.support import data_api
from tests.support.command_line import command_line
from tests.support.postgres import by_data_api, by_driver, connected
from tests.template.stack import ROOT

from sfn_cqrs.kernel.errors import InvalidInputError, MigrationError, SqlRefusedError
from sfn_cqrs.kernel.sql.connections import role_at
from sfn_cqrs.kernel.sql.driver import DriverSql
from sfn_cqrs.kernel.sql.generation_rows import SqlRows
from sfn_cqrs.kernel.sql.migrations import Migrations
from sfn_cqrs.kernel.sql.role import Role
from sfn_cqrs.kernel.sql.script import Migration
from sfn_cqrs.kernel.sql.sql import SqlBusyError
from sfn_cqrs_tools.client import aws

OWNER = Role("cluster_owner", token_urlsafe(24))
"""As RDS has its master user: it owns the database and may make roles, and is no superuser."""
ROLE = Role("functions", token_urlsafe(24))
FIRST = Migration(
    "0001_a.sql",
    "CREATE TABLE a (tenant text, generation int, code text, n serial, version bigint,"
    " PRIMARY KEY (tenant, generation, code));",
)
SECOND = Migration("0002_b.sql", "CREATE SCHEMA more; CREATE TABLE more.b (id int);")
KEYS = {"tenant": "t", "generation": 1, "code": "x"}
REFUSED = (
    "CREATE TABLE c (id int)",
    "CREATE TABLE more.c (id int)",
    "CREATE SCHEMA c",
    "CREATE VIEW c AS SELECT 1 AS one",
    "CREATE INDEX ON a (n)",
    "ALTER TABLE a ADD COLUMN c int",
    "DROP TABLE a",
    "TRUNCATE a",
    "CREATE TEMP TABLE c (id int)",
    "CREATE TEMP VIEW c AS SELECT 1 AS one",
    "CREATE ROLE c",
    "ALTER ROLE cluster_owner PASSWORD 'c'",
    "SELECT 1 FROM sfn_cqrs_migrations",
    "DELETE FROM sfn_cqrs_migrations",
    "COPY a TO PROGRAM 'true'",
    "SELECT pg_read_file('postgresql.conf')",
)


@pytest.fixture
def dsn_of(server):
    """How a role connects to a database that is new, and the cluster owner's."""
    ours = connected(server.dsn)
    for statement in (
        "DROP DATABASE IF EXISTS app",
        "DROP ROLE IF EXISTS functions, plain, cluster_owner",
        f"CREATE ROLE cluster_owner LOGIN CREATEROLE CREATEDB PASSWORD '{OWNER.password}'",
        "CREATE DATABASE app OWNER cluster_owner",
    ):
        ours.run(statement)
    ours.close()

    def dsn(role):
        place = server.dsn.partition("@")[2].partition("/")[0]
        return f"postgresql://{role.name}:{role.password}@{place}/app"

    return dsn


@pytest.fixture(params=["driver", "data api"])
def owner(request, dsn_of):
    """The one who migrates, by either adapter."""
    with by_driver(dsn_of(OWNER)) as driver, by_data_api(dsn_of(OWNER)) as (api, _):
        api._database = "app"
        yield driver if request.param == "driver" else api


@pytest.fixture
def functions(dsn_of):
    """What the functions speak SQL with."""
    with by_driver(dsn_of(ROLE)) as sql:
        yield sql


def migrate(owner, *files, role=ROLE):
    return Migrations(owner, files, role).migrate()


def may(sql, statement):
    """What a statement is refused with, if it is."""
    try:
        sql.run(statement)
    except SqlRefusedError as error:
        return error.state
    return ""


def test_the_functions_read_and_write_rows_of_every_table_made_before_or_after(owner, functions):
    migrate(owner, FIRST, role=None)  # as releases before the role did
    migrate(owner, FIRST, SECOND)
    owner.run("CREATE TABLE later (id int)")

    assert functions.put_if_newer("a", KEYS, {}, 1)
    assert functions.put_many_if_newer("a", tuple(KEYS), [{**KEYS, "version": 2}]) == 1
    assert functions.rows("SELECT n, version FROM a") == [{"n": 1, "version": 2}]
    rows = SqlRows(functions, "a", ["code"], "t")
    rows.delete(1, [row.place for row in rows.page((1,), 0, None).items])
    assert functions.rows("SELECT 1 AS one FROM a") == []
    for table in ("more.b", "later"):
        assert functions.run(f"INSERT INTO {table} VALUES (1)") == 1
        assert functions.run(f"DELETE FROM {table}") == 1


def test_whatever_else_they_ask_for_is_refused(owner, functions):
    migrate(owner, FIRST, SECOND)

    assert {one: may(functions, one) for one in REFUSED} == dict.fromkeys(REFUSED, "42501")


@pytest.mark.parametrize("where", ["", " IN DATABASE app"])
def test_what_the_role_has_set_for_itself_ends_with_the_next_migration(
    owner, functions, dsn_of, where
):
    migrate(owner, FIRST)
    functions.run(f"ALTER ROLE functions{where} SET default_transaction_read_only = on")
    insert = "INSERT INTO a (tenant, generation, code) VALUES ('t', 1, 'x')"
    with by_driver(dsn_of(ROLE)) as another, pytest.raises(SqlBusyError, match="25006"):
        another.run(insert)

    migrate(owner, FIRST)

    with by_driver(dsn_of(ROLE)) as another:
        assert another.run(insert) == 1


def test_a_refusal_says_who_makes_tables(owner, functions):
    migrate(owner, FIRST)

    with pytest.raises(SqlRefusedError) as caught:
        functions.run("DROP TABLE a")

    assert (caught.value.code, str(caught.value)) == (
        "sql_refused",
        "42501: must be owner of table a; whoever is connected may not: handlers use rows,"
        " migrations make tables",
    )


def test_migrations_go_on_behind_a_refusal_and_as_often_as_one_likes(owner, functions):
    applied = [migrate(owner, FIRST), migrate(owner, FIRST)]
    refused = may(functions, "DROP TABLE a")
    applied += [migrate(owner, FIRST, SECOND), migrate(owner, FIRST, SECOND)]

    assert (refused, applied) == ("42501", [["0001_a.sql"], [], ["0002_b.sql"], []])


def test_a_new_password_replaces_the_old_one(owner, functions, dsn_of):
    migrate(owner, FIRST)
    functions.rows("SELECT 1 AS one")
    new = Role(ROLE.name, token_urlsafe(24))
    migrate(owner, FIRST, role=new)

    with pytest.raises(SqlRefusedError, match="28P01"):
        DriverSql(lambda: dsn_of(ROLE)).rows("SELECT 1 AS one")
    with by_driver(dsn_of(new)) as sql:
        assert sql.rows("SELECT count(*) AS n FROM a") == [{"n": 0}]


def test_no_statement_has_the_password(dsn_of):
    with by_data_api(dsn_of(OWNER)) as (sql, endpoint):
        sql._database = "app"
        migrate(sql, FIRST)

    assert any("SCRAM-SHA-256$" in one for one in endpoint.statements)
    assert not any(ROLE.password in one for one in endpoint.statements)
    assert ROLE.password not in repr(ROLE)


def test_a_role_that_may_more_is_not_taken(owner):
    with pytest.raises(MigrationError, match="the role cluster_owner may do more than") as caught:
        migrate(owner, FIRST, role=OWNER)

    assert caught.value.code == "migration_failed"
    assert owner.rows("SELECT to_regclass('a') AS a") == [{"a": None}]


def test_an_owner_who_may_not_make_roles_is_told(server, dsn_of):
    plain = Role("plain", token_urlsafe(24))
    with by_driver(server.dsn) as ours:
        ours.run(f"CREATE ROLE plain LOGIN PASSWORD '{plain.password}'")
    with by_driver(dsn_of(OWNER)) as sql:
        sql.run("GRANT CREATE ON SCHEMA public TO plain")

    with (
        by_driver(dsn_of(plain)) as sql,
        pytest.raises(MigrationError, match="the role functions cannot be made: 42501: permission"),
    ):
        migrate(sql, FIRST)


def test_the_rights_that_the_page_gives_a_role_of_ones_own_are_enough(owner, functions):
    page = (ROOT / "docs/postgresql.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sql\n(CREATE ROLE .*?)```", page, re.DOTALL)
    for statement in Migration("0001_page.sql", block).statements():
        owner.run(statement.text.replace("'…'", f"'{ROLE.password}'"))
    migrate(owner, FIRST, role=None)

    assert functions.put_if_newer("a", KEYS, {}, 1)
    assert functions.run("DELETE FROM a") == 1
    assert may(functions, "DROP TABLE a") == "42501"


def test_the_command_line_migrates_as_the_owner_of_the_cluster_and_makes_the_role(
    server, monkeypatch, capsys
):
    def target(_state, stack):
        clients = {"rds-data": sql._client, "secretsmanager": Secrets(DEPLOYED)}
        outputs = {
            "Postgres": f"data-api:{data_api.CLUSTER}|{data_api.SECRET}|postgres",
            "PostgresRole": "arn:aws:secretsmanager:x",
        }
        assert stack == "sfn-cqrs-dev"
        return SimpleNamespace(outputs=outputs, environment={}, client=clients.__getitem__)

    monkeypatch.setattr(aws, "find_target", target)
    run = command_line(monkeypatch, capsys, before="sql", after=["--stack", "sfn-cqrs-dev"])
    with by_data_api(server.dsn) as (sql, _):
        answers = [run("migrate"), run("migrate")]

    assert [answer.code for answer in answers] == [0, 0]
    assert answers[0].output.splitlines()[0] == "0001_orders_search.sql is applied"
    assert answers[1].output == "everything is applied\n"
    role = Role.of_secret(DEPLOYED)
    dsn = f"postgresql://{role.name}:{role.password}@{server.dsn.partition('@')[2]}"
    with by_driver(dsn) as functions:
        assert functions.rows("SELECT code FROM orders_search") == []
        assert may(functions, "DROP TABLE orders_search") == "42501"


DEPLOYED = '{"username": "sfn_cqrs_functions", "password": "another-long-password"}'
SECRET = '{"username": "functions", "password": "a-long-password-of-it"}'


class Secrets:
    """Secrets Manager, which has one."""

    def __init__(self, text):
        self._text = text

    def get_secret_value(self, **asked):
        assert asked == {"SecretId": "arn:aws:secretsmanager:x"}
        return {"SecretString": self._text}


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("arn:aws:secretsmanager:x", SECRET),
        ("postgresql://functions:a-long-password-of-it@h/d", ""),
    ],
)
def test_a_role_is_read_from_a_secret_or_a_dsn(where, text):
    role = role_at(where, {"secretsmanager": Secrets(text)}.__getitem__)

    assert role == Role("functions", "a-long-password-of-it")


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        "{}",
        '{"username": "a; DROP", "password": "a-long-password-of-it"}',
        '{"username": "functions", "password": "short"}',
        '{"username": "functions", "password": "not of ASCII, ümläut"}',
    ],
)
def test_what_is_no_role_is_refused_and_not_shown(text):
    with pytest.raises(InvalidInputError) as caught:
        role_at("arn:aws:secretsmanager:x", lambda _: Secrets(text))

    assert caught.value.code == "invalid_input"
    assert not any(part in str(caught.value) for part in ("short", "ümläut", "DROP"))
