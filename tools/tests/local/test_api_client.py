"""The client of the command line while the API is busy."""

import http.client
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import click
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from sfn_cqrs_tools.client import api as client
from sfn_cqrs_tools.client.api import Api, ApiProblem
from sfn_cqrs_tools.client.pauses import busy_pause
from sfn_local.http_server import Request, Response, serve

BUSY = Response(503, {"Retry-After": "2"}, b'{"code": "busy", "detail": "send it again"}')
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "an-id",
    "AWS_SECRET_ACCESS_KEY": "a-key",
    "AWS_SESSION_TOKEN": "a-session",
    "AWS_DEFAULT_REGION": "eu-west-1",
}
Answers = Callable[..., tuple[Api, list[Request]]]


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the client would have slept; its clock goes on by them."""
    seconds: list[float] = []
    monkeypatch.setattr(client.time, "sleep", seconds.append)
    monkeypatch.setattr(client.time, "monotonic", lambda: sum(seconds))
    return seconds


@pytest.fixture
def answering() -> Iterator[Answers]:
    """Return a way to make an API that gives some answers, the last one for ever."""
    servers = []

    def make(*answers: Response) -> tuple[Api, list[Request]]:
        left, heard = list(answers), []

        def handle(request: Request) -> Response:
            heard.append(request)
            return left.pop(0) if len(left) > 1 else left[0]

        server = serve("127.0.0.1", 0, handle)
        servers.append(server)
        return Api(server.url, {}, proxies=False), heard

    yield make
    for server in servers:
        server.close()


def test_a_busy_api_is_asked_again_when_it_says(answering: Answers, slept: list[float]) -> None:
    api, heard = answering(BUSY, BUSY, Response.of_json({"id": "t-1"}))

    assert api.post("/tasks", '{"a": 1}') == {"id": "t-1"}
    assert slept == [2, 2]
    assert [request.body for request in heard] == [b'{"a": 1}'] * 3
    assert len({request.headers["idempotency-key"] for request in heard}) == 1


def test_a_tenant_that_sends_too_much_waits_for_as_long_as_it_is_told(
    answering: Answers, slept: list[float]
) -> None:
    refused = Response(429, {"Retry-After": "1"}, b'{"code": "too_many_requests", "detail": ""}')
    api, _ = answering(refused, Response.of_json({"id": "t-1"}))

    assert api.post("/tasks") == {"id": "t-1"}
    assert slept == [1]


@pytest.mark.usefixtures("slept")
def test_the_users_own_key_is_the_one_that_is_sent(answering: Answers) -> None:
    api, heard = answering(Response.of_json({}))

    api.post("/tasks", headers={"idempotency-key": "mine"})
    api.post("/tasks")

    keys = [request.headers["idempotency-key"] for request in heard]
    assert keys[0] == "mine"
    assert len(keys[1]) == 32


def test_what_is_no_json_is_asked_for_again_too(answering: Answers, slept: list[float]) -> None:
    api, _ = answering(BUSY, Response(200, {}, b"a,b\n"))

    assert b"".join(api.content("/imports/i-1/errors.csv")) == b"a,b\n"
    assert slept == [2]


def test_after_a_minute_it_is_said_that_the_api_is_busy(
    answering: Answers, slept: list[float]
) -> None:
    api, _ = answering(BUSY)

    with pytest.raises(ApiProblem, match="busy: send it again"):
        api.get("/tasks")
    assert 60 <= sum(slept) <= 64


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a way to lose the first answer: before it is read, or amid it."""

    def lose(how: str) -> None:
        opened, lost = Api.open, []

        def open_(api: Api, request: object) -> object:
            answer = opened(api, request)  # type: ignore[arg-type]
            if lost:
                return answer
            lost.append(how)
            if how == "reset":
                answer.close()
                raise http.client.RemoteDisconnected
            answer.length += 9  # more was promised than comes
            return answer

        monkeypatch.setattr(Api, "open", open_)

    return lose


@pytest.mark.parametrize("how", ["reset", "half"])
def test_what_was_done_and_not_heard_of_is_asked_for_once_more(
    answering: Answers, breaking: Callable[[str], None], slept: list[float], how: str
) -> None:
    api, heard = answering(Response.of_json({"id": "c-1"}))
    breaking(how)

    assert api.post("/imports", '{"key": "a"}') == {"id": "c-1"}
    assert slept == [1]
    assert len(heard) == 2
    assert len({request.headers["idempotency-key"] for request in heard}) == 1


