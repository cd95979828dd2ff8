"""Wait and Fail.

Source: Step Functions Developer Guide, "Wait workflow state" and "Fail workflow state"; texts as
AWS recorded them in localstack's tests/aws/services/stepfunctions/v2/base.
"""

from typing import Any

import pytest
from engine.tests.conftest import Lab

SENTENCE = "An error occurred while executing the state 'it' (entered at the event id #2). "


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"Seconds": 10}, 10),
        ({"Seconds": 0}, 0),
        ({"SecondsPath": "$.seconds"}, 90),
        ({"Timestamp": "2026-01-01T00:01:00Z"}, 60),
        ({"Timestamp": "2026-01-01T01:01:00+01:00"}, 60),
        ({"Timestamp": "2026-01-01T00:00:00.250Z"}, 0.25),
        ({"Timestamp": "2020-01-01T00:00:00Z"}, 0),
        ({"TimestampPath": "$.until"}, 86_400),
    ],
)
def test_a_wait_takes_its_time(lab: Lab, fields: dict[str, Any], seconds: float) -> None:
    data = {"seconds": 90, "until": "2026-01-02T00:00:00Z"}
    run = lab.run_state({"Type": "Wait", **fields}, data)

    assert run.output == data
    assert lab.elapsed(run) == seconds


@pytest.mark.parametrize(
    ("field", "value", "cause"),
    [
        ("Seconds", 1.5, "The SecondsPath parameter cannot be parsed as a long value: $.v == 1.5"),
        ("Seconds", "1", 'The SecondsPath parameter cannot be parsed as a long value: $.v == "1"'),
        ("Seconds", -1, "The SecondsPath parameter references a negative value: $.v == -1"),
        ("Seconds", 10**9, "Wait state delay is too long."),
        (
            "Timestamp",
            "2016-12-05 21:29:29Z",
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset "
            "date-time format string: $.v == 2016-12-05 21:29:29Z",
        ),
        (
            "Timestamp",
            "2016-13-05T21:29:29Z",
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset "
            "date-time format string: $.v == 2016-13-05T21:29:29Z",
        ),
        ("Timestamp", "2126-01-01T00:00:00Z", "Wait state delay is too long."),
    ],
)
def test_a_time_that_is_none_is_a_runtime_error(
    lab: Lab, field: str, value: Any, cause: str
) -> None:
    run = lab.run_state({"Type": "Wait", f"{field}Path": "$.v"}, {"v": value})

    assert (run.error, run.cause) == ("States.Runtime", SENTENCE + cause)


def test_a_time_that_is_missing_is_a_runtime_error(lab: Lab) -> None:
    run = lab.run_state({"Type": "Wait", "SecondsPath": "$.v"}, {})

    assert (
        run.cause == f"{SENTENCE}The SecondsPath parameter does not reference an input value: $.v"
    )


@pytest.mark.parametrize(
    ("fields", "error", "cause"),
    [
        ({}, None, None),
        ({"Error": "E"}, "E", None),
        ({"Error": "E", "Cause": "C"}, "E", "C"),
        ({"ErrorPath": "$.e", "CausePath": "$.c"}, "from input", "because"),
        ({"Error": "E", "CausePath": "States.Format('{}!', $.c)"}, "E", "because!"),
        ({"ErrorPath": "$$.State.Name"}, "it", None),
    ],
)
def test_a_fail_state_fails_the_execution(
    lab: Lab, fields: dict[str, Any], error: str | None, cause: str | None
) -> None:
    run = lab.run_state({"Type": "Fail", **fields}, {"e": "from input", "c": "because"})

    assert (run.status, run.error, run.cause) == ("FAILED", error, cause)


def test_a_fail_states_path_that_leads_nowhere_is_a_runtime_error(lab: Lab) -> None:
    run = lab.run_state({"Type": "Fail", "ErrorPath": "$.x"}, {})
    cause = "The JSONPath '$.x' specified for the field 'ErrorPath' could not be found in the input"

    assert (run.error, run.cause) == ("States.Runtime", f"{SENTENCE}{cause} '{{}}'")
