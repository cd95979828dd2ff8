"""Wait and Fail states."""

from sfn_local.lint.finding import Report, one_missing_of, only_one_of
from sfn_local.lint.model import Definition
from sfn_local.timestamps import parse_timestamp

WAYS = ("Seconds", "SecondsPath", "Timestamp", "TimestampPath")
AS_AWS_LISTS_THEM = ("SecondsPath", "Seconds", "TimestampPath", "Timestamp")


def check(definition: Definition, report: Report) -> None:
    """Look at how long Wait states wait."""
    for state in definition.of_type("Wait"):
        ways = [way for way in WAYS if way in state.fields]
        if len(ways) != 1:
            given = ", ".join(ways) or "none"
            message = f"the state {state.name} has {given} of {', '.join(WAYS)}"
            refusal = (only_one_of if ways else one_missing_of)(*AS_AWS_LISTS_THEM)
            report.add("wait-ways", state.pointer, message, refusal=refusal)
        timestamp = state.fields.get("Timestamp")
        is_expression = isinstance(timestamp, str) and timestamp.startswith("{%")
        if timestamp is not None and not is_expression and parse_timestamp(timestamp) is None:
            message = "Timestamp is not a date and time with an offset"
            refusal = "String does not match RFC3339 timestamp"
            report.add("timestamp", f"{state.pointer}/Timestamp", message, refusal=refusal)
