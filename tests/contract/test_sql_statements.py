"""Statements as every adapter sends them to PostgreSQL."""

import json
from datetime import timedelta

import pytest

from sfn_cqrs.kernel.errors import SqlRefusedError
from sfn_cqrs.kernel.read_models.read_model import Generations
from sfn_cqrs.kernel.sql.sql import RolledBackError, Sql, SqlBusyError, refusal


class Sent(Sql):
    """A database that keeps what it is sent, and has a later version of so many rows."""

    def __init__(self, refused=0):
        self.sent = []
        self.refused = refused

    def transaction(self):
        raise NotImplementedError

    def _run(self, _statement, parameters):
        rows = json.loads(parameters["rows"])
        self.sent.append([(row["code"], row["version"]) for row in rows])
        return len(rows) - self.refused

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


def test_rows_that_are_put_and_those_that_are_not_are_counted_for_a_rebuild():
    rows = [{"code": code, "version": 1} for code in ("a", "b", "c")]

    with Generations(None, timedelta(), None).writing("tenant1", {"orders": 2}) as writing:
        Sent(refused=2).put_many_if_newer("orders", ["code"], rows)

    assert (writing.put, writing.refused) == (1, 2)


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("08006", SqlBusyError),  # the connection is lost
        ("25006", SqlBusyError),  # a reader, after a failover
        ("40001", RolledBackError),
        ("40P01", RolledBackError),
        ("53100", SqlBusyError),  # its disk is full
        ("53300", SqlBusyError),  # too many connections
        ("55P03", SqlBusyError),  # a lock
        ("57P01", SqlBusyError),  # it ends
        ("57P03", SqlBusyError),  # it starts
        ("22012", SqlRefusedError),
        ("42703", SqlRefusedError),
        ("57014", SqlRefusedError),  # a statement's time is over
    ],
)
def test_a_state_that_passes_is_busy_and_any_other_is_refused(state, kind):
    assert type(refusal(state, "why")) is kind
