"""RedriveExecution: the states that run again, and those that must not.

Source: Step Functions API Reference, RedriveExecution and DescribeExecution (redriveStatusReason);
Developer Guide, "Restarting state machine executions with redrive in Step Functions".
"""

from typing import Any

import pytest
from engine.tests.conftest import Lab, Run

from sfn_local import FunctionError
from sfn_local.errors import ExecutionNotRedrivable, TaskTimedOut
from sfn_local.executions.history import MOST_EVENTS, Event

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:{}"
DAY = 86_400


def task(name: str, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": FUNCTION.format(name), "End": True, **more}


def chain(**states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def after(state: dict[str, Any], following: str) -> dict[str, Any]:
    return {**{name: value for name, value in state.items() if name != "End"}, "Next": following}


class Flaky:
    """A function that fails until it is mended."""

    def __init__(self) -> None:
        self.is_mended = False

    def __call__(self, given: Any) -> Any:
        if not self.is_mended:
            raise FunctionError("Broken", "c")
        return {"mended": given}


def redrive(lab: Lab, run: Run, token: str | None = None) -> None:
    lab.engine.redrive_execution(run.arn, token)
    lab.engine.run_until(run.arn)


def test_only_what_failed_or_was_aborted_of_a_map_runs_again() -> None:
    flaky = Flaky()
    lab = Lab({"good": lambda given: given * 10, "flaky": flaky})
    check = {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "NumericEquals": 20, "Next": "bad"}],
        "Default": "end",
    }
    processor = chain(
        good=after(task("good"), "check"),
        check=check,
        bad=task("flaky"),
        end={"Type": "Succeed"},
    )
    each = {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": processor, "End": True}
    run = lab.run(chain(each=each), [1, 2, 3])
    flaky.is_mended = True
    redrive(lab, run)

    assert (run.status, run.output) == ("SUCCEEDED", [10, {"mended": 20}, 30])
    assert [name for name, _ in lab.calls] == ["good", "good", "flaky", "flaky", "good"]


def test_only_the_failed_branches_run_again() -> None:
    flaky = Flaky()
    lab = Lab({"good": lambda _: "good", "flaky": flaky})
    wait = {"Type": "Wait", "Seconds": 5, "Next": "bad"}
    branches = [chain(fine=task("good")), chain(pause=wait, bad=task("flaky"))]
    run = lab.run(chain(fork={"Type": "Parallel", "Branches": branches, "End": True}), {"a": 1})
    flaky.is_mended = True
    redrive(lab, run)

    assert run.output == ["good", {"mended": {"a": 1}}]
    assert [name for name, _ in lab.calls] == ["good", "flaky", "flaky"]


def test_variables_are_kept() -> None:
    flaky = Flaky()
    lab = Lab({"f": flaky})
    machine = chain(
        set={"Type": "Pass", "Assign": {"kept": 7}, "Next": "call"},
        call=after(task("f"), "show"),
        show={"Type": "Pass", "Parameters": {"x.$": "$kept"}, "End": True},
    )
    run = lab.run(machine)
    flaky.is_mended = True
    redrive(lab, run)

    assert run.output == {"x": 7}


def test_an_aborted_execution_asks_for_its_work_again_with_a_new_token() -> None:
    lab = Lab({"f": lambda _: None})
    callback = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}},
        "End": True,
    }
    run = lab.start(chain(park=callback))
    lab.engine.stop_execution(run.arn)
    lab.engine.redrive_execution(run.arn)
    lab.engine.run_until_idle()
    old, new = (given["token"] for _, given in lab.calls)

    with pytest.raises(TaskTimedOut):
        lab.engine.send_task_success(old, "1")
    lab.engine.send_task_success(new, "2")
    lab.engine.run_until_idle()
    assert run.output == 2


def test_the_time_limit_of_the_machine_starts_again() -> None:
    lab = Lab()
    wait = {"Type": "Wait", "Seconds": 60, "End": True}
    run = lab.run({**chain(pause=wait), "TimeoutSeconds": 50})
    assert run.status == "TIMED_OUT"
    lab.engine.redrive_execution(run.arn)
    lab.engine.run_for(49)
    assert run.status == "RUNNING"
    lab.engine.run_for(1)
    assert run.status == "TIMED_OUT"


def test_a_redriven_fail_state_fails_again() -> None:
    lab = Lab()
    run = lab.run(chain(no={"Type": "Fail", "Error": "E"}))
    redrive(lab, run)

    assert (run.status, run.error) == ("FAILED", "E")
    assert lab.engine.describe_execution(run.arn)["redriveCount"] == 1


def test_a_client_token_redrives_once_in_15_minutes() -> None:
    lab = Lab()
    run = lab.run(chain(no={"Type": "Fail"}))
    redrive(lab, run, "token")
    redrive(lab, run, "token")
    assert lab.engine.describe_execution(run.arn)["redriveCount"] == 1
    lab.clock.advance(901)
    redrive(lab, run, "token")
    assert lab.engine.describe_execution(run.arn)["redriveCount"] == 2


def refusal(lab: Lab, run: Run) -> str:
    with pytest.raises(ExecutionNotRedrivable) as caught:
        lab.engine.redrive_execution(run.arn)
    reason = str(caught.value)
    assert lab.engine.describe_execution(run.arn)["redriveStatusReason"] == reason
    return reason


def test_a_year_after_its_start_nothing_can_be_redriven() -> None:
    lab = Lab()
    wait = {"Type": "Wait", "Seconds": 360 * DAY, "Next": "no"}
    run = lab.run(chain(pause=wait, no={"Type": "Fail"}))
    lab.clock.advance(6 * DAY)

    assert refusal(lab, run) == "Execution has exceeded the max execution time"


def test_a_full_history_cannot_be_redriven(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab()
    run = lab.run(chain(no={"Type": "Fail"}))
    execution = lab.engine._execution(run.arn)
    event = Event(1, 0, 0.0, "PassStateEntered", None)
    monkeypatch.setattr(execution.history, "_events", [event] * (MOST_EVENTS - 1))

    assert refusal(lab, run) == "Execution history event limit exceeded"
