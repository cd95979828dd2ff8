import json

import pytest

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.kernel.functions.context import StepFunctionsContext
from sfn_cqrs.machines.workflow import children, waits
from sfn_cqrs.machines.workflow.executions import Parent, child_name

TOKEN = "AAAA-sample-task-token-that-opens-nothing"
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:sfn-cqrs-ask-bank"
EXECUTION = MACHINE.replace(":stateMachine:", ":execution:")
GIVEN = {"execution": "c-r4vfjsbaiomhgmiqb3bxnjrtpl-v2-a1", "state": "wait_prev_command"}
PARENT = Parent(**GIVEN)
NAME = child_name(PARENT)
ENDED = {"detail-type": "Step Functions Execution Status Change"}


@pytest.fixture
def parent(sample, world):  # noqa: ARG001 - the fakes keep its token
    """The context of the parent's state, whose token is kept."""
    context = StepFunctionsContext.from_event(sample("command/wait_prev_command"))
    waits.park(context)
    return context


@pytest.fixture
def child(sample):
    """Return the context of a state of an execution with this input."""

    def make(**data):
        event = sample("command/check_version")
        event["context"]["Execution"]["Input"] = data
        return StepFunctionsContext.from_event(event)

    return make


@pytest.fixture
def mapped(sample, world):  # noqa: ARG001 - the fakes keep the tokens
    """Return what makes the context of a parent's state in a Map, whose token is kept."""

    def make(index):
        event = sample("command/wait_prev_command")
        event["context"]["Map"] = {"Item": {"Index": index, "Value": "o"}}
        return StepFunctionsContext.from_event({**event, "taskToken": f"token-{index}"})

    return make


def described(status, *, name=NAME, parent=GIVEN, **more):
    data = {"id": "o-1"} | ({"parent": parent} if parent else {})
    return {
        "executionArn": f"{EXECUTION}:{name}",
        "stateMachineArn": MACHINE,
        "name": name,
        "startDate": 0,
        "status": status,
        "input": json.dumps(data),
        **more,
    }


def asked(name=NAME):
    return {"executionArn": f"{EXECUTION}:{name}"}


def failing(error, cause):
    return {"taskToken": TOKEN, "error": error, "cause": cause}


def handled(event):
    return children.answering("ask-bank", "command", "wait_prev_command")(event, None)


def test_a_child_is_started_under_one_name_and_is_given_no_token(parent, world, step_functions):
    data = {"id": "o-1", "parent": GIVEN}
    expected = {"stateMachineArn": MACHINE, "name": NAME, "input": json.dumps(data, sort_keys=True)}
    answer = {"executionArn": f"{EXECUTION}:{NAME}", "startDate": 0}
    step_functions.add_response("start_execution", answer, expected)
    step_functions.add_client_error("start_execution", "ExecutionAlreadyExists")

    started = [children.start(parent, "ask-bank", {"id": "o-1"}) for _ in range(2)]

    assert started == [NAME, NAME]
    assert world.waits.token(*PARENT[:2]) == TOKEN
    assert TOKEN not in expected["input"]


def test_each_item_of_a_map_has_a_child_that_answers_it_alone(mapped, child, step_functions):
    parents = [Parent(*PARENT[:2], str(index)) for index in range(3)]
    for parent in parents:
        data = json.dumps({"id": "o-1", "parent": parent.as_input()}, sort_keys=True)
        expected = {"stateMachineArn": MACHINE, "name": child_name(parent), "input": data}
        answer = {"executionArn": f"{EXECUTION}:{child_name(parent)}", "startDate": 0}
        step_functions.add_response("start_execution", answer, expected)
    for index in (2, 0, 1):
        sent = {"taskToken": f"token-{index}", "output": f'{{"Payload": {index}}}'}
        step_functions.add_response("send_task_success", {}, sent)

    names = [children.start(mapped(index), "ask-bank", {"id": "o-1"}) for index in range(3)]
    answers = [
        children.answer(child(parent=parents[index].as_input()), index) for index in (2, 0, 1)
    ]

    assert len({*names, NAME}) == 4
    assert answers == [True] * 3


def test_a_state_may_give_its_children_keys(mapped, world, step_functions):
    answer = {"executionArn": f"{EXECUTION}:{NAME}", "startDate": 0}
    step_functions.add_response("start_execution", answer)

    children.start(mapped(0), "ask-bank", {"id": "o-1"}, key="o-1")

    assert world.waits.tokens(*PARENT[:2]) == {"o-1": "token-0"}


