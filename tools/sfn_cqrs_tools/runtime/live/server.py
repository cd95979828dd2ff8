"""The twin as a server of its own, in a thread: HTTP to publish, a WebSocket to subscribe."""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from sfn_cqrs_tools.runtime.asgi_guard import refusal_of
from sfn_cqrs_tools.runtime.listening import addresses, listening
from sfn_cqrs_tools.runtime.live.session import (
    MAX_EVENT_BYTES,
    PROTOCOL,
    Authorization,
    Message,
    RefusedError,
    Session,
    bad_request,
    channel_of,
    events_of,
    json_of,
    unauthorized,
)
from sfn_cqrs_tools.runtime.serving import Serving
from sfn_local.request_guard import Guard

HOST: Final = "127.0.0.1"
EVENT: Final = "/event"
REALTIME: Final = "/event/realtime"
KEEP_ALIVE_SECONDS: Final = 60.0
MAX_WAITING: Final = 1000
"""The number of messages a client may leave unread before it is disconnected."""
_GOING_AWAY: Final = 1001
_REFUSED: Final = 1008
_SIGNED: Final = "AWS4-HMAC-SHA256 "
_SCOPE: Final = "/appsync/aws4_request"

MaySubscribe = Callable[[str, Authorization], None]


class LiveServer:
    """An Events API that listens on this machine alone."""

    def __init__(
        self,
        namespace: str,
        may_subscribe: MaySubscribe,
        *,
        port: int = 0,
        origins: frozenset[str] = frozenset(),
        hosts: Sequence[str] = (),
        keep_alive: float = KEEP_ALIVE_SECONDS,
    ) -> None:
        """Listen at once; port 0 takes a free one. `origins` are those of pages that may connect.

        It also answers to `hosts`, and listens on those that are addresses. `may_subscribe`
        raises RefusedError if a client may not subscribe to a channel.

        Raises:
            OSError: the port is taken.
        """
        self._hub = Hub(namespace, may_subscribe, keep_alive)
        listener = socket.create_server((HOST, port), backlog=128)
        self.port = int(listener.getsockname()[1])
        more = [listening(address, self.port) for address in addresses(hosts)]
        self.url = f"http://{HOST}:{self.port}{EVENT}"
        self.realtime = f"ws://{HOST}:{self.port}{REALTIME}"
        remedy = "the parameter CorsOrigins names the origins that may"
        guard = Guard(HOST, origins, remedy, hosts=frozenset(hosts))
        guarded = _Guarded(self._hub.application(), guard)
        web_sockets = {"ws": "websockets-sansio", "ws_max_size": MAX_EVENT_BYTES}
        self._serving = Serving(guarded, [listener, *more], "live", **web_sockets)

    def close(self) -> None:
        """Stop listening, and disconnect every client."""
        self._hub.close()
        self._serving.close()


class Hub:
    """The connected clients, and the events sent to them."""

    def __init__(self, namespace: str, may_subscribe: MaySubscribe, keep_alive: float) -> None:
        """Start without clients; `keep_alive` is the seconds between two keep-alives."""
        self._namespace = namespace
        self._may_subscribe = may_subscribe
        self._keep_alive = keep_alive
        self._clients: dict[Session, _Outbox] = {}

    def application(self) -> ASGIApp:
        """Return the ASGI application that serves the hub."""
        return Starlette(
            routes=[
                Route(EVENT, self._publish, methods=["POST"]),
                WebSocketRoute(REALTIME, self._listen),
            ]
        )

    def close(self) -> None:
        """Disconnect every client."""
        for outbox in list(self._clients.values()):
            outbox.end()

    async def _publish(self, request: Request) -> JSONResponse:
        try:
            events = await self._told(request)
        except RefusedError as refused:
            is_unknown = refused.type == "UnauthorizedException"
            status = HTTPStatus.UNAUTHORIZED if is_unknown else HTTPStatus.BAD_REQUEST
            return JSONResponse(refused.body(), status)
        successful = [{"identifier": str(uuid.uuid4()), "index": at} for at in range(len(events))]
        return JSONResponse({"failed": [], "successful": successful})

    async def _told(self, request: Request) -> list[str]:
        signature = request.headers.get("authorization", "")
        if not (signature.startswith(_SIGNED) and _SCOPE in signature):
            raise unauthorized("sign the request with IAM, for the service appsync")
        body = json_of(await request.body())
        if not isinstance(body, dict):
            raise bad_request("the body is a JSON object: channel and events")
        channel = channel_of(body.get("channel"), self._namespace)
        events = events_of(body.get("events"))
        for session, outbox in list(self._clients.items()):
            for id_ in session.ids_of(channel):
                for event in events:
                    outbox.put({"type": "data", "id": id_, "event": event})
        return events

    async def _listen(self, websocket: WebSocket) -> None:
        session = Session(websocket.headers.get("host", ""), self._namespace, self._may_subscribe)
        offered = websocket.scope.get("subprotocols", [])
        await websocket.accept(PROTOCOL if PROTOCOL in offered else None)
        try:
            session.begin(offered)
        except RefusedError as refused:
            await websocket.send_json(refused.answer("connection_error"))
            await websocket.close(_REFUSED)
            return
        outbox = _Outbox(asyncio.get_running_loop())
        self._clients[session] = outbox
        sending = asyncio.create_task(outbox.send_to(websocket, self._keep_alive))
        try:
            while True:
                said = await websocket.receive_text()
                answer = await asyncio.to_thread(session.answer, said)
                outbox.put(answer)
                if answer["type"] == "connection_ack":
                    outbox.put({"type": "ka"})
        except (WebSocketDisconnect, KeyError, RuntimeError):
            pass  # it has left, was disconnected, or sends bytes
        finally:
            del self._clients[session]
            sending.cancel()


class _Outbox:
    """The messages still to be sent to one client; any thread may add some."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: asyncio.Queue[Message | None] = asyncio.Queue()

    def put(self, message: Message) -> None:
        """Queue a message; a client that reads nothing is disconnected."""
        is_slow = self._waiting.qsize() >= MAX_WAITING
        self._waiting.put_nowait(None if is_slow else message)

    def end(self) -> None:
        """Disconnect the client."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._waiting.put_nowait, None)

    async def send_to(self, websocket: WebSocket, keep_alive: float) -> None:
        """Send what waits, and a keep-alive after a long silence, until the client is gone."""
        with suppress(WebSocketDisconnect, RuntimeError):  # `_listen` hears of it, too
            await self._send_to(websocket, keep_alive)

    async def _send_to(self, websocket: WebSocket, keep_alive: float) -> None:
        while True:
            try:
                message = await asyncio.wait_for(self._waiting.get(), keep_alive)
            except TimeoutError:
                message = {"type": "ka"}
            if message is None:
                await websocket.close(_GOING_AWAY)
                return
            await websocket.send_json(message)


class _Guarded:
    """Refuses what another site's page sends, WebSockets too, which know no CORS."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = refusal_of(self._guard, scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            denial = PlainTextResponse(refusal, HTTPStatus.FORBIDDEN)
            await WebSocket(scope, receive, send).send_denial_response(denial)
        else:
            await PlainTextResponse(refusal, HTTPStatus.FORBIDDEN)(scope, receive, send)
