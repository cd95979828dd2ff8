import pytest
from functions.order_saga.ship_order.app import lambda_handler

from sfn_cqrs.commands import CommandService
from sfn_cqrs.errors import SagaStepError, TransientError
from sfn_cqrs.sagas import EntryStatus
from sfn_cqrs.types import ItemKey
from sfn_cqrs_tools.testing.builders import a_closing

ORDER = ItemKey("tenant1", "ORDER", "o-7")


def publish(version=0, **attributes):
    CommandService("tenant1").publish_sync(
        "ORDER", "o-7", name="first", attributes={"customer": "ada", **attributes}, version=version
    )


def test_the_order_becomes_versioned_data_that_is_shipped(seed, row, event):
    seed()

    assert lambda_handler(event("ship_order"), None) == {"result": "DONE"}

    assert row("ORDER", "o-7") == {"customer": "ada", "total": 40, "status": "SHIPPED"}


def test_an_order_that_is_known_keeps_what_else_is_said_of_it(seed, saga, row, event):
    world = seed()
    publish(note="a gift")

    lambda_handler(event("ship_order"), None)

    assert row("ORDER", "o-7")["note"] == "a gift"
    assert world.commands.latest(ORDER).name == "first"
    assert saga().log["ship_order"].result == 2


def test_an_order_is_not_shipped_twice(seed, saga, event):
    seed()
    publish(status="SHIPPED")

    with pytest.raises(SagaStepError, match="already_shipped: order o-7 is on its way"):
        lambda_handler(event("ship_order"), None)

    assert saga().log["ship_order"].status is EntryStatus.REFUSED


def test_an_order_with_a_version_under_way_is_tried_again(seed, event):
    seed()
    CommandService("tenant1").publish("ORDER", "o-7", name="x", attributes={"customer": "ada"})

    with pytest.raises(TransientError, match="ORDER o-7: version 1 is OPEN"):
        lambda_handler(event("ship_order"), None)


def test_an_order_whose_version_has_failed_is_refused_until_somebody_repairs_it(seed, event):
    world = seed()
    CommandService("tenant1").publish("ORDER", "o-7", name="x", attributes={"customer": "ada"})
    assert world.processes.write(ORDER, a_closing(1)).done

    with pytest.raises(SagaStepError, match="chain_failed: ORDER o-7: version 1 is FAILED"):
        lambda_handler(event("ship_order"), None)


def test_who_publishes_in_between_is_not_overwritten(seed, row, event, monkeypatch):
    world = seed()
    publish()
    latest, calls = world.commands.latest, []

    def overtaken(key):
        found = latest(key)
        calls.append(key)
        if len(calls) == 1:
            publish(version=1, note="hurry")
        return found

    monkeypatch.setattr(world.commands, "latest", overtaken)

    assert lambda_handler(event("ship_order"), None) == {"result": "DONE"}

    assert row("ORDER", "o-7")["note"] == "hurry"
    assert row("ORDER", "o-7")["status"] == "SHIPPED"
