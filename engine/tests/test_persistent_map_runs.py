"""Map Runs and EXPRESS executions of an engine with a data_dir, over restarts and kills.

What AWS promises: STANDARD executions run exactly once, EXPRESS ones at least once (Step Functions
Developer Guide, "Choosing workflow type in Step Functions"); a Map Run goes on however long it
takes ("Using Map state in Distributed mode").
"""

import json
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from engine.tests.maps import distributed, writer
from engine.tests.s3 import FakeServices
from engine.tests.test_persistence import CALLBACK, advance, served
from hypothesis import given, settings
from hypothesis import strategies as st

from sfn_local import Engine, InlineFunctions, ManualScheduler, VirtualClock, function_name
from sfn_local.calls.functions import Done
from sfn_local.http_server import Request, Response, serve

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
CALL: dict[str, Any] = {"Type": "Task", "Resource": FUNCTION, "End": True}
TRIED_TWICE = {**CALL, "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]}


class World:
    """A folder, a bucket, and the engines that use them one after the other."""

    def __init__(self, folder: Path, seed: int | None = None) -> None:
        self.folder = folder
        self.seed = seed
        self.services = FakeServices()
        self.calls: list[Any] = []
        self.hang: set[Any] = set()
        self.fail: set[Any] = set()
        self.arn = ""
        self.engine = self._open()

    def _open(self) -> Engine:
        return Engine(
            functions=self,
            clock=VirtualClock(),
            scheduler=ManualScheduler(self.seed),
            data_dir=self.folder,
            services=self.services,
        )

    def submit(self, function: str, payload: bytes, done: Done) -> None:
        value = json.loads(payload)
        self.calls.append(value)
        if not self._is_among(value, self.hang):
            InlineFunctions(self._call).submit(function_name(function), payload, done)

    def _call(self, _: str, payload: bytes) -> bytes:
        if self._is_among(json.loads(payload), self.fail):
            raise ValueError("no")
        return payload

    @staticmethod
    def _is_among(value: Any, items: set[Any]) -> bool:
        found = value["Items"] if isinstance(value, dict) and "Items" in value else [value]
        return any(item in items for item in found if not isinstance(item, dict))

    def restart(self) -> None:
        """Close the engine, and run what another one can run now."""
        self.engine.close()
        self.calls.clear()
        self.hang.clear()
        self.fail.clear()
        self.engine = self._open()
        self.engine.run_until_idle()

    def start(self, data: Any, **fields: Any) -> None:
        states = {"it": {**distributed(**fields), "End": True}}
        machine = self.engine.create_state_machine("m", {"StartAt": "it", "States": states})
        self.arn = self.engine.start_execution(machine, "x", json.dumps(data))
        self.engine.run_until_idle()

    @property
    def output(self) -> Any:
        described = self.engine.describe_execution(self.arn)
        assert described["status"] == "SUCCEEDED", described
        return json.loads(described["output"])

    @property
    def map_run(self) -> dict[str, Any]:
        (run,) = self.engine.list_map_runs(self.arn)
        return self.engine.describe_map_run(run["mapRunArn"])

    @property
    def chain(self) -> list[tuple[int, int, str]]:
        events = self.engine.history(self.arn)
        return [(event["id"], event["previousEventId"], event["type"]) for event in events]

    def counted(self, kind: str = "itemCounts") -> dict[str, int]:
        return {name: count for name, count in self.map_run[kind].items() if count}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "data")
    yield world
    world.engine.close()


@pytest.mark.parametrize("kind", ["EXPRESS", "STANDARD"])
@pytest.mark.parametrize("exports", [True, False])
def test_children_that_have_ended_are_not_run_again(world: World, kind: str, exports: bool) -> None:
    world.hang = {3, 4}
    compact = {"Transformation": "COMPACT"}
    fields = {"ResultWriter": writer(WriterConfig=compact)} if exports else {}
    world.start([1, 2, 3, 4, 5, 6], processor=CALL, execution_type=kind, MaxConcurrency=2, **fields)
    before = world.counted()
    run = world.map_run["mapRunArn"]
    world.restart()

    assert before == {"succeeded": 2, "running": 2, "pending": 2, "total": 6, "resultsWritten": 2}
    assert sorted(world.calls) == [3, 4, 5, 6]
    assert world.map_run["mapRunArn"] == run
    assert (
        world.counted()
        == world.counted("executionCounts")
        == {
            "succeeded": 6,
            "total": 6,
            "resultsWritten": 6,
        }
    )
    if exports:
        (key,) = (key for key in world.services.s3.objects if "SUCCEEDED" in key)
        assert json.loads(world.services.s3.objects[key]) == [1, 2, 3, 4, 5, 6]
    else:
        assert world.output == [1, 2, 3, 4, 5, 6]


