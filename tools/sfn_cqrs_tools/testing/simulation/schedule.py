"""A schedule: which changes are published, and what then happens to their deliveries.

It is a value with a text, which replays it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

TENANTS: Final = ("amber", "birch")
LEAPS: Final = (1, 60, 3600, 86400)
FAULTS: Final = {
    "b": "dies before a call",
    "a": "dies after a call",
    "t": "is refused a call, since AWS is busy",
    "f": "is refused a call for good: the version fails, and an operator retries it",
    "l": "loses the answer to a call that took effect",
    "p": "stops at a call, and goes on when the steps inside have happened",
}
SKIPS: Final = "s"
"""Instead of a fault: if the version has failed, an operator skips it."""
_TEXT: Final = re.compile(r"\+(\d+)|R|(\d+)(?:\.(\d))?(?:([batflp])(\d+)|(s))?(\()?")


@dataclass(frozen=True, slots=True)
class Step:
    """A version comes to its handlers; or time passes (`leap`); or a rebuild goes on a bit.

    A plan, a task, a saga or an import comes as a version does.
    """

    version: int = -1
    """Which of the versions, plans, tasks, sagas and imports, counted from 0."""
    environment: int = 0
    """In which of the environments of its function, each with a memory of its own."""
    fault: str = ""
    call: int = 0
    """The fault meets this call of the function, counted from 1; 0: it is no call."""
    inside: tuple[Step, ...] = ()
    leap: int = 0
    rebuilds: bool = False

    def __str__(self) -> str:
        """Return the text that is parsed again."""
        if self.leap:
            return f"+{self.leap}"
        if self.rebuilds:
            return "R"
        environment = f".{self.environment}" if self.environment else ""
        fault = f"{self.fault}{self.call or ''}" if self.fault else ""
        inside = f"({' '.join(map(str, self.inside))})" if self.fault == "p" else ""
        return f"{self.version}{environment}{fault}{inside}"

    def simpler(self) -> Iterator[tuple[Step, ...]]:
        """Yield simpler ways to put it, the simplest first."""
        yield ()
        if self.fault:
            yield self.inside
            yield (replace(self, fault="", call=0, inside=()),)
        for inside in _without_one(self.inside):
            yield (replace(self, inside=inside),)
        if self.environment:
            yield (replace(self, environment=0),)
        for call in range(1, self.call):
            yield (replace(self, call=call),)
        for leap in LEAPS:
            if leap < self.leap:
                yield (replace(self, leap=leap),)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The changes by their numbers, each with the number of its tenant, and the steps."""

    changes: tuple[tuple[int, int], ...]
    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        """Return the text that is parsed again: `0 1 2@1 | 1 0.1b2 +60 0p3(0 1)`."""
        named = [f"{change}@{tenant}" if tenant else f"{change}" for change, tenant in self.changes]
        return f"{' '.join(named)} | {' '.join(map(str, self.steps))}".rstrip()

    def simpler(self) -> Iterator[Schedule]:
        """Yield simpler schedules, the simplest first."""
        for number in range(len(self.steps)):
            for instead in self.steps[number].simpler():
                steps = (*self.steps[:number], *instead, *self.steps[number + 1 :])
                yield replace(self, steps=steps)
        for number in range(len(self.changes)):
            changes = (*self.changes[:number], *self.changes[number + 1 :])
            if changes:
                yield Schedule(changes, _renumbered(self.steps, number))
        if any(tenant for _, tenant in self.changes):
            yield replace(self, changes=tuple((change, 0) for change, _ in self.changes))

    @property
    def size(self) -> tuple[int, int]:
        """Return how long it is, for the shortest of several."""
        return len(self.changes) + sum(map(_weight, self.steps)), len(str(self))


def parsed(text: str) -> Schedule:
    """Read a schedule's text.

    Raises:
        ValueError: it is not one.
    """
    before, bar, after = text.partition("|")
    changes = [each.partition("@") for each in before.split()]
    if not bar or not changes:
        raise ValueError(f"{text!r} is not a schedule; copy the seed that a failure prints")
    numbers = tuple((int(change), int(tenant or 0)) for change, _, tenant in changes)
    steps, rest = _steps(after)
    if rest:
        raise ValueError(f"{rest!r} is not a step of a schedule")
    return Schedule(numbers, steps)


def _steps(text: str) -> tuple[tuple[Step, ...], str]:
    found: list[Step] = []
    rest = text.strip()
    while rest and not rest.startswith(")"):
        match = _TEXT.match(rest)
        if match is None:
            break
        rest = rest[match.end() :]
        leap, version, environment, fault, call, skips, opens = match.groups()
        inside: tuple[Step, ...] = ()
        if opens:
            inside, rest = _steps(rest)
            rest = rest.removeprefix(")")
        if version is None:
            found.append(Step(leap=int(leap)) if leap else Step(rebuilds=True))
        else:
            numbers = int(version), int(environment or 0), fault or skips or "", int(call or 0)
            found.append(Step(*numbers, inside))
        rest = rest.strip()
    return tuple(found), rest


def _renumbered(steps: Sequence[Step], gone: int) -> tuple[Step, ...]:
    """Return the steps without those of a version that is not published any more."""
    return tuple(
        replace(
            step,
            version=step.version - (step.version > gone),
            inside=_renumbered(step.inside, gone),
        )
        for step in steps
        if step.version != gone
    )


def _without_one(steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    for number, step in enumerate(steps):
        for instead in step.simpler():
            yield (*steps[:number], *instead, *steps[number + 1 :])


def _weight(step: Step) -> int:
    return 1 + bool(step.fault) + bool(step.environment) + sum(map(_weight, step.inside))
