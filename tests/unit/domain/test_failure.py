import json

import pytest

from sfn_cqrs.domain.failure import Failure

LAMBDA_ERROR = {
    "errorMessage": "airports_by_country: KeyError: 'country'",
    "errorType": "SyncHandlerError",
    "requestId": "6f1c2d7e",
    "stackTrace": ['  File "app.py", line 1, in f\n    raise X\n', '  File "b.py", line 2\n'],
}


@pytest.mark.parametrize(
    ("state_input", "error", "cause"),
    [
        ({"Error": "States.Timeout", "Cause": "too long"}, "States.Timeout", "too long"),
        (
            {"result": -1, "error": "version is not match", "cause": "next"},
            "version is not match",
            "next",
        ),
        ({"Error": "States.Timeout"}, "States.Timeout", ""),
        ({"Error": "", "Cause": None}, "UnknownError", ""),
        ({}, "UnknownError", ""),
        ("text", "UnknownError", ""),
        (None, "UnknownError", ""),
        ([1], "UnknownError", ""),
        ({"Error": 5, "Cause": {"a": 1}}, "5", "{'a': 1}"),
    ],
)
def test_what_a_catch_or_a_refusal_says_is_read(state_input, error, cause):
    assert Failure.of(state_input) == Failure(error, cause)


def test_error_and_cause_keep_to_the_limits_of_step_functions():
    failure = Failure.of({"Error": "e" * 300, "Cause": "c" * 40_000})

    assert (len(failure.error), len(failure.cause)) == (256, 32_768)


def test_only_a_predecessors_failure_blocks():
    assert Failure("PredecessorFailedError", "").is_predecessors
    assert not Failure("VersionGapError", "").is_predecessors


def test_a_handlers_error_names_the_state_that_writes_no_status():
    assert Failure("SyncHandlerError", "").state == "sync_data"
    assert Failure("States.Timeout", "").state is None


def test_the_summary_of_a_lambda_error_is_its_message_and_its_trace():
    failure = Failure("SyncHandlerError", json.dumps(LAMBDA_ERROR))

    assert failure.summary == (
        "airports_by_country: KeyError: 'country'\n"
        '  File "app.py", line 1, in f\n    raise X\n'
        '  File "b.py", line 2'
    )


@pytest.mark.parametrize(
    "cause",
    [
        "plain text",
        "",
        "[1, 2]",
        '"text"',
        "7",
        "null",
        '{"errorType": "X"}',
        '{"errorMessage": "m", "stackTrace": 5}',
        '{"errorMessage": "cut off',
    ],
)
def test_the_summary_of_any_other_cause_is_the_cause(cause):
    assert Failure("Error", cause).summary == cause


def test_a_summary_is_short_enough_for_an_item():
    assert len(Failure("Error", "c" * 30_000).summary) == 4_000
    assert len(Failure("Error", json.dumps({"errorMessage": "m" * 30_000})).summary) == 4_000
