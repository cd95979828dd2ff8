"""Statements as every adapter sends them to PostgreSQL."""

import json

from sfn_cqrs.adapters.sql import Sql


class Sent(Sql):
    """A database that changes every row, and keeps what it is sent."""

    def __init__(self):
        self.sent = []

    def transaction(self):
        raise NotImplementedError

    def _run(self, _statement, parameters):
        rows = json.loads(parameters["rows"])
        self.sent.append([(row["code"], row["version"]) for row in rows])
        return len(rows)

    def _texts(self, _query, _parameters):
        raise NotImplementedError


def test_rows_are_sent_in_the_order_of_their_keys_so_that_no_two_writers_deadlock():
    sql = Sent()
    rows = [{"code": code, "version": 1} for code in ("c", "a", "d", "b")]

    sql.put_many_if_newer("orders", ["code"], rows)
    sql.put_many_if_newer("orders", ["code"], rows[::-1])

    assert sql.sent == [[("a", 1), ("b", 1), ("c", 1), ("d", 1)]] * 2


def test_of_several_rows_of_a_key_the_highest_version_is_sent():
    sql = Sent()

    sql.put_many_if_newer("orders", ["code"], [{"code": "a", "version": n} for n in (2, 3, 1)])

    assert sql.sent == [[("a", 3)]]