def test_the_history_is_as_without_the_restart(world: World, tmp_path: Path) -> None:
    undisturbed = World(tmp_path / "other")
    undisturbed.start([1, 2], processor=CALL)
    expected = undisturbed.chain
    undisturbed.engine.close()
    world.hang = {2}
    world.start([1, 2], processor=CALL)
    world.restart()

    assert world.chain == expected


def test_batches_of_a_file_are_read_on(world: World) -> None:
    world.services.s3.objects["file"] = b"".join(b"%d\n" % number for number in range(10))
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSONL"},
        "Parameters": {"Bucket": "bucket", "Key": "file"},
    }
    world.hang = {4}
    world.start(
        None,
        processor=CALL,
        execution_type="EXPRESS",
        ItemReader=reader,
        ItemBatcher={"MaxItemsPerBatch": 3},
        MaxConcurrency=1,
    )
    world.restart()

    assert [batch["Items"] for batch in world.calls] == [[3, 4, 5], [6, 7, 8], [9]]
    assert world.counted() == {"succeeded": 10, "total": 10, "resultsWritten": 10}
    assert [batch["Items"] for batch in world.output] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]


def test_a_standard_child_goes_on_where_it_was(world: World) -> None:
    park = {**CALLBACK, "Parameters": {"FunctionName": "f", "Payload": {"t.$": "$$.Task.Token"}}}
    first = {**CALL, "Next": "park"}
    del first["End"]
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    states = {"first": first, "park": park}
    world.start(
        [7], ItemProcessor={"ProcessorConfig": config, "StartAt": "first", "States": states}
    )
    token = world.calls[1]["t"]
    (child,) = world.engine.list_children(world.map_run["mapRunArn"])
    world.restart()
    (again,) = world.engine.list_children(world.map_run["mapRunArn"])
    world.engine.send_task_success(token, '"done"')
    world.engine.run_until_idle()

    assert world.calls == []
    assert again == child
    assert world.output == ["done"]
    assert world.engine.describe_execution(child["executionArn"])["output"] == '"done"'


def test_ended_map_runs_and_their_children_can_be_described(world: World) -> None:
    world.start([1, 2], processor=CALL)
    run = world.map_run
    children = world.engine.list_children(run["mapRunArn"])
    histories = [world.engine.history(child["executionArn"]) for child in children]
    world.restart()

    assert world.map_run == run
    assert world.engine.list_children(run["mapRunArn"]) == children
    assert [world.engine.history(child["executionArn"]) for child in children] == histories


@pytest.mark.parametrize("kind", ["EXPRESS", "STANDARD"])
def test_a_map_run_that_failed_before_the_restart_can_be_redriven(world: World, kind: str) -> None:
    world.fail = {2}
    world.start([1, 2, 3, 4], processor=CALL, execution_type=kind, MaxConcurrency=1)
    failed = world.counted()
    world.restart()
    world.engine.redrive_execution(world.arn)
    world.engine.run_until_idle()

    assert failed == {"succeeded": 1, "failed": 1, "pending": 2, "total": 4, "resultsWritten": 2}
    assert world.calls == [2, 3, 4]
    assert world.output == [1, 2, 3, 4]
    assert world.map_run["redriveCount"] == 1
    assert world.counted() == {"succeeded": 4, "total": 4, "resultsWritten": 4}


def test_a_map_within_a_child_goes_on_too(world: World) -> None:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    inner = {**distributed(CALL, "EXPRESS", MaxConcurrency=1), "End": True}
    states = {"inner": inner}
    outer = {"ProcessorConfig": config, "StartAt": "inner", "States": states}
    world.hang = {3}
    world.start([[1, 2], [3, 4]], ItemProcessor=outer)
    world.restart()

    assert world.calls == [3, 4]
    assert world.output == [[1, 2], [3, 4]]


def test_two_maps_of_one_name_do_not_take_each_others_children(world: World) -> None:
    inner = {**distributed(CALL, "EXPRESS", MaxConcurrency=1), "End": True}
    outer = {
        "Type": "Map",
        "ItemProcessor": {"StartAt": "it", "States": {"it": inner}},
        "End": True,
    }
    world.hang = {2, 4}
    machine = world.engine.create_state_machine("n", {"StartAt": "o", "States": {"o": outer}})
    world.arn = world.engine.start_execution(machine, "x", "[[1, 2], [3, 4]]")
    world.engine.run_until_idle()
    world.restart()

    assert sorted(world.calls) == [2, 4]
    assert world.output == [[1, 2], [3, 4]]


def test_an_express_execution_that_was_started_runs_at_least_once(world: World) -> None:
    machine = world.engine.create_state_machine(
        "e", {"StartAt": "c", "States": {"c": CALL}}, "EXPRESS"
    )
    world.hang = {1}
    for number in (1, 2):
        world.engine.start_execution(machine, f"e{number}", str(number))
    world.engine.run_until_idle()
    world.restart()
    first = list(world.calls)
    world.restart()

    assert (first, world.calls) == ([1], [])


