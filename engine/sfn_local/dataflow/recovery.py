"""Retry and Catch: how a state handles a failure.

Source: Step Functions Developer Guide, "Handling errors in Step Functions workflows".
"""

from dataclasses import dataclass

from sfn_local.dataflow.flow import uses_jsonata
from sfn_local.dataflow.jsonata import Scope
from sfn_local.dataflow.jsonata.flow import JsonataFlow
from sfn_local.dataflow.jsonpath import JsonPathFlow
from sfn_local.document import Document, Json
from sfn_local.errors import DefinitionError, SizeFailure, StateFailure
from sfn_local.executions.line import Visit

ALL = "States.ALL"
TASK_FAILED = "States.TaskFailed"
NEVER_HANDLED = "States.Runtime"
TIMEOUT = "States.Timeout"


@dataclass(frozen=True, slots=True)
class Retrier:
    """One entry of Retry; seconds, as AWS counts them."""

    errors: tuple[str, ...]
    interval: float
    most_attempts: int
    backoff: float
    longest_delay: float | None
    full_jitter: bool

    def delay(self, attempts: int, random: float) -> float:
        """How long to wait after that many earlier attempts; random is in [0, 1)."""
        try:
            delay = self.interval * self.backoff**attempts
        except OverflowError:
            delay = float("inf")
        if self.longest_delay is not None:
            delay = min(delay, self.longest_delay)
        return delay * random if self.full_jitter else delay


class Retriers:
    """The Retry field of a state."""

    def __init__(self, entries: list[Retrier]) -> None:
        """Entries in their order; last is the failure that was asked about last."""
        self.entries = entries
        self.last: StateFailure | None = None

    def delay(self, visit: Visit, failure: StateFailure) -> float | None:
        """Return how long to wait before the next attempt, which is counted; None for none."""
        for position, retrier in enumerate(self.entries):
            if not handles(retrier.errors, failure):
                continue
            made = visit.attempts.get(position, 0)
            if made >= retrier.most_attempts:
                return None
            visit.attempts[position] = made + 1
            visit.runtime.took(visit.state.name, "Retry", position)
            return retrier.delay(made, visit.random() if retrier.full_jitter else 0.0)
        return None


@dataclass(frozen=True, slots=True)
class Catcher:
    """One entry of Catch."""

    errors: tuple[str, ...]
    next: str
    flow: JsonPathFlow | JsonataFlow

    def output(self, visit: Visit, failure: StateFailure) -> Document:
        """Return what the next state receives: the error and its cause, shaped by the catcher.

        Raises:
            StateFailure: the input has no room for it, or an expression fails.
        """
        cause = "" if failure.cause is None and failure.error == TIMEOUT else failure.cause
        report = Document({"Error": failure.error, "Cause": cause})
        if isinstance(self.flow, JsonataFlow):
            return self.flow.finish(Scope(visit, errorOutput=report.value), report)
        return self.flow.output(visit, report)


def handles(errors: tuple[str, ...], failure: StateFailure) -> bool:
    """Whether an ErrorEquals speaks of the failure.

    States.Runtime is never handled; data that the state itself made too large only by name.
    """
    names = failure.names
    if NEVER_HANDLED in names:
        return False
    if any(name in errors for name in names):
        return True
    if isinstance(failure, SizeFailure):
        return False
    return ALL in errors or (TASK_FAILED in errors and TIMEOUT not in names)


def find_catcher(catchers: list[Catcher], failure: StateFailure) -> Catcher | None:
    """The first that handles the failure."""
    return next((catcher for catcher in catchers if handles(catcher.errors, failure)), None)


def compile_retriers(definition: dict[str, Json]) -> Retriers:
    """The Retry field of a state.

    Raises:
        DefinitionError: it is not well formed.
    """
    return Retriers([_compile_retrier(entry, at) for entry, at in _entries(definition, "Retry")])


def compile_catchers(definition: dict[str, Json]) -> list[Catcher]:
    """The Catch field of a state.

    Raises:
        DefinitionError: it is not well formed.
    """
    is_jsonata = uses_jsonata(definition)
    return [
        _compile_catcher(entry, at, is_jsonata=is_jsonata)
        for entry, at in _entries(definition, "Catch")
    ]


def _compile_retrier(entry: dict[str, Json], pointer: str) -> Retrier:
    longest = entry.get("MaxDelaySeconds")
    jitter = entry.get("JitterStrategy", "NONE")
    if jitter not in ("NONE", "FULL"):
        message = "JitterStrategy must be NONE or FULL"
        raise DefinitionError(message, f"{pointer}/JitterStrategy")
    return Retrier(
        errors=_errors(entry, pointer),
        interval=_number(entry, "IntervalSeconds", 1, 0, pointer),
        most_attempts=int(_number(entry, "MaxAttempts", 3, 0, pointer)),
        backoff=_number(entry, "BackoffRate", 2.0, 1, pointer),
        longest_delay=None if longest is None else _number(entry, "MaxDelaySeconds", 1, 1, pointer),
        full_jitter=jitter == "FULL",
    )


def _compile_catcher(entry: dict[str, Json], pointer: str, *, is_jsonata: bool) -> Catcher:
    following = entry.get("Next")
    if not isinstance(following, str):
        raise DefinitionError("a catcher needs a Next", pointer)
    try:
        flow = JsonataFlow(entry) if is_jsonata else JsonPathFlow(entry)
    except DefinitionError as error:
        raise error.within(pointer) from None
    return Catcher(_errors(entry, pointer), following, flow)


def _entries(definition: dict[str, Json], field: str) -> list[tuple[dict[str, Json], str]]:
    entries = definition.get(field, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DefinitionError(f"{field} must be a list of objects", f"/{field}")
    return [(entry, f"/{field}/{position}") for position, entry in enumerate(entries)]


def _errors(entry: dict[str, Json], pointer: str) -> tuple[str, ...]:
    errors = entry.get("ErrorEquals")
    if not isinstance(errors, list) or not errors or not all(isinstance(e, str) for e in errors):
        message = "ErrorEquals must be a list with at least one error name"
        raise DefinitionError(message, f"{pointer}/ErrorEquals")
    return tuple(errors)


def _number(
    entry: dict[str, Json], field: str, default: float, least: float, pointer: str
) -> float:
    value = entry.get(field, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < least:
        raise DefinitionError(f"{field} must be a number of at least {least}", f"{pointer}/{field}")
    return float(value)
