import json

import pytest
from tests.support.rebuilding import VIEW

from sfn_cqrs.kernel.policy import CODE, MEMBERS, Access, group
from sfn_cqrs.machines.command import handlers

NOBODY = {"custom:tenant": "tenant1", "cognito:groups": "[]", "sub": "bob"}
STEPS = ("resume", "cancel", "compare", "switch", "rollback", "drop")


def test_a_rebuild_begins_and_switches_without_a_body_as_the_document_says(call, rebuild):
    rebuild.publish("NRT")

    begun = call("POST", f"/rebuilds/{VIEW}")
    rebuild.run()
    switched = call("POST", f"/rebuilds/{VIEW}/switch")

    assert (begun.status, switched.status) == (202, 202)


def test_a_read_model_is_rebuilt_switched_and_rolled_back(call, rebuild):
    rebuild.publish("NRT")

    begun = call("POST", f"/rebuilds/{VIEW}", {})
    rebuild.run()
    ready = call("GET", f"/rebuilds/{VIEW}")
    switched = call("POST", f"/rebuilds/{VIEW}/switch", {})
    back = call("POST", f"/rebuilds/{VIEW}/rollback")

    assert (begun.status, begun.body["stage"]) == (202, "REPLAYING")
    assert begun.body["progress"] == {"done": 0, "skipped": 0, "failed": 0, "hasStopped": False}
    assert ready.body == {
        "name": VIEW,
        "types": ["AIRPORT"],
        "place": "dynamodb",
        "stage": "READY",
        "since": "2026-11-25T12:00:00.000Z",
        "serving": 1,
        "other": 2,
        "attempt": 1,
        "everyVersion": False,
        "replayed": {"done": 1, "skipped": 0, "failed": 0},
        "compared": {"equal": 0, "onlyOne": 1, "different": 0},
        "droppableAt": "2026-11-25T12:01:00.000Z",
    }
    assert (switched.status, switched.body["serving"]) == (202, 2)
    assert (back.status, back.body["serving"]) == (202, 1)


def test_progress_has_the_rate_and_the_time_left(call, rebuild):
    for number in range(32):
        rebuild.publish(f"A{number}")
    call("POST", f"/rebuilds/{VIEW}", {"everyVersion": False})
    rebuild.world.clock.advance(seconds=60)
    for segment in rebuild.next_work()["segments"]:
        rebuild.work(segment)
    rebuild.world.clock.advance(seconds=4)

    progress = call("GET", f"/rebuilds/{VIEW}").body["progress"]

    assert progress == {
        "done": 32,
        "skipped": 0,
        "failed": 0,
        "hasStopped": False,
        "expected": 32,
        "perSecond": 8.0,
        "etaSeconds": 0,
    }


def test_problems_are_listed(call, rebuild):
    rebuild.publish("NRT")
    call("POST", f"/rebuilds/{VIEW}", {})
    rebuild.run()

    (problem,) = call("GET", f"/rebuilds/{VIEW}/problems").body["items"]

    assert (problem["what"], problem["error"]) == (json.dumps(["airports#07", "NRT"]), "only_next")


@pytest.mark.parametrize(("read", "tells"), [(group("hr"), False), (MEMBERS, True)])
def test_causes_of_a_rebuild_are_told_to_who_may_read_all_its_types(
    call, rebuild, handlers_of_airport, monkeypatch, read, tells
):
    def airports_by_icao(_command):
        raise ValueError("zed earns 777123")

    rebuild.publish("NRT")
    handlers_of_airport(airports_by_icao=airports_by_icao)
    call("POST", f"/rebuilds/{VIEW}", {})
    rebuild.run()
    monkeypatch.setitem(handlers.registry.access, "AIRPORT", (__name__, Access(CODE, read)))

    (problem,) = call("GET", f"/rebuilds/{VIEW}/problems").body["items"]

    assert (problem["what"], problem["error"]) == ("AIRPORT/NRT@1", "ValueError")
    assert ("777123" in problem.get("cause", "")) is tells


def test_what_has_stopped_says_why(call, rebuild):
    call("POST", f"/rebuilds/{VIEW}", {})
    executions = rebuild.world.rebuild_executions
    executions.end(executions.started[-1], "RebuildStopped", "mend it")

    progress = call("GET", f"/rebuilds/{VIEW}").body["progress"]

    assert progress["hasStopped"] is True
    assert (progress["error"], progress["cause"]) == ("RebuildStopped", "mend it")


@pytest.mark.usefixtures("rebuild")
def test_every_read_model_is_listed(call):
    call("POST", f"/rebuilds/{VIEW}", {})

    stages = {one["name"]: one["stage"] for one in call("GET", "/rebuilds").body["items"]}

    assert stages == {
        "airports_by_country": "SERVING",
        "airports_by_icao": "REPLAYING",
        "orders_by_customer": "SERVING",
    } | {name: stage for name, stage in stages.items() if not name.startswith(("air", "ord"))}


def test_what_no_handler_writes_is_404_and_what_cannot_be_done_409(call, rebuild):
    unknown = call("POST", "/rebuilds/nobody", {})
    early = call("POST", f"/rebuilds/{VIEW}/switch", {})

    assert (unknown.status, unknown.body["code"]) == (404, "not_rebuildable")
    assert (early.status, early.body["code"]) == (409, "wrong_stage")
    assert rebuild.world.rebuild_executions.started == []
