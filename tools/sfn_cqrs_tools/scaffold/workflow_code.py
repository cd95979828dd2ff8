"""The functions of a new workflow, and their tests."""

from __future__ import annotations

import json

from sfn_cqrs_tools.scaffold.machine import (
    ANSWER,
    BEAT_EVERY,
    HEARTBEAT_SECONDS,
    RECORDED,
    RECORDER,
    WAIT_SECONDS,
    Workflow,
)
from sfn_cqrs_tools.scaffold.names import pascal, snake
from sfn_local import Json


def function(workflow: Workflow, state: str) -> str:
    """Return the app.py of a state."""
    if state == RECORDER:
        return _RECORDER_OF_A_CHILD if workflow.parent else _RECORDER
    if workflow.parent and state == ANSWER:
        return _ANSWER
    if state in workflow.long:
        return _long(state)
    return _callback(state) if state in workflow.callbacks else _work(state)


def _work(state: str) -> str:
    return f'''\
"""{state}: one step for the id that the execution was started with.

It may run twice in one execution: an effect that must happen once needs an idempotency key, made
of the execution's name and this state's.
"""

from sfn_cqrs.service.context import StepFunctionsContext, sfn_handler


@sfn_handler
def lambda_handler(_input: object, context: StepFunctionsContext) -> dict[str, object]:
    """Answer what the next state needs: keys and small values, never a record."""
    return {{"id": context.execution.input["id"], "result": "done"}}
'''


def _callback(state: str) -> str:
    return f'''\
"""{state}: wait for somebody outside.

The token stays on the server. Tell whoever is to decide the execution's name: with it and this
state's, `waits.resume` lets the execution go on, and the next state gets what it is given.
"""

from sfn_cqrs.service import waits
from sfn_cqrs.service.context import StepFunctionsContext, sfn_handler


@sfn_handler
def lambda_handler(_input: object, context: StepFunctionsContext) -> None:
    """Keep the token of this try."""
    waits.park(context)
'''


def _long(state: str) -> str:
    return f'''\
"""{state}: work that takes minutes, in parts, with heartbeats.

If the function dies, its heartbeats stop, and the state is tried again within a minute. It may
run twice in one execution: an effect that must happen once needs an idempotency key.
"""

from sfn_cqrs.service.context import StepFunctionsContext, sfn_handler
from sfn_cqrs.service.step_functions import Beats, StepFunctionService

PARTS = 3


@sfn_handler
def lambda_handler(_input: object, context: StepFunctionsContext) -> None:
    """Let the execution go on with what came of the work."""
    machines, token = StepFunctionService(), context.task_token or ""
    with machines.heartbeats(token, every={BEAT_EVERY}) as beats:  # a third of HeartbeatSeconds
        result = work(str(context.execution.input["id"]), beats)
    machines.resume_execution(token, result)


def work(id_: str, beats: Beats) -> dict[str, object]:
    """Work on the parts, and on no more of them once nobody waits for the result."""
    done = 0
    while done < PARTS and not beats.is_gone:
        done += 1
    return {{"id": id_, "result": "done"}}
'''


_RECORDER = '''\
"""mark_failed: record that an execution has failed, and with which error.

Every Catch leads here. Undo effects here that must not stay half done.
"""

from sfn_cqrs.domain.failure import Failure
from sfn_cqrs.service.context import StepFunctionsContext, sfn_handler
from sfn_cqrs.service.logs import logger


@sfn_handler
def lambda_handler(caught: object, context: StepFunctionsContext) -> dict[str, object]:
    """Log the error's name, for a cause may hold personal data; answer both."""
    failure = Failure.of(caught)
    logger.error("the execution failed", execution=context.execution.name, error=failure.error)
    return {"error": failure.error, "cause": failure.cause}
'''


_ANSWER = '''\
"""answer_parent: end the wait of the parent's state for this execution.

An execution without a parent only ends.
"""

from sfn_cqrs.service import children
from sfn_cqrs.service.context import StepFunctionsContext, sfn_handler


@sfn_handler
def lambda_handler(result: object, context: StepFunctionsContext) -> object:
    """Answer what the last state has answered, to the parent and as the output."""
    children.answer(context, result)
    return result
'''


_RECORDER_OF_A_CHILD = _RECORDER.replace(
    "from sfn_cqrs.service.context",
    "from sfn_cqrs.service import children\nfrom sfn_cqrs.service.context",
).replace(
    """    return {"error": failure.error""",
    """    children.refuse(context, failure)
    return {"error": failure.error""",
)


_ALONE = """

@pytest.fixture(autouse=True)
def _parent(monkeypatch):
    monkeypatch.setattr("sfn_cqrs.service.waits.refuse", lambda *_, **__: True)
"""


