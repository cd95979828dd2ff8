"""The calls that a handler makes, and what may happen at each of them."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError, ReadTimeoutError

from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs_tools.testing.simulation.schedule import Step

WRITES: Final = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"}
VIEWS: Final = "ReadModelsTable"


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
    """One run of a handler on a version."""

    key: ItemKey
    version: int
    handler: str
    step: Step
    calls: int = 0
    first: int = 0
    """The calls before this handler, of other handlers of the same delivery."""
    is_dead: bool = False
    has_met: bool = False
    """Whether it has met its fault."""


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
    """What every call of a handler goes through; `inside` plays the steps within a pause."""

    own: frozenset[str]
    """The files of the user's code."""
    inside: Callable[[Step], None]
    written: Callable[[], None]
    tell: Callable[[str], None] | None = None
    run: Run | None = None
    asked: Callable[[], Mapping[str, Any]] = dict
    met: set[tuple[str, str, int]] = field(default_factory=set)
    """Which handler has met which fault at which of its calls."""
    longest: dict[str, int] = field(default_factory=dict)
    hints: Hints = field(default_factory=Hints)

    @contextmanager
    def around(self, operation: str) -> Iterator[None]:
        """Let a call happen, or what the schedule says instead.

        Raises:
            DiedError: the environment dies.
            ClientError, ReadTimeoutError: AWS is busy, or its answer is lost.
        """
        run = self.run
        if run is None:
            yield
            return
        fault = self._begun(run)
        self._check_tenant(run)
        if self.tell:
            self._note_others(run)
            self.tell(f"     {self.place()}\n       {_said(operation, self.asked())}")
        self._before(run, fault)
        yield
        if operation in WRITES:
            self._paused(run, self.written)
        self._after(run, fault)

    def end(self, run: Run) -> None:
        """Let a handler end; one that was to die at a call that it does not make dies now.

        Raises:
            DiedError: it dies, and nobody learns that it was done.
        """
        self.longest[run.handler] = max(self.longest.get(run.handler, 0), run.calls - run.first)
        if run.step.fault in ("a", "b") and not run.has_met:
            self._die(run, "has done everything, and dies before it can say so")

    def place(self) -> str:
        """Return the line of the user's code that makes the call: its file, number and text."""
        frame = sys._getframe(1)
        while frame is not None:
            name = frame.f_code.co_filename
            if name in self.own:
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
        self.met.add((run.handler, run.step.fault, run.calls - run.first))
        return run.step.fault

    def _before(self, run: Run, fault: str) -> None:
        if fault == "b":
            self._die(run, "dies before this call")
        if fault == "t":
            self._told("AWS is busy and refuses this call")
            answer: Any = {"Error": {"Code": "ThrottlingException", "Message": "busy"}}
            raise ClientError(answer, "a call")
        if fault == "p":
            self._told("stops before this call; meanwhile:")
            self._paused(run, lambda: self.inside(run.step))
            self._told(f"{run.handler} goes on with {run.key.code} version {run.version}:")

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

    def _note_others(self, run: Run) -> None:
        """Note which other items a handler reads."""
        for part in _parts(self.asked()):
            item = _item_of(part)
            if item and item != f"{run.key.type} {run.key.code}":
                self.hints.others.setdefault(item, self.place())

    def _check_tenant(self, run: Run) -> None:
        """Refuse rows of another tenant than the version's."""
        for part in _parts(self.asked()):
            tenant = _tenant_of(part)
            if tenant not in ("", run.key.tenant):
                raise BrokenError(
                    "another tenant",
                    f"{run.handler} runs for tenant {run.key.tenant}, and asks for rows of tenant"
                    f" {tenant}\n  {self.place()}",
                    "pass command.key.tenant to every call: each tenant has rows of its own",
                )


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
    if operation.startswith("calls "):
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
