"""Task states: resources, arguments, time limits, tokens, and what happens when they fail."""

import re

from sfn_local.document import Json, dumps
from sfn_local.language.catalogue import ACTIONS
from sfn_local.lint.expressions import INNER_SCOPES
from sfn_local.lint.finding import Report
from sfn_local.lint.model import Definition, StateNode, entries, errors_in

PLACEHOLDER = "${"
TOKEN = ("$$.Task.Token", '"$$"', '"$$.Task"', "$states.context")
PASSING_ERROR = "Lambda.ServiceException"
CATCH_ALL = ("States.ALL", "States.TaskFailed")
OWN_OF_CATCH = re.compile(r"\$\.(?:Error|Cause)\b")
INPUT_FIELD = re.compile(r"\"\$\.\w")

OPTIMIZED = re.compile(r"arn:aws[a-z-]*:states:[^:]*:[^:]*:([\w-]+):([\w-]+)((?:\.\w+)?(?::2)?)")
SDK = re.compile(
    r"arn:aws[a-z-]*:states:[^:]*:[^:]*:aws-sdk:[a-z0-9]+:[a-z]\w*(?:\.waitForTaskToken)?"
)
FUNCTION = re.compile(r"arn:aws[a-z-]*:lambda:[^:]*:[^:]*:function:[^:]+(?::[^:]+)?")
ACTIVITY = re.compile(r"arn:aws[a-z-]*:states:[^:]*:[^:]*:activity:[^:]+")


def check(definition: Definition, report: Report) -> None:
    """Look at every Task state."""
    for state in definition.states:
        if state.type == "Task":
            _check_resource(state, report)
            _check_credentials(state, report)
            _check_limits(state, report)
            _check_recovery(state, definition, report)
        _check_token(state, report)


def _check_resource(state: StateNode, report: Report) -> None:
    resource = state.resource
    known = (FUNCTION, ACTIVITY, SDK)
    if not resource or PLACEHOLDER in resource or any(p.fullmatch(resource) for p in known):
        return
    pointer = f"{state.pointer}/Resource"
    found = OPTIMIZED.fullmatch(resource)
    if found is None:
        message = f"{resource} is not a resource of a task"
        report.add("resource-unknown", pointer, message, refusal=_unrecognized(resource))
        return
    service, action, pattern = found.groups()
    known_action = ACTIONS.get(f"{service}:{action}")
    if known_action is None:
        message = f"there is no integration {service}:{action}"
        report.add("resource-unknown", pointer, message, refusal=_unrecognized(resource))
        return
    if pattern and pattern not in known_action.patterns:
        message = f"{service}:{action} has no pattern {pattern}"
        report.add("resource-unknown", pointer, message, refusal=_unrecognized(resource))
    _check_arguments(state, f"{service}:{action}", known_action.required, report)


def _unrecognized(resource: str) -> str:
    return (
        f"The resource provided {resource} is not recognized. The value is not a valid resource "
        "ARN, or the resource is not available in this region."
    )


def _check_arguments(
    state: StateNode, action: str, required: tuple[tuple[str, ...], ...], report: Report
) -> None:
    field = "Arguments" if state.is_jsonata else "Parameters"
    given = state.fields.get(field, {})
    if not isinstance(given, dict):
        return
    names = {name.removesuffix(".$") for name in given}
    for alternatives in required:
        if names.isdisjoint(alternatives):
            message = f"{action} needs {' or '.join(alternatives)} in its {field}"
            report.add("argument-missing", f"{state.pointer}/{field}", message)


def _check_credentials(state: StateNode, report: Report) -> None:
    given = state.fields.get("Credentials")
    if isinstance(given, dict) and given.keys().isdisjoint(("RoleArn", "RoleArn.$")):
        message = "The field 'RoleArn' is required but was missing"
        report.add("field-missing", f"{state.pointer}/Credentials", message)


def _check_limits(state: StateNode, report: Report) -> None:
    timeout, heartbeat = state.fields.get("TimeoutSeconds"), state.fields.get("HeartbeatSeconds")
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        message = f"HeartbeatSeconds {heartbeat} is not below TimeoutSeconds {timeout}"
        report.add("heartbeat-range", f"{state.pointer}/HeartbeatSeconds", message)
    limits = ["TimeoutSeconds", "TimeoutSecondsPath"]
    if state.is_callback:
        limits += ["HeartbeatSeconds", "HeartbeatSecondsPath"]
    if not any(limit in state.fields for limit in limits):
        what = "waits for its token without a limit" if state.is_callback else "has no time limit"
        report.add("timeout-missing", state.pointer, f"the task {state.name} {what}")


def _check_token(state: StateNode, report: Report) -> None:
    own = {name: value for name, value in state.fields.items() if name not in INNER_SCOPES}
    if state.is_callback:
        arguments = dumps([own.get("Parameters"), own.get("Arguments")])
        if not any(token in arguments for token in TOKEN):
            message = f"the task {state.name} waits for a token that nobody receives"
            report.add("token-missing", state.pointer, message)
        return
    may_wait = ".sync" in state.resource or PLACEHOLDER in state.resource
    has_token = may_wait or ACTIVITY.fullmatch(state.resource)
    if "$$.Task.Token" in dumps(own) and not has_token:
        message = f"the state {state.name} has no token"
        report.add("token-elsewhere", state.pointer, message)


def _check_recovery(state: StateNode, definition: Definition, report: Report) -> None:
    retried = errors_in(state.fields.get("Retry"))
    if _calls_lambda(state) and retried.isdisjoint((PASSING_ERROR, *CATCH_ALL)):
        message = f"the task {state.name} does not retry {PASSING_ERROR}"
        report.add("retry-missing", state.pointer, message)
    if not state.fields.get("Catch") and not state.is_guarded:
        report.add("catch-missing", state.pointer, f"the task {state.name} has no Catch")
    for position, catcher in entries(state.fields.get("Catch")):
        target = _find(definition, catcher.get("Next"))
        if "ResultPath" in catcher or "Output" in catcher or target is None:
            continue
        if _reads_input(target):
            message = f"{target.name} reads input that this Catch replaces by Error and Cause"
            report.add("catch-loses-input", f"{state.pointer}/Catch/{position}", message)


def _calls_lambda(state: StateNode) -> bool:
    return ":lambda:invoke" in state.resource or FUNCTION.fullmatch(state.resource) is not None


def _find(definition: Definition, name: Json) -> StateNode | None:
    return next((state for state in definition.states if state.name == name), None)


def _reads_input(state: StateNode) -> bool:
    """Whether its fields use paths other than those that a Catch provides."""
    if state.type not in ("Task", "Pass"):
        return False
    parameters = OWN_OF_CATCH.sub("", dumps(state.fields.get("Parameters")))
    return INPUT_FIELD.search(parameters) is not None
