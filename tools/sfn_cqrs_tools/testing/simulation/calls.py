"""The calls that the user's functions make, and what may happen at each of them."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError, ReadTimeoutError

from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs_tools.testing.simulation.about import About
from sfn_cqrs_tools.testing.simulation.schedule import Step

WRITES: Final = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"}
VIEWS: Final = "ReadModelsTable"
CALLS: Final = "calls "
"""With which an operation begins that is a call of a function outside."""


class StopError(BaseException):
    """Ends a simulation's run; no handler can catch it, as it catches `Exception`."""


class DiedError(StopError):
    """The environment has died."""


class BrokenError(StopError):
    """Something promised does not hold."""

    def __init__(self, kind: str, what: str, advice: str = "") -> None:
        """Take what kind of mistake it is, what is wrong, and how it is mended."""
        super().__init__(what)
        self.kind = kind
        self.what = what
        self.advice = advice


@dataclass(slots=True)
class Run:
    """One delivery: one or more of the user's functions, one after the other."""

    about: About
    name: str
    step: Step
    calls: int = 0
    first: int = 0
    """The calls before this function, of others of the same delivery."""
    ends: int = 0
    is_dead: bool = False
    has_met: bool = False
    """Whether it has met its fault."""

    @property
    def is_refused(self) -> bool:
        """Whether a call was refused for good."""
        return self.has_met and self.step.fault == "f"

    @property
    def may_die_late(self) -> bool:
        """Whether it dies now that a function has ended, since it was to die at a later call."""
        is_due = not self.about.step or self.step.call <= self.calls + self.ends
        return self.step.fault in ("a", "b") and not self.has_met and is_due


@dataclass
class Hints:
    """What a handler did that may explain why it is not the same twice."""

    asked: dict[str, str] = field(default_factory=dict)
    """Time and chance, with the lines that ask for them."""
    globals: set[str] = field(default_factory=set)
    others: dict[str, str] = field(default_factory=dict)
    """Other items that it reads, with the lines."""


@dataclass
class Calls:
    """What every call of a function goes through; `inside` plays the steps within a pause."""

    files: frozenset[str]
    """The files of the user's code."""
    inside: Callable[[Step], None]
    written: Callable[[], None]
    noted: Callable[[About, str], None]
    """Is told of each version that is published, and by which function."""
    tell: Callable[[str], None] | None = None
    run: Run | None = None
    asked: Callable[[], Mapping[str, Any]] = dict
    met: set[tuple[str, str, int]] = field(default_factory=set)
    """Which function has met which fault at which of its calls."""
    longest: dict[str, int] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    """The views that tasks and sagas write, whose rows no version makes."""
    hints: Hints = field(default_factory=Hints)

    @contextmanager
    def around(self, operation: str) -> Iterator[None]:
        """Let a call happen, or what the schedule says instead.

        Raises:
            DiedError: the environment dies.
            ClientError, ReadTimeoutError: AWS is busy, or refuses, or its answer is lost.
            PermissionError: what is outside refuses.
        """
        run = self.run
        if run is None:
            yield
            return
        fault, asked = self._begun(run), self.asked()
        self._check_tenant(run, asked)
        if self.tell:
            self._note_others(run, asked)
            self.tell(f"     {self.place()}\n       {_said(operation, asked)}")
        self._before(run, fault, operation)
        yield
        if operation in WRITES:
            self._note_writes(run, asked)
            self._paused(run, self.written)
        self._after(run, fault)

    def end(self, run: Run) -> None:
        """Let a function end; one that was to die at a call that it does not make dies now.

        Raises:
            DiedError: it dies, and nobody learns that it was done.
        """
        self.longest[run.name] = max(self.longest.get(run.name, 0), run.calls - run.first)
        run.ends += 1
        if run.may_die_late:
            self._die(run, f"has done everything of {run.name}, and dies before it can say so")

    def place(self) -> str:
        """Return the line of the user's code that makes the call: its file, number and text."""
        frame = sys._getframe(1)
        while frame is not None:
            name = frame.f_code.co_filename
            if name in self.files:
                text = linecache.getline(name, frame.f_lineno).strip()
                return f"{_shown(name)}:{frame.f_lineno}: {text}"
            frame = frame.f_back  # type: ignore[assignment]
        return ""

    def _begun(self, run: Run) -> str:
        if run.is_dead:
            raise DiedError
        run.calls += 1
        if run.step.call != run.calls or not run.step.fault or run.has_met:
            return ""
        run.has_met = True
        self.met.add((run.name, run.step.fault, run.calls - run.first))
        return run.step.fault

    def _before(self, run: Run, fault: str, operation: str) -> None:
        if fault == "b":
            self._die(run, "dies before this call")
        if fault == "t":
            self._told("AWS is busy and refuses this call")
            raise _refusal("ThrottlingException", "busy")
        if fault == "f":
            self._told("this call is refused for good")
            if operation.startswith(CALLS):
                raise PermissionError(f"{operation.removeprefix(CALLS)} is refused")
            raise _refusal("AccessDeniedException", "refused")
        if fault == "p":
            self._told("stops before this call; meanwhile:")
            self._paused(run, lambda: self.inside(run.step))
            self._told(f"{run.name} goes on with {run.about}:")

    def _after(self, run: Run, fault: str) -> None:
        if fault == "a":
            self._die(run, "dies after this call")
        if fault == "l":
            self._told("this call has taken effect, but its answer is lost")
            raise ReadTimeoutError(endpoint_url="https://aws")

    def _die(self, run: Run, how: str) -> None:
        run.is_dead = True
        run.has_met = True
        self._told(f"its Lambda function {how}")
        raise DiedError

    def _paused(self, run: Run, meanwhile: Callable[[], None]) -> None:
        self.run = None
        try:
            meanwhile()
        finally:
            self.run = run

    def _told(self, what: str) -> None:
        if self.tell:
            self.tell(f"     -- {what}")

    def _note_others(self, run: Run, asked: Mapping[str, Any]) -> None:
        """Note which other items a handler reads."""
        for part in _parts(asked):
            item = _item_of(part)
            if item and run.about.item not in ("", item):
                self.hints.others.setdefault(item, self.place())

    def _note_writes(self, run: Run, asked: Mapping[str, Any]) -> None:
        """Note which versions a function publishes, and which views only it writes."""
        for part in _parts(asked):
            item = part.get("Item", {})
            if part["TableName"] == "CommandsTable" and item.get("kind") == {"S": "command"}:
                self.noted(run.about, f"publishes {item['type']['S']} {item['code']['S']}")
            if part["TableName"] == VIEWS and not run.about.item:
                pk = (part.get("Key") or item)["pk"]["S"]
                self.own.add(pk.partition("#")[0].partition("@")[0])

    def _check_tenant(self, run: Run, asked: Mapping[str, Any]) -> None:
        """Refuse rows of another tenant than the version's."""
        for part in _parts(asked):
            tenant = _tenant_of(part)
            if tenant not in ("", run.about.tenant):
                raise BrokenError(
                    "another tenant",
                    f"{run.name} runs for tenant {run.about.tenant}, and asks for rows of tenant"
                    f" {tenant}\n  {self.place()}",
                    "pass command.key.tenant to every call: each tenant has rows of its own",
                )


