"""What the doctor has found, in groups that have one cause, the gravest first."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs_tools.client.diagnosis import Diagnosis, Finding, Work
from sfn_cqrs_tools.terminal.ages import duration

VARIES: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}|\b\d+\b")
"""Parts of an error that differ from item to item: ids and numbers."""


@dataclass(frozen=True)
class FoundAlike:
    """Findings with one cause; `next` is the command that repairs or shows them."""

    count: int
    what: str
    status: str
    reason: str
    oldest: float
    next: str

    @property
    def line(self) -> str:
        """Return them as one line; of a single one, `what` names it."""
        many = f"{self.count} × " if self.count > 1 else ""
        reason = f": {self.reason}" if self.reason else ""
        return f"{many}{self.what} {self.status}, {duration(self.oldest)}{reason}"


def groups_of(diagnosis: Diagnosis) -> list[FoundAlike]:
    """Return the groups: sagas and approvals, failed versions, other work, blocked versions."""
    kinds = [_of_kind(name, kind.findings) for name, kind in diagnosis.kinds.items()]
    works = [group for groups in kinds for group in groups]
    blocked = [one for one in diagnosis.findings if one.outcome == Outcome.BLOCKED]
    others = [one for one in diagnosis.findings if one.outcome != Outcome.BLOCKED]
    found = [*works, *_of_versions(others)]
    found.sort(key=lambda group: (not group.what.startswith("saga"), -group.count))
    return [*found, *_of_versions(blocked)]


def _of_kind(kind: str, works: Iterable[Work]) -> Iterator[FoundAlike]:
    groups: dict[tuple[str, str, str], list[Work]] = {}
    for one in works:
        key = (one.tenant, one.status, VARIES.sub("…", one.error or ""))
        groups.setdefault(key, []).append(one)
    for (tenant, status, _), alike in groups.items():
        first = alike[0]
        what = f"{kind} {first.id}" if len(alike) == 1 else f"{kind}s of {tenant}"
        command = "import" if kind == "archive" else kind
        next_ = f"sfn-cqrs {command} show {first.id} --tenant {shlex.quote(tenant)}"
        oldest = max(one.age for one in alike)
        yield FoundAlike(len(alike), what, status, first.error or "", oldest, next_)


def _of_versions(found: Iterable[Finding]) -> Iterator[FoundAlike]:
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for one in found:
        key = (one.tenant, one.type, one.outcome, VARIES.sub("…", one.reason))
        groups.setdefault(key, []).append(one)
    for (tenant, type_, outcome, _), alike in groups.items():
        first = alike[0]
        what = f"{type_}/{first.code} v{first.version}" if len(alike) == 1 else f"{type_} {tenant}"
        oldest = max(one.age for one in alike)
        yield FoundAlike(len(alike), what, outcome, first.reason, oldest, _repair(alike))


def _repair(alike: list[Finding]) -> str:
    first, tenant = alike[0], shlex.quote(alike[0].tenant)
    if first.outcome != Outcome.FAILED:
        return f"sfn-cqrs chain show {first.type} {shlex.quote(first.code)} --tenant {tenant}"
    if len(alike) == 1:
        item = f"{first.type} {shlex.quote(first.code)} {first.version}"
        return f"sfn-cqrs chain retry {item} --tenant {tenant}"
    text = next(iter(VARIES.split(first.cause or "")), "").strip() or first.error or ""
    error = f" --error {_quoted(text)}" if text else ""
    return f"sfn-cqrs repair plan command retry --type {first.type}{error} --tenant {tenant}"


def _quoted(text: str) -> str:
    """Return a text for a shell, in double quotes where that is easier to read."""
    is_plain = "'" in text and not any(one in text for one in '"$`\\!')
    return f'"{text}"' if is_plain else shlex.quote(text)
