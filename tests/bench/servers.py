"""What one ASGI application would change: the servers of a local stack, as they are and as one.

Today the API and the Lambda endpoint are threaded servers of the engine, which needs no package;
the console and live updates are ASGI applications, started where they are wanted. The other way
is one uvicorn with all listeners, which tells them apart by their ports and calls the API and
Lambda in threads, since they block. Each way runs in processes of its own; the answers are trivial.
"""

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from statistics import median
from typing import Any

from report import Figure, main

RUNS = 7
REQUESTS = 1000
WAYS = ("today", "one", "api only, today", "api only, one")
BLOCKING = 2
"""The API and the Lambda endpoint."""


def measure() -> list[Figure]:
    """Measure the ways in turns, and show medians."""
    runs = [{way: _of_process(way) for way in WAYS} for _ in range(RUNS)]

    def middle(way: str, name: str) -> float:
        return median(run[way][name] for run in runs)

    return [
        *(
            Figure(f"processor time until all answer: {way}", middle(way, "start"), "ms")
            for way in WAYS
        ),
        *(Figure(f"ports: {way}", middle(way, "ports"), "") for way in WAYS[:2]),
        *(Figure(f"threads: {way}", middle(way, "threads"), "") for way in WAYS[:2]),
        *(
            Figure(f"processor time of a request to the API: {way}", middle(way, "request"), "ms")
            for way in WAYS[:2]
        ),
    ]


def _of_process(way: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--way", way]
    found: dict[str, float] = json.loads(subprocess.check_output(command))
    return found


def _in_process(way: str) -> dict[str, float]:
    """Start the servers of a way in this process, and ask each."""
    import sfn_local.http_server  # noqa: F401, PLC0415 - each way needs the engine

    begun = time.process_time()
    start = _as_one if way.endswith("one") else _as_today
    ports = start(2 if way.startswith("api only") else 4)
    for port in ports:
        _ask(HTTPConnection("127.0.0.1", port))
    started = time.process_time() - begun
    threads = threading.active_count()
    connection = HTTPConnection("127.0.0.1", ports[0])
    begun = time.process_time()
    for _ in range(REQUESTS):
        _ask(connection)
    taken = time.process_time() - begun
    return {
        "start": 1000 * started,
        "ports": len({*ports}),
        "threads": threads,
        "request": 1000 * taken / REQUESTS,
    }


def _ask(connection: HTTPConnection) -> None:
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"{}"


def _as_today(number: int) -> list[int]:
    from sfn_local.http_server import Response, serve  # noqa: PLC0415 - part of what is measured

    servers = [serve("127.0.0.1", 0, lambda _: Response.of_json({})).port for _ in range(BLOCKING)]
    return [*servers, *(_uvicorn([_listener()], _answers) for _ in range(number - BLOCKING))]


def _as_one(number: int) -> list[int]:
    listeners = [_listener() for _ in range(number)]
    ports = [one.getsockname()[1] for one in listeners]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if ports.index(scope["server"][1]) < BLOCKING:
            await asyncio.to_thread(json.dumps, {})
        await _answers(scope, receive, send)

    _uvicorn(listeners, application)
    return ports


async def _answers(_scope: Any, _receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


def _listener() -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))  # its protocol is named, or asyncio would wait for more to send
    listener.listen()
    return listener


def _uvicorn(listeners: list[socket.socket], application: Callable[..., Any]) -> int:
    from sfn_cqrs_tools.runtime.serving import Serving  # noqa: PLC0415 - part of what is measured

    port: int = listeners[0].getsockname()[1]
    Serving(application, listeners, "bench")
    return port


if __name__ == "__main__":
    if "--way" in sys.argv:
        print(json.dumps(_in_process(sys.argv[-1])))
    else:
        main("the servers of a local stack: as today, and as one ASGI application", measure)