def test_an_express_execution_that_was_awaited_is_not_run_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = world.engine.create_state_machine(
        "e", {"StartAt": "c", "States": {"c": CALL}}, "EXPRESS"
    )
    world.hang = {1}
    monkeypatch.setattr(world.engine, "run_until", stop)
    with pytest.raises(KeyError):
        world.engine.start_sync_execution(machine, "e", "1")
    world.engine.run_until_idle()
    world.restart()

    assert world.calls == []


def stop(*_: Any) -> bool:
    raise KeyError


@settings(max_examples=30, deadline=None)
@given(
    items=st.lists(st.integers(0, 9), max_size=8),
    kind=st.sampled_from(["STANDARD", "EXPRESS"]),
    batch=st.none() | st.integers(1, 3),
    exports=st.booleans(),
    steps=st.lists(st.integers(0, 60), min_size=1, max_size=3),
    seed=st.integers(0, 1000),
)
def test_restarts_anywhere_lose_and_double_nothing(
    items: list[int],
    kind: str,
    batch: int | None,
    exports: bool,
    steps: list[int],
    seed: int,
) -> None:
    fields: dict[str, Any] = {"MaxConcurrency": 2}
    if batch is not None:
        fields["ItemBatcher"] = {"MaxItemsPerBatch": batch}
    if exports:
        fields["ResultWriter"] = writer(WriterConfig={"Transformation": "COMPACT"})
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), seed)
        states = {"it": {**distributed(TRIED_TWICE, kind, **fields), "End": True}}
        machine = world.engine.create_state_machine("m", {"StartAt": "it", "States": states})
        world.arn = world.engine.start_execution(machine, "x", json.dumps(items))
        for count in steps:
            left = iter(range(count))
            world.engine.scheduler.run_until(lambda left=left: next(left, None) is None)
            world.engine.close()
            world.engine = world._open()
        world.engine.run_until(world.arn)
        size = batch or 1
        batches = [items[start : start + size] for start in range(0, len(items), size)]
        expected = items if batch is None else [{"Items": each} for each in batches]
        counts = world.counted()
        if exports:
            keys = [key for key in world.services.s3.objects if "/SUCCEEDED_" in key]
            written = [json.loads(world.services.s3.objects[key]) for key in keys]
            results: Any = sorted(json.dumps(each) for each in chain.from_iterable(written))
            expected = sorted(json.dumps(each) for each in expected)
        else:
            results = world.output
        world.engine.close()

    assert results == expected
    full = {"succeeded": len(items), "total": len(items), "resultsWritten": len(items)}
    assert counts == (full if items else {})


def test_a_map_run_survives_a_kill(tmp_path: Path) -> None:
    calls: Counter[int] = Counter()
    is_killed, half_done = Event(), Event()

    def answer(request: Request) -> Response:
        item = json.loads(request.body)
        calls[item] += 1
        if item >= 20 and not is_killed.is_set():
            half_done.set()
            is_killed.wait(60)
        return Response(200, {"Content-Type": "application/json"}, request.body)

    functions = serve("127.0.0.1", 0, answer)
    state = {**distributed(CALL, "EXPRESS", MaxConcurrency=4), "End": True}
    arguments = (
        "--data-dir",
        str(tmp_path / "data"),
        "--lambda-endpoint",
        functions.url,
        "--virtual-clock",
    )
    with served(*arguments) as (process, client, _):
        definition = json.dumps({"StartAt": "it", "States": {"it": state}})
        machine = client.create_state_machine(name="m", definition=definition, roleArn="arn:r")
        execution = client.start_execution(
            stateMachineArn=machine["stateMachineArn"], input=json.dumps(list(range(40)))
        )["executionArn"]
        assert half_done.wait(60)
        (run,) = client.list_map_runs(executionArn=execution)["mapRuns"]
        before = client.describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"]
        write_what_is_marked(client)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    is_killed.set()
    with served(*arguments) as (_, client, url):
        for _ in range(200):
            described = client.describe_execution(executionArn=execution)
            if described["status"] != "RUNNING":
                break
            advance(url, 0)
        after = client.describe_map_run(mapRunArn=run["mapRunArn"])
    functions.close()

    assert before["succeeded"] >= 16
    assert json.loads(described["output"]) == list(range(40))
    assert after["itemCounts"]["succeeded"] == after["itemCounts"]["total"] == 40
    doubled = [item for item, count in calls.items() if count > 1]
    assert 1 <= len(doubled) <= 8  # those at work, and those whose end was not written yet


def write_what_is_marked(client: Any) -> None:
    """Start an execution: it is answered only after all before it is in the journal."""
    definition = json.dumps({"StartAt": "end", "States": {"end": {"Type": "Succeed"}}})
    other = client.create_state_machine(name="other", definition=definition, roleArn="arn:r")
    client.start_execution(stateMachineArn=other["stateMachineArn"])
