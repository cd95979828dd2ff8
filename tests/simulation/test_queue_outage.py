"""A queue's consumers on a bad day: messages wait, and come again in time."""

import pytest
from botocore.exceptions import ConnectTimeoutError
from tests.support.system import silent
from tests.support.whole_system import WholeSystem

CONSUMERS = {"QueueOnTaskActionFunction", "QueueOnImportActionFunction"}
POSTPONE = "ChangeMessageVisibilityBatch"
SINGLE = {"taskType": "ORDER_REMINDER", "input": {"order": "o-1", "to": "a@x.org"}}
CELLS = {"icao": "RJAA", "name": "Narita", "country": "JP", "lat": "1", "lon": "2"}
ROW = {"tableName": "airports", "cells": {**CELLS, "tz": "Asia/Tokyo"}}


@pytest.fixture
def system():
    with silent(), WholeSystem() as started:
        yield started


@pytest.fixture
def out_for(system):
    """Return a way to let all but SQS be out of reach of the consumers for some seconds."""

    def begin(seconds):
        until = system.clock.time() + seconds

        def observe(call, moment):
            is_out = call.function in CONSUMERS and call.operation != POSTPONE
            if moment == "before" and is_out and system.clock.time() < until:
                raise ConnectTimeoutError(endpoint_url="https://aws")

        system.calls.observers.append(observe)

    return begin


@pytest.mark.parametrize(
    ("path", "body"), [("/tasks", SINGLE), ("/imports/rows", ROW)], ids=["task", "row"]
)
def test_what_a_queue_holds_is_done_once_an_outage_of_twenty_minutes_is_over(
    system, out_for, path, body
):
    before = system.clock.time()
    out_for(20 * 60)

    id_ = system.ask("POST", path, body)["id"]
    system.run()

    asked = f"{path.removesuffix('/rows')}/{id_}"
    assert system.ask("GET", asked)["status"] == "COMPLETED"
    assert system.clock.time() - before < 30 * 60


def test_a_throttle_of_a_moment_costs_seconds(system, out_for):
    before = system.clock.time()
    out_for(0.5)

    id_ = system.ask("POST", "/tasks", SINGLE)["id"]
    system.run()

    assert system.ask("GET", f"/tasks/{id_}")["status"] == "COMPLETED"
    assert system.clock.time() - before < 10
