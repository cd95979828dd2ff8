"""PostgreSQL as a read model, by the driver and by the Data API: the same promises."""

import os
import signal
from decimal import Decimal
from itertools import count
from threading import Thread

import pytest
from botocore.exceptions import ClientError
from tests.support.data_api import ApiError
from tests.support.postgres import a_server, by_driver, connected

from sfn_cqrs.kernel.aws.transient import is_transient
from sfn_cqrs.kernel.errors import BusyError, InvalidInputError, SqlRefusedError
from sfn_cqrs.kernel.sql.driver import DriverSql
from sfn_cqrs.kernel.sql.sql import SqlBehindError

TABLE = """CREATE TABLE orders (
    tenant text, code text, customer text, total numeric(8, 2), tags jsonb, placed timestamptz,
    version bigint NOT NULL, words tsvector GENERATED ALWAYS AS (to_tsvector('simple', customer))
    STORED, PRIMARY KEY (tenant, code)
)"""
KEYS = {"tenant": "t", "code": "o-1"}


def an_order(code, version, **more):
    row = {"customer": "ada", "total": 12.5, "tags": None, "placed": None}
    return {"tenant": "t", "code": code, **row, **more, "version": version}


def versions(sql):
    return [(row["code"], row["version"]) for row in sql.rows("SELECT * FROM orders ORDER BY code")]


def test_a_row_comes_back_as_json_has_it(sql):
    row = {"customer": "Ada Łovelace 東京", "total": 12.5, "tags": {"a": [1, 2.5, None, True]}}

    assert sql.put_if_newer("orders", KEYS, {**row, "placed": "2026-11-27T08:00:00Z"}, 1) is True
    (found,) = sql.rows(
        "SELECT * FROM orders WHERE tenant = :tenant AND total > CAST(:least AS numeric);",
        tenant="t",
        least=12,
    )

    assert found.pop("words")
    assert found == {**KEYS, **row, "placed": "2026-11-27T08:00:00+00:00", "version": 1}


def test_only_a_newer_version_is_put(sql):
    put = [
        sql.put_if_newer("orders", KEYS, {"customer": f"v{version}"}, version)
        for version in (2, 1, 2, 3, 3)
    ]

    assert put == [True, False, False, True, False]
    assert sql.rows("SELECT customer FROM orders") == [{"customer": "v3"}]


def test_columns_that_are_not_named_stay_as_they_are(sql):
    sql.put_if_newer("orders", KEYS, {"customer": "ada", "total": 5}, 1)
    sql.put_if_newer("orders", KEYS, {"customer": "bob"}, 2)

    assert sql.rows("SELECT customer, total FROM orders") == [{"customer": "bob", "total": 5}]


def test_many_rows_are_put_each_by_its_own_guard(sql):
    sql.put_many_if_newer("orders", ["tenant", "code"], [an_order("a", 5), an_order("b", 1)])

    put = sql.put_many_if_newer(
        "orders",
        ["tenant", "code"],
        [an_order("a", 4), an_order("b", 2), an_order("c", 3), an_order("c", 1), an_order("c", 2)],
    )

    assert put == 2
    assert versions(sql) == [("a", 5), ("b", 2), ("c", 3)]
    assert sql.put_many_if_newer("orders", ["tenant", "code"], []) == 0


def test_more_than_one_statement_takes_is_put_in_several(sql):
    rows = [an_order(f"{number}", 1, customer="x " * 45_000) for number in range(40)]

    assert sql.put_many_if_newer("orders", ["tenant", "code"], rows) == 40


def test_numbers_keep_their_digits(sql):
    sql.put_if_newer("orders", KEYS, {"total": Decimal("123456.78")}, 1)

    assert sql.rows("SELECT total FROM orders") == [{"total": 123456.78}]


