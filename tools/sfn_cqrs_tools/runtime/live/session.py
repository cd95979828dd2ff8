"""One client of the twin: its messages and their answers, without a socket.

Source: AWS AppSync Events Developer Guide, "Understanding the Event API WebSocket protocol",
"Quotas".
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

PROTOCOL: Final = "aws-appsync-event-ws"
CONNECTION_TIMEOUT_MS: Final = 300_000
MAX_SUBSCRIPTIONS: Final = 100
MAX_EVENT_BYTES: Final = 240 * 1024
BATCH: Final = 5

_HEADER: Final = "header-"
_ID: Final = re.compile(r"[A-Za-z0-9_+-]{1,128}")
_SEGMENT: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?"
_CHANNEL: Final = re.compile(rf"(?:/{_SEGMENT}){{1,5}}")
_PATTERN: Final = re.compile(rf"(?:/{_SEGMENT}){{1,5}}|(?:/{_SEGMENT}){{1,4}}/\*")

Message = dict[str, Any]
Authorization = Mapping[str, str]


class RefusedError(Exception):
    """A client's request is refused; `type` is AppSync's name for the reason."""

    def __init__(self, type_: str, message: str) -> None:
        """Say why."""
        super().__init__(message)
        self.type = type_

    def answer(self, type_: str, id_: object = None) -> Message:
        """Return the message that reports the refusal."""
        named = {} if id_ is None else {"id": id_}
        return {"type": type_, **named, **self.body()}

    def body(self) -> Message:
        """Return the errors, in the form that HTTP also uses."""
        return {"errors": [{"errorType": self.type, "message": str(self)}]}


def bad_request(message: str) -> RefusedError:
    """Return the error for a malformed request."""
    return RefusedError("BadRequestException", message)


def unauthorized(message: str) -> RefusedError:
    """Return the error for a client without permission or without credentials."""
    return RefusedError("UnauthorizedException", message)


class Session:
    """A client's identity and its subscriptions."""

    def __init__(
        self,
        host: str,
        namespace: str,
        may_subscribe: Callable[[str, Authorization], None],
    ) -> None:
        """Begin; `may_subscribe` raises RefusedError where a channel is not this client's."""
        self._host = host
        self._namespace = namespace
        self._may_subscribe = may_subscribe
        self.subscriptions: dict[str, str] = {}
        """Channels, the last segment of which may be `*`, by the client's ids."""

    def begin(self, offered: Sequence[str]) -> None:
        """Take the subprotocols that a client offers: AppSync's own, and who it is.

        Raises:
            RefusedError: they are others, or do not say who it is.
        """
        if PROTOCOL not in offered:
            raise bad_request(f"offer the subprotocols {PROTOCOL} and {_HEADER}BASE64URL")
        headers = [one.removeprefix(_HEADER) for one in offered if one.startswith(_HEADER)]
        if len(headers) != 1:
            raise unauthorized(f"offer one subprotocol {_HEADER}BASE64URL of the authorization")
        self._check(_decoded(headers[0]))

    def answer(self, text: str) -> Message:
        """Answer a client's message."""
        said = json_of(text)
        if not isinstance(said, dict):
            return bad_request("a message is a JSON object").answer("error")
        type_, id_ = said.get("type"), said.get("id")
        if type_ == "connection_init":
            return {"type": "connection_ack", "connectionTimeoutMs": CONNECTION_TIMEOUT_MS}
        known: dict[object, Callable[[str, Message], None]] = {
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "publish": self._publish,
        }
        if not isinstance(type_, str) or type_ not in known:
            return RefusedError(
                "UnsupportedOperation", "Operation not supported through the realtime channel"
            ).answer("error", id_)
        try:
            if not isinstance(id_, str) or not _ID.fullmatch(id_):
                raise bad_request("id: 1 to 128 letters, digits, '-', '_' or '+'")
            known[type_](id_, said)
        except RefusedError as refused:
            return refused.answer(f"{type_}_error", id_)
        return {"type": f"{type_}_success", "id": id_}

    def ids_of(self, channel: str) -> list[str]:
        """Return the subscriptions that hear what is published in a channel."""
        return [id_ for id_, asked in list(self.subscriptions.items()) if _covers(asked, channel)]

    def _subscribe(self, id_: str, said: Message) -> None:
        channel = channel_of(said.get("channel"), self._namespace, _PATTERN)
        self._check(said.get("authorization"))
        if id_ in self.subscriptions:
            raise bad_request(f"id: {id_} is a subscription of this connection already")
        if len(self.subscriptions) == MAX_SUBSCRIPTIONS:
            raise bad_request(f"a connection has at most {MAX_SUBSCRIPTIONS} subscriptions")
        self._may_subscribe(channel, said["authorization"])
        self.subscriptions[id_] = channel

    def _unsubscribe(self, id_: str, _said: Message) -> None:
        if self.subscriptions.pop(id_, None) is None:
            raise RefusedError("UnknownOperationError", f"Unknown operation id {id_}")

    def _publish(self, _id: str, _said: Message) -> None:
        raise unauthorized("events are published by the stack, which signs with IAM")

    def _check(self, authorization: object) -> None:
        if not isinstance(authorization, dict) or not authorization:
            raise unauthorized("authorization is missing: an object of the request's headers")
        if not all(isinstance(value, str) for value in authorization.values()):
            raise unauthorized("authorization: every header is a text")
        host = next((value for name, value in authorization.items() if name.lower() == "host"), "")
        if host != self._host:
            raise unauthorized(f"authorization.host is {host!r}, and this API is {self._host}")


def channel_of(given: object, namespace: str, pattern: re.Pattern[str] = _CHANNEL) -> str:
    """Return a channel as a client names it, with its leading slash.

    Raises:
        RefusedError: it is not a channel, or belongs to another namespace.
    """
    path = f"/{given.lstrip('/')}" if isinstance(given, str) else ""
    if not pattern.fullmatch(path):
        raise bad_request(
            f"channel: {given!r} is none: 1 to 5 segments of 1 to 50 letters, digits and '-'"
            + (", or * as the last" if pattern is _PATTERN else "")
        )
    if path.split("/")[1] != namespace:
        raise bad_request(f"channel: there is no namespace of {path}; there is {namespace}")
    return path


def events_of(given: object) -> list[str]:
    """Return the events of a request to publish, each a JSON text.

    Raises:
        RefusedError: they are too many, too large, or not JSON.
    """
    if not isinstance(given, list) or not 1 <= len(given) <= BATCH:
        raise bad_request(f"events: a list of 1 to {BATCH} JSON texts")
    for event in given:
        if not isinstance(event, str) or not _is_json(event):
            raise bad_request("events: each is a JSON text")
        if len(event.encode()) > MAX_EVENT_BYTES:
            raise bad_request(f"events: each has at most {MAX_EVENT_BYTES} bytes")
    return given


def json_of(text: str | bytes) -> object:
    """Return the parsed JSON; raise an error if it is invalid or nested too deeply."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        return error


def _is_json(text: str) -> bool:
    return not isinstance(json_of(text), Exception)


def _decoded(header: str) -> object:
    try:
        return json_of(base64.b64decode(header + "=" * (-len(header) % 4), "-_", validate=True))
    except (binascii.Error, ValueError):
        raise unauthorized(f"{_HEADER}… is not base64url of a JSON object") from None


def _covers(asked: str, channel: str) -> bool:
    return asked == channel or (asked.endswith("/*") and channel.startswith(asked[:-1]))
