"""Wait: lets time pass."""

from collections.abc import Callable

from sfn_local.dataflow.fields import compile_integer, compile_text
from sfn_local.dataflow.flow import compile_flow, uses_jsonata
from sfn_local.dataflow.jsonpath import VisitSource, required_path
from sfn_local.document import Document, Json, dumps
from sfn_local.errors import DefinitionError, RuntimeFailure
from sfn_local.executions.line import Visit
from sfn_local.language.jsonpath import Path, PathNotFound
from sfn_local.states.graph import BuildGraph
from sfn_local.states.state import State, Transition
from sfn_local.timestamps import parse_timestamp

LONGEST_SECONDS = 99_999_999
LONGEST_UNTIL = 2**31 - 1  # what AWS's own counter of seconds to a timestamp holds

WAYS = ("Seconds", "SecondsPath", "Timestamp", "TimestampPath")


class WaitState(State):
    """A Wait state."""

    type = "Wait"

    def __init__(self, name: str, definition: dict[str, Json], _: BuildGraph) -> None:
        """Compile the state.

        Raises:
            DefinitionError: it does not say, in exactly one way, how long to wait.
        """
        super().__init__(name, definition)
        self._flow = compile_flow(definition)
        ways = [way for way in WAYS if way in definition]
        if len(ways) != 1:
            raise DefinitionError(f"exactly one of {', '.join(WAYS)} is needed")
        self._seconds = COMPILE[ways[0]](definition)

    async def execute(self, visit: Visit) -> Transition:
        """Wait; a moment that is past does not wait."""
        document = self._flow.input(visit)
        seconds = self._seconds(visit, document)
        if seconds > 0:
            await visit.sleep(seconds)
        return self._flow.narrow_output(visit, document), self.next


Seconds = Callable[[Visit, Document], float]


def _seconds(definition: dict[str, Json]) -> Seconds:
    seconds = compile_integer(definition, definition, "Seconds", takes_texts=False)
    literal = definition["Seconds"]
    if isinstance(literal, int) and literal > LONGEST_SECONDS:
        message = f"Seconds must be an integer from 0 to {LONGEST_SECONDS}"
        raise DefinitionError(message, "/Seconds")
    return lambda visit, document: float(seconds(visit, document) or 0)


def _seconds_path(definition: dict[str, Json]) -> Seconds:
    path = required_path(definition, "SecondsPath")

    def seconds(visit: Visit, document: Document) -> float:
        value = _referenced(path, "SecondsPath", document, visit)
        shown = f"{path.text} == {dumps(value)}"
        if isinstance(value, bool) or not isinstance(value, int):
            cause = f"The SecondsPath parameter cannot be parsed as a long value: {shown}"
            raise RuntimeFailure(cause)
        if value < 0:
            raise RuntimeFailure(f"The SecondsPath parameter references a negative value: {shown}")
        if value > LONGEST_SECONDS:
            raise RuntimeFailure("Wait state delay is too long.")
        return float(value)

    return seconds


def _timestamp(definition: dict[str, Json]) -> Seconds:
    if uses_jsonata(definition):
        return _timestamp_expression(definition)
    moment = parse_timestamp(definition["Timestamp"])
    if moment is None:
        raise DefinitionError("Timestamp must be an ISO 8601 date and time", "/Timestamp")
    return lambda visit, _document: _until(moment, visit)


def _timestamp_expression(definition: dict[str, Json]) -> Seconds:
    timestamp = compile_text(definition, "Timestamp")

    def seconds(visit: Visit, document: Document) -> float:
        text = timestamp(visit, document)
        moment = parse_timestamp(text)
        if moment is None:
            cause = (
                "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time "
                f"format string: {text}"
            )
            raise visit.query_failure(cause, "Timestamp", follows=visit.event)
        return _until(moment, visit)

    return seconds


def _timestamp_path(definition: dict[str, Json]) -> Seconds:
    path = required_path(definition, "TimestampPath")

    def seconds(visit: Visit, document: Document) -> float:
        value = _referenced(path, "TimestampPath", document, visit)
        moment = parse_timestamp(value)
        if moment is None:
            shown = value if isinstance(value, str) else dumps(value)
            raise RuntimeFailure(
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset "
                f"date-time format string: {path.text} == {shown}"
            )
        return _until(moment, visit)

    return seconds


def _referenced(path: Path, field: str, document: Document, visit: Visit) -> Json:
    try:
        return VisitSource(document.value, visit).read(path)
    except PathNotFound:
        cause = f"The {field} parameter does not reference an input value: {path.text}"
        raise RuntimeFailure(cause) from None


def _until(moment: float, visit: Visit) -> float:
    seconds = moment - visit.runtime.scheduler.clock.time()
    if seconds > LONGEST_UNTIL:
        raise RuntimeFailure("Wait state delay is too long.")
    return seconds


COMPILE: dict[str, Callable[[dict[str, Json]], Seconds]] = {
    "Seconds": _seconds,
    "SecondsPath": _seconds_path,
    "Timestamp": _timestamp,
    "TimestampPath": _timestamp_path,
}
