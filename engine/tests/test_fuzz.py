"""Whatever a client sends, it gets AWS's answer or a 4xx; whatever runs, ends and can go on."""

import json
import re
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from engine.tests.conftest import Run
from engine.tests.test_properties import json_values, machines
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sfn_local import Engine, InlineFunctions, ManualScheduler, VirtualClock
from sfn_local.http_server import Server
from sfn_local.operations import OPERATIONS
from sfn_local.server import serve_engine

ARN = "arn:aws:states:us-east-1:000000000000:{}:m"
TEXTS = ["", "m", "{", "{}", "null", '{"a":1}', "#", "m#c", "\ud800", "x" * 300, "page:1"]
TEXTS += [ARN.format(kind) for kind in ("stateMachine", "execution", "activity", "mapRun")]
TEXTS += [f"{ARN.format('stateMachine')}:1", f"{ARN.format('stateMachine')}#Case"]
TEXTS += [f"{ARN.format('execution')}:e", f"{ARN.format('mapRun')}/l:r"]
TEXTS += [json.dumps({"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}})]
TEXTS += [json.dumps({"Type": "Pass", "End": True}), '{"Type":"Task"}', "EXPRESS", "DEBUG", "ERROR"]
odd = st.sampled_from([*TEXTS, 0, -1, 1001, 1.5, True, None, [], {}, [{}], [1], {"a": {}}])
PATIENT = {"GetActivityTask"}

quick = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    engine = Engine(functions=InlineFunctions(lambda _, payload: payload))
    served = serve_engine(engine, port=0)
    yield served
    served.close()
    engine.close()


def post(server: Server, target: str, body: bytes) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/", body, {"X-Amz-Target": f"AWSStepFunctions.{target}"})
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """An operation with odd values for its parameters."""
    name = draw(st.sampled_from(sorted(set(OPERATIONS) - PATIENT)))
    names = [*OPERATIONS[name].parameters, "unknown"]
    given_values = dict.fromkeys(names, odd | json_values)
    return name, draw(st.fixed_dictionaries({}, optional=given_values))


@quick
@given(calls())
def test_odd_parameters_give_an_answer_or_awss_refusal(
    server: Server, call: tuple[str, dict[str, Any]]
) -> None:
    name, parameters = call
    status, answer = post(server, name, json.dumps(parameters).encode())

    assert status in (200, 400)
    assert status == 200 or {"__type", "message"} <= set(answer)


@quick
@given(st.sampled_from(sorted(OPERATIONS)), st.binary(max_size=60))
def test_a_body_of_random_bytes_is_a_400(server: Server, name: str, body: bytes) -> None:
    if name in PATIENT or not body:
        body = b"\xff"
    status, answer = post(server, name, body)

    assert status in (200, 400)
    assert status == 200 or "__type" in answer


@quick
@given(st.binary(max_size=200))
def test_a_random_head_is_a_4xx_or_a_closed_connection(server: Server, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head + b"\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()

    assert answer == b"" or answer.split(b" ")[1][:1] == b"4"


def engine(folder: str | None = None, seed: int | None = None) -> Engine:
    return Engine(
        functions=InlineFunctions(lambda _, payload: payload),
        clock=VirtualClock(),
        scheduler=ManualScheduler(seed),
        data_dir=None if folder is None else Path(folder),
    )


UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def ended(run: Run) -> tuple[str, str | None, str | None]:
    """How a run has ended; a UUID that a state makes anew after a restart is another one."""
    output = run.engine.describe_execution(run.arn).get("output")
    return run.status, run.error, None if output is None else UUID.sub("a-uuid", output)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(machines(), json_values, st.integers(0, 40))
def test_a_restart_anywhere_changes_nothing(machine: Any, data: Any, steps: int) -> None:
    undisturbed = engine()
    arn = undisturbed.create_state_machine("m", machine)
    run = Run(undisturbed, undisturbed.start_execution(arn, "e", json.dumps(data)))
    undisturbed.run_until(run.arn)

    with TemporaryDirectory() as folder:
        first = engine(folder)
        first.start_execution(first.create_state_machine("m", machine), "e", json.dumps(data))
        left = iter(range(steps))
        first.run_until(lambda: next(left, None) is None or has_ended(first, run.arn))
        first.close()
        second = engine(folder)
        assert second.run_until(run.arn)
        again = Run(second, run.arn)
        events = again.events
        second.close()

    assert ended(again) == ended(run)
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert all(event["previousEventId"] < event["id"] for event in events)


def has_ended(running: Engine, arn: str) -> bool:
    return running.describe_execution(arn)["status"] != "RUNNING"


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(machines(), json_values)
def test_what_failed_fails_again_when_nothing_was_mended(machine: Any, data: Any) -> None:
    running = engine()
    arn = running.create_state_machine("m", machine)
    run = Run(running, running.start_execution(arn, input=json.dumps(data)))
    running.run_until(run.arn)
    before = ended(run)
    if run.status != "FAILED":
        return
    running.redrive_execution(run.arn)
    assert running.run_until(run.arn)

    assert ended(run) == before
    assert not str(run.cause).startswith("The engine failed")
    assert all(event["previousEventId"] < event["id"] for event in run.events)
