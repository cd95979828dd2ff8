"""The client of the command line while the API is busy."""

from collections.abc import Callable, Iterator

import pytest

from sfn_cqrs_local.client import api as client
from sfn_cqrs_local.client.api import Api, ApiProblem
from sfn_cqrs_local.client.pauses import busy_pause
from sfn_local.http_server import Request, Response, serve

BUSY = Response(503, {"Retry-After": "2"}, b'{"code": "busy", "detail": "send it again"}')
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