def test_what_names_a_parent_itself_is_refused(parent):
    with pytest.raises(InvalidInputError, match=r"input\.parent: is the name of the parent"):
        children.start(parent, "ask-bank", {"parent": "ada"})


@pytest.mark.usefixtures("parent")
def test_a_child_answers_with_a_result_or_an_error(child, step_functions):
    result = {"taskToken": TOKEN, "output": '{"Payload": {"paid": true}}'}
    step_functions.add_response("send_task_success", {}, result)
    step_functions.add_response("send_task_failure", {}, failing("Refused", "no money"))

    assert children.answer(child(parent=GIVEN), {"paid": True}) is True
    assert children.refuse(child(parent=GIVEN), Failure("Refused", "no money")) is True


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("data", [{"id": "o-1"}, {"parent": None}, {"parent": {"state": "s"}}])
def test_an_execution_that_was_started_by_itself_answers_nobody(child, data):
    assert children.answer(child(**data), {}) is False
    assert children.refuse(child(**data), Failure("Refused", "why")) is False


@pytest.mark.usefixtures("world")
def test_a_parent_that_has_never_waited_is_answered_nothing(child):
    assert children.answer(child(parent=GIVEN), {}) is False


@pytest.mark.usefixtures("parent")
@pytest.mark.parametrize(
    ("ending", "told"),
    [
        ({"status": "FAILED", "error": "Refused", "cause": "no"}, ("Refused", "no")),
        ({"status": "FAILED"}, ("ChildFailed", f"{EXECUTION}:{NAME} is FAILED")),
        (
            {"status": "TIMED_OUT", "error": "States.Timeout"},
            ("ChildTimedOut", f"{EXECUTION}:{NAME} is TIMED_OUT"),
        ),
        ({"status": "ABORTED", "error": "Mine", "cause": "by ada"}, ("ChildAborted", "by ada")),
    ],
)
def test_of_a_child_that_ends_without_a_word_the_parent_is_told(ending, told, step_functions):
    step_functions.add_response("describe_execution", described(**ending), asked())
    step_functions.add_response("send_task_failure", {}, failing(*told))

    assert handled({**ENDED, "detail": asked()}) == {"answered": 1}


@pytest.mark.usefixtures("parent")
def test_a_parent_that_was_told_already_is_no_error(step_functions):
    step_functions.add_response("describe_execution", described("FAILED"), asked())
    step_functions.add_client_error("send_task_failure", "TaskTimedOut")

    assert handled({**ENDED, "detail": asked()}) == {"answered": 0}


@pytest.mark.usefixtures("parent")
def test_a_sweep_answers_for_every_child_that_has_ended_and_for_no_other(world, step_functions):
    """One is done and its answer was lost, one runs, one was never started, one does not wait."""
    machine = MACHINE.replace("ask-bank", "command")
    others = ("p-2", "p-3")
    for name in others:
        world.waits.park(name, PARENT.state, f"token of {name}", "")
    running = [
        {"executionArn": "arn", "stateMachineArn": machine, "name": name, "startDate": 0}
        | {"status": "RUNNING"}
        for name in (PARENT.execution, *others, "p-4")
    ]
    step_functions.add_response(
        "list_executions",
        {"executions": running},
        {"stateMachineArn": machine, "statusFilter": "RUNNING"},
    )
    step_functions.add_response(
        "describe_execution", described("SUCCEEDED", output='{"paid": true}'), asked()
    )
    second, third = (child_name(Parent(one, PARENT.state)) for one in others)
    step_functions.add_response(
        "send_task_success", {}, {"taskToken": TOKEN, "output": '{"Payload": {"paid": true}}'}
    )
    step_functions.add_response(
        "describe_execution", described("RUNNING", name=second), asked(second)
    )
    step_functions.add_client_error(
        "describe_execution", "ExecutionDoesNotExist", expected_params=asked(third)
    )

    assert handled({"detail-type": "Scheduled Event", "detail": {}}) == {"answered": 1}
    assert world.waits.tokens(*PARENT[:2]) == {}


@pytest.fixture(autouse=True)
def _in_order(monkeypatch):
    """Parents are looked at as they are listed."""
    monkeypatch.setattr("random.shuffle", lambda _names: None)
    monkeypatch.setattr("random.sample", lambda keys, _count: keys)
