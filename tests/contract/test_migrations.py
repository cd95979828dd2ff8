"""Migrations on a real PostgreSQL, by the driver and by the Data API."""

from threading import Barrier, Thread

import pytest
from tests.support.postgres import by_data_api, by_driver

from sfn_cqrs.kernel.errors import MigrationError
from sfn_cqrs.kernel.sql.migrations import Migrations
from sfn_cqrs.kernel.sql.script import Migration

FIRST = Migration("0001_a.sql", "CREATE TABLE a (id int PRIMARY KEY);\nINSERT INTO a VALUES (1);")
SECOND = Migration("0002_b.sql", "ALTER TABLE a ADD COLUMN b text;")
BAD = Migration("0002_b.sql", "INSERT INTO a VALUES (2);\n\nALTER TABLE a\n  ADD COLUMM b text;\n")


@pytest.fixture(params=["driver", "data api"])
def sql(request, server):
    with by_driver(server.dsn) as driver, by_data_api(server.dsn) as (data_api, _):
        driver.run("DROP TABLE IF EXISTS sfn_cqrs_migrations, a")
        yield driver if request.param == "driver" else data_api


def test_each_file_is_applied_once_and_in_order(sql):
    first = Migrations(sql, [FIRST]).migrate()
    second = Migrations(sql, [SECOND, FIRST]).migrate()
    again = Migrations(sql, [FIRST, SECOND]).migrate()

    assert (first, second, again) == (["0001_a.sql"], ["0002_b.sql"], [])
    assert sql.rows("SELECT * FROM a") == [{"id": 1, "b": None}]


def test_the_status_says_what_is_applied(sql):
    Migrations(sql, [FIRST]).migrate()

    (done, missing) = Migrations(sql, [FIRST, SECOND]).status()

    assert (done.name, missing.name, missing.applied_at) == ("0001_a.sql", "0002_b.sql", "")
    assert done.applied_at > "2026"


def test_a_wrong_file_names_its_line_and_leaves_nothing_behind(sql):
    with pytest.raises(MigrationError) as caught:
        Migrations(sql, [FIRST, BAD]).migrate()

    assert str(caught.value).startswith("0002_b.sql:4: 42601: syntax error")
    assert caught.value.code == "migration_failed"
    assert sql.rows("SELECT * FROM a") == [{"id": 1}]
    assert Migrations(sql, [FIRST, SECOND]).migrate() == ["0002_b.sql"]


@pytest.mark.parametrize(
    "wrong", [Migration("0003_c.sql", ""), Migration("0002_b.sql", "SELECT 'x"), SECOND]
)
def test_what_cannot_be_read_stops_before_anything_is_applied(sql, wrong):
    files = [FIRST, SECOND, SECOND] if wrong is SECOND else [FIRST, wrong]

    with pytest.raises(MigrationError):
        Migrations(sql, files).migrate()
    assert sql.rows("SELECT to_regclass('a') AS a") == [{"a": None}]


@pytest.mark.parametrize(
    ("file", "what"),
    [
        (Migration(FIRST.name, FIRST.text + " "), "has been changed"),
        (Migration("0001_other.sql", "SELECT 1"), "has been changed"),
        (None, "is gone"),
    ],
)
def test_what_is_applied_is_not_changed_any_more(sql, file, what):
    Migrations(sql, [FIRST, SECOND]).migrate()
    files = [FIRST] if file is None else [file, SECOND]

    with pytest.raises(MigrationError, match=rf"^000._.*: it {what} since it was applied"):
        Migrations(sql, files).status()


def test_two_who_migrate_at_once_apply_each_file_once(server, sql):
    slow = Migration("0002_s.sql", "INSERT INTO a VALUES (2);\nSELECT pg_sleep(0.05);")
    applied, barrier = [], Barrier(3)

    def migrate():
        with by_driver(server.dsn) as own:
            barrier.wait()
            applied.extend(Migrations(own, [FIRST, slow]).migrate())

    threads = [Thread(target=migrate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(applied) == ["0001_a.sql", "0002_s.sql"]
    assert len(sql.rows("SELECT * FROM a")) == 2
