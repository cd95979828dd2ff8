"""A workflow of the user's own: it asks somebody, and waits for the answer."""

import json
import time

LOOK = 0.03
"""Seconds between two looks: without them, what is looked at would hardly get on."""
MACHINE = "tour"
SWEEP = "ScheduleSweepSagasFunction"
"""Takes whatever it is given."""
DEFINITION = {
    "StartAt": "ask",
    "States": {
        "ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": SWEEP, "Payload": {"token.$": "$$.Task.Token"}},
            "OutputPath": "$.Payload",
            "Next": "check",
        },
        "check": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.ok", "BooleanEquals": True, "Next": "done"}],
            "Default": "refused",
        },
        "refused": {"Type": "Fail", "Error": "Refused"},
        "done": {"Type": "Succeed"},
    },
}


def _asking(function):
    """A state that asks a function that there is none of, and goes on."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "well"}],
        "End": True,
    }


ITERATION = {
    "StartAt": "which",
    "States": {
        "which": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$", "StringEquals": "odd", "Next": "one"},
                {"Variable": "$", "StringEquals": "six", "Next": "one more"},
            ],
            "Default": "well",
        },
        "one": _asking("nobody"),
        "one more": _asking("no-one"),
        "well": {"Type": "Succeed"},
    },
}
MAPPED = {
    "StartAt": "all",
    "States": {"all": {"Type": "Map", "ItemProcessor": ITERATION, "End": True}},
}


def mapped(stack, name="mapped-1"):
    """Run a Map of which six iterations meet one of two errors; answers its name."""
    sfn = stack.client("stepfunctions")
    arn = _made(stack, "mapped", MAPPED)
    given = json.dumps(["odd", "six", "odd", "even", "odd", "six", "odd"])
    run = sfn.start_execution(stateMachineArn=arn, name=name, input=given)["executionArn"]
    while sfn.describe_execution(executionArn=run)["status"] == "RUNNING":
        time.sleep(LOOK)
    return name


def tour(stack, name):
    """Start one; answers its name."""
    arn = _made(stack, MACHINE, DEFINITION)
    stack.client("stepfunctions").start_execution(stateMachineArn=arn, name=name, input="{}")
    return name


def _made(stack, machine, definition):
    """The ARN of a machine, which is made if there is none yet."""
    sfn = stack.client("stepfunctions")
    known = {one["name"] for one in sfn.list_state_machines()["stateMachines"]}
    named = f"{stack.name}-{machine}"
    if named not in known:
        role = "arn:aws:iam::000000000000:role/any"
        sfn.create_state_machine(name=named, definition=json.dumps(definition), roleArn=role)
    prefix = stack.outputs["CommandStateMachineArn"].rpartition(":")[0]
    return f"{prefix}:{named}"


def arn_of(stack, name):
    """The ARN of one."""
    machine = _made(stack, MACHINE, DEFINITION)
    return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"


def token_of(stack, name):
    """The token that it waits for, once it does."""
    while True:
        history = stack.client("stepfunctions").get_execution_history(
            executionArn=arn_of(stack, name)
        )
        for event in history["events"]:
            if event["type"] == "TaskSubmitted":
                scheduled = history["events"][event["id"] - 3 :]
                given = [one.get("taskScheduledEventDetails") for one in scheduled]
                parameters = next(one["parameters"] for one in given if one)
                return json.loads(parameters)["Payload"]["token"]
        time.sleep(LOOK)
