"""The twin of AppSync Events, spoken to as clients and the stack speak to AppSync."""

import asyncio
import base64
import json
import threading
from contextlib import nullcontext
from types import SimpleNamespace

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from starlette.websockets import WebSocketDisconnect
from tests.support.over_http import fetch
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from sfn_cqrs.care.live.channels import LiveEvent
from sfn_cqrs.care.live.events import LiveEvents, LiveRefusedError
from sfn_cqrs.kernel.aws.threads import at_once
from sfn_cqrs.kernel.errors import BusyError
from sfn_cqrs_tools.runtime.live.authorizer import Authorizer
from sfn_cqrs_tools.runtime.live.server import LiveServer, _Outbox
from sfn_cqrs_tools.runtime.live.session import MAX_SUBSCRIPTIONS, RefusedError, Session
from sfn_local import FunctionError

OURS = "/live/t1/command/ORDER/o-1"
PAGE = "http://localhost:5173"
SECONDS = 5


def only_t1(channel, authorization):
    """Stand for the function that says who may subscribe."""
    if not channel.startswith(f"/live/{authorization.get('x-tenant-code', 't1')}/"):
        raise RefusedError("SubscriptionProcessingError", "forbidden: of another tenant")


@pytest.fixture(scope="module")
def twin():
    server = LiveServer("live", only_t1, origins=frozenset((PAGE,)))
    yield server
    server.close()


@pytest.fixture
def publisher(twin):
    session = boto3.session.Session("test", "test", region_name="us-east-1")
    return LiveEvents(session, twin.url, at_once)


def authorization(twin, **headers):
    return {"host": f"127.0.0.1:{twin.port}", **headers}


def header(value):
    return "header-" + base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


class Client:
    """A client of the twin: what it says, and what it hears next."""

    def __init__(self, twin, socket):
        self.twin = twin
        self.socket = socket

    def say(self, **message):
        self.socket.send(json.dumps(message))
        return self.hear()

    def hear(self):
        return json.loads(self.socket.recv(timeout=SECONDS))

    def subscribe(self, channel=OURS, id_="s-1", **headers):
        given = authorization(self.twin, **headers)
        return self.say(type="subscribe", id=id_, channel=channel, authorization=given)


@pytest.fixture
def client(twin):
    offered = ["aws-appsync-event-ws", header(authorization(twin))]
    with connect(twin.realtime, subprotocols=offered) as socket:
        assert socket.subprotocol == "aws-appsync-event-ws"
        yield Client(twin, socket)


def post(twin, body, **headers):
    """Publish over HTTP; answers the status and the JSON."""
    signed = "AWS4-HMAC-SHA256 Credential=test/20261127/us-east-1/appsync/aws4_request, …"
    sent = {"authorization": signed.replace("…", "x"), **headers}
    answer = fetch(twin.url, sent, body)
    return answer.status, answer.json if answer.text.startswith("{") else answer.text


def error_of(answer):
    (error,) = answer["errors"]
    return error["errorType"]


# ------------------------------------------------------------------------------ connections


def test_a_connection_is_acknowledged_and_kept_alive(client):
    assert client.say(type="connection_init") == {
        "type": "connection_ack",
        "connectionTimeoutMs": 300_000,
    }
    assert client.hear() == {"type": "ka"}


def test_a_sign_of_life_comes_where_nothing_else_does():
    server = LiveServer("live", only_t1, keep_alive=0.05)
    try:
        offered = ["aws-appsync-event-ws", header(authorization(server))]
        with connect(server.realtime, subprotocols=offered) as socket:
            assert json.loads(socket.recv(timeout=SECONDS)) == {"type": "ka"}
    finally:
        server.close()


def test_a_browser_that_goes_away_while_something_is_sent_is_no_error():
    class Gone:
        async def send_json(self, _message):
            raise WebSocketDisconnect(1006)

    async def send():
        outbox = _Outbox(asyncio.get_running_loop())
        outbox.put({"type": "data"})
        await outbox.send_to(Gone(), SECONDS)

    asyncio.run(send())


