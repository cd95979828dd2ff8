"""Web pages against everything that listens on the developer's machine."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ClientError
from tests.support.api import api_routes
from tests.support.proof import PROOF, sampled
from tests.support.sockets import children, listeners
from websockets.sync.client import connect

from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.console.backend import ROOT, local
from sfn_cqrs_tools.console.pages import FILES, FORMS, PAGES
from sfn_cqrs_tools.console.server import ConsoleServer
from sfn_cqrs_tools.project import CHECKOUT
from sfn_cqrs_tools.runtime import lambda_api
from sfn_cqrs_tools.runtime.fabric import session
from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.stack.settings import Settings
from sfn_local import BotoServices
from sfn_local.http_server import Request, Response, serve
from sfn_local.operations import OPERATIONS
from sfn_local.request_guard import Guard
from sfn_local.server import CLOCK, TARGET

EVIL = "https://evil.example"
OUR_PAGE = "http://localhost:5173"
QUIET_SECONDS = 1.5
"""Longer than streams and queues of this stack gather."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
LISTENERS = ("http", "sfn", "lambda", "aws", "live")
GUARDED = (*LISTENERS, "console")
LINKED = ("/docs", "/approvals/x/decide", "/live.html", "/console", "/console/items")
FRONT = {
    "/live.html",
    "/live.js",
    "/live-client.js",
    "/live.css",
    "/live.json",
    ROOT,
    f"{ROOT}/items",
}
ORDER = {
    "type": "ORDER",
    "code": "o-evil",
    "name": "x",
    "attributes": {"customer": "a", "total": 1},
}
KEYS = ("AKIAEXPORTED", "exported-secret", "exported-token")


@dataclass(frozen=True)
class Ask:
    """A request as it works from a program."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@pytest.fixture(scope="module")
def recorder():
    return Recorder()


@pytest.fixture(scope="module")
def stack(tmp_path_factory, recorder):
    settings = Settings(
        parameters={"CorsOrigins": OUR_PAGE},
        state_dir=tmp_path_factory.mktemp("state"),
        reload=False,
        schedules=False,
        recorder=recorder,
    )
    with LocalStack(settings) as started:
        target = find_target(started.state.path, None)
        console = ConsoleServer(local(started.name, started.http, target, "kenji"))
        started.front.console = console.origin
        yield started
        console.close()


def port_of(stack: LocalStack, listener: str) -> int:
    origins = {**stack.info.endpoints(), "console": stack.front.console}
    port = urlsplit(str(origins[listener])).port
    assert port is not None
    return port


def send(port: int, ask: Ask, headers: Sequence[tuple[str, str]]) -> Answer:
    """Send exactly these headers, Host included, beside the request's own."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest(ask.method, ask.target, skip_host=True, skip_accept_encoding=True)
    for name, value in (*headers, *ask.headers.items()):
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(ask.body)))
    connection.endheaders(ask.body)
    response = connection.getresponse()
    answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, b"")
    if ask.method != "HEAD":
        answer = Answer(answer.status, answer.headers, response.read())
    connection.close()
    return answer


def page_of(origin: str, site: str, mode: str = "cors", dest: str = "empty") -> dict[str, str]:
    """What a browser says of the page that sends a request."""
    fetch = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    return {"Origin": origin, **fetch} if origin else fetch


# ------------------------------------------------------------------ what a page can ask for


def routes(_stack: LocalStack) -> Iterator[Ask]:
    """Every route of the API, and what the front serves beside them, by every method."""
    body = json.dumps(ORDER).encode()
    paths = {re.sub(r"\{[^}]+\}", "x", one.path) for one in api_routes()}
    for path in sorted(paths | FRONT):
        for method in METHODS:
            yield Ask(method, path, {"Content-Type": "text/plain"}, body)


def operations(_stack: LocalStack) -> Iterator[Ask]:
    """Every operation of Step Functions, and the engine's own paths by every method."""
    for name in OPERATIONS:
        yield Ask("POST", "/", {"X-Amz-Target": TARGET + name}, b"{}")
    for path in ("/", CLOCK):
        for method in METHODS:
            yield Ask(method, path, {"Content-Type": "text/plain"}, b'{"advance": 9}')