def test_what_has_no_key_is_not_done_twice(
    answering: Answers, breaking: Callable[[str], None], slept: list[float]
) -> None:
    api, heard = answering(Response.of_json({}))
    breaking("reset")

    with pytest.raises(click.ClickException, match="does not answer as the API"):
        api.delete("/data/AIRPORT/RJAA")
    assert (len(heard), slept) == (1, [])


@pytest.fixture
def account(answering: Answers, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a way to deploy a stack whose outputs are these, by somebody with credentials."""

    def deploy(**outputs: str) -> None:
        told = "".join(
            f"<member><OutputKey>{name}</OutputKey><OutputValue>{value}</OutputValue></member>"
            for name, value in outputs.items()
        )
        described = f"<Stacks><member><Outputs>{told}</Outputs></member></Stacks>"
        text = f"<R><DescribeStacksResult>{described}</DescribeStacksResult></R>"
        cloudformation, _ = answering(Response(200, {"Content-Type": "text/xml"}, text.encode()))
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", cloudformation.url)
        for name, value in CREDENTIALS.items():
            monkeypatch.setenv(name, value)

    return deploy


def test_a_tenant_of_a_stack_on_aws_is_named_by_a_request_that_is_signed(
    answering: Answers, account: Callable[..., None], tmp_path: Path
) -> None:
    local, heard = answering(Response.of_json({"id": "p-1", "items": []}))
    account(HttpApiUrl="http://127.0.0.1:9", MachineHttpApiUrl=local.url)

    api = client.connect(tmp_path, "clinic-prod", "*")
    api.post("/repairs", '{"kind": "command"}')
    api.get("/data", type="ORDER")

    for request in heard:
        assert request.headers["x-tenant-code"] == "*"
        assert request.headers["authorization"] == signature(local.url, request)


def signature(url: str, request: Request) -> str:
    """What AWS reckons of a request as it came in."""
    given = request.headers["authorization"]
    names = re.search("SignedHeaders=([^,]*)", given)[1].split(";")
    path = f"{request.path}?{request.query}" if request.query else request.path
    sent = {name: request.headers[name] for name in names if name != "host"}
    again = AWSRequest(request.method, f"{url}{path}", sent, request.body)
    again.context["timestamp"] = request.headers["x-amz-date"]
    signer = SigV4Auth(boto3.Session().get_credentials(), "execute-api", "eu-west-1")
    reckoned = signer.signature(
        signer.string_to_sign(again, signer.canonical_request(again)), again
    )
    return re.sub("Signature=.*", f"Signature={reckoned}", given)


def test_without_an_api_for_signed_requests_a_token_names_the_tenant(
    account: Callable[..., None], tmp_path: Path
) -> None:
    account(HttpApiUrl="http://127.0.0.1:9")

    with pytest.raises(click.UsageError, match="deploy it with MachineApi=enabled"):
        client.connect(tmp_path, "clinic-prod", "tenant1")


def test_a_stack_that_does_not_run_is_told_of_at_once(slept: list[float]) -> None:
    with pytest.raises(click.ClickException, match="does not answer as the API"):
        Api("http://127.0.0.1:9", {}, proxies=False).get("/imports")
    assert slept == []


@pytest.mark.parametrize("status", [400, 404, 409, 500, 502])
def test_nothing_else_is_sent_again(answering: Answers, slept: list[float], status: int) -> None:
    api, heard = answering(Response(status, {}, b"{}"))

    with pytest.raises(ApiProblem):
        api.post("/tasks")
    assert (len(heard), slept) == (1, [])


@pytest.mark.parametrize(
    ("said", "seconds"), [(None, 1), ("2", 2), ("3600", 10), ("Thu, 26 Nov 2026 10:00:00 GMT", 1)]
)
def test_a_busy_api_is_left_alone_for_as_long_as_is_bearable(
    said: str | None, seconds: float
) -> None:
    assert busy_pause(said) == seconds


def test_every_wrong_field_has_a_line_of_its_own(answering: Answers) -> None:
    problems = [
        {"field": "attributes.minutes", "reason": "must be an integer from 5 to 240"},
        {"field": "attributes.guests[0].name", "reason": "is required"},
    ]
    document = {"code": "invalid_input", "detail": "both", "problems": problems}
    api, _ = answering(Response(400, {}, json.dumps(document).encode()))

    with pytest.raises(ApiProblem) as refused:
        api.post("/commands")

    assert refused.value.message == (
        "invalid_input: these fields are wrong:\n"
        "  attributes.minutes: must be an integer from 5 to 240\n"
        "  attributes.guests[0].name: is required"
    )
