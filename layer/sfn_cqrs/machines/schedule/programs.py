"""How plans are made, moved, cancelled and published, even if functions die.

Each rule is a program, as in `chain`: a generator that yields one call at a time and is sent
its answer. A version and the end of its plan are one transaction, so whoever comes second sees
that the plan is closed.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from sfn_cqrs.machines.schedule.rules import Cancel, Plan, Refuse, Replace, Run


@dataclass(frozen=True, slots=True)
class Find:
    """Read the plan of a name consistently: it, or None."""

    name: str


@dataclass(frozen=True, slots=True)
class FindDue:
    """Ask for the names of an item's plans that are due, in order of due time: a tuple."""

    now: str


@dataclass(frozen=True, slots=True)
class Make:
    """Store a plan under a name that has none: True, or False if there is one."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class On:
    """Do a write on the plan of a name: Written."""

    name: str
    write: Replace | Cancel | Refuse | Run


@dataclass(frozen=True, slots=True)
class TryPublish:
    """Publish a plan and close it in one transaction: how that ended, a `Tried`."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Tried:
    """How a publish ended: done, refused for this reason, or neither; then it may be tried again.

    `is_over`: somebody else has closed, moved or cancelled the plan.
    """

    done: bool = False
    is_over: bool = False
    refused: str | None = None


Call = Find | FindDue | Make | On | TryPublish
Program = Generator[Call, Any, Any]


def plan(new: Plan) -> Program:
    """Plan, or cancel, under a name: the last order counts, in whatever order they come."""
    if (yield Make(new)):
        return True
    return (yield On(new.name, Replace(new))).done


def cancel(name: str) -> Program:
    """Cancel what is planned; False: there was nothing to cancel."""
    found: Plan | None = yield Find(name)
    if found is None:
        return False
    return (yield On(name, Cancel(found.generation))).done


def run(name: str, now: str) -> Program:
    """Publish what is planned now, after what is due of its item; False: it has ended."""
    found: Plan | None = yield Find(name)
    if found is None or not (yield On(name, Run(found.generation, now))).done:
        return False
    yield from work(now)
    return True


def work(now: str) -> Program:
    """Publish what is due of an item, one after the other.

    The first that can not be closed holds those after it until the next sweep: they come in order.
    """
    for name in (yield FindDue(now)):
        if not (yield from publish(name, now)):
            return False
    return True


def publish(name: str, now: str) -> Program:
    """Publish a plan that is due; False: it still waits, and is to be tried again."""
    found: Plan | None = yield Find(name)
    if found is None or not found.is_due(now):
        return True
    tried: Tried = yield TryPublish(found)
    if tried.refused is not None:
        yield On(name, Refuse(found.generation, tried.refused))
        return True
    return tried.done or tried.is_over