def functions(stack: LocalStack) -> Iterator[Ask]:
    """Every path that the Lambda API knows of every function, and one by every method."""
    patterns = [one.pattern for one in vars(lambda_api).values() if isinstance(one, re.Pattern)]
    assert len(patterns) == 4
    names = sorted(stack.template.functions)
    for pattern in patterns:
        for name in names:
            yield Ask("POST", re.sub(r"\(.*?\)", name, pattern), {}, b"{}")
        for method in METHODS:
            yield Ask(method, re.sub(r"\(.*?\)", names[0], pattern), {}, b"{}")


def services(stack: LocalStack) -> Iterator[Ask]:
    """Every service of the fabric, and every path of its own by every method."""
    health = send(port_of(stack, "aws"), Ask("GET", "/_ministack/health"), [("Host", "localhost")])
    for name in json.loads(health.body)["services"]:
        scope = f"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{name}/aws4_request"
        yield Ask("POST", "/", {"Authorization": scope}, b"{}")
    (source,) = (CHECKOUT / ".venv-fabric").glob("lib/python*/site-packages/ministack/app.py")
    paths = set(re.findall(r'"(/_(?:ministack|localstack|aws)/[\w./-]+)"', source.read_text()))
    assert len(paths) > 10
    for path in sorted(paths | {"/", "/bucket/key", "/2015-03-31/functions"}):
        for method in METHODS:
            yield Ask(method, path, {"Content-Type": "text/plain"}, b"{}")


def pages(_stack: LocalStack) -> Iterator[Ask]:
    """Every page, form and file of the console, by every method."""
    paths = [f"{ROOT}{path}" for path in (*PAGES, *FORMS, *FILES, "/live", "/who", "/nosuch")]
    for path in sorted({*paths, "/", f"{ROOT}/static/console.js"}):
        for method in METHODS:
            plain = {"Content-Type": "text/plain", "Cookie": "sfn_cqrs_console=x"}
            yield Ask(method, re.sub(r"\{[^}]+\}", "x", path), plain, b"csrf=x")


def live_updates(_stack: LocalStack) -> Iterator[Ask]:
    """Publishing, a WebSocket, and every path by every method."""
    scope = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/appsync/aws4_request"
    event = {"channel": "/live/tenant1/command/ORDER/o-evil", "events": ["1"]}
    yield Ask("POST", "/event", {"Authorization": scope}, json.dumps(event).encode())
    for path in ("/", "/event", "/event/realtime"):
        for method in METHODS:
            yield Ask(method, path, {"Content-Type": "text/plain"}, b"{}")
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    yield Ask("GET", "/event/realtime", {**upgrade, **key})


EVERYTHING = {
    "http": routes,
    "sfn": operations,
    "lambda": functions,
    "aws": services,
    "console": pages,
    "live": live_updates,
}

# ------------------------------------------------------------------- how a page can ask for it

CROSS_SITE = page_of("", "cross-site", "no-cors", "image")
ATTACKS = {
    "foreign host": [("Host", "evil.example")],
    "rebinding host": [("Host", "127.0.0.1.rebind.evil.example:{port}")],
    "foreign origin": [("Host", "127.0.0.1:{port}"), ("Origin", EVIL)],
    "null origin": [("Host", "127.0.0.1:{port}"), ("Origin", "null")],
    "cross-site": [("Host", "127.0.0.1:{port}"), *CROSS_SITE.items()],
    "preflight": [
        ("Host", "127.0.0.1:{port}"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "x-amz-target"),
        ("Access-Control-Request-Private-Network", "true"),
        *page_of(EVIL, "cross-site").items(),
    ],
}
HOSTS = (
    "evil.example:{port}",
    "localhost.evil.example",
    "evil.localhost",
    "127.0.0.1.nip.io",
    "127.0.0.1@evil.example",
    "evil.example#127.0.0.1",
    "evil.example, 127.0.0.1",
    "128.0.0.1",
    "0.0.0.0:{port}",
    "192.168.1.5:{port}",
    "169.254.169.254",
    "[::2]:{port}",
    "[::1",
    "::1",
    "127.0.0.1:",
    "127.0.0.1:80:80",
    "127.0.0.1/",
    "",
)
ORIGINS = (
    "http://localhost:1",
    "http://127.0.0.1",
    "https://127.0.0.1:{port}",
    "http://127.0.0.1:{port}.evil.example",
    "http://localhost:{port}",
    "http://127.0.0.1:{port}, https://evil.example",
    "file://",
    "NULL",
    "*",
    "",
)
SITES = (
    page_of("", "same-site", "no-cors", "image"),
    page_of("", "cross-site", "navigate", "iframe"),
    page_of("", "cross-site", "navigate", "object"),
    page_of("", "cross-site", "cors", "document"),
    page_of("", "same-origin, cross-site"),
    page_of("", "anything"),
    page_of("", ""),
    page_of("http://127.0.0.1:{port}", "cross-site"),
)
ODD = [
    *([("Host", host)] for host in HOSTS),
    *([("Host", "127.0.0.1:{port}"), ("Origin", origin)] for origin in ORIGINS),
    *([("Host", "127.0.0.1:{port}"), *site.items()] for site in SITES),
    [],
    [("Host", "127.0.0.1:{port}"), ("Host", "evil.example")],
    [("Host", "evil.example"), ("Host", "127.0.0.1:{port}")],
    [("Host", "127.0.0.1:{port}"), ("Origin", "http://127.0.0.1:{port}"), ("Origin", EVIL)],
]
NO_HTTP = {400, 403}  # what is no HTTP at all may be told so before the guard is asked