def host(state: str, child: str) -> str:
    """Return the app.py of a parent's state that waits for a child."""
    return f'''\
"""{state}: start {child}, and wait for its answer.

The state goes on with the child's result, or fails with its error: ChildTimedOut if it ran out
of time, ChildAborted if somebody stopped it.
"""

from sfn_cqrs.service import children
from sfn_cqrs.service.context import StepFunctionsContext, sfn_handler


@sfn_handler
def lambda_handler(_input: object, context: StepFunctionsContext) -> None:
    """Give the child keys; it reads the rest itself."""
    children.start(context, "{child}", {{"id": context.execution.input["id"]}})
'''


def answering(workflow: Workflow, parent: str, state: str) -> str:
    """Return the app.py that answers for children which did not do so themselves."""
    return f'''\
"""An execution of {workflow.name} ended without an answer: answer its parent here.

The execution was stopped, ran out of time, or could not record its failure. This function runs
every minute, and when Step Functions reports such an end.
"""

from sfn_cqrs.service.children import answering

lambda_handler = answering("{workflow.name}", parent="{parent}", state="{state}")
'''


def function_test(workflow: Workflow, state: str) -> str:
    """Return the test of a state's function, on its sample event."""
    folder = snake(workflow.name)
    head = f"from functions.{folder}.{state}.app import lambda_handler\n"
    if state == RECORDER:
        if workflow.parent is not None:
            head = f"import pytest\n{head}{_ALONE}"
        return f"{head}{_recorder_test(folder)}{_child_test(workflow, state)}"
    if workflow.parent and state == ANSWER:
        return f"{head}{_answer_test(workflow)}{_child_test(workflow, state)}"
    if state in workflow.long:
        return _long_test(workflow, state)
    test = (
        _callback_test(folder, state)
        if state in workflow.callbacks
        else _work_test(workflow, state)
    )
    return f"{head}{test}"


def _work_test(workflow: Workflow, state: str) -> str:
    return f'''

def test_it_answers_for_the_id_of_its_execution(sample, lambda_context):
    event = sample("{snake(workflow.name)}/{state}")

    answer = lambda_handler(event, lambda_context)

    assert answer == {{"id": "w-1", "result": "done"}}
'''


def _long_test(workflow: Workflow, state: str) -> str:
    folder = snake(workflow.name)
    return f'''\
from contextlib import nullcontext

import pytest
from functions.{folder}.{state}.app import lambda_handler, work

from sfn_cqrs.service.step_functions import Beats, StepFunctionService


@pytest.fixture
def resumed(monkeypatch):
    """What the waits have ended with; nobody beats in real time."""
    ends = []
    monkeypatch.setattr(StepFunctionService, "heartbeats", lambda *_, **__: nullcontext(Beats()))
    monkeypatch.setattr(
        StepFunctionService, "resume_execution", lambda _self, *given: ends.append(given) or True
    )
    return ends


def test_the_execution_goes_on_with_what_came_of_the_work(sample, lambda_context, resumed):
    event = sample("{folder}/{state}")

    lambda_handler(event, lambda_context)

    assert resumed == [(event["taskToken"], {{"id": "w-1", "result": "done"}})]


def test_nobody_works_on_once_the_wait_is_gone():
    beats = Beats()
    beats.is_gone = True

    assert work("w-1", beats) == {{"id": "w-1", "result": "done"}}
'''


def _callback_test(folder: str, state: str) -> str:
    return f'''

def test_the_token_is_kept_under_the_name_of_the_execution(sample, lambda_context, world):
    event = sample("{folder}/{state}")

    answer = lambda_handler(event, lambda_context)

    assert answer is None
    name = event["context"]["Execution"]["Name"]
    assert world.waits.token(name, "{state}") == event["taskToken"]


def test_a_late_run_of_an_earlier_try_does_not_take_the_wait_back(sample, lambda_context, world):
    event = sample("{folder}/{state}")
    retried = sample("{folder}/{state}")
    retried["taskToken"] = "the second try's"
    retried["context"]["State"]["RetryCount"] = 1

    lambda_handler(retried, lambda_context)
    lambda_handler(event, lambda_context)

    name = event["context"]["Execution"]["Name"]
    assert world.waits.token(name, "{state}") == "the second try's"
'''


def _answer_test(workflow: Workflow) -> str:
    return f'''

def test_a_result_is_handed_on(sample, lambda_context, monkeypatch):
    event = sample("{snake(workflow.name)}/{ANSWER}")
    monkeypatch.setattr("sfn_cqrs.service.children.answer", lambda *_: True)

    assert lambda_handler(event, lambda_context) == event["input"]
'''


