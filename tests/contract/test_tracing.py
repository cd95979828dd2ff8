"""What X-Ray's daemon is told, as its reference has it."""

import json
import socket
from types import SimpleNamespace

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber
from tests.support.stubs import a_client

from sfn_cqrs.kernel.aws.executions import Executions
from sfn_cqrs.kernel.aws.threads import at_once
from sfn_cqrs.kernel.aws.tracing import Tracer, entered
from sfn_cqrs.kernel.traces import Trace
from sfn_local.http_server import Response, serve

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
HEADER = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:8ad8:0"
OF_INVOCATION = "Root=1-6789aaaa-abcdef012345678912345678;Sampled=0;Lineage=1:8ad8:0"
ONCE = Config(retries={"total_max_attempts": 1})
ELSEWHERE = "Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=1"


class Daemon:
    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.address = "{}:{}".format(*self._socket.getsockname())

    def received(self) -> list[dict]:
        documents = []
        while True:
            try:
                header, _, body = self._socket.recv(65_536).partition(b"\n")
            except BlockingIOError:
                return documents
            assert json.loads(header) == {"format": "json", "version": 1}
            documents.append(json.loads(body))

    def close(self):
        self._socket.close()


@pytest.fixture
def daemon():
    daemon = Daemon()
    yield daemon
    daemon.close()


@pytest.fixture
def tracer(daemon):
    return Tracer(daemon.address, lambda: HEADER)


@pytest.fixture
def client():
    return a_client("dynamodb", "eu-west-1", config=ONCE)


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        (HEADER, Trace(ROOT, "53995c3f42cd8ad8", is_sampled=True)),
        (f"Root={ROOT}", Trace(ROOT)),
        (f"Sampled=0; Root={ROOT}", Trace(ROOT)),
        ("", None),
        ("Root=none;Parent=1", None),
    ],
)
def test_a_header_is_read(header, trace):
    assert Trace.parse(header) == trace
    assert trace is None or Trace.parse(trace.header) == trace


def test_a_block_is_a_subsegment_of_the_invocation_and_of_the_block_around(daemon, tracer):
    with tracer.segment("handler outer") as outer, tracer.segment("handler inner"):
        pass

    inner_document, outer_document = daemon.received()
    assert outer_document == {
        "name": "handler outer",
        "type": "subsegment",
        "id": outer.parent,
        "trace_id": ROOT,
        "parent_id": "53995c3f42cd8ad8",
        "start_time": outer_document["start_time"],
        "end_time": outer_document["end_time"],
    }
    assert inner_document["parent_id"] == outer.parent


def test_what_is_raised_is_told_by_its_name_alone(daemon, tracer):
    with pytest.raises(ValueError, match="secret"), tracer.segment("handler"):
        raise ValueError("secret")

    (document,) = daemon.received()
    (exception,) = document["cause"]["exceptions"]
    assert (document["fault"], exception["type"]) == (True, "ValueError")
    assert "secret" not in json.dumps(document)


def test_a_call_is_told_below_the_block_that_makes_it_on_threads_too(daemon, tracer, client):
    with Stubber(client) as stub:
        stub.add_response("delete_item", {})
        tracer.watch(client)  # behind the stub, which answers in the place of AWS
        with tracer.segment("handler") as here:
            at_once(lambda key: client.delete_item(TableName="t", Key={"pk": {"S": key}}), ["a"])

    call, _ = daemon.received()
    assert (call["name"], call["type"], call["namespace"]) == ("DynamoDB", "subsegment", "aws")
    assert (call["aws"]["operation"], call["aws"]["region"]) == ("DeleteItem", "eu-west-1")
    assert (call["trace_id"], call["parent_id"]) == (ROOT, here.parent)


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("ConditionalCheckFailedException", 400, {"error": True, "throttle": False}),
        ("ThrottlingException", 400, {"error": True, "throttle": True}),
        ("InternalServerError", 500, {"fault": True, "throttle": False}),
    ],
)
def test_a_call_that_fails_says_how(daemon, tracer, client, code, status, told):
    with Stubber(client) as stub:
        stub.add_client_error("delete_item", code, "of ada@example.com", status)
        tracer.watch(client)
        with pytest.raises(ClientError):
            client.delete_item(TableName="t", Key={"pk": {"S": "a"}})

    (call,) = daemon.received()
    assert {name: call[name] for name in told} == told
    assert call["cause"]["exceptions"][0]["type"] == code
    assert "ada@" not in json.dumps(call)


