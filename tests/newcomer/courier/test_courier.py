from parcels.courier import Parcel, courier

from sfn_cqrs.commands import CommandService

LIGHT, HEAVY = Parcel("p-1", 3), Parcel("p-2", 30)


def state(code):
    return CommandService("tenant1").latest("PICKUP", code).attributes["state"]


def test_what_is_not_delivered_in_three_days_is_escalated(run_saga):
    done = run_saga(courier, LIGHT)

    assert (done.status, state("p-1")) == ("COMPLETED", "escalated")
    assert done.waited.days == 3


def test_what_is_delivered_is_not(run_saga, monkeypatch):
    monkeypatch.setattr("parcels.courier.state_of", lambda _step: "delivered")

    assert run_saga(courier, LIGHT).calls[-2:] == ("collect", "delivered")


def test_what_nobody_releases_is_undone(run_saga):
    done = run_saga(courier, HEAVY)

    assert (done.status, done.saga.error) == ("COMPENSATED", "not_released")
    assert (done.calls[-2:], state("p-2")) == (("refund", "cancel"), "cancelled")


def test_a_booking_is_tried_five_times(run_saga):
    assert run_saga(courier, LIGHT, fail={"book": 4}).status == "COMPLETED"
    assert run_saga(courier, LIGHT, fail={"book": 5}).status == "COMPENSATED"