def _child_test(workflow: Workflow, state: str) -> str:
    """That a state of a child tells its parent; empty for a workflow that has none."""
    if workflow.parent is None:
        return ""
    failure = f'"{RECORDED["error"]}", "{RECORDED["cause"]}"'
    told = failure if state == RECORDER else 'event["input"]'
    how = "refuse" if state == RECORDER else "resume"
    return f'''

def test_the_parent_is_told(sample, lambda_context, monkeypatch):
    told = []
    monkeypatch.setattr(
        "sfn_cqrs.service.waits.{how}", lambda *given, key: told.append((*given, key)) or True
    )
    event = sample("{snake(workflow.name)}/{state}")

    lambda_handler(event, lambda_context)

    parent = event["context"]["Execution"]["Input"]["parent"]
    assert told == [(*parent.values(), {told}, "")]
'''


def host_test(parent: str, state: str, child: str) -> str:
    """Return the test of a parent's state that waits for a child."""
    folder = snake(parent)
    return f'''\
from functions.{folder}.{state}.app import lambda_handler

from sfn_cqrs.service.step_functions import StepFunctionService


def test_the_token_is_kept_and_one_child_is_started_however_often_it_runs(
    sample, lambda_context, world, monkeypatch
):
    started = []
    monkeypatch.setattr(
        StepFunctionService,
        "start_execution",
        lambda _self, arn, data, name: started.append((arn, name, data)) or f"{{arn}}:{{name}}",
    )
    event = sample("{folder}/{state}")

    answers = [lambda_handler(event, lambda_context) for _ in range(2)]

    name = event["context"]["Execution"]["Name"]
    assert answers == [None, None]
    assert world.waits.token(name, "{state}") == event["taskToken"]
    assert started[0] == started[1]
    arn, _, data = started[0]
    assert arn.endswith("-{child}")
    assert data == {{
        "id": event["context"]["Execution"]["Input"]["id"],
        "parent": {{"execution": name, "state": "{state}"}},
    }}
'''


def answering_test(name: str) -> str:
    """Return the test of what answers for children."""
    return f"""\
from functions.event.{name}.app import lambda_handler

from sfn_cqrs.service.step_functions import Ended, StepFunctionService


def test_the_parent_of_a_child_that_was_stopped_is_told(sample, lambda_context, monkeypatch):
    told = []
    parent = {{"execution": "p-1", "state": "s"}}
    ended = Ended("ABORTED", {{"parent": parent}}, None, "ChildAborted", "why")
    monkeypatch.setattr(StepFunctionService, "ended", lambda _self, _arn: ended)
    monkeypatch.setattr(
        "sfn_cqrs.service.waits.refuse", lambda *given, key: told.append((*given, key)) or True
    )

    answer = lambda_handler(sample("event/{name}"), lambda_context)

    assert answer == {{"answered": 1}}
    assert told == [("p-1", "s", "ChildAborted", "why", "")]
"""


def _recorder_test(folder: str) -> str:
    return f'''

def test_the_execution_ends_with_what_was_caught(sample, lambda_context):
    event = sample("{folder}/mark_failed")

    answer = lambda_handler(event, lambda_context)

    assert answer == {{
        "error": "{RECORDED["error"]}",
        "cause": "{RECORDED["cause"]}",
    }}


def test_the_log_names_the_error_and_leaves_out_its_cause(sample, lambda_context, log):
    event = sample("{folder}/mark_failed")

    lambda_handler(event, lambda_context)

    assert "{RECORDED["error"]}" in log.getvalue()
    assert "{RECORDED["cause"]}" not in log.getvalue()
'''


