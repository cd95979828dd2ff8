"""The skeleton of a MockConfigFile.json, from a definition.

One test case in which every task succeeds and every file has one item, and one for each error
that a task catches by name or by States.ALL: thrown as often as the task's Retry asks, and once
more. A payload has the fields that a Choice or a Map right behind the task reads of it, with
values that satisfy the first rule.
"""

import re
from collections.abc import Iterator
from typing import Any

from sfn_local.dataflow.recovery import ALL, TASK_FAILED, TIMEOUT
from sfn_local.document import Json
from sfn_local.lint.model import Definition, StateNode, entries, errors_of

HAPPY = "HappyPath"
DEFAULT_ATTEMPTS = 3
MANY_CALLS = "0-999"
FIELD = re.compile(r"\$\.(\w+)")

RETURNS: dict[str, Json] = {
    "lambda:invoke": {"StatusCode": 200, "Payload": {}},
    "sqs:sendMessage": {"MessageId": "00000000-0000-0000-0000-000000000000"},
    "sns:publish": {"MessageId": "00000000-0000-0000-0000-000000000000"},
    "dynamodb:getItem": {"Item": {}},
    "events:putEvents": {"Entries": [], "FailedEntryCount": 0},
    "states:startExecution.sync": {"Status": "SUCCEEDED", "Output": "{}"},
    "states:startExecution.sync:2": {"Status": "SUCCEEDED", "Output": {}},
}


def mock_skeleton(machine: str, definition: dict[str, Json]) -> dict[str, Any]:
    """A mock configuration for a machine; what to edit are the values under Return.

    Raises:
        ValueError: the definition has no tasks.
    """
    read = Definition(definition)
    tasks = list(read.of_type("Task"))
    if not tasks:
        raise ValueError("the definition has no Task states, so there is nothing to mock")
    reading = [state for state in read.of_type("Map") if "ItemReader" in state.fields]
    happy = {state.name: f"{state.name}_success" for state in (*tasks, *reading)}
    followers = {state.name: state for state in read.states}
    responses: dict[str, Json] = {happy[task.name]: _success(task, followers) for task in tasks}
    responses |= {happy[state.name]: {MANY_CALLS: {"Return": [{}]}} for state in reading}
    cases: dict[str, Json] = {HAPPY: happy}
    for task in tasks:
        for error in _caught(task):
            name = f"{task.name}_{error.replace('.', '_')}"
            cases[name] = {**happy, task.name: name}
            responses[name] = _failure(task, error)
    machines = {machine: {"TestCases": cases}}
    return {"StateMachines": machines, "MockedResponses": responses}


def _success(task: StateNode, followers: dict[str, StateNode]) -> Json:
    """Every call returns the same: a task in a loop or in a Map is called often."""
    action = task.resource.rpartition(":::")[2]
    result = {} if task.is_callback else RETURNS.get(action, {})
    following = followers.get(str(task.fields.get("Next")))
    if following is not None and "Payload" in result and _gives_payload(task):
        result = {**result, "Payload": _payload_for(following)}
    return {MANY_CALLS: {"Return": result}}


def _gives_payload(task: StateNode) -> bool:
    """Whether the function's answer is the whole input of the next state."""
    return task.fields.get("OutputPath") == "$.Payload" and "ResultPath" not in task.fields


def _payload_for(state: StateNode) -> dict[str, Json]:
    path: Json = state.fields.get("ItemsPath")
    value: Json = [{}]
    if state.type == "Choice":
        _, rule = next(entries(state.fields.get("Choices")), (0, {}))
        path, value = rule.get("Variable"), _satisfying(rule)
    field = FIELD.fullmatch(path) if isinstance(path, str) else None
    return {field[1]: value} if field else {}


def _satisfying(rule: dict[str, Json]) -> Json:
    operands = (rule[name] for name in rule if name.endswith("Equals"))
    return next(operands, None)


def _failure(task: StateNode, error: str) -> Json:
    last = _retries(task, error)
    calls = "0" if last == 0 else f"0-{last}"
    thrown = {calls: {"Throw": {"Error": error, "Cause": f"{task.name} failed"}}}
    return {**thrown, f"{last + 1}-999": {"Return": {}}}


def _caught(task: StateNode) -> Iterator[str]:
    catchers = entries(task.fields.get("Catch"))
    caught = (error for _, catcher in catchers for error in errors_of(catcher))
    yield from dict.fromkeys(TASK_FAILED if error == ALL else str(error) for error in caught)


def _retries(task: StateNode, error: str) -> int:
    """How often the first retrier that speaks of the error tries again."""
    for _, retrier in entries(task.fields.get("Retry")):
        listed = errors_of(retrier)
        by_kind = TASK_FAILED in listed and error != TIMEOUT
        if error in listed or ALL in listed or by_kind:
            attempts = retrier.get("MaxAttempts", DEFAULT_ATTEMPTS)
            return attempts if isinstance(attempts, int) else DEFAULT_ATTEMPTS
    return 0
