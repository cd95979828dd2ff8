"""A queue's consumers on a bad day: messages wait, and come again in time."""

import pytest
from botocore.exceptions import ConnectTimeoutError
from tests.support.system import silent
from tests.support.whole_system import WholeSystem

CONSUMERS = {"QueueOnTaskActionFunction", "QueueOnImportActionFunction"}
POSTPONE = "ChangeMessageVisibilityBatch"


def a_reminder(system):
    return system.remind("a@x.org", is_single=True)


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
    ("path", "ask"),
    [("/tasks", a_reminder), ("/imports", WholeSystem.import_row)],
    ids=["task", "row"],
)
def test_what_a_queue_holds_is_done_once_an_outage_of_twenty_minutes_is_over(
    system, out_for, path, ask
):
    before = system.clock.time()
    out_for(20 * 60)

    id_ = ask(system)
    system.run()

    assert system.ask("GET", f"{path}/{id_}")["status"] == "COMPLETED"
    assert system.clock.time() - before < 30 * 60


def test_a_throttle_of_a_moment_costs_seconds(system, out_for):
    before = system.clock.time()
    out_for(0.5)

    id_ = a_reminder(system)
    system.run()

    assert system.ask("GET", f"/tasks/{id_}")["status"] == "COMPLETED"
    assert system.clock.time() - before < 10
