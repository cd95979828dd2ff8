"""How fast and how small the local Step Functions engine is, beside moto and ministack.

Functions do nothing and run in-process; S3 is a file on this machine. Each figure of the engine is
of a process that imports the engine alone. The peers have their
functions at an HTTP endpoint, their only way without Docker: moto's own interpreter in the same
process, ministack in a process of its own, asked over HTTP until the execution has ended; its rows
are those of a list, as it reads no files.
"""

import json
import multiprocessing
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from report import Figure, main

from sfn_local import Engine, InlineFunctions
from sfn_local.http_server import Request, Response, serve

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
ROLE = "arn:aws:iam::123456789012:role/r"
INVOKE = "arn:aws:states:::lambda:invoke"
ANSWER = b'{"ok":true}'
PATIENCE_SECONDS = 600
KIB = 1024

STATES_IN_A_CHAIN = 20
CHAINS = 200
PEERS_ROWS = 200
WAITING = 10_000
RUNS = 9
MILLION = 1_000_000

FABRIC = Path(__file__).parents[2] / ".venv-fabric" / "bin" / "python"
EMPTY_ZIP = b"PK\5\6" + bytes(18)

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


class File:
    """S3 with one object, the file that it is given; results are thrown away."""

    def __init__(self, path: Path) -> None:
        """The object has every name."""
        self._path = path

    def client(self, _service: str) -> "File":
        """The only client."""
        return self

    def get_object(self, **_: Any) -> dict[str, Any]:
        """The file."""
        return {"Body": self._path.open("rb")}

    def head_bucket(self, **_: Any) -> None:
        """There is always a bucket."""

    def put_object(self, **_: Any) -> None:
        """Keep nothing."""


