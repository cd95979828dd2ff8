"""A handler that keeps each version waiting is named, once."""

import json
from contextlib import nullcontext

import pytest
from tests.support.typed import declaring

from sfn_cqrs.kernel.errors import SyncHandlerError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command import projection
from sfn_cqrs.machines.command.handlers import sync_handler
from sfn_cqrs_tools.testing.builders import a_command

KEY = ItemKey("tenant1", "PARCEL", "p-1")


@pytest.fixture
def ran(world, log, monkeypatch):
    """Return what runs a handler that takes some seconds, and returns the log's lines of it."""
    monkeypatch.setattr(projection, "_told_slow", set())

    def run(seconds, *, fails=False):
        @sync_handler("PARCEL")
        def weight_by_route(_command):
            world.clock.advance(seconds=seconds)
            if fails:
                raise KeyError("weight")

        with pytest.raises(SyncHandlerError) if fails else nullcontext():
            projection.run_alone(a_command(KEY), "weight_by_route")
        return [json.loads(line)["message"] for line in log.getvalue().splitlines()]

    with declaring():
        yield run


def test_a_handler_that_takes_more_than_a_second_is_named_once(ran):
    assert ran(0.9) == []
    assert ran(1.5) == ["weight_by_route took 1.5 s; each version waits for it"]
    assert len(ran(20)) == 1


def test_one_that_fails_late_is_named_too(ran):
    assert ran(2, fails=True) == ["weight_by_route took 2.0 s; each version waits for it"]
