"""TestState."""

from sfn_local.engine import Engine
from sfn_local.operations.parameters import Answer, Given, Operation, Parameter

STATE_NAME = Parameter(str, least=1, most=80)
MOCK = Parameter(
    dict,
    members={
        "result": Parameter(str),
        "errorOutput": Parameter(
            dict,
            members={"error": Parameter(str, most=256), "cause": Parameter(str, most=32_768)},
        ),
        "fieldValidationMode": Parameter(str, choices=("STRICT", "PRESENT", "NONE")),
    },
)
CONFIGURATION = Parameter(
    dict,
    members={
        "retrierRetryCount": Parameter(int),
        "errorCausedByState": STATE_NAME,
        "mapIterationFailureCount": Parameter(int),
        "mapItemReaderData": Parameter(str),
    },
)


def test(engine: Engine, given: Given) -> Answer:
    """TestState."""
    from sfn_local.tested_state import read_question  # noqa: PLC0415 - slow to import

    level = given["inspectionLevel"] or "INFO"
    return engine.test_state(read_question(given), level)


OPERATIONS = {
    "TestState": Operation(
        test,
        {
            "definition": Parameter(str, required=True),
            "roleArn": Parameter(str, least=1, most=256),
            "input": Parameter(str),
            "inspectionLevel": Parameter(str, choices=("INFO", "DEBUG", "TRACE")),
            "revealSecrets": Parameter(bool),
            "variables": Parameter(str),
            "stateName": STATE_NAME,
            "mock": MOCK,
            "context": Parameter(str),
            "stateConfiguration": CONFIGURATION,
        },
    ),
}
