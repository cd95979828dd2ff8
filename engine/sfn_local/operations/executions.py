"""Executions: start, stop, redrive, describe, list, and their histories."""

from typing import Any

from sfn_local.engine import Engine
from sfn_local.errors import ValidationException
from sfn_local.operations.paging import (
    LONGEST_EXECUTIONS_TOKEN,
    PAGE,
    next_token,
    page_of,
    page_size,
    position_of,
)
from sfn_local.operations.parameters import (
    DATA_WANTED,
    EXECUTION,
    MACHINE,
    REASONS,
    Answer,
    Given,
    Operation,
    Parameter,
    wanted_of,
)

STATUSES = ("SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING")
ASCII_ONLY = "Member must satisfy regular expression pattern: \\p{ASCII}*"
DATA = {"input", "output", "parameters", "inputDetails", "outputDetails"}
STARTING = {
    **MACHINE,
    "name": Parameter(str),
    "input": Parameter(str),
    "traceHeader": Parameter(str, most=256),
}


def start(engine: Engine, given: Given) -> Answer:
    """StartExecution."""
    return engine.started_execution(
        given["stateMachineArn"], given["name"], _input(given), _trace(given)
    )


def start_sync(engine: Engine, given: Given) -> Answer:
    """StartSyncExecution."""
    answer = engine.start_sync_execution(
        given["stateMachineArn"], given["name"], _input(given), _trace(given)
    )
    return wanted_of(answer, given, _without_payloads)


def _input(given: Given) -> str:
    return "{}" if given["input"] is None else str(given["input"])


def _trace(given: Given) -> str | None:
    header: str | None = given["traceHeader"]
    if header is not None and not header.isascii():
        raise ValidationException(
            f"1 validation error detected: Value '{header}' at 'traceHeader' failed to satisfy "
            f"constraint: {ASCII_ONLY}"
        )
    return header


def stop(engine: Engine, given: Given) -> Answer:
    """StopExecution."""
    stopped = engine.stop_execution(given["executionArn"], given["error"], given["cause"])
    return {"stopDate": stopped}


def redrive(engine: Engine, given: Given) -> Answer:
    """RedriveExecution."""
    redriven = engine.redrive_execution(given["executionArn"], given["clientToken"])
    return {"redriveDate": redriven}


def describe(engine: Engine, given: Given) -> Answer:
    """DescribeExecution."""
    return wanted_of(engine.describe_execution(given["executionArn"]), given, _without_payloads)


def _without_payloads(described: Answer) -> Answer:
    """An execution as it is shown to who wants its metadata only."""
    left_out = ("input", "output", "error", "cause")
    shown = {name: value for name, value in described.items() if name not in left_out}
    details = {name: {"included": False} for name in shown if name.endswith("Details")}
    return {**shown, **{name: value for name, value in details.items() if name != "billingDetails"}}


def list_all(engine: Engine, given: Given) -> Answer:
    """ListExecutions."""
    if (given["stateMachineArn"] is None) == (given["mapRunArn"] is None):
        raise ValidationException("exactly one of stateMachineArn and mapRunArn must be given")
    status, redriven = given["statusFilter"], given["redriveFilter"]
    if given["mapRunArn"] is not None:
        children = engine.list_children(given["mapRunArn"], status, redriven)
        return page_of("executions", children, given)
    for name, value in (("redriveFilter", redriven), ("statusFilter", status)):
        if value is not None and (name == "redriveFilter" or value == "PENDING_REDRIVE"):
            raise ValidationException(f"{name} {value} can only be used with a mapRunArn")
    before = position_of(given["nextToken"])
    executions, following = engine.page_executions(
        given["stateMachineArn"], status, page_size(given), before
    )
    return {"executions": executions, **next_token(following)}


def history(engine: Engine, given: Given) -> Answer:
    """GetExecutionHistory."""
    events = engine.history(given["executionArn"])
    if given["reverseOrder"]:
        events.reverse()
    page = page_of("events", events, given)
    if given["includeExecutionData"] is False:
        page["events"] = [_without_data(event) for event in page["events"]]
    return page


def _without_data(event: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {inner: kept for inner, kept in value.items() if inner not in DATA}
        if isinstance(value, dict)
        else value
        for name, value in event.items()
    }


OPERATIONS = {
    "StartExecution": Operation(start, STARTING),
    "StartSyncExecution": Operation(start_sync, {**STARTING, "includedData": DATA_WANTED}),
    "StopExecution": Operation(stop, {**EXECUTION, **REASONS}),
    "RedriveExecution": Operation(
        redrive, {**EXECUTION, "clientToken": Parameter(str, least=1, most=64)}
    ),
    "DescribeExecution": Operation(describe, {**EXECUTION, "includedData": DATA_WANTED}),
    "ListExecutions": Operation(
        list_all,
        {
            **PAGE,
            "nextToken": Parameter(str, least=1, most=LONGEST_EXECUTIONS_TOKEN),
            "stateMachineArn": Parameter(str, least=1, most=256),
            "mapRunArn": Parameter(str, least=1, most=2000),
            "statusFilter": Parameter(str, choices=STATUSES),
            "redriveFilter": Parameter(str, choices=("REDRIVEN", "NOT_REDRIVEN")),
        },
    ),
    "GetExecutionHistory": Operation(
        history,
        {
            **EXECUTION,
            **PAGE,
            "reverseOrder": Parameter(bool),
            "includeExecutionData": Parameter(bool),
        },
    ),
}
