from datetime import timedelta
from typing import Any

import pytest
from engine.tests.conftest import Lab

from sfn_local.cli.run import BAR, print_run
from sfn_local.graph import taken
from sfn_local.trace import Step, stopped_in, trace

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
WAIT = {"Type": "Wait", "Seconds": 5, "End": True}


def shown(steps: list[Step]) -> list[tuple[str, int, float | None]]:
    return [(step.name, step.depth, step.seconds) for step in steps]


def test_nested_states_are_inside_their_map_and_parallel(lab: Lab) -> None:
    branches = [{"StartAt": name, "States": {name: WAIT}} for name in ("b1", "b2")]
    inner = {"Type": "Parallel", "Branches": branches, "Next": "after"}
    processor = {
        "StartAt": "inner",
        "States": {"inner": inner, "after": {"Type": "Pass", "End": True}},
    }
    machine: dict[str, Any] = {
        "StartAt": "outer",
        "States": {
            "outer": {"Type": "Map", "ItemProcessor": processor, "Next": "last"},
            "last": {"Type": "Pass", "End": True},
        },
    }
    steps = trace(lab.run(machine, [1]).events)

    assert shown(steps) == [
        ("outer", 0, 5.0),
        ("inner", 1, 5.0),
        ("b1", 2, 5.0),
        ("b2", 2, 5.0),
        ("after", 1, 0.0),
        ("last", 0, 0.0),
    ]


def test_attempts_and_the_last_error_are_counted(lab: Lab) -> None:
    def broken(_: Any) -> Any:
        raise ValueError("no")

    lab.functions["f"] = broken
    retry = [{"ErrorEquals": ["ValueError"], "MaxAttempts": 2, "IntervalSeconds": 1}]
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "caught"}]
    task = {"Type": "Task", "Resource": FUNCTION, "Retry": retry, "Catch": catch}
    first, second = trace(lab.run_state(task).events)

    assert (first.attempts, first.error, first.seconds) == (3, "ValueError", 3.0)
    assert (second.name, second.depth) == ("caught", 0)


def test_a_failed_map_inside_a_caught_map_does_not_confuse(lab: Lab) -> None:
    fail = {"StartAt": "fail", "States": {"fail": {"Type": "Fail", "Error": "E"}}}
    inner = {
        "StartAt": "inner",
        "States": {"inner": {"Type": "Map", "ItemProcessor": fail, "End": True}},
    }
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "caught"}]
    steps = trace(
        lab.run_state({"Type": "Map", "ItemProcessor": inner, "Catch": catch}, [[1]]).events
    )

    assert shown(steps) == [
        ("it", 0, 0.0),
        ("inner", 1, None),
        ("fail", 2, None),
        ("caught", 0, 0.0),
    ]


CATCH = [{"ErrorEquals": ["States.ALL"], "Next": "caught"}]


def test_a_step_knows_its_data_and_what_led_to_it(lab: Lab) -> None:
    lab.functions["f"] = lambda given: {"got": given}
    task = {"Type": "Task", "Resource": FUNCTION, "Parameters": {"x.$": "$.a"}, "Next": "last"}
    states = {"first": task, "last": {"Type": "Succeed"}}
    first, last = trace(lab.run({"StartAt": "first", "States": states}, {"a": 1}).events)

    assert (first.input, first.arguments, first.output) == (
        '{"a": 1}',
        '{"x":1}',
        '{"got": {"x": 1}}',
    )
    assert (first.after, last.after) == (None, first)


def test_a_failed_execution_stopped_in_its_innermost_state(lab: Lab) -> None:
    fail = {"Type": "Fail", "Error": "E", "Cause": "C"}
    processor = {"StartAt": "no", "States": {"no": fail}}
    each = {"Type": "Map", "ItemProcessor": processor, "End": True}
    run = lab.run({"StartAt": "each", "States": {"each": each}}, [{"n": 1}])
    (step,) = stopped_in(run.events)

    assert (step.name, step.error, step.cause, step.input) == ("no", "E", "C", '{"n":1}')


