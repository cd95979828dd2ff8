"""Failures that need a person, in groups of the same kind, type and error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Final

from sfn_cqrs.kernel.failure import first_line
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.process_table import FAILED_SHARDS
from sfn_cqrs.machines.import_csv.job import JobStatus
from sfn_cqrs.machines.saga.rules import SagaStatus
from sfn_cqrs.machines.task.rules import TaskStatus
from sfn_cqrs_tools.client.api import ApiProblem
from sfn_cqrs_tools.client.executions import OF_THE_FRAMEWORK
from sfn_cqrs_tools.console.application import Ask
from sfn_cqrs_tools.console.executions import Filter, Machine
from sfn_cqrs_tools.console.names import names
from sfn_cqrs_tools.console.rendering import reason
from sfn_cqrs_tools.console.standing import version_table
from sfn_cqrs_tools.console.subjects import item_page, item_text, subject_of
from sfn_cqrs_tools.terminal.causes import cut

MOST_READ: Final = 1_000
"""How many failed versions are read to group them; all are counted."""
LISTED: Final = 100
RECENT: Final = timedelta(days=7)
"""Tasks and imports that failed longer ago are not shown."""
AT_ONCE: Final = 8
KINDS: Final = ("saga", "command", "run", "task", "import", "archive")
"""The gravest first; a run is an execution of a workflow of the project's own."""
EVER: Final = "0"
LONGEST_ERROR: Final = 200
_VARIES: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}|\b\d+\b")
"""Parts of an error that differ from item to item: ids and numbers."""
_QUOTED: Final = re.compile(r"'[^']*'")


@dataclass(frozen=True)
class Failure:
    """One thing that has failed."""

    kind: str
    type: str
    tenant: str
    error: str
    cause: str
    at: str
    label: str
    path: str
    rows: int = 0
    """How many items of a task, or rows of an import, have failed."""


@dataclass(frozen=True)
class Group:
    """Failures that are alike; `first` is the latest of them, `what` the repair of all."""

    kind: str
    type: str
    tenant: str
    error: str
    cause: str
    count: int
    rows: int
    oldest: str
    first: Failure

    @property
    def what(self) -> str:
        """Return the repair that retries them, as the page of repairs names it."""
        return f"{'import' if self.kind == 'archive' else self.kind} retry"

    @property
    def text(self) -> str:
        """Return a text that all of their errors contain."""
        return next(iter(_VARIES.split(self.cause)), "").strip() or self.error


@dataclass(frozen=True)
class Failures:
    """All groups, the gravest first; `unread` failed versions were counted and not grouped."""

    groups: list[Group]
    unread: int

    @property
    def count(self) -> int:
        """Return the number of failures."""
        return sum(group.count for group in self.groups) + self.unread


def failures(ask: Ask) -> Failures:
    """Return the failures of this person's tenant."""
    versions, unread = _versions(ask)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda look: list(look(ask)), (_sagas, _runs, _tasks, _imports))
        return Failures(grouped([*versions, *chain(*found)]), unread)


def failed_versions(ask: Ask) -> list[Group]:
    """Return the groups of failed versions alone."""
    return grouped(_versions(ask)[0])


def grouped(found: Iterable[Failure]) -> list[Group]:
    """Group similar failures; the gravest kind first, then the largest group."""
    groups: dict[tuple[str, ...], Group] = {}
    for one in found:
        alike = _VARIES.sub("…", one.cause)
        key = (one.kind, one.type, one.tenant, one.error, alike)
        known = groups.get(key)
        groups[key] = (
            Group(one.kind, one.type, one.tenant, one.error, one.cause, 1, one.rows, one.at, one)
            if known is None
            else replace(
                known,
                count=known.count + 1,
                rows=known.rows + one.rows,
                oldest=min(known.oldest, one.at),
                first=max(known.first, one, key=lambda each: each.at),
            )
        )
    ranks = {kind: rank for rank, kind in enumerate(KINDS)}
    return sorted(groups.values(), key=lambda group: (ranks[group.kind], -group.count))


@dataclass(frozen=True)
class Alike:
    """Failures inside one piece of work whose errors are alike; `path` opens the first of them."""

    error: str
    cause: str
    count: int
    path: str


def alike(found: Iterable[tuple[str, str, str]]) -> list[Alike]:
    """Group errors, causes and paths; the largest group first."""
    groups: dict[tuple[str, str], Alike] = {}
    for error, cause, path in found:
        line = cut(first_line(cause), LONGEST_ERROR)
        key = (error, _common(error, line))
        known = groups.get(key, Alike(error, line, 0, path))
        groups[key] = replace(known, count=known.count + 1)
    return sorted(groups.values(), key=lambda group: -group.count)


