import socket
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection

import pytest

from sfn_local import http_server
from sfn_local.http_server import MAX_LINE, Request, Response, Server, serve

ECHO_LIMIT = 1000


def echo(request: Request) -> Response:
    if request.path == "/broken":
        raise RuntimeError("the handler is broken")
    text = f"{request.method} {request.path} {request.query} {request.headers.get('x-name')} "
    return Response(201, {"X-Kind": "echo"}, text.encode() + request.body, cookies=["a=1", "b=2"])


@pytest.fixture
def server() -> Iterator[Server]:
    server = serve("127.0.0.1", 0, echo, max_body=ECHO_LIMIT)
    yield server
    server.close()


def raw(server: Server, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def test_a_request_that_is_not_whole_in_time_is_given_up_however_often_a_byte_comes(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, host = [1_000.0], b"Host: localhost\r\n"
    monkeypatch.setattr(http_server, "monotonic", lambda: now[0])
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"GET /1 HTTP/1.1\r\n" + host + b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 201")
        now[0] += 60  # nothing has begun
        expects = b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(b"POST /2 HTTP/1.1\r\n" + host + expects)
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        now[0] += 31
        answer = b""
        with suppress(ConnectionError):
            connection.sendall(b"late")
            answer = connection.recv(65536)

    assert answer == b""


def test_a_request_reaches_the_handler_whole_and_its_answer_comes_back(server: Server) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/a%20b?x=1&y=", body=b"payload", headers={"X-Name": "n"})
    response = connection.getresponse()

    assert response.status == 201
    assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert response.read() == b"POST /a%20b x=1&y= n payload"


def test_one_connection_carries_many_requests(server: Server) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    answers = []
    for number in range(3):
        connection.request("GET", f"/{number}")
        answers.append(connection.getresponse().read())

    assert answers == [b"GET /0  None ", b"GET /1  None ", b"GET /2  None "]


def test_an_exception_in_the_handler_is_a_500_and_the_connection_lives(server: Server) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/broken")
    broken = connection.getresponse()
    broken.read()
    connection.request("GET", "/fine")

    assert broken.status == 500
    assert connection.getresponse().status == 201


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/2\r\n\r\n", b"400 Bad Request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400 Bad Request"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", b"400 Bad Request"),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n",
            b"413 Content Too Large",
        ),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nshort",
            b"400 Bad Request",
        ),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"411 Length Required",
        ),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n",
            b"413 Content Too Large",
        ),
        (b"GET /" + b"a" * MAX_LINE + b" HTTP/1.1\r\n\r\n", b"431 Request Header Fields Too Large"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200, b"431 Request Header Fields Too Large"),
    ],
)
def test_a_malformed_request_is_answered_4xx(
    server: Server, request_bytes: bytes, status: bytes
) -> None:
    answer = raw(server, request_bytes)

    assert answer.splitlines()[0] == b"HTTP/1.1 " + status


def test_a_client_that_asks_for_permission_to_send_gets_it(server: Server) -> None:
    head = (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    )
    answer = raw(server, head + b"ok")

    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n")


def test_head_is_answered_without_a_body(server: Server) -> None:
    answer = raw(server, b"HEAD /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    assert answer.endswith(b"Content-Length: 14\r\nConnection: close\r\n\r\n")


def test_a_request_of_this_process_needs_no_connection(server: Server) -> None:
    asked = Request("POST", "/a", "", {}, b"body")

    assert server.answer(asked).status == 201
    assert server.answer(Request("GET", "/broken", "", {}, b"")).status == 500

    server.close()
    with pytest.raises(ConnectionRefusedError):
        server.answer(asked)


def test_closing_ends_open_connections_and_frees_the_port() -> None:
    server = serve("127.0.0.1", 0, echo)
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/")
    connection.getresponse().read()
    server.close()

    again = serve("127.0.0.1", server.port, echo)
    again.close()

    assert connection.sock.recv(1) == b""
