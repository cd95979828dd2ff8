"""Retry and Catch."""

from sfn_local.document import Json, dumps
from sfn_local.lint.finding import EMPTY, Report
from sfn_local.lint.model import Definition, StateNode, entries, errors_in

# Actions that do more when they are repeated, and the argument that makes them idempotent.
NOT_IDEMPOTENT = {
    "sqs:sendMessage": "MessageDeduplicationId",
    "sns:publish": "MessageDeduplicationId",
    "events:putEvents": "",
    "states:startExecution": "Name",
    "ecs:runTask": "ClientToken",
    "batch:submitJob": "",
    "glue:startJobRun": "",
}
ALL, TASK_FAILED, RUNTIME = "States.ALL", "States.TaskFailed", "States.Runtime"
LIMIT = "States.DataLimitExceeded"
ALONE = "States.ALL must appear alone and at end of list"


def check(definition: Definition, report: Report) -> None:
    """Look at every Retry and Catch."""
    for state in definition.of_type("Task", "Map", "Parallel"):
        for field in ("Retry", "Catch"):
            _check_entries(state, field, report)
        for position, retrier in entries(state.fields.get("Retry")):
            _check_delays(retrier, f"{state.pointer}/Retry/{position}", report)
            _check_repetition(state, retrier, f"{state.pointer}/Retry/{position}", report)
        _check_limit(state, report)
    _check_expectations(definition, report)


def _check_limit(state: StateNode, report: Report) -> None:
    """See that a Distributed Map whose results may become too large catches that by name."""
    caught = errors_in(state.fields.get("Catch"))
    is_unlimited = state.is_distributed and "ResultWriter" not in state.fields
    if is_unlimited and ALL in caught and LIMIT not in caught:
        message = f"{state.name} has no ResultWriter, and States.ALL does not catch {LIMIT}"
        report.add("limit-uncaught", f"{state.pointer}/Catch", message)


def _check_expectations(definition: Definition, report: Report) -> None:
    """Look at Choice states that expect an error which no Catch can have led on from."""
    catches = (state.fields.get("Catch") for state in definition.states)
    caught = set().union(*map(errors_in, catches))
    for state in definition.of_type("Choice"):
        for position, rule in entries(state.fields.get("Choices")):
            text = dumps(rule)
            for error in (LIMIT, RUNTIME):
                if f'"{error}"' in text and (error == RUNTIME or error not in caught):
                    message = f"no Catch leads here with {error}: States.ALL does not catch it"
                    report.add("limit-uncaught", f"{state.pointer}/Choices/{position}", message)


def _check_entries(state: StateNode, field: str, report: Report) -> None:
    listed = list(entries(state.fields.get(field)))
    seen: dict[str, int] = {}
    for position, entry in listed:
        pointer = f"{state.pointer}/{field}/{position}/ErrorEquals"
        errors = entry.get("ErrorEquals")
        if not isinstance(errors, list):
            continue
        if not errors or not all(isinstance(error, str) and error for error in errors):
            message = "ErrorEquals needs at least one name of an error"
            report.add("field-type", pointer, message, refusal="" if errors else EMPTY)
            continue
        if ALL in errors and len(errors) > 1:
            message = "States.ALL cannot have other names beside it"
            report.add("states-all-alone", pointer, message, refusal=ALONE)
        if ALL in errors and position != listed[-1][0]:
            message = f"States.ALL is not in the last {field}"
            report.add("states-all-last", pointer, message, refusal=ALONE)
        _check_errors(errors, position, seen, pointer, report)


def _check_errors(
    errors: list[Json], position: int, seen: dict[str, int], pointer: str, report: Report
) -> None:
    for error in errors:
        if error == RUNTIME:
            report.add("runtime-uncaught", pointer, "nothing handles States.Runtime")
        taken_by = seen.get(error)
        if taken_by is None and TASK_FAILED in seen and not error.startswith("States."):
            taken_by = seen[TASK_FAILED]
        if taken_by is not None:
            message = f"the entry at position {taken_by} takes {error} before this one"
            report.add("error-shadowed", pointer, message)
    for error in errors:
        seen.setdefault(error, position)


def _check_repetition(
    state: StateNode, retrier: dict[str, Json], pointer: str, report: Report
) -> None:
    errors = retrier.get("ErrorEquals")
    is_broad = isinstance(errors, list) and (ALL in errors or TASK_FAILED in errors)
    action = state.resource.rpartition(":::")[2].partition(".")[0]
    if is_broad and retrier.get("MaxAttempts") != 0 and action in NOT_IDEMPOTENT:
        name = NOT_IDEMPOTENT[action]
        arguments = state.fields.get("Parameters", state.fields.get("Arguments"))
        named = {key.removesuffix(".$") for key in arguments} if isinstance(arguments, dict) else {}
        if not name or name not in named:
            message = f"a retry after a lost answer does {action} a second time"
            report.add("retry-repeats", f"{pointer}/ErrorEquals", message)


def _check_delays(retrier: dict[str, Json], pointer: str, report: Report) -> None:
    longest, interval = retrier.get("MaxDelaySeconds"), retrier.get("IntervalSeconds", 1)
    if isinstance(longest, int) and isinstance(interval, int) and longest <= interval:
        message = f"MaxDelaySeconds {longest} is not above IntervalSeconds {interval}"
        report.add("number-range", f"{pointer}/MaxDelaySeconds", message)
