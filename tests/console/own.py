"""A workflow of the user's own: it asks somebody, and waits for the answer."""

import json

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


def tour(stack, name):
    """Start one; answers its name."""
    sfn = stack.client("stepfunctions")
    known = {one["name"] for one in sfn.list_state_machines()["stateMachines"]}
    if _named(stack) not in known:
        role = "arn:aws:iam::000000000000:role/any"
        sfn.create_state_machine(
            name=_named(stack), definition=json.dumps(DEFINITION), roleArn=role
        )
    sfn.start_execution(stateMachineArn=_machine(stack), name=name, input="{}")
    return name


def arn_of(stack, name):
    """The ARN of one."""
    return f"{_machine(stack).replace(':stateMachine:', ':execution:')}:{name}"


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


def _named(stack):
    return f"{stack.name}-{MACHINE}"


def _machine(stack):
    prefix = stack.outputs["CommandStateMachineArn"].rpartition(":")[0]
    return f"{prefix}:{_named(stack)}"