@pytest.mark.parametrize(
    ("offered", "error"),
    [
        (lambda twin: [header(authorization(twin))], "BadRequestException"),
        (lambda _: ["aws-appsync-event-ws"], "UnauthorizedException"),
        (lambda _: ["aws-appsync-event-ws", "header-%%%"], "UnauthorizedException"),
        (lambda _: ["aws-appsync-event-ws", header([1])], "UnauthorizedException"),
        (lambda _: ["aws-appsync-event-ws", header({})], "UnauthorizedException"),
        (lambda _: ["aws-appsync-event-ws", header({"host": "a.b"})], "UnauthorizedException"),
        (lambda _: ["aws-appsync-event-ws", header({"host": 1})], "UnauthorizedException"),
    ],
)
def test_who_does_not_say_who_they_are_is_told_so_and_let_go(offered, error):
    session = Session("127.0.0.1:1", "live", only_t1)
    fake = type("Twin", (), {"port": 1})
    given = [one.replace("%", "!") for one in offered(fake)]

    with pytest.raises(RefusedError) as refused:
        session.begin(given)

    assert refused.value.type == error


def test_a_bad_token_closes_the_connection(twin):
    with connect(twin.realtime, subprotocols=["aws-appsync-event-ws"]) as socket:
        answer = json.loads(socket.recv(timeout=SECONDS))

        assert answer["type"] == "connection_error"
        assert error_of(answer) == "UnauthorizedException"
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=SECONDS)


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "1", '"x"'])
def test_what_is_no_message_is_told_so_and_the_connection_stays(client, text):
    client.socket.send(text)

    assert error_of(client.hear()) == "BadRequestException"
    assert client.say(type="connection_init")["type"] == "connection_ack"


def test_what_is_not_known_is_told_so(client):
    answer = client.say(type="start", id="s-1")

    assert (answer["type"], answer["id"]) == ("error", "s-1")
    assert error_of(answer) == "UnsupportedOperation"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "file://"])
def test_a_page_of_another_origin_cannot_connect(twin, origin):
    with pytest.raises(InvalidStatus) as refused:
        connect(twin.realtime, origin=origin, subprotocols=["aws-appsync-event-ws"])

    assert refused.value.response.status_code == 403
    assert b"CorsOrigins" in refused.value.response.body


def test_a_page_of_an_origin_that_is_named_connects(twin):
    offered = ["aws-appsync-event-ws", header(authorization(twin))]
    with connect(twin.realtime, origin=PAGE, subprotocols=offered) as socket:
        assert socket.subprotocol == "aws-appsync-event-ws"


# ---------------------------------------------------------------------------- subscriptions


def test_what_is_published_in_a_channel_is_heard_there_alone(client, publisher):
    assert client.subscribe() == {"type": "subscribe_success", "id": "s-1"}

    publisher.publish([LiveEvent(OURS + "0", {"n": 0}), LiveEvent(OURS, {"n": 1})])

    assert client.hear() == {"type": "data", "id": "s-1", "event": '{"n":1}'}


def test_a_wildcard_hears_all_channels_below_it(client, publisher):
    client.subscribe("/live/t1/command/ORDER/*")

    channels = [OURS, "/live/t1/command/ORDER/o-2", "/live/t1/command/STOCK/o-1"]
    publisher.publish([LiveEvent(channel, {"c": channel}) for channel in channels])
    publisher.publish([LiveEvent(OURS, {"c": "last"})])

    first, second, last = [json.loads(client.hear()["event"])["c"] for _ in range(3)]
    assert {first, second} == {*channels[:2]}  # at once: no channel comes before another
    assert last == "last"


def test_each_subscription_is_told_by_its_id_until_it_ends(client, publisher):
    client.subscribe(id_="a")
    client.subscribe(id_="b")
    assert client.say(type="unsubscribe", id="a") == {"type": "unsubscribe_success", "id": "a"}

    publisher.publish([LiveEvent(OURS, {})])

    assert client.hear()["id"] == "b"
    unknown = client.say(type="unsubscribe", id="a")
    assert unknown["type"] == "unsubscribe_error"
    assert unknown["errors"] == [
        {"errorType": "UnknownOperationError", "message": "Unknown operation id a"}
    ]


def test_a_channel_of_another_tenant_is_refused_and_not_heard(client, publisher):
    answer = client.subscribe("/live/t2/command/ORDER/o-1")

    assert (answer["type"], answer["id"]) == ("subscribe_error", "s-1")
    assert answer["errors"][0]["message"] == "forbidden: of another tenant"
    client.subscribe(id_="own")
    publisher.publish([LiveEvent("/live/t2/command/ORDER/o-1", {}), LiveEvent(OURS, {})])
    assert client.hear()["id"] == "own"


@pytest.mark.parametrize(
    "channel",
    [
        None,
        "",
        "/",
        "/live//x",
        "/live/a_b/x",
        "/live/-a",
        "/live/" + "x" * 51,
        "/live/a/b/c/d/e",
        "/live/a/b/c/d/*",
        "/live/*/b",
        "*",
        "/other/t1",
        "/live/t1/%2e",
    ],
)
def test_what_is_no_channel_is_refused(client, channel):
    answer = client.subscribe(channel)

    assert answer["type"] == "subscribe_error"
    assert error_of(answer) == "BadRequestException"