def test_writers_of_the_same_rows_in_any_order_end_at_the_newest(sql):
    def write(first):
        for version in range(first, 40, 2):
            codes = ["a", "b", "c", "d"] if version % 4 < 2 else ["d", "c", "b", "a"]
            rows = [an_order(code, version) for code in codes]
            sql.put_many_if_newer("orders", ["tenant", "code"], rows)

    threads = [Thread(target=write, args=(first,)) for first in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert versions(sql) == [("a", 39), ("b", 39), ("c", 39), ("d", 39)]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"customer": "a\0b"}, "a text has a NUL character, which PostgreSQL cannot hold"),
        ({"total": float("nan")}, "a row cannot be kept: Out of range float values"),
        ({"total": float("inf")}, "a row cannot be kept: Out of range float values"),
        ({"customer": "x" * 1_100_000}, "and at most 1000000 are put at once"),
        ({"customer": object()}, "object is not JSON"),
        ({'customer" = 1; --': 1}, "is not a name of a table or column"),
    ],
)
def test_what_postgresql_cannot_hold_is_refused_before_it_is_sent(sql, row, told):
    with pytest.raises(InvalidInputError, match=told) as caught:
        sql.put_if_newer("orders", KEYS, row, 1)

    assert caught.value.code == "invalid_input"
    assert versions(sql) == []


def test_a_backslash_is_no_nul(sql):
    assert sql.put_if_newer("orders", KEYS, {"customer": "\\u0000"}, 1)
    assert sql.rows("SELECT customer FROM orders") == [{"customer": "\\u0000"}]


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({"total": 1_000_000}, "22003"),  # numeric(8, 2)
        ({"total": "many"}, "22P02"),
        ({"placed": "yesterday-ish"}, "22007"),
        ({"nothing": 1}, "42703"),
    ],
)
def test_what_postgresql_refuses_is_told_with_its_sqlstate(sql, row, state):
    with pytest.raises(SqlRefusedError) as caught:
        sql.put_if_newer("orders", KEYS, row, 1)

    assert (caught.value.code, caught.value.state) == ("sql_refused", state)
    assert str(caught.value).startswith(f"{state}: ")
    assert not is_transient(caught.value)
    assert sql.put_if_newer("orders", KEYS, {"customer": "ada"}, 1)  # the connection is sound


@pytest.mark.parametrize("value", ["a\0b", "half \ud800", float("nan"), "x" * 4_100_000])
def test_a_parameter_that_cannot_be_sent_is_refused(sql, value):
    with pytest.raises(InvalidInputError):
        sql.rows("SELECT :value AS value", value=value)


@pytest.mark.parametrize("value", ["text", 7, 2.5, True, None, 2**40])
def test_a_parameter_is_what_it_was(sql, value):
    kind = {str: "text", int: "bigint", float: "float8", bool: "boolean"}.get(type(value), "text")

    assert sql.rows(f"SELECT CAST(:value AS {kind}) AS value", value=value) == [{"value": value}]


def test_a_transaction_takes_effect_when_its_block_ends(sql, adapters):
    other = adapters["driver"]
    with sql.transaction() as transaction:
        transaction.run("INSERT INTO orders (tenant, code, version) VALUES ('t', 'a', 1)")
        seen = (len(transaction.rows("SELECT 1 FROM orders")), versions(other))

    assert seen == (1, [])
    assert versions(other) == [("a", 1)]


def test_a_transaction_whose_block_raises_has_done_nothing(sql):
    with pytest.raises(SqlRefusedError), sql.transaction() as transaction:  # noqa: PT012
        transaction.run("INSERT INTO orders (tenant, code, version) VALUES ('t', 'a', 1)")
        transaction.run("SELECT 1 / 0")

    assert versions(sql) == []


def test_a_transaction_whose_block_raises_is_not_left_open(sql, server):
    with pytest.raises(KeyError), sql.transaction() as transaction:  # noqa: PT012
        transaction.run("INSERT INTO orders (tenant, code, version) VALUES ('t', 'a', 1)")
        raise KeyError("the handler's own")

    left = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
    assert connected(server.dsn).run(left) == [[0]]