def _refusal(code: str, message: str) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}}
    return ClientError(answer, "a call")


def _parts(call: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for part in call.get("TransactItems", ()):
        yield from part.values()
    if "TableName" in call:
        yield call


def _tenant_of(part: Mapping[str, Any]) -> str:
    if part["TableName"] != VIEWS:
        return ""
    pk = (part.get("Key") or part.get("Item") or {}).get("pk", {}).get("S", "")
    pk = pk or part.get("ExpressionAttributeValues", {}).get(":pk", {}).get("S", "")
    view, _, rest = pk.partition("#")
    return rest.partition("#")[0] if view else ""


def _item_of(part: Mapping[str, Any]) -> str:
    """Return the item whose data row or version is read."""
    key = {name: one["S"] for name, one in part.get("Key", {}).items()}
    if part["TableName"] == "DataTable" and key:
        return str(key["sk"]).replace("#", " ", 1)
    if part["TableName"] == "CommandsTable" and key:
        return " ".join(str(key["pk"]).split("#", 3)[2:])
    return ""


def _said(operation: str, call: Mapping[str, Any]) -> str:
    """Return a call in words: reads or writes, what, and where."""
    if operation.startswith(CALLS):
        return operation
    verbs = {"GetItem": "reads", "Query": "lists", "Scan": "lists", "BatchGetItem": "reads"}
    verb = verbs.get(operation, "writes")
    return f"{verb} {'; '.join(filter(None, map(_described, _parts(call)))) or operation}"


def _described(part: Mapping[str, Any]) -> str:
    key = {n: v["S"] for n, v in (part.get("Key") or part.get("Item") or {}).items() if "S" in v}
    where = f"{key.get('pk', '')} / {key.get('sk', '')}" if key else ""
    given = {n: v for n, v in part.get("Item", {}).items() if n not in ("pk", "sk")}
    values = part.get("ExpressionAttributeValues", {})
    shown = _plain(given or values)
    return " ".join(filter(None, [part["TableName"].removesuffix("Table"), where, shown]))


def _plain(values: Mapping[str, Any]) -> str:
    return f"{unmarshal(dict(values))}" if values else ""


def _shown(name: str) -> str:
    try:
        return str(Path(name).relative_to(Path.cwd()))
    except ValueError:
        return name
