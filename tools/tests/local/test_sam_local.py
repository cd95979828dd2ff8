"""What `sam local invoke` and `sfn-local serve` are given reaches the local stack.

A container is stood for by a process that has nothing but the variables that SAM passes on.
"""

import json
import socket
import subprocess
import sys

import pytest
from tests.support.command_line import command_line
from tests.support.over_http import fetch

from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.project import CHECKOUT
from sfn_cqrs_tools.runtime.listening import addresses, for_containers
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.stack.sample_items import Rehearsal
from sfn_cqrs_tools.testing.quick_stack import quick_stack
from sfn_local import Engine
from sfn_local.calls.http_functions import HttpFunctions

pytestmark = pytest.mark.stack

RUN = """
import json, sys, types
from functions.command.finish.app import lambda_handler
context = types.SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000)
print(json.dumps(lambda_handler(json.load(sys.stdin), context)))
"""


def own_address() -> str:
    """An address of this machine that containers could reach, or loopback where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state")
    hosts = (own_address(), "host.docker.internal")
    with quick_stack(state_dir=folder, hosts=hosts) as started:
        yield started


@pytest.fixture
def sfn_cqrs(monkeypatch, capsys, stack):
    return command_line(monkeypatch, capsys, after=("--state", stack.state.path))


@pytest.fixture
def rehearsal(stack):
    def read(machine, state):
        path = CHECKOUT / "events" / machine.replace("-", "_") / f"{state}.json"
        return json.loads(path.read_text())

    return Rehearsal(find_target(stack.state.path, None), read)


def status_of(url: str, host: str) -> int:
    return fetch(url, {"Host": host}).status


def test_a_function_reaches_the_stack_with_nothing_but_what_sam_passes_on(
    stack, sfn_cqrs, rehearsal
):
    given = sfn_cqrs("env", "--for", "sam-local").json["Parameters"]
    template = Template.load(CHECKOUT / "template.yaml")
    declared = template.document["Globals"]["Function"]["Environment"]["Variables"]
    passed = {name: value for name, value in given.items() if name in declared}
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

    ran = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(rehearsal.ready("command", "finish").event),
        env={**passed, **keys, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert json.loads(ran.stdout.splitlines()[-1])["result"], ran.stderr
    urls = {name: passed[name] for name in passed if "ENDPOINT" in name or "URL" in name}
    assert {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SFN", "TASK_ACTION_QUEUE_URL"} <= urls.keys()
    assert [url for url in urls.values() if url and f"//{stack.hosts[0]}:" not in url] == []


def test_the_stack_answers_to_its_own_names_and_listens_on_its_own_addresses(stack):
    for url in (stack.http, stack.aws, stack.sfn, stack.lambda_):
        port = url.rpartition(":")[2]
        for address in (*addresses(stack.hosts), "127.0.0.1"):
            with socket.create_connection((address, int(port)), timeout=60):
                pass
        assert status_of(f"{url}/", f"host.docker.internal:{port}") != 403
        assert status_of(f"{url}/", f"{stack.hosts[0]}:{port}") != 403
        assert status_of(f"{url}/", f"evil.example:{port}") == 403


def test_addresses_of_this_machine_become_those_that_a_container_reaches():
    environment = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:8790",
        "QUEUE": "http://127.0.0.1:8790/000000000000/q",
        "POSTGRES": "postgresql://u:p@127.0.0.1:8793/postgres",
        "NO_PROXY": "127.0.0.1",
        "TABLE": "sfn-cqrs-Table",
    }

    assert for_containers(environment, "host.docker.internal") == {
        "AWS_ENDPOINT_URL": "http://host.docker.internal:8790",
        "QUEUE": "http://host.docker.internal:8790/000000000000/q",
        "POSTGRES": "postgresql://u:p@host.docker.internal:8793/postgres",
        "NO_PROXY": "127.0.0.1",
        "TABLE": "sfn-cqrs-Table",
    }
    assert for_containers(environment, "::1")["AWS_ENDPOINT_URL"] == "http://[::1]:8790"


def test_an_engine_of_its_own_runs_a_machine_with_the_functions_of_sam_local(
    stack, rehearsal, monkeypatch, capsys
):
    """The stack's Lambda API stands for `sam local start-lambda`: it knows logical ids, too."""
    sfn_cqrs = command_line(monkeypatch, capsys)
    definition = sfn_cqrs("definition", "command", "--for", "sam-local").output
    event = rehearsal.ready("command", "check_version").event
    engine = Engine(functions=HttpFunctions(stack.lambda_))
    try:
        machine = engine.create_state_machine("sfn-cqrs-command", definition)
        given = event["context"]["Execution"]
        arn = engine.start_execution(machine, given["Name"], json.dumps(given["Input"]))
        engine.run_until(arn, 30)
        described = engine.describe_execution(arn)
    finally:
        engine.close()

    assert "${" not in definition
    assert described["status"] == "SUCCEEDED"