def test_a_failed_branch_is_where_the_execution_stopped(lab: Lab) -> None:
    branches = [
        {"StartAt": "slow", "States": {"slow": WAIT}},
        {"StartAt": "no", "States": {"no": {"Type": "Fail", "Error": "E"}}},
    ]
    run = lab.run_state({"Type": "Parallel", "Branches": branches})

    assert [step.name for step in stopped_in(run.events)] == ["no"]


def test_an_execution_that_waits_is_in_its_innermost_states(lab: Lab) -> None:
    branches = [{"StartAt": name, "States": {name: WAIT}} for name in ("b1", "b2")]
    fork = {"Type": "Parallel", "Branches": branches, "End": True}
    run = lab.start({"StartAt": "fork", "States": {"fork": fork}})

    assert [step.name for step in stopped_in(run.events)] == ["b1", "b2"]


def test_an_execution_that_succeeded_stopped_nowhere(lab: Lab) -> None:
    run = lab.run_state({"Type": "Pass"})

    assert stopped_in(run.events) == []


def test_the_taken_path_has_outcomes_visits_and_ways(lab: Lab) -> None:
    def broken(_: Any) -> Any:
        raise ValueError("no")

    lab.functions["f"] = broken
    states: dict[str, Any] = {
        "call": {"Type": "Task", "Resource": FUNCTION, "Catch": CATCH, "Next": "idle"},
        "idle": {"Type": "Succeed"},
        "caught": {"Type": "Pass", "Result": 1, "Next": "no"},
        "no": {"Type": "Fail"},
    }
    path = taken(lab.run({"StartAt": "call", "States": states}).events)

    assert path.outcomes == {"call": "caught", "caught": "succeeded", "no": "failed"}
    assert path.outcome("idle") == "idle"
    assert path.visits == {"call": 1, "caught": 1, "no": 1}
    assert path.ways == {
        ("", "call", False),
        ("call", "caught", True),
        ("caught", "no", False),
    }


def test_what_is_no_history_has_no_path() -> None:
    with pytest.raises(ValueError, match="not events of GetExecutionHistory"):
        taken([{"type": "PassStateEntered"}])


def test_a_terminal_shows_when_each_state_was_at_work(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    events = lab.run({"StartAt": "w", "States": {"w": WAIT}}, {}).events
    began = events[0]["timestamp"]
    ended = began + timedelta(seconds=5)
    described = {"status": "SUCCEEDED", "startDate": began, "stopDate": ended}
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    print_run(described, events, with_data=False)

    assert f"\x1b[32m{'━' * BAR}\x1b[0m\n" in capsys.readouterr().out


@pytest.mark.parametrize(("tries", "colour"), [(2, "33"), (1, "31")])
def test_a_terminal_shows_in_yellow_what_a_retry_got_over(
    tries: int,
    colour: str,
    lab: Lab,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    calls: list[Any] = []

    def down_once(given: Any) -> Any:
        calls.append(given)
        if len(calls) == 1:
            raise OSError("down")

    lab.functions["f"] = down_once
    retry = [{"ErrorEquals": ["OSError"], "MaxAttempts": tries - 1}]
    task = {"Type": "Task", "Resource": FUNCTION, "Retry": retry, "End": True}
    run = lab.run({"StartAt": "w", "States": {"w": task}})
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    print_run(run.engine.describe_execution(run.arn), run.events, with_data=False)

    assert f"\x1b[{colour}m  OSError\x1b[0m" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("retried", "said"),
    [
        (True, "it tries w again after a pause\n"),
        (False, "it waits for a token or a function\n"),
    ],
)
def test_a_running_execution_says_whether_it_waits_for_a_retry(
    retried: bool, said: str, lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    def down(_: Any) -> Any:
        raise OSError("down")

    lab.functions["f"] = down
    lab.hang = set() if retried else {"f"}
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 60}]
    task = {"Type": "Task", "Resource": FUNCTION, "Retry": retry, "End": True}
    run = lab.start({"StartAt": "w", "States": {"w": task}}, {})
    described = {"status": "RUNNING", "startDate": run.events[0]["timestamp"]}

    print_run(described, run.events, with_data=False)

    assert said in capsys.readouterr().out