def _common(error: str, line: str) -> str:
    """Return what a cause has in common with others; the key of a KeyError tells them apart."""
    text = line if "KeyError" in f"{error} {line}" else _QUOTED.sub("…", line)
    return _VARIES.sub("…", text)


def _versions(ask: Ask) -> tuple[list[Failure], int]:
    """Return the failed versions, the latest ones read; and how many more there are."""
    versions, own = version_table(ask.backend), f"TENANT#{ask.who.tenant}#"
    now = datetime.now(UTC).isoformat()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pages = pool.map(lambda shard: versions.listed(shard, None, EVER, now)[0], FAILED_SHARDS)
        listed = (key for page in pages for key in page if key["pk"].startswith(own))
        keys = sorted(listed, key=lambda key: key["opened_at"])
    latest = keys[-MOST_READ:]
    found = [
        Failure(
            "command",
            one.key.type,
            one.key.tenant,
            one.error or "",
            cut(first_line(one.cause or ""), LONGEST_ERROR),
            one.updated_at,
            item_text(one.key.type, one.key.code, one.version),
            f"{item_page(one.key.type, one.key.code)}?v={one.version}",
        )
        for one in versions.read_again(latest)
        if one.outcome is Outcome.FAILED
    ]
    return found, len(keys) - len(latest)


def first_page(ask: Ask, path: str, **query: str) -> list[dict[str, Any]]:
    """Return the first page of a list, or nothing if this person may not read it."""
    try:
        items: list[dict[str, Any]] = ask.api.get(path, limit=LISTED, **query)["items"]
    except ApiProblem:
        return []
    return items


def latest_tasks(ask: Ask) -> Iterator[dict[str, Any]]:
    """Yield the latest tasks of each type."""
    for type_ in names(ask, "tasks"):
        yield from first_page(ask, "/tasks", taskType=type_, kind="batch")


def _sagas(ask: Ask) -> Iterator[Failure]:
    for one in first_page(ask, "/sagas", status=SagaStatus.PARKED):
        yield Failure(
            "saga",
            one["saga"],
            ask.who.tenant,
            one.get("error", ""),
            cut(first_line(one.get("cause", "")), LONGEST_ERROR),
            one["statusAt"],
            one["name"] or one["id"],
            f"/sagas/{one['id']}",
        )


def own_machines(ask: Ask) -> list[Machine]:
    """Return the machines of the project's own workflows whose executions are listed at once."""
    is_read = ask.backend.is_local
    return [
        one
        for one in ask.executions.machines()
        if one.short not in OF_THE_FRAMEWORK
        and not one.short.endswith("-saga")
        and (is_read or not one.is_express)
    ]


def _runs(ask: Ask) -> Iterator[Failure]:
    since = datetime.now(UTC) - RECENT
    for machine in own_machines(ask):
        for status in ("FAILED", "TIMED_OUT"):
            wanted = Filter(machine.short, status, since=since, tenant=ask.who.tenant)
            for run in ask.executions.page(wanted, limit=LISTED).runs:
                subject = subject_of(run.input)
                yield Failure(
                    "run",
                    machine.short,
                    ask.who.tenant,
                    run.error or run.status,
                    cut(first_line(reason(run.cause)[0]), LONGEST_ERROR),
                    (run.stopped or run.started).isoformat(),
                    subject.label if subject else run.name,
                    f"/executions/{run.machine}/{run.name}",
                )


def _tasks(ask: Ask) -> Iterator[Failure]:
    for one in latest_tasks(ask):
        if one["status"] == TaskStatus.FAILED and _is_recent(one["statusAt"]):
            yield Failure(
                "task",
                one["taskType"],
                ask.who.tenant,
                "items failed",
                "",
                one["statusAt"],
                one["name"] or one["id"],
                f"/tasks/{one['id']}",
                one.get("failed", 0),
            )


def _imports(ask: Ask) -> Iterator[Failure]:
    for kind in ("csv", "zip"):
        for one in first_page(ask, "/imports", kind=kind):
            at = one["finishedAt"] or one["createdAt"]
            is_open = one["status"] == JobStatus.FAILED and one.get("retriedBy") is None
            if is_open and not one["dryRun"] and "parent" not in one and _is_recent(at):
                error = one.get("error", {})
                yield Failure(
                    "import" if kind == "csv" else "archive",
                    one["table"] or "",
                    ask.who.tenant,
                    error.get("code", "rows failed"),
                    cut(error.get("message", ""), LONGEST_ERROR),
                    at,
                    one.get("file") or one["table"] or one["id"],
                    f"/imports/{one['id']}",
                    one["failed"],
                )


def _is_recent(at: str) -> bool:
    return datetime.fromisoformat(at) >= datetime.now(UTC) - RECENT