def machine_test(workflow: Workflow) -> str:
    """Return the test of the machine's ways."""
    output = _literal(workflow.answer(workflow.states[-1]))
    return f'''\
"""{workflow.name}.asl.json, by the test cases of MockConfigFile.json."""

import pytest

from sfn_local.pytest_plugin import RunMachine

MACHINE = "{workflow.name}"
INPUT = {_input(workflow)}
STATES = {_exploded([f'"{state}"' for state in workflow.states])}
FAILURES = {_exploded([f'"{pascal(state)}Fails"' for state in workflow.states])}


def test_the_states_run_one_after_the_other(run_machine: RunMachine) -> None:
    run = run_machine(MACHINE, input=INPUT, mock="HappyPath")

    assert run.path == [*STATES, "success"]
    assert run.output == {output}


def test_what_a_service_could_not_do_is_tried_again(run_machine: RunMachine) -> None:
    run = run_machine(MACHINE, input=INPUT, mock="EverythingIsTriedAgain")

    assert run.path == [*STATES, "success"]
    assert run.seconds > 0


@pytest.mark.parametrize(("count", "case"), list(enumerate(FAILURES, start=1)))
def test_an_error_is_recorded_and_ends_the_execution(
    run_machine: RunMachine, count: int, case: str
) -> None:
    run = run_machine(MACHINE, input=INPUT, mock=case)

    assert run.path == [*STATES[:count], "mark_failed", "fail"]
    assert (run.error, run.cause) == ("{RECORDED["error"]}", "{RECORDED["cause"]}")


def test_recording_is_tried_again(run_machine: RunMachine) -> None:
    run = run_machine(MACHINE, input=INPUT, mock="FailureIsRecordedAfterRetries")

    assert run.path == [*STATES[:1], "mark_failed", "fail"]


def test_a_failure_that_cannot_be_recorded_ends_the_execution_too(run_machine: RunMachine) -> None:
    run = run_machine(MACHINE, input=INPUT, mock="FailureCannotBeRecorded")

    assert run.path == [*STATES[:1], "mark_failed", "not_recorded"]
    assert run.error == "NotRecorded"
{_tests_of_tokens(workflow)}'''


def _tests_of_tokens(workflow: Workflow) -> str:
    if workflow.long and not workflow.callbacks:
        return _beat_test(workflow)
    return _wait_tests(workflow) if workflow.callbacks and not workflow.long else ""


def _beat_test(workflow: Workflow) -> str:
    first = next(state for state in workflow.states if state in workflow.long)
    stubs = {
        state: None if state in workflow.long else workflow.answer(state)
        for state in workflow.functions
    }
    return f"""

STUBS = {_exploded([f'"{state}": {_literal(answer)}' for state, answer in stubs.items()], "{}")}


def test_a_worker_that_beats_no_more_is_replaced_within_minutes(run_machine: RunMachine) -> None:
    run = run_machine(MACHINE, input=INPUT, stubs=STUBS)
    run.advance({HEARTBEAT_SECONDS - 1})
    before = len(run.payloads["{first}"])
    run.advance({HEARTBEAT_SECONDS + 2})

    assert (before, len(run.payloads["{first}"])) == (1, 2)
"""


def _wait_tests(workflow: Workflow) -> str:
    first = workflow.waits[0]
    stubs = {
        state: None if state in workflow.waits else workflow.answer(state)
        for state in workflow.functions
    }
    resumed = _literal({"Payload": workflow.answer(first)})
    return f"""

WAITS = {_exploded([f'"{state}"' for state in workflow.waits])}
STUBS = {_exploded([f'"{state}": {_literal(answer)}' for state, answer in stubs.items()], "{}")}
RESUMED = {resumed}


def test_it_waits_until_somebody_resumes_it(run_machine: RunMachine) -> None:
    run = run_machine(MACHINE, input=INPUT, stubs=STUBS)
    for state in WAITS:
        assert (run.path[-1], run.status) == (state, "RUNNING")
        run.succeed(run.payloads[state][0]["taskToken"], RESUMED)

    assert run.path == [*STATES, "success"]


def test_a_refusal_is_recorded(run_machine: RunMachine) -> None:
    run = run_machine(MACHINE, input=INPUT, stubs=STUBS)
    run.fail(run.payloads[WAITS[0]][0]["taskToken"], "Refused", "not this time")

    assert run.payloads["mark_failed"][0]["input"] == {{
        "Error": "Refused",
        "Cause": "not this time",
    }}


def test_nobody_is_waited_for_longer_than_a_day(run_machine: RunMachine) -> None:
    run = run_machine(MACHINE, input=INPUT, stubs=STUBS)
    run.advance({WAIT_SECONDS - 1:_})
    before = run.status
    run.advance(1)

    assert (before, run.status) == ("RUNNING", "FAILED")
    assert run.payloads["mark_failed"][0]["input"]["Error"] == "States.Timeout"
"""


def _input(workflow: Workflow) -> str:
    """Return the input of an execution, as a formatter leaves it."""
    lines = [f'"{name}": {_literal(value)}' for name, value in workflow.sample.items()]
    return _exploded(lines, "{}") if workflow.parent else _literal(workflow.sample)


def _exploded(lines: list[str], brackets: str = "[]") -> str:
    """Return a literal of one entry a line, which a formatter leaves so."""
    inner = "".join(f"    {line},\n" for line in lines)
    return f"{brackets[0]}\n{inner}{brackets[1]}"


def _literal(value: Json) -> str:
    """Return a value as Python spells it, in double quotes."""
    if value is None:
        return "None"
    return json.dumps(value, ensure_ascii=False)