def filled(headers: Sequence[tuple[str, str]], port: int) -> list[tuple[str, str]]:
    return [(name, value.replace("{port}", str(port))) for name, value in headers]


def is_refused(answer: Answer, statuses: set[int]) -> bool:
    allows = any(name.startswith("access-control-") for name in answer.headers)
    return answer.status in statuses and not allows


class Traces:
    """What a request that was run would leave behind."""

    def __init__(self, stack: LocalStack, recorder: Recorder) -> None:
        self._stack = stack
        self._recorder = recorder
        self._engine, self._s3 = stack.client("stepfunctions"), stack.client("s3")
        self._fabric = session().client("lambda", endpoint_url=stack.aws)
        self._dynamodb = stack.client("dynamodb")

    def look(self) -> dict[str, object]:
        engine, s3, dynamodb = self._engine, self._s3, self._dynamodb
        machines = [one["stateMachineArn"] for one in engine.list_state_machines()["stateMachines"]]
        buckets = [one["Name"] for one in s3.list_buckets()["Buckets"]]
        return {
            "machines": machines,
            "executions": {
                arn: len(engine.list_executions(stateMachineArn=arn)["executions"])
                for arn in machines
                if not arn.endswith("-command-express")
            },
            "functions": len(self._fabric.list_functions(MaxItems=10_000)["Functions"]),
            "rows": {
                table: dynamodb.scan(TableName=table, Select="COUNT")["Count"]
                for table in dynamodb.list_tables()["TableNames"]
            },
            "objects": {one: s3.list_objects_v2(Bucket=one)["KeyCount"] for one in buckets},
            "invocations": self._invocations(),
        }

    def at_rest(self) -> dict[str, object]:
        """What there is once what was asked for earlier has left its own traces."""
        before, now = None, self.look()
        while now != before:
            time.sleep(QUIET_SECONDS)
            before, now = now, self.look()
        return now

    def _invocations(self) -> dict[str, int]:
        on_time = {
            one.function for one in self._stack.template.event_sources if "Sched" in one.type
        }
        counted = self._recorder.invocation_counts()
        return {name: count for name, count in counted.items() if name not in on_time}


@pytest.fixture(scope="module")
def traces(stack, recorder):
    return Traces(stack, recorder)


@pytest.mark.stack
@pytest.mark.parametrize(
    ("listener", "attack"),
    [
        pytest.param(listener, attack, marks=() if (place + number) % 3 == 0 else PROOF)
        for place, listener in enumerate(GUARDED)
        for number, attack in enumerate(ATTACKS)
    ],
)
def test_no_page_reaches_anything_by_any_method(stack, traces, listener, attack):
    port = port_of(stack, listener)
    headers = filled(ATTACKS[attack], port)
    before = traces.look()

    served = [
        (ask.method, ask.target)
        for ask in EVERYTHING[listener](stack)
        if not is_refused(send(port, ask, headers), {403})
    ]

    assert served == []
    assert traces.look() == before


