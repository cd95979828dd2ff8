from dataclasses import replace

import pytest

from sfn_cqrs.domain.command import Audit
from sfn_cqrs.domain.imports import InputRow, Settings
from sfn_cqrs.domain.keys import ImportKey, ItemKey
from sfn_cqrs.service import handlers, strategies
from sfn_cqrs.service.import_rows import RowBatch

JOB = ImportKey("tenant1", "01JDHZ0000000000000000000A")
COLUMNS = ("icao", "name", "country", "lat", "lon", "tz")
SETTINGS = Settings(key=JOB, table="airports", columns=COLUMNS, by=Audit("", "taro", "192.0.2.1"))


def a_row(number, icao="RJAA", name="Narita", lat="35.7"):
    return InputRow(number, [icao, name, "JP", lat, "140.3", "Asia/Tokyo"])


def key_of(icao):
    return ItemKey("tenant1", "AIRPORT", icao)


@pytest.fixture
def run(world):  # noqa: ARG001 - the rows need the fakes in place
    """Return a way to deliver a batch of the job's rows."""

    def deliver(*rows, strategy=None, is_last_try=False, **settings):
        strategy = strategy or strategies.find("airports")
        batch = RowBatch(replace(SETTINGS, **settings), strategy, rows, is_last_try=is_last_try)
        return batch.run()

    return deliver


@pytest.fixture
def handlers_of_airport(monkeypatch):
    """Return a way to put handlers in the place of the shop's."""
    handlers.check_type("AIRPORT")

    def register(**functions):
        monkeypatch.setitem(handlers._sync_handlers, "AIRPORT", functions)

    return register