def test_a_deadlock_is_made_again(sql, server):
    rows = [an_order("a", 1), an_order("b", 1)]
    sql.put_many_if_newer("orders", ["tenant", "code"], rows)
    other = connected(server.dsn)
    other.run("SET deadlock_timeout = '10s'")  # so that ours is the one that is undone
    other.run("BEGIN")
    other.run("UPDATE orders SET version = 2 WHERE code = 'b'")

    def cross():
        other.run("UPDATE orders SET version = 2 WHERE code = 'a'")
        other.run("COMMIT")

    waiting = Thread(target=cross)
    ours = Thread(
        target=sql.put_many_if_newer,
        args=("orders", ["tenant", "code"], [an_order("a", 9), an_order("b", 9)]),
    )
    ours.start()
    watch = connected(server.dsn)
    locked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    while watch.run(locked)[0][0] == 0:
        pass
    waiting.start()
    for thread in (ours, waiting):
        thread.join()
    other.close()
    watch.close()

    assert versions(sql) == [("a", 9), ("b", 9)]


@pytest.fixture
def failures(sql):
    """What the port tells of statements that fail."""
    told = []
    sql.on_failure = lambda: told.append(1)
    yield told
    sql.on_failure = None


def in_a_transaction(sql, statement):
    with sql.transaction() as transaction:
        transaction.run(statement)


@pytest.mark.parametrize("ask", ["run", "rows", "transaction", "put"])
def test_a_statement_that_fails_is_told_once(sql, failures, ask):
    asks = {
        "run": lambda: sql.run("DELETE FROM nowhere"),
        "rows": lambda: sql.rows("SELECT 1 FROM nowhere"),
        "transaction": lambda: in_a_transaction(sql, "DELETE FROM nowhere"),
        "put": lambda: sql.put_if_newer("nowhere", KEYS, {}, 1),
    }
    with pytest.raises(SqlRefusedError, match="42P01"):
        asks[ask]()

    assert failures == [1]


@pytest.fixture
def deployed(sql):
    """The port of a stack whose code may be ahead of its migrations."""
    sql.is_migrated_later = True
    yield sql
    sql.is_migrated_later = False


@pytest.mark.parametrize("ask", ["run", "rows", "transaction", "put", "column"])
def test_code_that_is_ahead_of_its_migrations_waits_for_them(deployed, failures, ask):
    asks = {
        "run": lambda: deployed.run("DELETE FROM later"),
        "rows": lambda: deployed.rows("SELECT 1 FROM later"),
        "transaction": lambda: in_a_transaction(deployed, "DELETE FROM later"),
        "put": lambda: deployed.put_if_newer("later", KEYS, {}, 1),
        "column": lambda: deployed.rows("SELECT colour FROM orders"),
    }
    with pytest.raises(SqlBehindError, match=r"42P01|42703") as caught:
        asks[ask]()
    assert is_transient(caught.value)
    assert failures == [1]

    deployed.run(TABLE.replace("orders", "later"))
    deployed.run("ALTER TABLE orders ADD COLUMN colour text")
    asks[ask]()
    deployed.run("DROP TABLE later")


def test_what_no_migration_of_ours_mends_is_refused_while_a_stack_is_deployed(deployed):
    for statement in ("SELEC 1", "SELECT 1 / 0", "SELECT nothing()"):
        with pytest.raises(SqlRefusedError):
            deployed.run(statement)


def test_what_goes_well_or_is_a_values_fault_is_not_told(sql, failures):
    sql.put_if_newer("orders", KEYS, {"customer": "ada"}, 1)
    for row in ({"total": 1_000_000}, {"total": "many"}, {"customer": "a\0b"}):
        with pytest.raises((SqlRefusedError, InvalidInputError)):
            sql.put_if_newer("orders", KEYS, row, 2)
    with pytest.raises(SqlRefusedError, match="22012"):
        in_a_transaction(sql, "SELECT 1 / 0")
    with pytest.raises(KeyError), sql.transaction():
        raise KeyError("the handler's own")

    assert failures == []


