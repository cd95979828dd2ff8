"""What `sfn-cqrs logs` reads, of the local stack and of CloudWatch."""

import json
import sys
import time
from itertools import takewhile

import boto3
import pytest
from moto import mock_aws

from sfn_cqrs.kernel.keys import CommandRef, ItemKey
from sfn_cqrs_tools.cli import main
from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.client.log_lines import LogLine, Wanted
from sfn_cqrs_tools.client.log_source import lines_of_aws, lines_of_file
from sfn_cqrs_tools.runtime.state import StackInfo, StateFolder

A, B, C = (f"{letter * 8}-0000-4000-8000-000000000000" for letter in "abc")
NAME = CommandRef(ItemKey("tenant1", "ORDER", "o-1"), 2, 1).execution_name("commands")


def entry(level, message, **more):
    at = "2026-11-26T12:00:01.500Z"
    return json.dumps({"level": level, "message": message, "timestamp": at, **more})


LOG = "\n".join(
    (
        "2026-11-26 12:00:00,100 INFO sfn_cqrs_tools.stack.local_stack it begins",
        f"FinishFunction {A} {entry('INFO', 'state finished', execution=NAME, version=2)}",
        f"FinishFunction {A} printed by a handler",
        f"ApiFunction {B} {entry('WARNING', 'slow', task='t-1')}",
        f"SyncFunction {C} "
        + json.dumps(
            {
                "level": "ERROR",
                "timestamp": "2026-11-26T12:00:02.000Z",
                "errorType": "KeyError",
                "errorMessage": 'total\n  File "/x/app/shop/orders.py", line 3, in f\n    a[b]',
            }
        ),
        "",
    )
)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return what runs the command on a state folder whose stack has logged LOG."""
    folder = StateFolder(tmp_path)
    folder.acquire()
    outputs = {"CommandsTableName": "commands"}
    url = "http://127.0.0.1:1"
    folder.write(StackInfo(url, url, url, url, 1, "toy", "", outputs))
    folder.stack_log.write_text(LOG)

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["sfn-cqrs", "logs", *arguments, "--state", str(tmp_path)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        printed = capsys.readouterr()
        command.error = printed.err
        return printed.out.splitlines()

    yield command
    folder.release()


def test_each_line_says_when_how_grave_who_and_what(run):
    assert run() == [
        "12:00:00 INFO     it begins",
        "12:00:01 INFO     FinishFunction state finished  version=2",
        "INFO     FinishFunction printed by a handler",
        "12:00:01 WARNING  ApiFunction slow  task=t-1",
        "12:00:02 ERROR    SyncFunction KeyError: total",
        '  File "/x/app/shop/orders.py", line 3, in f',
        "    a[b]",
    ]


@pytest.mark.parametrize(
    ("options", "functions"),
    [
        (("--level", "warning"), ["ApiFunction", "SyncFunction"]),
        (("--function", "SyncFunction"), ["SyncFunction"]),
        (("--item", "ORDER/o-1"), ["FinishFunction", "FinishFunction"]),
        (("--item", "ORDER/o-2"), []),
        (("--item", "t-1"), ["ApiFunction"]),
        (("-n", "1"), ["SyncFunction"]),
    ],
)
def test_lines_are_chosen_by_level_function_and_item(run, options, functions):
    heads = [line for line in run(*options) if not line.startswith("  ")]

    assert [word for line in heads for word in line.split() if word.endswith("Function")] == (
        functions
    )


def test_it_is_said_that_no_line_fits(run):
    assert run("--item", "ORDER/o-2") == []
    assert run.error == "nothing is logged that fits\n"


def test_as_json_each_line_is_what_was_logged(run):
    last = run("--json", "-n", "1")

    assert json.loads(last[0])["errorType"] == "KeyError"


def test_an_exception_is_told_by_its_last_error_and_the_users_lines():
    trace = """Traceback (most recent call last):
  File "/x/layer/sfn_cqrs/../y.py", line 1, in f
    raise KeyError
KeyError: 'a'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/x/app/shop/orders.py", line 2, in g
    raise AppError("b") from error
shop.errors.AppError: b
of two lines"""
    line = LogLine.of_function(
        "F", "-", entry("ERROR", "it failed", exception=trace, exception_name="AppError")
    )

    assert line.message == "it failed: AppError: b"
    assert line.code[-1].strip() == 'raise AppError("b") from error'


def test_metrics_are_shown_as_names_and_values():
    metric = {"Namespace": "sfn-cqrs", "Dimensions": [["service"]], "Metrics": [{"Name": "Open"}]}
    emitted = {"_aws": {"Timestamp": 1796021332984, "CloudWatchMetrics": [metric]}, "Open": [3.0]}

    line = LogLine.of_function("SweepFunction", "-", json.dumps(emitted))

    assert (line.at, line.level, line.message) == ("06:48:52", "INFO", "metrics")
    assert line.notes == {"Open": 3.0}


def test_a_log_is_followed_and_begun_anew_when_another_stack_does(tmp_path, monkeypatch):
    monkeypatch.setattr("sfn_cqrs_tools.client.log_source.LOOK_SECONDS", 0)
    log = tmp_path / "stack.log"
    log.write_text(f"F {A} one\nF {A} tw")
    lines = lines_of_file(log, follow=True)

    def come():
        return [line.text for line in takewhile(lambda one: one is not None, lines)]

    assert come() == ["one"]
    with log.open("a") as file:
        file.write(f"o\nF {A} three\n")
    assert come() == ["two", "three"]
    log.write_text(f"F {B} 4\n")
    assert come() == ["4"]


def test_a_stack_on_aws_has_its_lines_in_cloudwatch_each_once(monkeypatch):
    monkeypatch.setattr("sfn_cqrs_tools.client.log_source.AWS_SECONDS", 0)
    with mock_aws():
        client = boto3.client("logs", region_name="us-east-1")
        client.create_log_group(logGroupName="group")
        stream = "2026/11/26/dev-finish[$LATEST]0123"
        client.create_log_stream(logGroupName="group", logStreamName=stream)

        def put(at, text):
            event = {"timestamp": at, "message": text}
            client.put_log_events(logGroupName="group", logStreamName=stream, logEvents=[event])

        target = Target({}, {}, "dev")
        monkeypatch.setattr(Target, "client", lambda _self, _name: client)
        monkeypatch.setattr(Target, "physical_id", lambda _self, _id: "group")
        now = int(time.time() * 1000)
        put(now, entry("INFO", "one", requestId=A))
        lines = lines_of_aws(target, now - 60_000, follow=True)
        first = list(takewhile(lambda one: one is not None, lines))
        put(now + 1, entry("INFO", "two"))
        second = list(takewhile(lambda one: one is not None, lines))

    assert [(one.function, one.request, one.message) for one in first] == [("dev-finish", A, "one")]
    assert [one.message for one in second] == ["two"]


def test_all_lines_of_an_invocation_are_about_what_one_of_them_names():
    wanted = Wanted(values=frozenset(("t-1",)))

    told = [
        wanted(LogLine.of_function("F", request, text))
        for request, text in (
            (A, "before"),
            (A, entry("INFO", "x", task="t-1")),
            (A, "after"),
            (B, entry("INFO", "x", task="t-2")),
        )
    ]

    assert told == [False, True, True, False]
