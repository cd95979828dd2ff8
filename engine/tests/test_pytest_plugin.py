"""The plugin, used by a test suite of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sfn_local import pytest_plugin
from sfn_local.mock_skeleton import mock_skeleton

pytest_plugins = ["pytester"]

MACHINE = """{
  "StartAt": "call",
  "States": {
    "call": {
      "Type": "Task",
      "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
      "Parameters": {"FunctionName": "${F}", "Payload": {"token.$": "$$.Task.Token"}},
      "HeartbeatSeconds": 60,
      "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 5}],
      "End": true
    }
  }
}"""

MOCKS = """{
  "StateMachines": {"orders": {"TestCases": {"Slow": {"call": "Answers"}}}},
  "MockedResponses": {
    "Answers": {"0": {"Throw": {"Error": "Busy", "Cause": ""}}, "1": {"Return": {"done": true}}}
  }
}"""

TESTS = """
import pytest
from sfn_local.pytest_plugin import NEVER

class Busy(Exception):
    pass

def token(run):
    return run.payloads["call"][-1]["token"]

def test_a_token_ends_it(run_machine):
    run = run_machine("orders", input={"a": 1}, stubs={"call": [Busy, Busy("no"), None]})
    run.succeed(token(run), {"done": True})
    assert (run.status, run.output, run.seconds) == ("SUCCEEDED", {"done": True}, 15)
    assert run.path == ["call"]
    assert len(run.payloads["call"]) == 3

def test_a_failure_ends_it(run_machine):
    run = run_machine("orders", stubs={"call": lambda payload: payload})
    run.fail(token(run), "E", "C")
    assert (run.status, run.error, run.cause) == ("FAILED", "E", "C")

def test_time_ends_it(run_machine):
    run = run_machine("orders", stubs={"call": NEVER})
    run.advance(59)
    run.beat(token(run))
    run.advance(59)
    assert run.status == "RUNNING"
    run.advance(1)
    assert run.error == "States.Timeout"

def test_a_test_case_answers(run_machine):
    run = run_machine("orders", mock="Slow")
    assert (run.status, run.output, run.seconds) == ("SUCCEEDED", {"done": True}, 5)

def test_the_skeletons_cases_run(run_machine, monkeypatch):
    monkeypatch.setenv("SFN_MOCK_CONFIG", "skeleton.json")
    assert run_machine("orders", mock="HappyPath").status == "SUCCEEDED"

@pytest.mark.xfail(strict=True)
def test_an_unknown_test_case_fails_the_test(run_machine):
    run_machine("orders", mock="Typo")

@pytest.mark.xfail(strict=True)
def test_a_state_without_a_stub_fails_the_test(run_machine):
    run_machine("orders")

@pytest.mark.xfail(strict=True)
def test_more_calls_than_stubs_fail_the_test(run_machine):
    run_machine("orders", stubs={"call": [Busy]})

@pytest.mark.xfail(strict=True)
def test_an_unknown_machine_fails_the_test(run_machine):
    run_machine("absent")
"""


def test_a_project_that_does_not_use_the_plugin_imports_nothing_for_it(tmp_path: Path) -> None:
    """Each run of pytest imports the plugin: it may add itself, and nothing that takes time."""
    (tmp_path / "test_one.py").write_text("def test_one():\n    pass\n")
    program = """
import sys
import pytest
options = ["-q", "-p", "sfn_local.pytest_plugin", "-p", "no:cacheprovider"]
assert pytest.main(options) == 0
print(sorted(name for name in sys.modules if name.startswith("sfn_local")))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.splitlines()[-1:] == ["['sfn_local', 'sfn_local.pytest_plugin']"], (
        done.stdout
    )


def test_the_plugin_has_nothing_else() -> None:
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        pytest_plugin.absent  # noqa: B018


def test_a_project_may_use_the_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    pytester.makeini("[pytest]\nsfn_state_machines = machines\n")
    folder: Path = pytester.mkdir("machines")
    (folder / "orders.asl.json").write_text(MACHINE)
    (pytester.path / "MockConfigFile.json").write_text(MOCKS)
    skeleton = json.dumps(mock_skeleton("orders", json.loads(MACHINE)))
    (pytester.path / "skeleton.json").write_text(skeleton)
    result = pytester.runpytest()

    result.assert_outcomes(passed=5, xfailed=4)


@pytest.mark.parametrize(("least", "exit_code"), [("50", 0), ("50.1", 1)])
def test_the_ways_that_no_test_takes_are_told(
    pytester: pytest.Pytester, least: str, exit_code: int
) -> None:
    """Of two ways, the state and its retrier, one is taken."""
    pytester.makepyfile(
        """
        from sfn_local.pytest_plugin import NEVER

        def test_one_way(run_machine):
            assert run_machine("orders", stubs={"call": NEVER}).status == "RUNNING"
        """
    )
    pytester.makeini("[pytest]\nsfn_state_machines = machines\n")
    (pytester.mkdir("machines") / "orders.asl.json").write_text(MACHINE)
    result = pytester.runpytest("--sfn-cov", "--sfn-cov-min", least)

    assert result.ret == exit_code
    result.stdout.fnmatch_lines(
        ["orders: 1 of 2 ways, 50 %", "    call: was never retried after Busy"]
    )


@pytest.mark.real_time("workers are processes, which a session waits for")
def test_workers_hand_their_ways_over(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    pytester.makepyfile(
        """
        import pytest
        from sfn_local.pytest_plugin import NEVER

        class Busy(Exception):
            pass

        @pytest.mark.parametrize("stubs", [NEVER, [Busy, NEVER]])
        def test_a_way(run_machine, stubs):
            assert run_machine("orders", stubs={"call": stubs}).status == "RUNNING"
        """
    )
    pytester.makeini("[pytest]\nsfn_state_machines = machines\n")
    (pytester.mkdir("machines") / "orders.asl.json").write_text(MACHINE)
    result = pytester.runpytest("--sfn-cov-min", "100", "-n", "2")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["orders: 2 of 2 ways, 100 %"])