@pytest.mark.stack
@pytest.mark.parametrize("listener", GUARDED)
def test_no_odd_spelling_passes(stack, listener):
    port = port_of(stack, listener)
    ask = Ask("GET", "/docs")

    served = [
        headers
        for headers in ODD
        if not is_refused(send(port, ask, filled(headers, port)), NO_HTTP)
    ]

    assert served == []


@pytest.mark.stack
@pytest.mark.parametrize("listener", GUARDED)
def test_a_target_that_names_a_host_is_refused_whatever_the_host_header_says(stack, listener):
    port = port_of(stack, listener)
    targets = ("http://evil.example/docs", f"http://127.0.0.1:{port}/docs", "evil.example:80", "*")

    statuses = {
        send(port, Ask("GET", target), [("Host", "127.0.0.1")]).status for target in targets
    }

    assert statuses <= NO_HTTP


def code_that_writes(path: Path) -> bytes:
    """A Lambda function's ZIP whose handler leaves a file."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        python = f"def handler(event, context):\n    open({str(path)!r}, 'w').close()\n"
        script = f"exports.handler = async () => require('fs').writeFileSync({str(path)!r}, '')"
        file.writestr("index.py", python)
        file.writestr("index.js", script)
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        file.writestr(entry, f"#!/bin/sh\ntouch {path}\n")
    return packed.getvalue()


def harm(stack: LocalStack) -> dict[str, list[Ask]]:
    """Requests that do something, each as a page could send it: no header asks for a preflight."""
    plain = {"Content-Type": "text/plain"}
    order = stack.template.functions["ApiHandleRequestFunction"].logical_id
    machine = next(iter(stack.template.machines.values())).arn
    start = json.dumps({"stateMachineArn": machine, "input": "{}"}).encode()
    bucket = stack.outputs["ImportBucketName"]
    return {
        "http": [Ask("POST", "/commands", plain, json.dumps(ORDER).encode())],
        "sfn": [Ask("POST", "/", {"X-Amz-Target": f"{TARGET}StartExecution"}, start)],
        "lambda": [Ask("POST", f"/2015-03-31/functions/{order}/invocations", plain, b"{}")],
        "aws": [Ask("PUT", f"/{bucket}/evil.csv", plain, b"a,b")],
    }


@pytest.mark.stack
@pytest.mark.real_time("what another request has begun goes on for a while")
@pytest.mark.parametrize("listener", [one for one in LISTENERS if one != "live"])
def test_what_is_refused_to_pages_works_from_a_program_and_leaves_a_trace(stack, traces, listener):
    port = port_of(stack, listener)
    asks = harm(stack)[listener]
    before = traces.at_rest()

    refused = [
        send(port, ask, filled(headers, port)).status
        for ask in asks
        for headers in ATTACKS.values()
    ]
    after_attacks = traces.look()
    served = [send(port, ask, [("Host", f"127.0.0.1:{port}")]).status for ask in asks]

    assert set(refused) == {403}
    assert after_attacks == before
    assert max(served) < 300
    assert traces.look() != before


@pytest.mark.stack
def test_a_live_update_of_a_page_reaches_nobody_and_that_of_a_program_does(stack):
    (ask, *_) = live_updates(stack)
    port = port_of(stack, "live")
    own = {"host": f"127.0.0.1:{port}"}
    offered = ["aws-appsync-event-ws", f"header-{b64encode(json.dumps(own).encode()).decode()}"]
    subscribe = {"type": "subscribe", "id": "s", "authorization": own}
    with connect(stack.live.realtime, subprotocols=[one.strip("=") for one in offered]) as client:
        client.send(json.dumps({**subscribe, "channel": json.loads(ask.body)["channel"]}))
        subscribed = json.loads(client.recv(timeout=60))["type"]

        refused = [send(port, ask, filled(one, port)).status for one in ATTACKS.values()]
        event = {"channel": "/live/tenant1/command/ORDER/o-evil", "events": ['"of a program"']}
        ours = Ask("POST", "/event", ask.headers, json.dumps(event).encode())
        served = send(port, ours, [("Host", f"127.0.0.1:{port}")]).status

        heard = json.loads(client.recv(timeout=60))
    assert (subscribed, set(refused), served) == ("subscribe_success", {403}, 200)
    assert heard["event"] == '"of a program"'


@pytest.mark.stack
def test_every_socket_that_listens_is_guarded(stack):
    found = [one for pid in (os.getpid(), *children(os.getpid())) for one in listeners(pid)]
    ports = {int(address.rpartition(":")[2], 16) for _, address in found}
    ask = Ask("GET", "/")

    assert ports >= {port_of(stack, listener) for listener in GUARDED}
    assert {send(port, ask, [("Host", "evil.example")]).status for port in ports} == {403}


@pytest.mark.stack
def test_a_web_socket_of_a_page_is_refused(stack):
    api = stack.client("apigatewayv2")
    id_ = api.create_api(Name="evil", ProtocolType="WEBSOCKET")["ApiId"]
    api.create_stage(ApiId=id_, StageName="live")
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    ask, port = Ask("GET", f"/_aws/execute-api/{id_}/live", upgrade), port_of(stack, "aws")

    of_a_program = send(port, ask, [("Host", f"127.0.0.1:{port}")])
    of_a_page = send(port, ask, [("Host", f"127.0.0.1:{port}"), ("Origin", EVIL)])

    assert (of_a_program.status, of_a_page.status) == (101, 403)


@pytest.mark.stack
def test_a_refusal_says_what_to_do(stack):
    port = port_of(stack, "http")
    ask = Ask("POST", "/commands", {}, b"no JSON")

    def message(*headers: tuple[str, str]) -> str:
        return json.loads(send(port, ask, headers).body)["message"]

    ours = ("Host", "localhost")
    assert message(("Host", "evil.example")) == (
        "Host 'evil.example' is not this machine: use 127.0.0.1 or localhost, or start with "
        "--host or --allow-host, where the command has it, and the name that clients use"
    )
    assert message(ours, ("Origin", EVIL)) == (
        "Origin 'https://evil.example' may not call this machine; a page of your own may, if the "
        "template's CorsConfiguration names its origin (parameter CorsOrigins)"
    )
    assert message(ours, ("Sec-Fetch-Site", "cross-site")) == (
        "Sec-Fetch-Site 'cross-site': a page of another site may not call this machine"
    )


# ------------------------------------------------------------------------------- who may ask


@pytest.mark.stack
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:{port}", "LocalHost", "127.8.9.1:80", "[::1]:{port}", "[::1]"]
)
def test_every_name_of_loopback_is_this_machine(stack, host):
    for listener in GUARDED:
        port = port_of(stack, listener)
        answer = send(port, Ask("GET", "/"), filled([("Host", host)], port))
        assert (listener, answer.status == 403) == (listener, False)


@pytest.mark.stack
def test_the_command_line_and_boto3_work(stack):
    publish = ["publish", "ORDER", "o-cli", "--name", "x", "--state", str(stack.state.path)]
    command = [sys.executable, "-m", "sfn_cqrs_tools.cli", *publish]
    attributes = ["--attributes", json.dumps(ORDER["attributes"])]

    result = subprocess.run([*command, *attributes], check=False, capture_output=True, text=True)

    assert result.returncode == 0, result.stderr
    assert stack.client("stepfunctions").list_state_machines()["stateMachines"]
    assert stack.client("dynamodb").list_tables()["TableNames"]
    assert stack.client("lambda").get_function(FunctionName="ApiHandleRequestFunction")[
        "Configuration"
    ]


@pytest.mark.stack
def test_the_fronts_own_page_may_call_it(stack):
    port = port_of(stack, "http")
    own = page_of(f"http://localhost:{port}", "same-origin")
    order = {**ORDER, "code": "o-docs"}
    ask = Ask("POST", "/commands", {"Content-Type": "application/json"}, json.dumps(order).encode())

    page = send(port, Ask("GET", "/docs"), [("Host", f"localhost:{port}")])
    answer = send(port, ask, [("Host", f"localhost:{port}"), *own.items()])

    assert page.headers["content-type"].startswith("text/html")
    assert answer.status == 202


@pytest.mark.stack
@pytest.mark.parametrize(
    "path", ["/docs", "/docs?a=b", "/approvals/x/decide?token=t", "/live.html?id=o-1"]
)
def test_a_link_from_elsewhere_opens_a_page_which_no_frame_shows(stack, path):
    port = port_of(stack, "http")
    link = page_of("", "cross-site", "navigate", "document")

    answer = send(port, Ask("GET", path), [("Host", f"127.0.0.1:{port}"), *link.items()])

    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert (
        answer.headers.get("referrer-policy") != "no-referrer"
    )  # its form would send Origin: null


@pytest.mark.stack
@pytest.mark.parametrize("listener", LISTENERS)
def test_a_link_from_elsewhere_opens_nothing_else(stack, listener):
    port = port_of(stack, listener)
    link = page_of("", "cross-site", "navigate", "document")
    headers = [("Host", f"127.0.0.1:{port}"), *link.items()]
    public = {
        route.path
        for route in stack.template.routes
        if route.method in ("GET", "ANY") and not route.has_authorizer
    }

    served = {
        (ask.method, ask.target)
        for ask in EVERYTHING[listener](stack)
        if send(port, ask, headers).status != 403
    }
    pages = {("GET", path) for path in LINKED} if listener == "http" else set()

    assert public == {"/docs", "/approvals/{id}/decide"}
    assert served == pages


@pytest.mark.stack
def test_a_link_from_elsewhere_opens_pages_of_the_console_alone(stack):
    port = port_of(stack, "console")
    link = page_of("", "cross-site", "navigate", "document")
    headers = [("Host", f"127.0.0.1:{port}"), *link.items()]

    served = {
        (ask.method, ask.target) for ask in pages(stack) if send(port, ask, headers).status != 403
    }

    assert {method for method, _ in served} == {"GET"}
    assert {f"{ROOT}{path}" for path in PAGES if "{" not in path} <= {path for _, path in served}
    assert not {path for _, path in served if path.startswith((f"{ROOT}/static", f"{ROOT}/live"))}


@pytest.mark.stack
def test_a_page_of_our_own_may_call_the_api_if_its_origin_is_named(stack):
    port = port_of(stack, "http")
    ours = [("Host", f"127.0.0.1:{port}"), *page_of(OUR_PAGE, "cross-site").items()]
    asks = ("Access-Control-Request-Method", "POST")

    preflight = send(port, Ask("OPTIONS", "/commands"), [*ours, asks])
    answer = send(port, Ask("GET", "/data?type=ORDER"), ours)

    assert (preflight.status, answer.status) == (204, 200)
    assert preflight.headers["access-control-allow-origin"] == OUR_PAGE
    assert answer.headers["access-control-allow-origin"] == OUR_PAGE


def form(stack: LocalStack) -> Ask:
    """The form of an upload, filled in."""
    ask = Ask("POST", "/imports/uploads", {}, b'{"name": "a.csv"}')
    upload = json.loads(send(port_of(stack, "http"), ask, [("Host", "localhost")]).body)
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in upload["fields"].items()
    ]
    parts.append('--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\na\r\n')
    body = "".join([*parts, "--b--\r\n"]).encode()
    target = urlsplit(upload["url"]).path
    return Ask("POST", target, {"Content-Type": "multipart/form-data; boundary=b"}, body)


@pytest.mark.stack
@pytest.mark.parametrize(
    ("page", "status"),
    [
        ({}, 204),
        (page_of("http://127.0.0.1:{front}", "same-site"), 204),
        (page_of("http://localhost:{front}", "cross-site"), 204),
        (page_of(OUR_PAGE, "cross-site"), 204),
        (page_of(EVIL, "cross-site", "navigate", "document"), 403),
        (page_of("http://localhost:1", "same-site"), 403),
    ],
)
def test_a_file_is_sent_by_programs_and_by_the_pages_that_may_call(stack, page, status):
    front, port = port_of(stack, "http"), port_of(stack, "aws")
    sent = [(name, value.replace("{front}", str(front))) for name, value in page.items()]

    answer = send(port, form(stack), [("Host", f"127.0.0.1:{port}"), *sent])

    named = {None, OUR_PAGE} if page.get("Origin") == OUR_PAGE else {None}
    assert answer.status == status
    assert answer.headers.get("access-control-allow-origin") in named


@pytest.mark.stack
def test_a_page_in_a_bucket_can_ask_for_nothing(stack):
    bucket, port = stack.outputs["ImportBucketName"], port_of(stack, "aws")
    page = {"Bucket": bucket, "Key": "page.html", "ContentType": "text/html", "Body": b"<p>"}
    stack.client("s3").put_object(**page)

    answer = send(port, Ask("GET", f"/{bucket}/page.html"), [("Host", f"127.0.0.1:{port}")])

    assert (answer.status, answer.body) == (200, b"<p>")
    assert answer.headers["content-security-policy"] == "sandbox; frame-ancestors 'none'"


@pytest.mark.parametrize(
    ("guard", "host", "is_served"),
    [
        (Guard("engine"), "engine:8083", True),
        (Guard("engine"), "ENGINE", True),
        (Guard("engine"), "localhost:8083", True),
        (Guard("engine"), "engine.evil.example", False),
        (Guard("0.0.0.0"), "0.0.0.0:8083", True),
        (Guard("0.0.0.0"), "192.168.1.5:8083", False),
        (Guard("fd00::5"), "[fd00::5]:8083", True),
        (Guard(), "engine:8083", False),
    ],
)
def test_the_given_host_is_this_machine_too(guard, host, is_served):
    assert (guard.refusal("GET", "/", {"host": host}) is None) == is_served


# ------------------------------------------------------------------------ whose code may run


@pytest.mark.stack
@pytest.mark.parametrize(
    ("runtime", "handler"),
    [("python3.13", "index.handler"), ("nodejs22.x", "index.handler"), ("provided.al2023", "b")],
)
@pytest.mark.parametrize("kind", ["RequestResponse", "Event"])
def test_the_fabric_runs_nobodys_function(stack, tmp_path, runtime, handler, kind):
    left, port = tmp_path / "left", port_of(stack, "aws")
    client = session().client("lambda", endpoint_url=stack.aws)
    setting = json.dumps({"lambda_svc.LAMBDA_EXECUTOR": "local"}).encode()
    send(port, Ask("POST", "/_ministack/config", {}, setting), [("Host", "localhost")])
    name = client.create_function(
        FunctionName=f"evil-{runtime.partition('.')[0]}-{kind}",
        Runtime=runtime,
        Handler=handler,
        Role="arn:aws:iam::000000000000:role/evil",
        Code={"ZipFile": code_that_writes(left)},
    )["FunctionName"]

    answer = client.invoke(FunctionName=name, InvocationType=kind)
    waited = client.invoke(FunctionName=name)

    assert answer["StatusCode"] in (200, 202)
    assert json.loads(waited["Payload"].read())["errorType"] == "Runtime.DockerUnavailable"
    assert not left.exists()


@pytest.mark.stack
def test_the_fabric_starts_no_program_for_a_job_either(stack, tmp_path):
    left, bucket = tmp_path / "left", stack.outputs["ImportBucketName"]
    script = f"open({str(left)!r}, 'w').close()".encode()
    stack.client("s3").put_object(Bucket=bucket, Key="job.py", Body=script)
    path = tmp_path / "job.py"
    path.write_bytes(script)
    glue = stack.client("glue")
    command = {"Name": "pythonshell", "ScriptLocation": f"s3://{bucket}/job.py"}
    glue.create_job(Name="evil", Role="evil", Command=command)

    run = glue.start_job_run(JobName="evil")["JobRunId"]
    for _ in range(200):
        ended = glue.get_job_run(JobName="evil", RunId=run)["JobRun"]
        if ended["JobRunState"] not in ("STARTING", "RUNNING"):
            break

    assert "starts no programs" in ended.get("ErrorMessage", ended["JobRunState"])
    assert not left.exists()


@pytest.mark.stack
def test_our_own_functions_work_through_the_fabric(stack, recorder):
    name = stack.template.functions["ApiHandleRequestFunction"].name
    client = session().client("lambda", endpoint_url=stack.aws)
    before = recorder.invocation_counts()["ApiHandleRequestFunction"]

    client.invoke(FunctionName=name, Payload=b"{}")

    assert recorder.invocation_counts()["ApiHandleRequestFunction"] == before + 1


# ------------------------------------------------------------------- whose keys sign its calls


@contextmanager
def engine(environment: Mapping[str, str], *options: str) -> Iterator[str]:
    """The engine's address, served alone."""
    command = [
        sys.executable,
        "-m",
        "sfn_cqrs_tools.cli",
        "engine",
        "--port",
        "0",
        "--json",
        *options,
    ]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**clean, **environment}
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["sfn"]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


