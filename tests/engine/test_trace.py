from typing import Any

from tests.engine.conftest import Lab

from sfn_local.asl.trace import Step, trace

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
