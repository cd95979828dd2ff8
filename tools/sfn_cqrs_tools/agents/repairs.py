"""Why something does not go on, and the command that repairs it; read through the API alone."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sfn_cqrs.kernel.failure import first_line
from sfn_cqrs_tools.client.api import Api, item_path, work_path
from sfn_cqrs_tools.client.declared import declared

VERSIONS: Final = 100
"""The latest versions of an item that are read."""
LISTED: Final = 20
"""Failures of a kind that are listed."""
_WORK: Final = {
    "t": "task",
    "s": "task",
    "g": "saga",
    "a": "approval",
    "c": "import",
    "z": "import",
    "r": "import",
}
"""The kind of work, by the first letter of its id."""
_OF_A_VERSION: Final = (
    "version", "outcome", "status", "error", "cause", "attempt", "statusAt", "waitsFor",
    "repairedBy",
)  # fmt: skip
_OF_WORK: Final = ("id", "status", "stage", "error", "cause", "attempt", "statusAt", "counts")
_RETRIED: Final = ("FAILED", "PARKED")


class UnknownSubjectError(Exception):
    """It is neither an item nor the id of some work."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What an agent asks about: an item, or work with an id; `path` is where the API shows it."""

    kind: str
    names: tuple[str, ...]
    path: str

    @classmethod
    def of(cls, what: str) -> Subject:
        """Read `TYPE/CODE`, or an id.

        Raises:
            UnknownSubjectError: it is neither.
        """
        type_, is_item, code = what.partition("/")
        if is_item and type_ and code:
            return cls("command", (type_, code), item_path("commands", type_, code))
        kind = _WORK.get(what[:1])
        if kind is None or what[1:2] != "-":
            raise UnknownSubjectError(
                "name an item as TYPE/CODE, such as ORDER/o-1, or a task, saga, approval or import"
                " by its id"
            )
        return cls(kind, (what,), work_path(f"{kind}s", what))


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a subject: why it stands, its state, and the version that failed first."""

    subject: Subject
    why: str
    shown: list[dict[str, Any]]
    failed: int | None = None

    @property
    def is_repairable(self) -> bool:
        """Return whether a retry is possible."""
        if self.subject.kind == "command":
            return self.failed is not None
        one = self.shown[0]
        return one.get("status") in _RETRIED or one.get("stage") in _RETRIED


def look(api: Api, what: str) -> Look:
    """Return why an item or work does not go on; no attributes are read.

    Raises:
        UnknownSubjectError: it is neither an item nor an id.
        ApiProblem: there is none, or this person may not read it.
    """
    subject = Subject.of(what)
    if subject.kind == "command":
        return _look_at_chain(subject, api.first(VERSIONS, subject.path))
    one = api.get(subject.path)
    return Look(subject, "Its status and its error say why.", [_part(one, _OF_WORK)])


def _look_at_chain(subject: Subject, versions: Sequence[Mapping[str, Any]]) -> Look:
    ordered = sorted(versions, key=lambda one: int(one["version"]))
    open_ = [one for one in ordered if one["outcome"] not in ("APPLIED", "SKIPPED", "UNCHANGED")]
    failed = next((int(one["version"]) for one in open_ if one["outcome"] == "FAILED"), None)
    shown = [_part(one, _OF_A_VERSION) for one in (open_ or ordered[-1:])[:LISTED]]
    if failed is not None:
        behind = sum(int(one["version"]) > failed for one in open_)
        why = f"Version {failed} has failed, and {behind} behind it wait for its repair."
    elif open_:
        first = open_[0]["version"]
        why = f"Version {first} is open and nothing has failed: it runs, or waits its turn."
    else:
        why = "Nothing is open: the latest version has closed."
    return Look(subject, why, shown, failed)


def _part(one: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    found = {name: one[name] for name in names if one.get(name) not in (None, "")}
    if "cause" in found:
        found["cause"] = first_line(str(found["cause"]))
    return found


def failures(api: Api, since: str) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """Return what has failed since a moment, by kind; and the kinds of which there is more."""
    found: dict[str, list[dict[str, Any]]] = {}
    more = []
    for kind, asked in _kinds(api):
        page = api.get("/failures", kind=kind, since=since, limit=LISTED, **asked)
        found.setdefault(kind, []).extend(page["items"])
        if not page["isComplete"]:
            more.append(kind)
    return {kind: each for kind, each in found.items() if each}, more


def _kinds(api: Api) -> Iterator[tuple[str, dict[str, str]]]:
    yield from ((kind, {}) for kind in ("command", "saga", "import"))
    yield from (("task", {"type": type_}) for type_ in declared(api).get("tasks", ()))


def command_for(found: Look, options: Sequence[str], *, skip: bool = False) -> str:
    """Return the command that repairs a subject, ready for a shell."""
    subject = found.subject
    if subject.kind == "command":
        program = ("sfn-cqrs", "chain", "skip" if skip else "retry")
        names: tuple[str, ...] = (*subject.names, str(found.failed))
    else:
        program, names = ("sfn-cqrs", subject.kind, "retry"), subject.names
    ends = ("--",) if any(name.startswith("-") for name in names) else ()
    return shlex.join((*program, *options, *ends, *names))


def carry_out(api: Api, found: Look, *, skip: bool) -> dict[str, Any]:
    """Retry or skip the version of an item that failed first.

    Raises:
        ApiProblem: this person may not, or it has not failed any more.
    """
    verb = "skip" if skip else "retry"
    return api.post(item_path("commands", *found.subject.names, str(found.failed), verb))