def measure() -> list[Figure]:
    """Measure everything; each in a process of its own, so that no figure sees another's memory."""
    with functions() as endpoint:
        moto_states = apart(moto_lambda_states, endpoint)
        moto_rows = apart(moto_map_rows, endpoint)
        ministack_states = apart(ministack_figure, "chain", endpoint)
        ministack_rows = apart(ministack_figure, "rows", endpoint)
    small, large = apart(rows_in, MILLION // 10, 0), apart(rows_in, MILLION, 0)
    batched = apart(rows_in, 10_000, 100)
    million = apart(rows_in, MILLION, 100)
    waiting = apart(waiting_executions)
    starts = [start_up() for _ in range(RUNS)]
    started = [statistics.median(figures) for figures in zip(*starts, strict=True)]
    return [
        Figure(
            "Lambda states, in-process functions",
            apart(lambda_states),
            "states/s",
            10_000,
            f"moto {moto_states:,.0f}, ministack {ministack_states}",
            at_least=True,
        ),
        Figure(
            "Distributed Map, unbatched rows",
            MILLION / large[0],
            "rows/s",
            5000,
            f"moto {moto_rows:,.0f}, ministack {ministack_rows}",
            at_least=True,
        ),
        Figure("10,000 rows in batches of 100, 50 at a time", batched[0], "s", 0.5, "neither can"),
        Figure("1,000,000 rows unbatched, RSS", large[1], "MB", 60),
        Figure("1,000,000 rows in batches of 100, RSS", million[1], "MB", 60),
        Figure("1,000,000 rows in batches of 100", MILLION / million[0], "rows/s"),
        Figure("CPU of 1,000,000 rows over 100,000", large[2] / small[2], "times", 12),
        Figure("10,000 executions that wait for tokens", waiting[0], "KiB each", 10),
        Figure("threads of these", waiting[1], "threads", 3),
        Figure(f"start-up of the server, median of {RUNS}", started[0], "s", 0.3),
        Figure("CPU until then, median", started[2], "s"),
        Figure("RSS of the server, median", started[1], "MB", 60),
    ]


def apart(work: Callable[..., Any], *arguments: Any) -> Any:
    """What a function answers in a new process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def lambda_states() -> float:
    engine = Engine(functions=InlineFunctions(lambda _name, _payload: ANSWER))
    machine = engine.create_state_machine("chain", chain())
    began = time.perf_counter()
    arns = [engine.start_execution(machine, input='{"id":1}') for _ in range(CHAINS)]
    for arn in arns:
        engine.run_until(arn, PATIENCE_SECONDS)
    return CHAINS * STATES_IN_A_CHAIN / (time.perf_counter() - began)


def rows_in(rows: int, batch: int) -> tuple[float, float, float]:
    """Seconds, the process's largest RSS in MB, and its CPU seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w") as file:
            file.write("id,name,amount\n")
            file.writelines(f"{number},name {number},{number * 3}\n" for number in range(rows))
        functions = InlineFunctions(lambda _name, _payload: ANSWER)
        engine = Engine(functions=functions, services=File(path))
        machine = engine.create_state_machine("map", distributed(batch))
        began, cpu_began = time.perf_counter(), time.process_time()
        arn = engine.start_execution(machine)
        engine.run_until(arn, PATIENCE_SECONDS)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
        check(engine.describe_execution(arn)["status"])
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB, cpu


def waiting_executions() -> tuple[float, int]:
    """KiB for each, and the threads of the process."""
    engine = Engine(functions=InlineFunctions(lambda _name, _payload: ANSWER))
    parked = {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}
    state = task(Resource=f"{INVOKE}.waitForTaskToken", Parameters=parked)
    machine = engine.create_state_machine("wait", {"StartAt": "a", "States": {"a": state}})
    before = rss()
    for _ in range(WAITING):
        engine.start_execution(machine, input='{"id":1}')
    engine.run_until(lambda: len(engine.list_executions(machine)) == WAITING, PATIENCE_SECONDS)
    last = engine.list_executions(machine)[0]["executionArn"]
    engine.run_until(lambda: is_parked(engine, last), PATIENCE_SECONDS)
    return (rss() - before) / WAITING, threading.active_count()


def is_parked(engine: Engine, arn: str) -> bool:
    return bool(engine.history(arn)[-1]["type"] == "TaskSubmitted")


def start_up() -> tuple[float, float, float]:
    """Seconds until the server answers, its RSS in MB, and the CPU seconds that it took."""
    command = [str(Path(sys.executable).parent / "sfn-local"), "serve", "--port", "0", "--json"]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        json.loads(process.stdout.readline())
        seconds = time.perf_counter() - began
        size, cpu = rss(process.pid) / KIB, cpu_seconds(process.pid)
        process.send_signal(signal.SIGTERM)
    return seconds, size, cpu


def moto_lambda_states(endpoint: str) -> float:
    with moto(endpoint) as client:
        machine = create(client, chain())
        began = time.perf_counter()
        run(client, machine)
        return STATES_IN_A_CHAIN / (time.perf_counter() - began)


def moto_map_rows(endpoint: str) -> float:
    """Rows of a STANDARD Distributed Map without a batcher, the only kind that moto has."""
    with moto(endpoint) as client:
        s3 = client_of("s3")
        s3.create_bucket(Bucket="bucket")
        rows = "".join(f"{number},name {number}\n" for number in range(PEERS_ROWS))
        s3.put_object(Bucket="bucket", Key="rows.csv", Body=f"id,name\n{rows}".encode())
        machine = create(client, distributed(0, "STANDARD", exports=False))
        began = time.perf_counter()
        run(client, machine)
        return PEERS_ROWS / (time.perf_counter() - began)


@contextmanager
def moto(endpoint: str) -> Any:
    """A client of moto's Step Functions, which invoke functions at an endpoint."""
    from moto import mock_aws  # noqa: PLC0415 - the engine's processes have nothing of a peer

    environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL_LAMBDA": endpoint}
    settings: Any = {"stepfunctions": {"execute_state_machine": True}}
    with patch.dict(os.environ, environment), mock_aws(config=settings):
        yield client_of("stepfunctions")


@contextmanager
def functions() -> Any:
    """Functions at an HTTP endpoint, for the peers: whatever is posted is answered alike."""

    def invoke(_: Request) -> Response:
        return Response(200, {"Content-Type": "application/json"}, ANSWER)

    server = serve("127.0.0.1", 0, invoke)
    yield server.url
    server.close()


def ministack_figure(subject: str, endpoint: str) -> str:
    """States or rows a second of ministack, or what becomes of the machine there."""
    from sfn_cqrs_tools.runtime.fabric import Ministack  # noqa: PLC0415 - as above

    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, ENVIRONMENT):
        fabric = Ministack(FABRIC, Path(folder) / "log")
        fabric.start({"f": f"{endpoint}/2015-03-31/functions/f/invocations"})
        try:
            fabric.wait()
            return _ministack_figure(subject, fabric.endpoint)
        finally:
            fabric.stop()