def test_a_call_whose_answer_is_lost_is_a_fault(daemon, tracer):
    client = a_client("dynamodb", endpoint_url="http://127.0.0.1:9", config=ONCE)
    tracer.watch(client)

    with pytest.raises(EndpointConnectionError):
        client.delete_item(TableName="t", Key={"pk": {"S": "a"}})

    (call,) = daemon.received()
    assert call["fault"]
    assert call["cause"]["exceptions"][0]["type"] == "EndpointConnectionError"


def test_what_is_not_sampled_is_carried_on_and_not_told(daemon):
    tracer = Tracer(daemon.address, lambda: f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=0")

    with tracer.segment("handler") as here:
        assert (here.root, here.is_sampled) == (ROOT, False)

    assert daemon.received() == []


def test_a_runtime_may_say_itself_where_an_invocation_is(tracer):
    with entered(ELSEWHERE):
        assert tracer.here() == Trace.parse(ELSEWHERE)
    with entered(""):
        assert tracer.here() == Trace.parse(HEADER)


@pytest.mark.parametrize(
    ("of_item", "goes_on"), [(ELSEWHERE, ELSEWHERE), ("", HEADER), ("not a header", HEADER)]
)
def test_an_execution_goes_on_with_the_trace_that_its_item_names(tracer, of_item, goes_on):
    given = {}
    exceptions = SimpleNamespace(ExecutionAlreadyExists=KeyError)
    client = SimpleNamespace(exceptions=exceptions)
    client.start_execution = lambda **parameters: given.update(parameters)
    ref = SimpleNamespace(as_input=dict, execution_name=lambda table: f"{table}-o-1")

    Executions(client, "arn:aws:states:::stateMachine:shop-command", "T", tracer).start(
        ref, of_item
    )

    assert Trace.parse(given["traceHeader"]) == Trace.parse(goes_on)


@pytest.fixture
def stepfunctions(monkeypatch):
    """A client inside Lambda, whose invocation has a trace that is not sampled."""
    asked = []

    def answer(request):
        asked.append(request)
        return Response(200, {}, b'{"executionArn": "arn", "startDate": 1.5}')

    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "shop-StreamOnProcessChangedFunction")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", OF_INVOCATION)
    server = serve("127.0.0.1", 0, answer)
    client = a_client("stepfunctions", endpoint_url=server.url, config=ONCE)
    yield client, asked
    server.close()


@pytest.mark.parametrize("daemon", ["", "127.0.0.1:9"])
@pytest.mark.parametrize(
    ("of_item", "sent"),
    [(ELSEWHERE, f"{ELSEWHERE};Lineage=1:8ad8:0"), ("", OF_INVOCATION)],
)
def test_the_header_that_step_functions_prefers_has_the_items_trace_and_our_own_lineage(
    stepfunctions, daemon, of_item, sent
):
    """Inside Lambda, botocore sends the invocation's trace; the lineage finds endless loops."""
    client, asked = stepfunctions
    tracer = Tracer(daemon, lambda: OF_INVOCATION)
    tracer.watch(client)
    ref = SimpleNamespace(as_input=dict, execution_name=lambda table: f"{table}-o-1")

    Executions(client, "arn:aws:states:::stateMachine:shop-command", "T", tracer).start(
        ref, of_item
    )

    (request,) = asked
    assert request.headers["x-amzn-trace-id"] == sent


def test_calls_of_other_operations_have_the_trace_of_the_invocation(stepfunctions):
    client, asked = stepfunctions
    Tracer("", lambda: OF_INVOCATION).watch(client)

    client.list_state_machines()

    assert asked[0].headers["x-amzn-trace-id"] == OF_INVOCATION


def test_without_a_daemon_nothing_is_told_and_the_trace_goes_on():
    tracer = Tracer("", lambda: HEADER)

    with tracer.segment("handler") as here:
        assert here == Trace.parse(HEADER)
    with Tracer("", str).segment("handler") as nowhere:
        assert nowhere is None