@pytest.mark.parametrize("id_", [None, 7, "", "a b", "x" * 129])
def test_an_id_that_no_answer_could_name_is_refused(client, id_):
    assert error_of(client.subscribe(id_=id_)) == "BadRequestException"


def test_an_id_is_of_one_subscription(client):
    client.subscribe()

    assert error_of(client.subscribe()) == "BadRequestException"


def test_a_subscription_says_who_asks_as_the_connection_does(client):
    for given in (None, {}, {"host": "elsewhere"}):
        answer = client.say(type="subscribe", id="s", channel=OURS, authorization=given)

        assert answer["type"] == "subscribe_error"
        assert error_of(answer) == "UnauthorizedException"


def test_a_connection_has_a_hundred_subscriptions(client):
    given = authorization(client.twin)
    answers = [
        client.say(type="subscribe", id=f"s{n}", channel=OURS, authorization=given)["type"]
        for n in range(MAX_SUBSCRIPTIONS + 1)
    ]

    assert answers == ["subscribe_success"] * MAX_SUBSCRIPTIONS + ["subscribe_error"]


def test_clients_do_not_publish(client):
    answer = client.say(type="publish", id="p", channel=OURS, events=["1"])

    assert answer["type"] == "publish_error"
    assert error_of(answer) == "UnauthorizedException"


def test_whoever_is_connected_when_the_server_ends_is_let_go():
    server = LiveServer("live", only_t1)
    offered = ["aws-appsync-event-ws", header(authorization(server))]
    with connect(server.realtime, subprotocols=offered) as socket:
        client = Client(server, socket)
        client.subscribe()
        threading.Thread(target=server.close).start()

        with pytest.raises(ConnectionClosed):
            client.hear()


# -------------------------------------------------------------------------------- publishing


def test_five_events_of_a_channel_go_into_a_request(twin):
    sent = []

    class Answer:
        status_code, text = 200, '{"failed": [], "successful": []}'

    def send(request):
        sent.append(json.loads(request.body))
        return Answer

    session = boto3.session.Session("test", "test", region_name="us-east-1")
    events = [LiveEvent(f"/live/{n % 2}", {"n": n}) for n in range(12)]
    LiveEvents(session, twin.url, at_once, send).publish(events)

    in_order = sorted(sent, key=lambda one: one["channel"])  # and else as they were sent
    assert [(one["channel"], one["events"]) for one in in_order] == [
        ("/live/0", ['{"n":0}', '{"n":2}', '{"n":4}', '{"n":6}', '{"n":8}']),
        ("/live/0", ['{"n":10}']),
        ("/live/1", ['{"n":1}', '{"n":3}', '{"n":5}', '{"n":7}', '{"n":9}']),
        ("/live/1", ['{"n":11}']),
    ]


@pytest.mark.parametrize("status", [200, 429])
def test_a_channel_that_is_slow_or_refuses_holds_up_no_other(status):
    """The first channel is answered once the others have all that is theirs."""
    sent, waited, is_rest_sent = [], [], threading.Event()

    def send(request):
        body = json.loads(request.body)
        if body["channel"] == "/live/slow":
            waited.append(is_rest_sent.wait(SECONDS))
            return SimpleNamespace(status_code=status, text="{}")
        sent.append(body["channel"])
        if len(sent) == 6:
            is_rest_sent.set()
        return SimpleNamespace(status_code=200, text="{}")

    session = boto3.session.Session("test", "test", region_name="us-east-1")
    quick = [LiveEvent(f"/live/{n % 3}", {"n": n}) for n in range(18)]
    publisher = LiveEvents(session, "https://x.example/event", at_once, send)

    with nullcontext() if status == 200 else pytest.raises(BusyError):
        publisher.publish([LiveEvent("/live/slow", {}), *quick])

    assert waited == [True]
    assert sorted(sent) == ["/live/0"] * 2 + ["/live/1"] * 2 + ["/live/2"] * 2


