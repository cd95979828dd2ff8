"""An engine with a data_dir goes on after a restart, and after a kill.

What AWS does for STANDARD executions, which last up to a year: Step Functions Developer Guide,
"Choosing workflow type in Step Functions".
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError
from engine.tests.conftest import Run
from engine.tests.full_disk import full_disk
from engine.tests.served import client_of

from sfn_local import Engine, InlineFunctions, VirtualClock, function_name
from sfn_local.calls.functions import Done
from sfn_local.errors import ExecutionAlreadyExists, JournalError, StateMachineDoesNotExist
from sfn_local.mocks import MockConfig

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:{}"
WAIT: dict[str, Any] = {"Type": "Wait", "Seconds": 60, "End": True}
CALLBACK: dict[str, Any] = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "Parameters": {"FunctionName": "park", "Payload": {"token.$": "$$.Task.Token"}},
    "End": True,
}


def task(name: str, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": FUNCTION.format(name), "End": True, **more}


def after(state: dict[str, Any], following: str) -> dict[str, Any]:
    return {**{name: value for name, value in state.items() if name != "End"}, "Next": following}


def chain(**states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


class World:
    """A folder, the engines that use it one after the other, and the functions they call."""

    def __init__(self, folder: Path, mocks: MockConfig | None = None) -> None:
        self.folder = folder
        self.mocks = mocks
        self.calls: list[tuple[str, Any]] = []
        self.hang: set[str] = set()
        self.fail: set[str] = set()
        self.engine = self._open()

    def _open(self) -> Engine:
        self.clock = VirtualClock()
        return Engine(functions=self, clock=self.clock, data_dir=self.folder, mocks=self.mocks)

    def submit(self, function: str, payload: bytes, done: Done) -> None:
        name = function_name(function)
        self.calls.append((name, json.loads(payload)))
        if name not in self.hang:
            InlineFunctions(self._call).submit(name, payload, done)

    def _call(self, function: str, payload: bytes) -> bytes:
        if function in self.fail:
            raise ValueError("no")
        return payload

    def restart(self) -> None:
        self.engine.close()
        self.engine = self._open()
        self.engine.run_until_idle()

    def start(self, definition: dict[str, Any], data: Any = None, case: str = "") -> Run:
        arn = self.engine.create_state_machine("m", definition)
        execution = self.engine.start_execution(f"{arn}{case}", "e", json.dumps(data))
        self.engine.run_until_idle()
        return Run(self.engine, execution)

    def run(self, arn: str) -> Run:
        return Run(self.engine, arn)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "data")
    yield world
    world.engine.close()


def test_what_belongs_to_machines_comes_back(world: World) -> None:
    engine = world.engine
    arn = engine.create_state_machine("m", chain(a=WAIT))
    first = engine.publish_version(arn, description="d").arn
    engine.update_state_machine(arn, chain(b=WAIT))
    routing = [{"stateMachineVersionArn": first, "weight": 100}]
    alias = engine.versions.create_alias("PROD", "d", routing).describe()
    engine.tag_resource(arn, {"team": "blue"})
    engine.create_activity("work")
    gone = engine.create_state_machine("gone", chain(a=WAIT))
    engine.delete_state_machine(gone)
    before = [engine.describe_state_machine(each) for each in (arn, first)]
    world.restart()
    engine = world.engine

    assert [engine.describe_state_machine(each) for each in (arn, first)] == before
    assert engine.versions.find_alias(alias["stateMachineAliasArn"]).describe() == alias
    assert engine.list_tags(arn) == {"team": "blue"}
    assert [activity["name"] for activity in engine.list_activities()] == ["work"]
    assert engine.publish_version(arn).arn == f"{arn}:2"
    with pytest.raises(StateMachineDoesNotExist):
        engine.describe_state_machine(gone)


def test_an_ended_execution_is_as_it_was(world: World) -> None:
    run = world.start(chain(call=task("f")), {"a": 1})
    described, events = world.engine.describe_execution(run.arn), run.events
    world.restart()

    assert world.engine.describe_execution(run.arn) == described
    assert world.run(run.arn).events == events
    assert len(world.engine.list_executions(described["stateMachineArn"], "SUCCEEDED")) == 1
    with pytest.raises(ExecutionAlreadyExists):
        world.engine.start_execution(described["stateMachineArn"], "e", '{"a": 1}')


def test_a_wait_lasts_as_long_as_without_the_restart(world: World) -> None:
    run = world.start(chain(pause=after(WAIT, "end"), end={"Type": "Succeed"}))
    world.engine.run_for(40)
    world.engine.start_execution(world.engine.create_state_machine("n", chain(a=WAIT)))
    world.restart()
    world.engine.run_for(19)
    assert world.run(run.arn).status == "RUNNING"
    world.engine.run_for(1)

    again = world.run(run.arn)
    assert (again.status, again.path) == ("SUCCEEDED", ["pause", "end"])
    assert [event["id"] for event in again.events] == list(range(1, len(again.events) + 1))


def test_a_token_from_before_the_restart_ends_its_task(world: World) -> None:
    run = world.start(chain(park=CALLBACK))
    token = world.calls[0][1]["token"]
    world.restart()
    world.restart()
    world.engine.send_task_heartbeat(token)
    world.engine.send_task_success(token, '{"done":true}')
    world.engine.run_until_idle()

    assert world.run(run.arn).output == {"done": True}
    assert len(world.calls) == 1


def test_tokens_after_the_restart_are_others(world: World) -> None:
    world.start(chain(park=CALLBACK))
    world.restart()
    machine = world.engine.create_state_machine("m", chain(park=CALLBACK))
    world.engine.start_execution(machine, "e2")
    world.engine.run_until_idle()
    first, second = (given["token"] for _, given in world.calls)

    assert first != second


def test_a_call_that_had_not_returned_is_made_again(world: World) -> None:
    world.hang = {"f"}
    run = world.start(chain(call=task("f")), {"a": 1})
    world.hang = set()
    world.restart()

    assert world.run(run.arn).output == {"a": 1}
    assert world.calls == [("f", {"a": 1})] * 2
    assert world.run(run.arn).path == ["call"]


RETRY = {"ErrorEquals": ["ValueError"], "IntervalSeconds": 60, "MaxAttempts": 2, "BackoffRate": 2}
COUNTS = {"Parameters": {"retries.$": "$$.State.RetryCount"}, "Retry": [RETRY]}


@pytest.mark.parametrize("is_iteration", [False, True])
def test_a_retry_waits_and_counts_as_without_the_restart(world: World, is_iteration: bool) -> None:
    world.fail = {"f"}
    call = chain(call=task("f", **COUNTS))
    each = {"Type": "Map", "ItemProcessor": call, "ItemsPath": "$$.Execution.Input", "End": True}
    run = world.start(chain(each=each) if is_iteration else call, [1])
    world.engine.run_for(50)
    world.engine.start_execution(world.engine.create_state_machine("n", chain(a=WAIT)))
    world.restart()
    world.engine.run_for(9)
    assert [given["retries"] for _, given in world.calls] == [0]

    world.engine.run_for(1)
    assert [given["retries"] for _, given in world.calls] == [0, 1]

    world.restart()
    world.engine.run_for(120)
    assert [given["retries"] for _, given in world.calls] == [0, 1, 2]
    assert world.run(run.arn).status == "FAILED"


def test_a_call_that_is_made_again_has_its_count(world: World) -> None:
    world.fail = {"f"}
    run = world.start(chain(call=task("f", **COUNTS)))
    world.hang, world.fail = {"f"}, set()
    world.engine.run_for(60)
    world.hang = set()
    world.restart()

    assert [given["retries"] for _, given in world.calls] == [0, 1, 1]
    assert world.run(run.arn).status == "SUCCEEDED"


def test_the_retry_of_a_map_begins_all_iterations_anew(world: World) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "bad"}],
        "Default": "good",
    }
    processor = chain(look=choice, bad=task("bad"), good=task("good"))
    world.fail = {"bad"}
    retried = {"Type": "Map", "ItemProcessor": processor, "Retry": [RETRY], "End": True}
    run = world.start(chain(each=retried), [1, 2])
    world.restart()
    world.fail = set()
    world.engine.run_for(60)

    assert world.run(run.arn).output == [1, 2]
    assert sorted(name for name, _ in world.calls) == ["bad", "bad", "good", "good"]


def test_iterations_and_branches_that_have_ended_are_not_run_again(world: World) -> None:
    world.hang = {"slow"}
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "slow"}],
        "Default": "quick",
    }
    processor = chain(look=choice, slow=task("slow"), quick=task("quick"))
    each = {"Type": "Map", "ItemProcessor": processor, "End": True}
    branches = [chain(one=task("other")), chain(each=each)]
    run = world.start(
        chain(fork={"Type": "Parallel", "Branches": branches, "End": True}), [1, 2, 3]
    )
    world.hang = set()
    world.restart()

    assert world.run(run.arn).output == [[1, 2, 3], [1, 2, 3]]
    assert sorted(name for name, _ in world.calls) == ["other", "quick", "quick", "slow", "slow"]


def test_variables_come_back(world: World) -> None:
    states = chain(
        set={"Type": "Pass", "Assign": {"kept": {"n": 7}}, "Next": "pause"},
        pause=after(WAIT, "show"),
        show={"Type": "Pass", "Parameters": {"x.$": "$kept.n"}, "End": True},
    )
    run = world.start(states)
    world.restart()
    world.engine.run_until(run.arn)

    assert world.run(run.arn).output == {"x": 7}


def test_an_execution_that_had_entered_no_state_starts(world: World) -> None:
    arn = world.engine.create_state_machine("m", chain(call=task("f")))
    execution = world.engine.start_execution(arn)
    world.restart()

    assert world.run(execution).status == "SUCCEEDED"
    assert world.run(execution).chain[:2] == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "TaskStateEntered"),
    ]


def test_the_time_limit_of_the_machine_counts_on(world: World) -> None:
    run = world.start({**chain(pause=WAIT), "TimeoutSeconds": 50})
    world.engine.run_for(30)
    world.engine.create_state_machine("n", chain(a=WAIT))
    world.engine.start_execution("arn:aws:states:us-east-1:000000000000:stateMachine:n")
    world.restart()
    world.engine.run_until(run.arn)

    assert world.run(run.arn).status == "TIMED_OUT"
    stopped = world.engine.describe_execution(run.arn)["stopDate"]
    assert stopped == datetime(2026, 1, 1, 0, 0, 50, tzinfo=UTC)


def test_a_failed_execution_is_redriven_after_the_restart(world: World) -> None:
    world.fail = {"second"}
    run = world.start(chain(one=after(task("first"), "two"), two=task("second")), 5)
    world.fail = set()
    world.restart()
    world.engine.redrive_execution(run.arn)
    world.engine.run_until_idle()

    assert world.run(run.arn).output == 5
    assert [name for name, _ in world.calls] == ["first", "second", "second"]


def test_a_test_case_counts_on(tmp_path: Path) -> None:
    answers = {"0": {"Return": "first"}, "1": {"Return": "second"}}
    machines = {"m": {"TestCases": {"Case": {"one": "A", "two": "A"}}}}
    config = {"StateMachines": machines, "MockedResponses": {"A": answers}}
    world = World(tmp_path, MockConfig(json.dumps(config)))
    loop = {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "StringEquals": "second", "Next": "end"}],
        "Default": "pause",
    }
    states = chain(
        one=after(task("f"), "look"),
        look=loop,
        pause=after(WAIT, "one"),
        end={"Type": "Succeed"},
    )
    run = world.start(states, case="#Case")
    world.restart()
    world.engine.run_until(run.arn)

    assert world.run(run.arn).output == "second"
    assert world.calls == []
    world.engine.close()


def test_a_folder_serves_one_engine_at_a_time(world: World) -> None:
    with pytest.raises(JournalError, match="does another engine run with it"):
        Engine(functions=world, clock=VirtualClock(), data_dir=world.folder)


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    with pytest.raises(JournalError, match="cannot be used"):
        Engine(functions=InlineFunctions(lambda *_: b""), data_dir=path)


@contextmanager
def served(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], Any, str]]:
    command = [sys.executable, "-m", "sfn_local.cli", "serve", "--port", "0", "--json", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["sfn"]
        client = client_of(url)
        try:
            yield process, client, url
        finally:
            process.kill()


def advance(url: str, seconds: float) -> None:
    body = json.dumps({"advance": seconds}).encode()
    with urlopen(Request(f"{url}/_engine/clock", body)) as answer:
        assert answer.status == 200


def test_executions_survive_a_kill(tmp_path: Path) -> None:
    arguments = ("--data-dir", str(tmp_path / "data"), "--virtual-clock")
    definition = json.dumps(chain(pause=after(WAIT, "end"), end={"Type": "Succeed"}))
    with served(*arguments) as (process, client, url):
        machine = client.create_state_machine(name="m", definition=definition, roleArn="arn:r")
        arn = machine["stateMachineArn"]
        executions = [
            client.start_execution(stateMachineArn=arn, input=str(number))["executionArn"]
            for number in range(20)
        ]
        advance(url, 30)
        process.send_signal(signal.SIGKILL)
    with served(*arguments) as (_, client, url):
        running = client.list_executions(stateMachineArn=arn, statusFilter="RUNNING")
        advance(url, 60)
        described = [client.describe_execution(executionArn=each) for each in executions]

    assert len(running["executions"]) == 20
    assert [each["status"] for each in described] == ["SUCCEEDED"] * 20
    assert [each["output"] for each in described] == [str(number) for number in range(20)]


def test_what_a_full_disk_refused_is_written_once_there_is_room(tmp_path: Path) -> None:
    definition = json.dumps(chain(pause=WAIT))
    start = {"stateMachineArn": "", "name": "refused", "input": "1"}
    with served("--data-dir", str(tmp_path / "data")) as (process, client, _):
        machine = client.create_state_machine(name="m", definition=definition, roleArn="arn:r")
        start["stateMachineArn"] = machine["stateMachineArn"]
        client.start_execution(**start | {"name": "before"})
        with full_disk(process.pid):
            with pytest.raises(ClientError) as refused:
                client.start_execution(**start)
            with pytest.raises(ClientError) as again:
                client.start_execution(**start)
        client.start_execution(**start)
        process.send_signal(signal.SIGKILL)
    with served("--data-dir", str(tmp_path / "data")) as (_, client, _):
        kept = client.list_executions(stateMachineArn=start["stateMachineArn"])["executions"]

    codes = [each.value.response["Error"]["Code"] for each in (refused, again)]
    assert codes == ["ServiceUnavailable", "ServiceUnavailable"]
    assert sorted(each["name"] for each in kept) == ["before", "refused"]


def test_what_a_full_disk_kept_back_is_written_without_anybody_asking(world: World) -> None:
    world.hang.add("f")
    run = world.start(chain(call=task("f")))
    with full_disk():
        world.engine.stop_execution(run.arn, "Stopped", "")
        world.engine.run_until_idle()
        trouble = world.engine.trouble
    world.engine.run_for(1)

    assert trouble.startswith("the journal cannot be written: ")
    assert world.engine.trouble == ""
    world.restart()
    assert world.run(run.arn).status == "ABORTED"


def test_an_engine_that_ends_on_a_full_disk_goes_on_from_what_was_written(world: World) -> None:
    world.hang.add("f")
    run = world.start(chain(call=task("f")))
    with full_disk():
        world.engine.stop_execution(run.arn, "Stopped", "")
        world.engine.close()
    world.restart()

    assert world.run(run.arn).status == "RUNNING"


def test_an_express_execution_is_run_again_as_the_one_that_it_was(world: World) -> None:
    asks = task("f", Parameters={"me.$": "$$.Execution.Id", "given.$": "$"})
    machine = world.engine.create_state_machine("m", chain(call=asks), "EXPRESS")
    world.hang.add("f")
    arn = world.engine.start_execution(machine, "e", "1")
    world.engine.run_until_idle()
    world.restart()
    world.hang.clear()
    world.restart()
    world.restart()

    assert world.calls == [("f", {"me": arn, "given": 1})] * 3


def test_a_seeded_engine_makes_other_names_after_a_restart(world: World) -> None:
    machine = world.engine.create_state_machine("m", chain(end={"Type": "Succeed"}))
    before = world.engine.start_execution(machine)
    world.restart()

    assert world.engine.start_execution(machine) != before
