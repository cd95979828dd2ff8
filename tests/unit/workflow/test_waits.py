import pytest

from sfn_cqrs.kernel.errors import InvalidInputError, NotWaitingError
from sfn_cqrs.kernel.functions.context import StepFunctionsContext
from sfn_cqrs.machines.workflow import waits

NAME = "c-r4vfjsbaiomhgmiqb3bxnjrtpl-v2-a1"
TOKEN = "AAAA-sample-task-token-that-opens-nothing"


@pytest.fixture
def event(sample):
    return sample("command/wait_prev_command")


def test_a_parked_execution_goes_on_by_its_name(event, world, step_functions):
    waits.park(StepFunctionsContext.from_event(event))
    expected = {"taskToken": TOKEN, "output": '{"Payload": {"ok": true}}'}
    step_functions.add_response("send_task_success", {}, expected)

    assert waits.resume(NAME, "wait_prev_command", {"ok": True}) is True
    assert world.waits.token(NAME, "wait_prev_command") == TOKEN


@pytest.mark.usefixtures("world")
def test_a_parked_execution_may_be_refused(event, step_functions):
    waits.park(StepFunctionsContext.from_event(event))
    expected = {"taskToken": TOKEN, "error": "Refused", "cause": "too late"}
    step_functions.add_response("send_task_failure", {}, expected)

    assert waits.refuse(NAME, "wait_prev_command", "Refused", "too late") is True


@pytest.mark.usefixtures("world")
def test_a_wait_that_is_over_is_no_error(event, step_functions):
    waits.park(StepFunctionsContext.from_event(event))
    step_functions.add_client_error("send_task_success", "TaskTimedOut")

    assert waits.resume(NAME, "wait_prev_command", None) is False


def test_a_late_run_of_an_earlier_try_does_not_take_the_token_back(event, world):
    retried = {**event, "taskToken": "second"}
    retried["context"] = {**event["context"], "State": {**event["context"]["State"]}}
    retried["context"]["State"]["RetryCount"] = 1
    waits.park(StepFunctionsContext.from_event(retried))

    waits.park(StepFunctionsContext.from_event(event))

    assert world.waits.token(NAME, "wait_prev_command") == "second"


def in_a_map(event, index, token):
    """Return the event of a state inside a Map, for one of its items."""
    item = {"Map": {"Item": {"Index": index, "Value": f"o-{index}"}}}
    return {**event, "taskToken": token, "context": {**event["context"], **item}}


@pytest.mark.usefixtures("world")
def test_each_item_of_a_map_waits_for_itself_and_goes_on_by_its_index(event, step_functions):
    keys = [
        waits.park(StepFunctionsContext.from_event(in_a_map(event, index, f"token-{index}")))
        for index in range(3)
    ]
    for number in (1, 0, 2):
        expected = {"taskToken": f"token-{number}", "output": f'{{"Payload": {number}}}'}
        step_functions.add_response("send_task_success", {}, expected)

    assert keys == ["0", "1", "2"]
    assert [waits.resume(NAME, "wait_prev_command", number, key=number) for number in (1, 0, 2)]


def test_a_state_may_name_its_wait_itself(event, world):
    context = StepFunctionsContext.from_event(in_a_map(event, 3, "token"))

    assert waits.park(context, key="o-7") == "o-7"

    assert world.waits.tokens(NAME, "wait_prev_command") == {"o-7": "token"}
    with pytest.raises(NotWaitingError, match="in wait_prev_command with the key 3, or not yet"):
        waits.refuse(NAME, "wait_prev_command", "Refused", key=3)


@pytest.mark.usefixtures("world")
def test_a_key_has_at_most_200_characters(event):
    with pytest.raises(InvalidInputError, match="key: has more than 200 characters"):
        waits.park(StepFunctionsContext.from_event(event), key="x" * 201)


def test_a_redriven_execution_waits_with_its_new_token(event, world):
    """A redrive counts the retries from 0 again, and the state keeps when it was entered."""
    for redrives, retries, token in ((0, 2, "before"), (1, 0, "redriven"), (0, 2, "before")):
        context = {**event["context"], "State": {**event["context"]["State"]}}
        context["State"]["RetryCount"] = retries
        context["Execution"] = {**context["Execution"], "RedriveCount": redrives}
        waits.park(
            StepFunctionsContext.from_event({**event, "taskToken": token, "context": context})
        )

    assert world.waits.token(NAME, "wait_prev_command") == "redriven"


def test_the_tenth_try_comes_after_the_ninth(event, world):
    for count, token in ((9, "ninth"), (10, "tenth")):
        context = {**event["context"], "Task": {"Token": token}}
        context["State"] = {**context["State"], "RetryCount": count}
        waits.park(
            StepFunctionsContext.from_event({**event, "taskToken": token, "context": context})
        )

    assert world.waits.token(NAME, "wait_prev_command") == "tenth"


@pytest.mark.usefixtures("world")
def test_nobody_is_resumed_who_does_not_wait():
    with pytest.raises(NotWaitingError, match="order-1 does not wait in ask, or not yet") as raised:
        waits.resume("order-1", "ask", {})

    assert raised.value.code == "not_waiting"


def test_a_state_without_a_token_is_told_what_to_send(sample):
    context = StepFunctionsContext.from_event(sample("command/finish"))

    with pytest.raises(InvalidInputError, match=r"taskToken\.\$"):
        waits.park(context)
