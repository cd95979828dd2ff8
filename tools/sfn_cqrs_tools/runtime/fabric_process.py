"""Runs ministack on an inherited socket, until the process that started it is gone.

The Python of .venv-fabric runs this file by its path; it can import nothing of this package.
Standard input is a pipe that nobody writes to: it ends when its other end dies, however it dies.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfn_local.request_guard import Guard

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]
    App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork")
"""Python's audit events for a program that is about to start."""
GARBAGE = 50_000, 20, 100
"""How many objects there are before garbage is looked for: a request makes hardly any."""
ONLY_OURS = b"sandbox; frame-ancestors 'none'"
"""A page stored as an object in a bucket gets no origin, so it can request nothing."""
_SELDOM = "alb appsync athena cloudfront documentdb ec2 ecs elasticache glue rds s3tables"
LATER = {"jsonata", *(f"ministack.services.{name}" for name in _SELDOM.split())}
"""Large modules that most stacks never use: ministack imports them for CloudFormation."""


class Later:
    """Finds the modules that are loaded when something in them is first asked for."""

    @staticmethod
    def find_spec(name: str, path: Any = None, _target: Any = None) -> ModuleSpec | None:
        """Return how to load one of them."""
        found = PathFinder.find_spec(name, path) if name in LATER else None
        if found is not None and found.loader is not None:
            found.loader = LazyLoader(found.loader)
        return found


def _end_with_parent(at_end: Callable[[], object]) -> None:
    sys.stdin.buffer.read()
    at_end()
    os._exit(0)


def _start_no_programs(event: str, _arguments: tuple[Any, ...]) -> None:
    """Refuse programs that ministack would run for any caller: functions, jobs, resolvers."""
    if event in PROGRAMS:
        raise PermissionError("the fabric starts no programs; functions run in the local stack")


def guarded(app: App, guard: Guard) -> App:
    """Answer what the guard refuses, and let no page of another origin read an answer."""

    async def answer(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        refusal = _refusal(guard, scope)
        if refusal is None:
            await app(scope, receive, _without_wildcards(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})  # before it is accepted: a 403
        else:
            body = json.dumps({"message": refusal}).encode()
            headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    return answer


def _refusal(guard: Guard, scope: dict[str, Any]) -> str | None:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return guard.refusal(scope.get("method", "GET"), scope["path"], headers)


def _without_wildcards(send: Send) -> Send:
    async def sending(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            kept = [header for header in message.get("headers", []) if not _is_wildcard(*header)]
            message = {**message, "headers": [*kept, (b"content-security-policy", ONLY_OURS)]}
        await send(message)

    return sending


def _is_wildcard(name: bytes, value: bytes) -> bool:
    return name.lower().startswith(b"access-control-") and value.strip() == b"*"


def main(descriptors: str, guard_file: str, hosts: str, origins: Sequence[str]) -> None:
    """Serve on the listening sockets, for requests that pass the rule in `guard_file`.

    Descriptors and hosts are separated by commas. Changes are kept in the folder that
    SFN_CQRS_DATA names, if it is set.
    """
    gc.disable()  # until all is imported: nothing of it is garbage
    sys.meta_path.insert(0, Later)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    from fabric_dialect import (  # type: ignore[import-not-found]  # noqa: PLC0415 - beside this
        teach,
    )
    from fabric_server import (  # type: ignore[import-not-found]  # noqa: PLC0415 - beside this
        asking,
        serve,
    )
    from ministack.app import app  # type: ignore[import-not-found]  # noqa: PLC0415 - takes 0.5 s

    listeners = [socket.socket(fileno=int(one)) for one in descriptors.split(",")]
    account, region = os.environ["MINISTACK_ACCOUNT_ID"], os.environ["MINISTACK_REGION"]
    teach()
    app, keeps = _kept(app, account, region)
    at_end = partial(keeps, queues=True)
    threading.Thread(target=_end_with_parent, args=(at_end,), daemon=True).start()
    sys.addaudithook(_start_no_programs)
    guard = _load(guard_file).Guard(
        origins=frozenset(origins), hosts=frozenset(filter(None, hosts.split(",")))
    )
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    gc.enable()
    answer = asking(account, region, keeps)
    csp = ONLY_OURS.decode()
    asyncio.run(serve(guarded(app, guard), listeners, guard, answer, content_security_policy=csp))


def _kept(app: App, account: str, region: str) -> tuple[App, Callable[..., bool]]:
    """Return the app, which keeps its changes if it has a folder, and what writes them."""
    folder = os.environ.get("SFN_CQRS_DATA")
    if not folder:
        return app, lambda **_: True
    from fabric_journal import (  # type: ignore[import-not-found]  # noqa: PLC0415 - beside this
        Journal,
        answering,
    )

    journal = Journal(Path(folder), account, region)
    journal.start()
    return answering(app, journal), journal.keeps


def _load(path: str) -> Any:
    spec = spec_from_file_location("request_guard", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
