"""The channels of live updates, for publishing notices and for subscribing.

A channel is `/live/TENANT/KIND/TYPE/ID`, such as `/live/tenant1/command/ORDER/o-1`. The type is
in it because a declaration says by type who may read.

Source: AWS AppSync Events Developer Guide, "Understanding channel namespaces".
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sfn_cqrs.kernel.errors import InvalidInputError

NAMESPACE = "live"
ANY_TABLE = "any"
"""The type of an archive whose files' names say where their rows belong."""
_HASHED = "h--"
_SEGMENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?")
_SEGMENTS = 5
_ARCHIVE = "z-"
_KINDS = {
    "task-status": ("task", "taskType"),
    "sub-task-status": ("task", "taskType"),
    "import-status": ("import", "table"),
    "approval-status": ("approval", "type"),
    "saga-status": ("saga", "saga"),
}
"""The kind of a notice's subject, and the field of its content with the type, by action."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A subscription: one thing of a type, or (`id` is `*`) all of them."""

    tenant: str
    kind: str
    type: str
    id: str


class LiveEvent(NamedTuple):
    """An event for the subscribers of a channel."""

    channel: str
    content: dict[str, Any]


def segment(text: str) -> str:
    """A part of a channel: the text itself where AppSync takes it, else a hash of it.

    AppSync takes 1 to 50 letters, digits and dashes, no dash at either end.
    """
    if _SEGMENT.fullmatch(text) and not text.startswith(_HASHED):
        return text
    return _HASHED + hashlib.sha256(text.encode()).hexdigest()[:40]


def channel_of(tenant: str, kind: str, type_: str, id_: str) -> str:
    """The channel of one thing."""
    return "/".join(("", NAMESPACE, *map(segment, (tenant, kind, type_, id_))))


def subject_of(path: str) -> Subject:
    """Return the subject of a channel that a client subscribes to, its parts as segments.

    Raises:
        InvalidInputError: it is none of ours.
    """
    parts = path.split("/")
    if len(parts) != _SEGMENTS + 1 or parts[:2] != ["", NAMESPACE]:
        raise InvalidInputError(
            "channel",
            f"{path!r} is none: ask for /{NAMESPACE}/TENANT/KIND/TYPE/ID,"
            f" or /{NAMESPACE}/TENANT/KIND/TYPE/* for all of a type",
        )
    return Subject(*parts[2:])


def named(given: str, names: Iterable[str]) -> str | None:
    """Which of these names a segment stands for, if one."""
    return next((name for name in names if segment(name) == given), None)


def live_event(notice: Mapping[str, Any]) -> LiveEvent:
    """Return the published part of a notice, and its channel: nothing of tables and keys.

    Raises:
        KeyError: it is not a notice.
    """
    content = notice["content"]
    data = {"action": notice["action"], "id": notice["id"], "content": content}
    if notice["action"] == "command-status":
        place = ("command", content["type"], content["code"])
    elif notice["id"].startswith(_ARCHIVE):
        place = ("archive", content["table"] or ANY_TABLE, notice["id"])
    else:
        kind, field = _KINDS[notice["action"]]
        place = (kind, content[field], notice["id"])
    return LiveEvent(channel_of(notice["tenantCode"], *place), data)
