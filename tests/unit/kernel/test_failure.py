import json
import re
from functools import partial
from pathlib import Path

import pytest

from sfn_cqrs.kernel import failure as failure_module
from sfn_cqrs.kernel.failure import Failure, Frame, place_of, trace_of


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


def of_lambda(message, *trace):
    return json.dumps({"errorMessage": message, "errorType": "Error", "stackTrace": list(trace)})


def frame(file, line=1, function="f", source="raise X"):
    return f'  File "{file}", line {line}, in {function}\n    {source}\n'


def test_the_copy_of_the_framework_in_a_project_is_none_of_the_users_lines():
    copy = "/srv/clinic/.framework/layer/sfn_cqrs/machines/command/handlers.py"

    assert not Frame(copy, 1, "f").is_own
    assert Frame("/srv/clinic/app/clinic/item.py", 1, "f").is_own


def test_the_summary_of_a_lambda_error_is_its_message_and_the_users_lines():
    ours = f"{Path(failure_module.__file__).parents[1]}/kernel/functions/state.py"
    trace = [
        frame("/var/task/app.py", 12, "lambda_handler", "return state.handle(Status.GRANTED)"),
        frame(ours, 30),
        frame("/opt/python/shop/releases.py", 9, "release", "order = orders[code]"),
        frame("/opt/python/shop/orders.py", 4, "find", "raise KeyError(code)"),
        frame("/var/lang/lib/python3.13/json/decoder.py"),
        frame(ours, 31),
    ]

    assert Failure("KeyError", of_lambda("'o-1'", *trace)).summary == (
        "'o-1'\n"
        '  File "/opt/python/shop/releases.py", line 9, in release\n    order = orders[code]\n'
        '  File "/opt/python/shop/orders.py", line 4, in find\n    raise KeyError(code)'
    )


def test_a_comprehension_repeats_no_line():
    line = "save([row(one) for one in rows])"
    trace = [
        frame("/var/task/shop/orders.py", 7, "orders", line),
        frame("/var/task/shop/orders.py", 7, "<listcomp>", line),
        frame("/var/task/shop/orders.py", 9, "row"),
    ]

    summary = Failure("Error", of_lambda("broken", *trace)).summary

    assert re.findall(r"line (\d), in (\S+)", summary) == [("7", "orders"), ("9", "row")]


def test_the_summary_of_an_error_of_ours_is_its_whole_trace():
    ours = frame(failure_module.__file__)

    assert Failure("X", of_lambda("m", ours, ours)).summary == f"m\n{ours}{ours}".rstrip()


def test_a_message_that_names_the_users_line_needs_no_trace():
    message = 'target: KeyError: 1\n  File "/opt/python/shop/orders.py", line 4, in f\n    x'

    failure = Failure("SyncHandlerError", of_lambda(message, frame("/var/task/app.py")))

    assert failure.summary == message


def test_the_trace_of_an_error_has_the_users_lines_and_those_of_its_causes():
    lines = trace_of(raised(wrapping)).splitlines()

    assert [line.strip() for line in lines if "File" not in line] == [
        'raise ValueError("no customer") from error',
        "caused by KeyError: 'customer'",
        'return {}["customer"]',
    ]
    assert all(
        re.fullmatch(r'  File ".*/test_failure\.py", line \d+, in wrapping', line)
        for line in lines
        if "File" in line
    )
    assert re.fullmatch(r"test_failure\.py, line \d+", place_of(raised(wrapping)))


def test_what_was_hidden_on_purpose_stays_so():
    def hiding():
        try:
            wrapping()
        except ValueError:
            raise RuntimeError("no") from None

    assert "customer" not in trace_of(raised(hiding))


def test_an_error_that_never_met_the_users_code_has_no_trace():
    assert trace_of(raised(partial(json.loads, "{"))) == ""
    assert trace_of(ValueError("never raised")) == place_of(ValueError()) == ""


def test_a_syntax_error_is_told_with_its_line():
    error = raised(lambda: compile("a = 1\nb = = 2\n", "/app/shop/orders.py", "exec"))

    assert trace_of(error).splitlines()[-2:] == [
        '  File "/app/shop/orders.py", line 2',
        "    b = = 2",
    ]


def test_a_trace_is_short_however_deep_and_long_the_code_is():
    def deep(n):
        return deep(n - 1) if n else 1 / 0

    error = raised(lambda: deep(50))

    assert trace_of(error).count("File") == 5
    assert "x" * 201 not in str(Frame("a.py", 1, "f", "x" * 300))


def wrapping():
    try:
        return {}["customer"]
    except KeyError as error:
        raise ValueError("no customer") from error


def raised(function):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whichever
        function()
    return caught.value.with_traceback(caught.value.__traceback__.tb_next)  # without this function


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