class TestDriver:
    def test_a_connection_that_is_lost_is_transient_and_the_next_is_new(self, server, adapters):
        sql = adapters["driver"]
        sql.run("DROP TABLE IF EXISTS orders")
        sql.run(TABLE)
        killer = connected(server.dsn)
        everybody = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'sfn-cqrs'"
        )
        killer.run(everybody)

        with pytest.raises(BusyError):
            sql.run("INSERT INTO orders (tenant, code, version) VALUES ('t', 'a', 1)")
        killer.run(everybody)

        assert sql.put_if_newer("orders", KEYS, {"customer": "ada"}, 1)  # may be made again

    def test_a_server_that_only_reads_is_left_for_another(self, adapters):
        sql = adapters["driver"]
        sql.run("DROP TABLE IF EXISTS orders")
        sql.run(TABLE)
        sql.run("SET default_transaction_read_only = on")

        with pytest.raises(BusyError, match="25006"):
            sql.run("INSERT INTO orders (tenant, code, version) VALUES ('t', 'a', 1)")

        assert sql.put_if_newer("orders", KEYS, {"customer": "ada"}, 1)

    def test_a_server_that_is_gone_is_transient_and_forgiven(self):
        with a_server() as server, by_driver(server.dsn) as sql:
            sql.run(TABLE)
            os.kill(server.pid, signal.SIGKILL)

            puts = (sql.put_if_newer("orders", KEYS, {}, version) for version in count(1))
            with pytest.raises(BusyError) as caught:
                all(puts)  # a connection may outlive its server by a moment
            server.restart()

            assert is_transient(caught.value)
            assert sql.put_if_newer("orders", KEYS, {"customer": "ada"}, 10_000_000)

    @pytest.mark.parametrize(
        "dsn", ["mysql://u:p@h/d", "postgresql:///d", "postgresql://h/d?sslmode=prefer"]
    )
    def test_a_dsn_that_is_none_says_what_one_is(self, dsn):
        with pytest.raises(InvalidInputError, match="dsn: "):
            DriverSql(lambda: dsn).rows("SELECT 1")

    def test_a_wrong_password_never_shows_itself(self, server):
        dsn = server.dsn.replace("sfn_cqrs:", "sfn_cqrs:wrong-")

        with pytest.raises(SqlRefusedError, match="28P01") as caught:
            DriverSql(lambda: dsn).rows("SELECT 1")
        assert "wrong-" not in str(caught.value)

    def test_a_role_that_a_migration_is_yet_to_make_is_waited_for(self, server):
        dsn = server.dsn.replace("sfn_cqrs:", "sfn_cqrs:wrong-")
        sql = DriverSql(lambda: dsn)
        sql.is_migrated_later = True

        with pytest.raises(SqlBehindError, match="28P01"):
            sql.rows("SELECT 1")


class TestDataApi:
    @pytest.mark.parametrize(
        "code",
        [
            "DatabaseResumingException",
            "DatabaseUnavailableException",
            "StatementTimeoutException",
            "TransactionNotFoundException",
        ],
    )
    def test_a_cluster_that_wakes_up_is_transient(self, adapters, code):
        adapters["endpoint"].failures = [ApiError(code, "wait a moment")] * 9

        told = []
        adapters["data api"].on_failure = lambda: told.append(code)
        with pytest.raises(BusyError, match=code):
            adapters["data api"].put_if_newer("orders", KEYS, {"customer": "ada"}, 1)
        adapters["endpoint"].failures.clear()
        adapters["data api"].on_failure = None
        assert told == [code]  # once, whatever was tried before

    def test_what_is_forbidden_is_no_bad_day(self, adapters):
        adapters["endpoint"].failures = [ApiError("ForbiddenException", "no", 403)]

        with pytest.raises(ClientError, match="ForbiddenException"):
            adapters["data api"].rows("SELECT 1")

    def test_an_answer_larger_than_the_api_gives_is_an_error(self, adapters):
        with pytest.raises(ClientError, match="UnsupportedResultException"):
            adapters["data api"].rows("SELECT repeat('x', 70000) AS text")
