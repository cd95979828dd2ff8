from types import SimpleNamespace

import pytest
from functions.schedule.audit_sample.app import lambda_handler

from sfn_cqrs import bootstrap
from sfn_cqrs.care.usage.rules import OfDay
from sfn_cqrs.care.usage.service import Meter
from sfn_cqrs_tools.testing.builders import NRT


class Tables:
    """Tables with one data row that no version explains."""

    rate = 0.0

    def __init__(self, row):
        self._rows = [row] if row else []
        self.asked = []

    def partitions(self, table, segment, segments, prefix=""):
        self.asked.append((table, segment, segments, prefix))
        return iter([self._rows] if table == "data" else [])

    def is_empty(self, _table, _pk):
        return True

    def partition(self, _table, _pk):
        return []

    def rows(self, keys):
        return {key: row for key in keys for row in self._rows}


@pytest.fixture
def run(sample, world):
    """Return what runs the function over a data row, or over nothing."""

    def invoke(row=None, **event):
        tables = Tables(row)
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
        with bootstrap.override(**world.parts(), audit_tables=tables):
            return lambda_handler({**sample("schedule/audit_sample"), **event}, context), tables

    return invoke


A_ROW = {
    "pk": NRT.data_pk,
    "sk": NRT.sk,
    "tenant": NRT.tenant,
    "type": NRT.type,
    "code": NRT.code,
    "version": 1,
    "command_id": "x",
    "name": "Narita",
    "attributes": {},
    "created_at": "2026-11-25T08:00:00.000Z",
    "updated_at": "2026-11-25T08:00:00.000Z",
}


def test_each_hour_another_part_is_looked_at(run, world):
    hour = int(world.clock().timestamp() // 3600)
    _, tables = run()
    world.clock.advance(hours=1)
    _, later = run()

    assert {asked[1:3] for asked in tables.asked} == {(hour % 336, 336)}
    assert {asked[1:3] for asked in later.asked} == {((hour + 1) % 336, 336)}


def test_what_is_found_raises_the_metric_of_the_alarm_and_is_logged(run, capsys, caplog):
    answer, _ = run(A_ROW)

    assert answer == {"items": 0, "imports": 0, "work": 0, "findings": 1, "deleted": 0}
    assert '"AuditFindings":[1.0]' in capsys.readouterr().out
    assert [record.rule for record in caplog.records] == ["chain_lost"]


def test_where_all_is_well_no_metric_is_told(run, capsys):
    answer, _ = run()

    assert answer["findings"] == 0
    assert "AuditFindings" not in capsys.readouterr().out


def test_what_a_part_has_of_a_tenant_is_kept_on_the_way(world):
    """Two versions of an item by hand, one of an import."""
    at = "2026-11-24T08:00:00.000Z"
    command = {"kind": "command", **A_ROW, "pk": NRT.pk, "updated_at": at}
    versions = [
        command,
        {**command, "version": 2},
        {**command, "version": 3, "source_row": 7},
        {**command, "kind": "process"},
    ]
    meter = Meter()
    meter.count(NRT, versions, [A_ROW])
    meter.keep(5)

    (part,) = world.usage.parts("tenant1")

    assert (part.segment, part.types["AIRPORT"].items) == (5, 1)
    assert part.types["AIRPORT"].days == {"2026-11-24": OfDay(commands=2, rows=1)}
    assert part.types["AIRPORT"].size > 5 * 200
    assert world.usage.times().keys() == {5}


def test_each_audit_notes_the_part_that_it_has_looked_at(run, world):
    run()

    hour = int(world.clock().timestamp() // 3600)
    assert world.usage.times().keys() == {hour % 336}
    run(detail={"sample": "1/1"})
    assert len(world.usage.times()) == 1


def test_an_event_may_name_another_sample(run):
    _, tables = run(detail={"sample": "1/1"})

    assert {asked[1:3] for asked in tables.asked} == {(0, 1)}


def test_what_an_audit_raises_quotes_no_personal_data(run, monkeypatch):
    def refuse(*_):
        raise ValueError("not valid: ada@example.com")

    monkeypatch.setattr(Tables, "partitions", refuse)

    with pytest.raises(ValueError, match=r"^not valid: \[e-mail\]$"):
        run()
