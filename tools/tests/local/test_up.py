import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.commands import ran
from tests.support.over_http import fetch
from tests.support.sockets import children, listeners, listeners_off_loopback
from tests.support.waiting import waited

from sfn_cqrs_tools.runtime.fabric import session
from sfn_cqrs_tools.runtime.state import StackError, StateFolder
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.stack.settings import Settings
from sfn_local.lint.template_file import TemplateError

pytestmark = pytest.mark.stack

TOY = Path(__file__).parent / "toy" / "template.yaml"
TEMPLATE = Path(__file__).parents[3] / "template.yaml"
SMALL = ("--template", str(TOY), "--parameter", "Issuer=https://issuer.test")


def up(state: Path, *options: str, port: int = 0) -> subprocess.Popen[str]:
    """Start a stack: a small one, if no option names another template."""
    options = options or SMALL
    command = [sys.executable, "-m", "sfn_cqrs_tools.cli", "up", "--json", "--port", str(port)]
    return subprocess.Popen(
        [*command, "--state", str(state), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def endpoints(process: subprocess.Popen[str]) -> dict:
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return json.loads(line)


def detail(errors: str) -> str:
    """What the problem document says that --json prints of an error."""
    return json.loads(errors[errors.index("{") :])["detail"]


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:  # it has ended meanwhile
        return ""


def is_open(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as connection:
        connection.settimeout(5)
        return connection.connect_ex((host, int(port))) == 0


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two stacks side by side, by the folder of each; the second's signals had been blocked."""
    folders = [tmp_path_factory.mktemp(name) for name in ("first", "second")]
    first = up(folders[0], port=four_free_ports())
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        second = up(folders[1])
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    found = {
        folder: (process, endpoints(process))
        for folder, process in zip(folders, (first, second), strict=True)
    }
    yield found
    for process in (first, second):
        process.kill()
        process.wait()


@pytest.fixture
def running(two):
    """The first of them, with its folder and its endpoints."""
    folder, (process, printed) = next(iter(two.items()))
    return folder, process, printed


def test_nothing_listens_off_loopback_and_the_console_is_behind_the_front(running):
    _, process, printed = running

    assert "<h1>Publish a version</h1>" in fetch(f"{printed['http']}/console/publish").text

    (fabric,) = (pid for pid in children(process.pid) if "fabric_process" in command_of(pid))
    assert [len(listeners(pid)) for pid in (process.pid, fabric)] == [4, 1]
    assert listeners_off_loopback(process.pid) + listeners_off_loopback(fabric) == []


def test_a_second_stack_on_the_same_folder_is_refused(running, sfn_cqrs):
    folder, _, printed = running

    second = sfn_cqrs("up", "--json", "--port", 0, "--state", folder, *SMALL)

    assert (second.code, second.output) == (1, "")
    assert detail(second.error).startswith(f"a stack already runs on {folder}")
    assert StateFolder(folder).read().endpoints() == printed


def test_the_other_ports_are_behind_the_one_of_http(running):
    _, _, printed = running

    first = int(printed["http"].rpartition(":")[2])
    urls = [printed[name] for name in ("http", "sfn", "lambda", "aws")]
    assert urls == [f"http://127.0.0.1:{first + offset}" for offset in range(4)]


@pytest.mark.parametrize(("offset", "what"), [(0, "HTTP"), (1, "Step Functions")])
def test_a_port_that_is_taken_is_refused_and_nothing_is_left_running(
    tmp_path, sfn_cqrs, offset, what
):
    first, before = four_free_ports(), children(os.getpid())
    with socket.create_server(("127.0.0.1", first + offset)):
        ran = sfn_cqrs("up", "--json", "--port", first, "--state", tmp_path, *SMALL)

    assert (ran.code, ran.output) == (1, "")
    assert detail(ran.error).startswith(f"port {first + offset}, for {what}, cannot be used")
    assert "(Address already in use)" in ran.error
    assert "--port" in ran.error
    assert children(os.getpid()) == before
    assert not any(is_open(f"http://127.0.0.1:{first + place}") for place in range(4))


def test_two_stacks_ran_side_by_side_and_end_cleanly(two):
    (first, one), (second, other) = two.values()
    assert all(is_open(stack[name]) for stack in (one, other) for name in ("http", "aws", "sfn"))

    first.send_signal(signal.SIGINT)
    second.send_signal(signal.SIGTERM)

    assert (first.wait(60), second.wait(60)) == (0, 0)
    assert not any(
        is_open(stack[name]) for stack in (one, other) for name in ("http", "aws", "sfn")
    )
    assert (first.stdout.read(), second.stdout.read()) == ("", "")
    for folder in two:
        with pytest.raises(StackError, match="no stack runs on"):
            StateFolder(folder).read()


def kept_in(stack: dict[str, str]) -> list[int]:
    """How many items, files and executions a small stack has."""
    items = session().client("dynamodb", endpoint_url=stack["aws"])
    s3 = session().client("s3", endpoint_url=stack["aws"])
    sfn = session().client("stepfunctions", endpoint_url=stack["sfn"])
    tables = items.list_tables()["TableNames"]
    buckets = [one["Name"] for one in s3.list_buckets()["Buckets"] if "files" in one["Name"]]
    machines = sfn.list_state_machines()["stateMachines"]
    return [
        sum(items.scan(TableName=one)["Count"] for one in tables),
        sum(s3.list_objects_v2(Bucket=one)["KeyCount"] for one in buckets),
        sum(
            len(sfn.list_executions(stateMachineArn=one["stateMachineArn"])["executions"])
            for one in machines
        ),
    ]


def keep_something_in(stack: dict[str, str]) -> None:
    """Store an item and a file, and run a machine."""
    items = session().client("dynamodb", endpoint_url=stack["aws"])
    (table,) = items.list_tables()["TableNames"]
    items.put_item(TableName=table, Item={"pk": {"S": "a"}, "sk": {"S": "a"}})
    s3 = session().client("s3", endpoint_url=stack["aws"])
    (bucket,) = (one["Name"] for one in s3.list_buckets()["Buckets"] if "files" in one["Name"])
    s3.put_object(Bucket=bucket, Key="a", Body=b"a")
    sfn = session().client("stepfunctions", endpoint_url=stack["sfn"])
    (machine,) = sfn.list_state_machines()["stateMachines"]
    sfn.start_execution(stateMachineArn=machine["stateMachineArn"], input='{"names": []}')


def test_a_killed_stack_leaves_a_folder_that_fresh_empties_and_without_its_fabric_it_ends(tmp_path):
    killed = up(tmp_path)
    before = endpoints(killed)
    keep_something_in(before)
    assert kept_in(before) == [1, 1, 1]
    killed.kill()
    killed.wait()

    assert (tmp_path / "stack.json").exists()
    nobody_runs_on(tmp_path)
    database, others = tmp_path / "data/postgres/a", tmp_path / "data/others"
    database.parent.mkdir()
    database.touch()
    others.touch()
    after = up(tmp_path, *SMALL, "--fresh")
    found = endpoints(after)
    assert found["aws"] != before["aws"]
    assert not is_open(before["aws"])
    assert kept_in(found) == [0, 0, 0]
    assert (database.exists(), others.exists()) == (False, True)

    (fabric,) = (pid for pid in children(after.pid) if "fabric_process" in command_of(pid))
    os.kill(fabric, signal.SIGKILL)
    _, errors = after.communicate(timeout=60)

    assert after.returncode == 1
    assert detail(errors) == f"the AWS fabric has ended; see {tmp_path}/fabric.log"


@pytest.mark.proof
def test_an_isolated_stack_publishes_to_the_read_model_in_processes_that_end_with_it(tmp_path):
    process = up(tmp_path, "--isolated", "--template", str(TEMPLATE))
    http = endpoints(process)["http"]
    offer = {"type": "ORDER", "code": "o-1", "name": "An offer", "attributes": {"customer": "ada"}}

    assert fetch(f"{http}/commands", body=offer).status == 202
    row = waited(
        lambda: fetch(f"{http}/data/ORDER/o-1"),
        lambda found: found.status == 200 and found.json["outcome"] == "APPLIED",
    ).json
    functions = [
        pid
        for pid in children(process.pid)
        if "sfn_cqrs_tools.runtime.processes" in command_of(pid)
    ]
    process.terminate()

    assert row["version"] == 1
    assert len(functions) >= 8  # each state's of the command machine, the API's and the stream's
    assert process.wait(60) == 0
    assert [pid for pid in functions if Path(f"/proc/{pid}").exists()] == []


def nobody_runs_on(folder: Path) -> None:
    """Who is killed while it starts another process leaves it the lock, until that one runs."""
    waited(lambda: not seems_to_run(folder))
    with pytest.raises(StackError, match="no stack runs on"):
        StateFolder(folder).read()


def seems_to_run(folder: Path) -> bool:
    try:
        return bool(StateFolder(folder).read())
    except StackError:
        return False


LOST = """
import os, signal
from sfn_cqrs_tools.cli import up

class Freed:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

with up._ending_on_signals():
    freed = Freed()
    del freed
    print("goes on", flush=True)
    up._pause()
"""


def test_a_signal_that_comes_while_an_object_is_freed_ends_it_at_its_next_look():
    done = ran(sys.executable, "-c", LOST, timeout=60)

    assert done.stdout == "goes on\n"
    assert "_Ended" in done.stderr.splitlines()[-1]


LOCKED = """
import os, signal, threading
from sfn_cqrs_tools.cli import up

with up._ending_on_signals(), up._looking():
    with threading.Lock():
        os.kill(os.getpid(), signal.SIGTERM)
        print("in the lock", flush=True)
    up._pause()
"""


def test_a_signal_interrupts_nothing_that_a_running_stack_does():
    done = ran(sys.executable, "-c", LOCKED, timeout=60)

    assert done.stdout == "in the lock\n"
    assert "_pause" in done.stderr
    assert "_Ended" in done.stderr.splitlines()[-1]


def four_free_ports() -> int:
    """The first of four ports in a row that nobody listens on."""
    for first in range(20_000, 30_000, 4):
        if not any(is_open(f"http://127.0.0.1:{first + offset}") for offset in range(4)):
            return first
    raise AssertionError("no four ports in a row are free")


def test_a_stack_that_cannot_start_gives_everything_back(tmp_path):
    with pytest.raises(TemplateError):
        LocalStack(Settings(state_dir=tmp_path, template=TOY)).__enter__()

    with pytest.raises(StackError):
        StateFolder(tmp_path).read()
    StateFolder(tmp_path).acquire()