EXPORTED = {
    "AWS_ACCESS_KEY_ID": KEYS[0],
    "AWS_SECRET_ACCESS_KEY": KEYS[1],
    "AWS_SESSION_TOKEN": KEYS[2],
}
CALLS = ("sts:getCallerIdentity", "s3:listBuckets", "dynamodb:listTables")


def of_a_profile(folder: Path) -> dict[str, str]:
    file = folder / "credentials"
    file.write_text(
        f"[work]\naws_access_key_id={KEYS[0]}\naws_secret_access_key={KEYS[1]}\n"
        f"aws_session_token={KEYS[2]}\n"
    )
    return {"AWS_PROFILE": "work", "AWS_SHARED_CREDENTIALS_FILE": str(file)}


def of_a_default_profile(folder: Path) -> dict[str, str]:
    environment = of_a_profile(folder)
    file = Path(environment["AWS_SHARED_CREDENTIALS_FILE"])
    file.write_text(file.read_text().replace("[work]", "[default]"))
    return {"AWS_SHARED_CREDENTIALS_FILE": str(file)}


def refusals(url: str) -> tuple[str, int]:
    """What boto3 is told for a page, and the status of another host."""
    client = session().client("stepfunctions", endpoint_url=url)
    client.meta.events.register(
        "before-call", lambda params, **_: params["headers"].update({"Origin": EVIL})
    )
    with pytest.raises(ClientError) as refused:
        client.list_state_machines()
    answer = send(int(urlsplit(url).port or 0), Ask("POST", "/"), [("Host", "evil.example")])
    return str(refused.value), answer.status


