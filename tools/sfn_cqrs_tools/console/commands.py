"""The command that answers in a terminal what a page shows."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from sfn_cqrs_tools.console.rendering import query
from sfn_cqrs_tools.runtime.identity import DEFAULT_TENANT

Parts = Mapping[str, str]
Words = Callable[[Parts, Mapping[str, str]], tuple[list[str], list[str]]]
"""Returns the words and options of a command, and what it is asked about."""
NO_FILTER: Final = ("tenant", "cursor", "before", "page", "all")
OF_OTHERS: Final = ("doctor", "graph")
"""Commands that take no tenant."""
OF_THE_STACK: Final = (*OF_OTHERS, "execution")
"""Commands that ask the stack itself, as nobody."""


@dataclass(frozen=True)
class Shown:
    """A page: its path below the console, its address, its query, and whose it is.

    `stack` is the name of a stack on AWS, and empty for the one on this machine. `person` is who
    looks at it, as --as takes it, and empty for those whom the command line takes without it.
    """

    path: str
    address: str
    query: Mapping[str, str]
    tenant: str
    stack: str = ""
    person: str = ""


def _say(text: str, *options: str) -> tuple[Words, tuple[str, ...]]:
    """Say a command: the words of `text`, the parts in braces, and options that filters become."""
    named = [one[1:-1] for one in text.split() if one.startswith("{")]
    verbs = [one for one in text.split() if not one.startswith("{")]

    def words(parts: Parts, asked: Mapping[str, str]) -> tuple[list[str], list[str]]:
        chosen = [name for name in options if asked.get(name)]
        flags = [word for name in chosen for word in (f"--{name}", asked[name])]
        return [*verbs, *flags], [parts[name] for name in named]

    return words, options


def _tasks(_parts: Parts, asked: Mapping[str, str]) -> tuple[list[str], list[str]]:
    single = ["--single"] if asked.get("kind") == "single" else []
    return (["task", "list", *single], [asked["type"]]) if asked.get("type") else ([], [])


def _items(_parts: Parts, asked: Mapping[str, str]) -> tuple[list[str], list[str]]:
    return (["data", "list"], [asked["type"]]) if asked.get("type") else ([], [])


SAID: Final[Mapping[str, tuple[Words, tuple[str, ...]]]] = {
    "": _say("doctor"),
    "/items": (_items, ("type",)),
    "/items/{type}/{code}": _say("chain show {type} {code}"),
    "/imports": _say("import list", "kind"),
    "/imports/{id}": _say("import show {id}"),
    "/tasks": (_tasks, ("type", "kind")),
    "/tasks/{id}": _say("task show {id}", "status"),
    "/sagas": _say("saga list", "status"),
    "/sagas/{id}": _say("saga show {id}"),
    "/approvals": _say("approval list", "status"),
    "/approvals/{id}": _say("approval show {id}"),
    "/erasures": _say("erasure list"),
    "/erasures/{id}": _say("erasure show {id}"),
    "/repairs": _say("repair list"),
    "/repairs/{id}": _say("repair show {id}"),
    "/read-models": _say("read-model list"),
    "/read-models/{name}/{partition}": _say("read-model show {name} {partition}"),
    "/read-models/{name}/{partition}/{sort}": _say("read-model show {name} {partition} {sort}"),
    "/rebuilds/{name}": _say("read-model progress {name}"),
    "/machines/{machine}": _say("graph {machine}"),
    "/executions": _say("execution list", "machine", "status"),
    "/executions/{machine}/{name}": _say("execution show {name}"),
    "/queues": _say("doctor"),
    "/usage": _say("usage"),
}
FORM: Final = re.compile(r"/[a-z-]+/new")
"""The address of a form: no command shows what a form is about to make."""
LISTS: Final = (
    "/items",
    "/imports",
    "/tasks",
    "/sagas",
    "/approvals",
    "/erasures",
    "/executions",
)
"""Lists that the console itself answers as JSON lines, with every filter."""
_PAGES: Final = [
    (re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", page)), page) for page in SAID if page != ""
]


def command_of(shown: Shown) -> str:
    """Return the command, or nothing where no command answers what the page shows.

    A list with filters that the command line does not have is asked of this console.
    """
    page, parts = _page_of(shown.path)
    if page is None:
        return ""
    words, options = SAID[page]
    said, about = words(parts, shown.query)
    if not said:
        return ""
    asked = {name for name, value in shown.query.items() if value and name not in NO_FILTER}
    if page in LISTS and asked - {*options}:
        kept = {name: each for name, each in shown.query.items() if name not in NO_FILTER[1:]}
        there = {"tenant": "" if shown.tenant == DEFAULT_TENANT else shown.tenant}
        asked_for = query(**{**there, **kept, "as": "jsonl"})
        return shlex.join(["curl", "-s", f"{shown.address}?{asked_for}"])
    ends = ["--"] if any(one.startswith("-") for one in about) else []
    return shlex.join(["sfn-cqrs", *said, *_whose(shown, said[0]), *ends, *about])


def _whose(shown: Shown, first: str) -> list[str]:
    """Return the stack, the tenant and the person, where they are not the defaults of a command."""
    if shown.stack:
        return [] if first == "graph" else ["--stack", shown.stack]
    is_other = shown.tenant != DEFAULT_TENANT and first not in OF_OTHERS
    tenant = ["--tenant", shown.tenant] if is_other else []
    is_person = shown.person and first not in OF_THE_STACK
    return [*tenant, *(["--as", shown.person] if is_person else [])]


def _page_of(path: str) -> tuple[str | None, Parts]:
    if not path:
        return "", {}
    if FORM.fullmatch(path):
        return None, {}
    for pattern, page in _PAGES:
        if found := pattern.fullmatch(path):
            return page, {name: unquote(part) for name, part in found.groupdict().items()}
    return None, {}