def _ministack_figure(subject: str, url: str) -> str:
    client_of("lambda", url).create_function(
        FunctionName="f",
        Runtime="python3.13",
        Role=ROLE,
        Handler="f.f",
        Code={"ZipFile": EMPTY_ZIP},
    )
    client = client_of("stepfunctions", url)
    if subject == "chain":
        definition, work, data = chain(), STATES_IN_A_CHAIN, "{}"
    else:
        rows = [{"id": str(number)} for number in range(PEERS_ROWS)]
        definition, work = distributed(0, "STANDARD", exports=False), PEERS_ROWS
        del definition["States"]["map"]["ItemReader"]
        data = json.dumps(rows)
    machine = create(client, definition)
    began = time.perf_counter()
    try:
        run(client, machine, data)
    except RuntimeError as error:
        return f"cannot ({error})"
    return f"{work / (time.perf_counter() - began):,.0f}"


def client_of(service: str, url: str | None = None) -> Any:
    import boto3  # noqa: PLC0415 - as above

    make: Any = boto3.client  # its overloads want the name of the service
    return make(service, endpoint_url=url)


def create(client: Any, definition: dict[str, Any]) -> str:
    answer = client.create_state_machine(name="m", definition=json.dumps(definition), roleArn=ROLE)
    return str(answer["stateMachineArn"])


def run(client: Any, machine: str, data: str = "{}") -> None:
    arn = client.start_execution(stateMachineArn=machine, input=data)["executionArn"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (status := client.describe_execution(executionArn=arn)["status"]) == "RUNNING":
        if time.monotonic() > deadline:
            break
        time.sleep(0.005)
    check(status)


def check(status: str) -> None:
    if status != "SUCCEEDED":
        raise RuntimeError(f"an execution ended {status}")


def task(**fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "End": True, **fields}


def invoking() -> dict[str, Any]:
    return task(
        Resource=INVOKE,
        Parameters={"FunctionName": FUNCTION, "Payload.$": "$"},
        OutputPath="$.Payload",
    )


def chain() -> dict[str, Any]:
    states: dict[str, Any] = {}
    for number in range(STATES_IN_A_CHAIN):
        state = invoking()
        if number < STATES_IN_A_CHAIN - 1:
            del state["End"]
            state["Next"] = f"s{number + 1}"
        states[f"s{number}"] = state
    return {"StartAt": "s0", "States": states}


def distributed(batch: int, kind: str = "EXPRESS", *, exports: bool = True) -> dict[str, Any]:
    where = {"Bucket": "bucket", "Key": "rows.csv"}
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind},
        "StartAt": "row",
        "States": {"row": invoking()},
    }
    state: dict[str, Any] = {
        "Type": "Map",
        "MaxConcurrency": 50,
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            "Parameters": where,
        },
        "ItemProcessor": processor,
        "End": True,
    }
    if exports:
        state["ResultWriter"] = {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": "bucket"},
        }
    if batch:
        state["ItemBatcher"] = {"MaxItemsPerBatch": batch}
    return {"StartAt": "map", "States": {"map": state}}


def rss(process: int | str = "self") -> float:
    """The RSS of a process now, in KiB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return float(line.split()[1])


def cpu_seconds(process: int) -> float:
    """The CPU time of a process so far, its own and the system's for it."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    user, system = 11, 12  # of those behind the name
    return (int(fields[user]) + int(fields[system])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main("The local Step Functions engine", measure)
