"""Messages about what happens to versions, tasks and all else: their envelope, and their depth.

A handler of notices may publish, and so cause the next notice. AWS finds endless loops through its
queues and topics; it does not see one through a table. So what is stored below a notice has that
notice's depth and one more, whatever lies between.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from operator import attrgetter
from typing import Any, Final, NamedTuple, Protocol

from sfn_cqrs.kernel.keys import PublicKey, TaskKey
from sfn_cqrs.kernel.traces import traceparent_of

DEEPEST: Final = 16
"""The depth of a notice that no handler gets, unless it declares another one."""
MAX_MESSAGE = 1_000
Message = dict[str, Any]
_depth: ContextVar[int] = ContextVar("depth", default=0)


class Place(NamedTuple):
    """The public id of what has no key of its own, whose it is, and its item's keys."""

    id: str
    tenant: str
    pk: str
    sk: str


Named = Place | PublicKey | TaskKey


class Failed(Protocol):
    """What has failed, with an error's name and what is known of it."""

    @property
    def error(self) -> str | None:
        """The error's name."""

    @property
    def cause(self) -> str | None:
        """What is known of it, the most important line first."""


def depth_here() -> int:
    """Return the depth of what the running code stores; 0 outside of any handler of notices."""
    return _depth.get()


@contextmanager
def at_depth(depth: int) -> Iterator[None]:
    """Set the depth of what the block stores."""
    before = _depth.set(depth)
    try:
        yield
    finally:
        _depth.reset(before)


def notice(
    action: str, of: Named, table: str, content: Message, depth: int = 0, trace: str = ""
) -> Message:
    """A message of one kind, in the envelope that all have.

    `depth` and `trace`, X-Ray's header, are those of what it is about.
    """
    traceparent = traceparent_of(trace)
    return {
        "action": action,
        "id": of.id,
        "table": table,
        "pk": of.pk,
        "sk": of.sk,
        "tenantCode": of.tenant,
        "content": content,
        **({"depth": depth} if depth else {}),
        **({"traceparent": traceparent} if traceparent else {}),
    }


def event_of(message: Message) -> Message:
    """Return what other systems get of a notice: no key of a table."""
    return {
        "id": message["id"],
        "tenant": message["tenantCode"],
        "content": message["content"],
        **{name: message[name] for name in ("traceparent",) if name in message},
    }


def alarm(of: Named, table: str, message: str, execution: str | None) -> Message:
    """Return the alarm of a failure: a line, and the execution's ARN if one was at work."""
    content = {"errorMessage": message[:MAX_MESSAGE], "sfnId": execution}
    return notice("sfn-alarm", of, table, content)


def alarm_about(message: Message, error: Exception) -> Message:
    """Return the alarm that a notice cannot be handed on."""
    place = Place(message["id"], message["tenantCode"], message["pk"], message["sk"])
    return alarm(place, message["table"], f"{type(error).__name__}: {error}", None)


def failure_alarm(failed: Failed, of: Named, table: str, execution: str | None) -> Message:
    """Return the alarm of a failure: its error, and the first line of what is known of it."""
    line = f"{failed.error}: {failed.cause or ''}".splitlines()[0]
    return alarm(of, table, line, execution)


def told(what: object, *names: str, **paths: str) -> Message:
    """Return fields by their own names, and others by where they are, such as `key.type`."""
    found = {**dict.fromkeys(names), **paths}
    return {name: attrgetter(path or name)(what) for name, path in found.items()}