def test_a_request_is_signed_as_iam_reads_it():
    sent = []
    session = boto3.session.Session("AKID", "secret", "token", region_name="eu-west-1")

    class Answer:
        status_code, text = 200, '{"failed": []}'

    publisher = LiveEvents(
        session, "https://x.example/event", at_once, lambda one: sent.append(one) or Answer
    )
    publisher.publish([LiveEvent(OURS, {"name": "Größe"})])

    (request,) = sent
    again = AWSRequest("POST", request.url, {"Content-Type": "application/json"}, request.body)
    again.context["timestamp"] = request.headers["X-Amz-Date"]
    auth = SigV4Auth(Credentials("AKID", "secret", "token"), "appsync", "eu-west-1")
    again.headers["X-Amz-Date"] = request.headers["X-Amz-Date"]
    again.headers["X-Amz-Security-Token"] = "token"
    signature = auth.signature(auth.string_to_sign(again, auth.canonical_request(again)), again)
    assert request.headers["Authorization"].endswith(f"Signature={signature}")
    assert "/eu-west-1/appsync/aws4_request" in request.headers["Authorization"]


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (429, "", BusyError),
        (500, "", BusyError),
        (503, "no JSON", BusyError),
        (200, '{"failed": [{"index": 0}, {"index": 1}]}', BusyError),
        (200, '{"failed": [{"index": 1}], "successful": [{"index": 0}]}', BusyError),
        (401, '{"errors": []}', LiveRefusedError),
        (400, "", LiveRefusedError),
    ],
)
def test_what_is_not_taken_is_no_success(status, text, error):
    session = boto3.session.Session("test", "test", region_name="us-east-1")
    answer = type("Answer", (), {"status_code": status, "text": text})
    publisher = LiveEvents(session, "https://x.example/event", at_once, lambda _: answer)

    with pytest.raises(error):
        publisher.publish([LiveEvent(OURS, {}), LiveEvent(OURS, {})])


def test_each_event_that_was_taken_has_a_name(twin):
    status, answer = post(twin, {"channel": OURS, "events": ["1", "2"]})

    assert (status, answer["failed"]) == (200, [])
    assert [one["index"] for one in answer["successful"]] == [0, 1]
    assert len({one["identifier"] for one in answer["successful"]}) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        {"channel": OURS},
        {"channel": OURS, "events": []},
        {"channel": OURS, "events": ["1"] * 6},
        {"channel": OURS, "events": ["no JSON"]},
        {"channel": OURS, "events": [{"n": 1}]},
        {"channel": OURS, "events": ['"' + "x" * 240 * 1024 + '"']},
        {"channel": "/live/t1/*", "events": ["1"]},
        {"channel": "/other/t1", "events": ["1"]},
    ],
)
def test_what_cannot_be_published_is_refused(twin, body):
    status, answer = post(twin, body)

    assert (status, error_of(answer)) == (400, "BadRequestException")


@pytest.mark.parametrize("signed", ["", "Bearer x", "AWS4-HMAC-SHA256 Credential=t/d/r/sns/x"])
def test_who_does_not_sign_does_not_publish(twin, signed):
    status, answer = post(twin, {"channel": OURS, "events": ["1"]}, authorization=signed)

    assert (status, error_of(answer)) == (401, "UnauthorizedException")


def test_no_page_publishes(twin):
    status, _ = post(twin, {"channel": OURS, "events": ["1"]}, origin="https://evil.example")

    assert status == 403


# ----------------------------------------------------------------------- who may subscribe


class Functions:
    """Stands for the function that says who may; it answers this, or fails."""

    def __init__(self, answer=None):
        self.answer = answer
        self.asked = []

    def invoke(self, name, payload):
        self.asked.append((name, json.loads(payload)))
        if self.answer is None:
            raise FunctionError("KeyError", '{"errorMessage": "\'tenant\'"}')
        return json.dumps(self.answer).encode()


@pytest.mark.parametrize("answer", [None, {"error": "forbidden: x"}, {}, [], False, 0, "yes"])
def test_whoever_the_function_does_not_let_in_is_refused(answer):
    functions = Functions(answer)

    with pytest.raises(RefusedError) as refused:
        Authorizer(functions, "OnSubscribe")(OURS, {"x-tenant-code": "t1"})

    assert refused.value.type == "SubscriptionProcessingError"
    assert "tenant" not in str(refused.value)
    ((name, event),) = functions.asked
    assert (name, event["info"]["channel"]["path"]) == ("OnSubscribe", OURS)
    assert event["identity"]["claims"]["custom:tenant"] == "t1"


def test_who_is_refused_has_no_subscription():
    session = Session("x", "live", only_t1)
    asked = {"type": "subscribe", "id": "s", "channel": "/live/t2/command/ORDER/*"}

    answer = session.answer(json.dumps({**asked, "authorization": {"host": "x"}}))

    assert answer["type"] == "subscribe_error"
    assert session.ids_of("/live/t2/command/ORDER/o-1") == []