@pytest.mark.parametrize("options", [(), ("--aws-credentials",)])
@pytest.mark.parametrize(
    "keys", sampled([lambda _: EXPORTED, of_a_profile, of_a_default_profile], 1)
)
def test_the_engine_alone_is_guarded_and_calls_with_made_up_keys_unless_asked_otherwise(
    tmp_path, keys, options
):
    received: list[Request] = []

    def record(request: Request) -> Response:
        received.append(request)
        return Response(400)

    server = serve("127.0.0.1", 0, record)
    environment = {**keys(tmp_path), "AWS_ENDPOINT_URL": server.url}
    with engine(environment, "--lambda-endpoint", server.url, *options) as url:
        client = session().client("stepfunctions", endpoint_url=url)
        for action in CALLS:
            task = {"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:{action}", "End": True}
            definition = json.dumps({"StartAt": "a", "States": {"a": task}})
            name = action.replace(":", "-")
            machine = client.create_state_machine(name=name, definition=definition, roleArn="r")
            client.start_execution(stateMachineArn=machine["stateMachineArn"])
        for machine in client.list_state_machines()["stateMachines"]:
            ended_of(client, machine["stateMachineArn"])
        told, status = refusals(url)
    server.close()

    assert (f"Origin '{EVIL}' may not call" in told, status) == (True, 403)
    sent = repr(received)
    assert len(received) == len(CALLS)
    assert any(key in sent for key in KEYS) == bool(options)
    assert ("Credential=local/" in sent) != bool(options)


def ended_of(client, arn: str) -> str:
    while True:
        (one,) = client.list_executions(stateMachineArn=arn)["executions"]
        if one["status"] != "RUNNING":
            return str(one["status"])


@pytest.mark.parametrize("asked", [False, True])
def test_a_bearer_token_takes_the_place_of_made_up_keys_only_if_asked(monkeypatch, asked):
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "exported-bearer")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://bedrock.invalid")
    services = BotoServices.from_environment("us-east-1", with_credentials=asked)
    client, sent = services.client("bedrock"), []

    def keep(request: AWSPreparedRequest, **_: object) -> None:
        sent.append(str(request.headers))
        raise InterruptedError

    client.meta.events.register("before-send", keep)
    with pytest.raises(InterruptedError):
        client.list_foundation_models()

    assert ["exported-bearer" in one for one in sent] == [asked]
