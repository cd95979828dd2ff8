"""The model check of the chain: the real rules through every interleaving.

    python -m tests.simulation.model            the scenarios of `make test`
    python -m tests.simulation.model --full     those of `make proof DEEP=1` too; ten minutes

Invariants:
I1  a version's projections run only once every earlier version is APPLIED or SKIPPED, or
    never had a process item
I2  the data never goes back, and no version is applied twice
I3  at rest, when no sweep would change anything, nothing is open, nothing is blocked behind
    what is applied, and the read model shows the last applied version
I4  no version is restarted without end
I5  at rest, no more attempts have failed than there were faults that may fail one
I6  the history has every state that the data had
I7  what has failed runs again only when an operator retries it
I8  of an express attempt one run's tasks run the handlers; what the service repeats is one run
I9  at rest no execution is left: none is parked behind what is closed
I10 no handler of a version runs before the data row is at it
"""

import argparse
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain as chained

from tests.simulation.rules import Rules, load_rules
from tests.simulation.world import FAULT_NUMBER, BrokenError, Label, Move, State, World

LIMIT = 40_000_000


@dataclass(frozen=True)
class Scenario:
    """A chain's kinds of versions, and how often each fault may happen.

    `is_unaided`: it heals without the sweep. `is_former`: executions that the release
    before began write the data row beside the handlers, so that I10 does not hold in them.
    A big one is left to `make proof`, a huge one to DEEP=1. `polls`: a run in the express lane
    looks again before it hands over. `is_strict`: I8 asks for the standard machine, too.
    `allowed`: how many attempts may fail, if not by the faults.
    """

    name: str
    kinds: str
    faults: dict[str, int] = field(default_factory=dict)
    is_unaided: bool = False
    is_former: bool = False
    is_big: bool = False
    is_huge: bool = False
    polls: bool = False
    is_strict: bool = False
    allowed: int | None = None

    def __str__(self) -> str:
        return f"{self.kinds}: {self.name}"


@dataclass(frozen=True)
class Verdict:
    """How many states were seen, what is wrong if anything is, and how it comes about."""

    states: int
    violation: str | None = None
    trace: tuple[Label, ...] = ()


def check(world: World, limit: int = LIMIT) -> Verdict:
    """Look at every state, the nearest first.

    Raises:
        OverflowError: there are more states than the limit.
    """
    first = world.first()
    numbers = {first: 0}
    states, parents = [first], [0]
    number = 0
    while number < len(states):
        state = states[number]
        try:
            for _, after in successors(world, state):
                if after not in numbers:
                    numbers[after] = len(states)
                    states.append(after)
                    parents.append(number)
        except BrokenError as violation:
            trace = tuple(_trace(world, states, parents, number))
            return Verdict(len(states), str(violation), trace)
        number += 1
        if len(states) > limit:
            raise OverflowError(f"more than {limit} states")
    return Verdict(len(states))


def count(world: World, limit: int = LIMIT) -> int:
    """Look at every state as `check` does, remembering of each no more than its hash.

    Two of some ten million states may have the same hash of 64 bits once in a million runs.

    Raises:
        BrokenError: an invariant does not hold; `check` tells how it comes about.
        OverflowError: there are more states than the limit.
    """
    first = world.first()
    seen, waiting = {hash(first)}, deque([first])
    while waiting:
        for _, after in successors(world, waiting.popleft()):
            number = hash(after)
            if number not in seen:
                seen.add(number)
                waiting.append(after)
        if len(seen) > limit:
            raise OverflowError(f"more than {limit} states")
    return len(seen)


def successors(world: World, state: State) -> Iterator[Move]:
    """Every next state.

    Raises:
        BrokenError: this state, or one of the next, breaks an invariant.
    """
    only = world.only_moves(state) if world.reduces else []
    if only:
        yield from only
        return
    moves = list(world.moves(state))
    if not moves:
        sweeps = list(world.sweep_moves(state)) if world.sweeps else []
        if not sweeps:
            check_rest(world, state)
        moves = sweeps
    yield from chained(moves, world.idle_moves(state))


def check_rest(world: World, state: State) -> None:
    """Check what must hold when nothing moves any more.

    Raises:
        BrokenError: it does not.
    """
    for version in range(1, len(world.kinds) + 1):
        process = world.process(state, version)
        if process is None:
            continue
        if process.outcome in world.open:
            raise BrokenError(f"I3: version {version} stays {process.outcome}")
        if process.outcome == "BLOCKED":
            _check_blocked(world, state, version)
        if process.outcome == "APPLIED" and not version <= min(state.data, state.view):
            raise BrokenError(f"I3: version {version} is applied but shows nowhere")
    if state.executions:
        raise BrokenError(f"I9: {state.executions[0][:3]} is left")
    allowed = failures_allowed(world, state) if world.allowed is None else world.allowed
    if state.failures > allowed:
        raise BrokenError(f"I5: {state.failures} attempts have failed, one of them for no reason")


def failures_allowed(world: World, state: State) -> int:
    """How many attempts may have failed by the faults that happened."""
    used = {
        fault: world.faults.get(fault, 0) - state.budget[number]
        for fault, number in FAULT_NUMBER.items()
    }
    deaths = (used["crash"] + used["zombie"]) // (world.tries + 1)
    gaps = world.kinds.count("g")
    return used["fail"] + used["timeout"] + used["abort"] + deaths + gaps


def _check_blocked(world: World, state: State, version: int) -> None:
    for below in range(version - 1, 0, -1):
        process = world.process(state, below)
        if process is None or process.outcome == "APPLIED":
            break
        if process.outcome != "SKIPPED":
            return
    raise BrokenError(f"I3: version {version} is blocked behind nothing")


def _trace(world: World, states: list[State], parents: list[int], number: int) -> Iterator[Label]:
    path = []
    while number:
        path.append(number)
        number = parents[number]
    before = states[0]
    for each in reversed(path):
        yield next(label for label, after in successors(world, before) if after == states[each])
        before = states[each]


big = partial(Scenario, is_big=True)
huge = partial(big, is_huge=True)
SCENARIOS = [
    Scenario("no fault", "aa", is_unaided=True),
    Scenario("one is killed", "aa", {"crash": 1}, is_unaided=True),
    big("two are killed", "aa", {"crash": 2}),
    big("four are killed", "aa", {"crash": 4}),
    Scenario("a zombie", "aa", {"zombie": 1}, is_unaided=True),
    big("a zombie, one is killed", "aa", {"zombie": 1, "crash": 1}),
    big("two zombies", "aa", {"zombie": 2}),
    Scenario("a call is made twice", "aa", {"repeat": 1}, is_unaided=True),
    Scenario("a call is made twice, one is killed", "aa", {"repeat": 1, "crash": 1}),
    Scenario("the first fails", "aa", {"fail": 1}, is_unaided=True),
    Scenario("fails, retried", "aa", {"fail": 1, "retry": 1}, is_unaided=True),
    Scenario("fails, skipped", "aa", {"fail": 1, "skip": 1}, is_unaided=True),
    big("fails, retried and skipped", "aa", {"fail": 1, "retry": 1, "skip": 1}),
    big("fails beside the data, retried", "aa", {"fail": 1, "retry": 1}, is_former=True),
    big("fails beside the data, skipped", "aa", {"fail": 1, "skip": 1}, is_former=True),
    big("fails, skipped, killed", "aa", {"fail": 1, "skip": 1, "crash": 1}),
    big("fails, retried, killed", "aa", {"fail": 1, "retry": 1, "crash": 1}),
    big("fails, retried, repeated", "aa", {"fail": 1, "retry": 1, "repeat": 1}),
    huge("fails, retried, a zombie", "aa", {"fail": 1, "retry": 1, "zombie": 1}),
    huge("fails, skipped, a zombie", "aa", {"fail": 1, "skip": 1, "zombie": 1}),
    Scenario("waits for a day, retried", "aa", {"timeout": 1, "retry": 1}),
    Scenario("aborted, retried", "aa", {"abort": 1, "retry": 1}),
    Scenario("aborted, killed", "aa", {"abort": 1, "crash": 1}),
    Scenario("a start is lost", "aa", {"lost": 1}),
    Scenario("both starts are lost, killed", "aa", {"lost": 2, "crash": 1}),
    big("swept at any time", "aa", {"sweep": 2}),
    big("swept at any time, killed", "aa", {"sweep": 1, "crash": 1}),
    big("swept at any time, a zombie", "aa", {"sweep": 1, "zombie": 1}),
    huge("swept at any time, fails, retried", "aa", {"sweep": 1, "fail": 1, "retry": 1}),
    big("swept on old news", "aa", {"sweep": 2, "stale": 2}),
    Scenario("aborted, swept on old news", "aa", {"abort": 1, "stale": 2, "retry": 1}),
    Scenario("the stream wakes too", "aa", {"notify": 2}),
    huge("the stream wakes, fails, retried", "aa", {"notify": 1, "fail": 1, "retry": 1}),
    Scenario("a closed one expires", "aa", {"expire": 1, "crash": 1}),
    Scenario("three", "aaa", is_unaided=True),
    big("one is killed", "aaa", {"crash": 1}),
    big("a zombie", "aaa", {"zombie": 1}),
    big("swept at any time", "aaa", {"sweep": 1}),
    big("closed ones expire", "aaa", {"expire": 2}),
    huge("fails, skipped", "aaa", {"fail": 1, "skip": 1}),
    big("fails, a skipped one between, expires", "axa", {"fail": 1, "skip": 1, "expire": 1}),
    huge("fails, retried", "aaa", {"fail": 1, "retry": 1}),
    big("waits for a day", "aaa", {"timeout": 1}),
    big("aborted", "aaa", {"abort": 1}),
    big(
        "fails beside the data, skipped, expires",
        "aa",
        {"fail": 1, "skip": 1, "expire": 1},
        is_former=True,
    ),
    big("fails twice, retried", "aa", {"fail": 2, "retry": 1}),
    Scenario("a skipped one between", "axa", is_unaided=True),
    Scenario("a skipped one between, killed", "axa", {"crash": 1}, is_unaided=True),
    Scenario("a skipped one between, a zombie", "axa", {"zombie": 1}, is_unaided=True),
    big("a skipped one between, retried", "axa", {"fail": 1, "retry": 1}),
    Scenario("a skipped one between, another skipped", "axa", {"fail": 1, "skip": 1}),
    big("a skipped one between, fails, killed", "axa", {"fail": 1, "skip": 1, "crash": 1}),
    Scenario("a skipped one first", "xaa", {"crash": 1}),
    Scenario("a skipped one expires", "xa", {"expire": 2}),
    Scenario("a gap", "ga", {"crash": 1}),
    Scenario("a gap between", "aga", {"crash": 1}),
    Scenario("import, then async", "ia", {"crash": 1}),
    Scenario("async, then import", "ai", {"crash": 1}),
    Scenario("import between", "aia", {"crash": 1}),
    Scenario("SYNC, then async", "sa", {"crash": 1}),
    Scenario("SYNC, then async, two are killed", "sa", {"crash": 2}),
    big("SYNC is swept too early", "sa", {"sweep": 2}),
    Scenario("SYNC is swept too early, killed", "sa", {"sweep": 1, "crash": 1}),
    Scenario("SYNC is swept too early, fails", "sa", {"sweep": 1, "fail": 1}),
    Scenario("SYNC fails, then async", "sa", {"fail": 1, "crash": 1}),
    big("SYNC fails twice, then async, retried", "sa", {"fail": 2, "retry": 1}),
    Scenario("SYNC fails twice, then async, skipped", "sa", {"fail": 2, "skip": 1}),
    Scenario("async, then SYNC", "as", {"crash": 1}),
    Scenario("async fails, then SYNC, skipped", "as", {"fail": 1, "skip": 1}),
    Scenario("SYNC beside SYNC", "ss", {"crash": 1, "fail": 1}),
    Scenario("SYNC between", "asa", {"crash": 1}),
    Scenario("SYNC between, fails, skipped", "asa", {"fail": 1, "skip": 1}),
    Scenario("SYNC and an expiry", "sa", {"expire": 1, "crash": 1}),
    Scenario("no fault", "e", is_unaided=True),
    Scenario("no fault", "ee", is_unaided=True),
    Scenario("no fault", "ae", is_unaided=True),
    Scenario("no fault", "ea", is_unaided=True),
    Scenario("no fault, polls", "ee", is_unaided=True, polls=True),
    Scenario("started twice", "e", {"twice": 1}, is_unaided=True),
    Scenario("started twice", "ee", {"twice": 1}, is_unaided=True),
    Scenario("both started twice", "ee", {"twice": 2}, is_unaided=True),
    Scenario("started twice, polls", "ee", {"twice": 1}, is_unaided=True, polls=True),
    Scenario("run again by the service", "e", {"rerun": 1}, is_unaided=True),
    Scenario("run again by the service", "ee", {"rerun": 1}, is_unaided=True),
    Scenario("run again, polls", "ee", {"rerun": 1}, is_unaided=True, polls=True),
    Scenario("run again and started twice", "e", {"rerun": 1, "twice": 1}, is_unaided=True),
    big("run again and started twice", "ee", {"rerun": 1, "twice": 1}),
    Scenario("gone in silence", "e", {"silent": 1}),
    Scenario("gone in silence", "ee", {"silent": 1}),
    Scenario("gone in silence", "ae", {"silent": 1}),
    Scenario("both gone in silence", "ee", {"silent": 2}),
    big("gone, started twice", "ee", {"silent": 1, "twice": 1}),
    Scenario("gone, run again", "e", {"silent": 1, "rerun": 1}),
    big("gone, run again", "ee", {"silent": 1, "rerun": 1}),
    Scenario("gone, killed", "ee", {"silent": 1, "crash": 1}),
    big("gone, two are killed", "ee", {"silent": 1, "crash": 2}),
    Scenario("gone, a zombie", "e", {"silent": 1, "zombie": 1}),
    big("gone, a zombie", "ee", {"silent": 1, "zombie": 1}),
    big("gone, fails, retried", "ee", {"silent": 1, "fail": 1, "retry": 1}),
    big("gone, fails, skipped", "ee", {"silent": 1, "fail": 1, "skip": 1}),
    Scenario("one is killed", "ee", {"crash": 1}, is_unaided=True),
    Scenario("two are killed", "ee", {"crash": 2}),
    big("four are killed", "ee", {"crash": 4}),
    Scenario("killed, started twice", "ee", {"crash": 1, "twice": 1}),
    Scenario("two killed, started twice", "e", {"crash": 2, "twice": 1}),
    big("two killed, started twice", "ee", {"crash": 2, "twice": 1}),
    big("killed, run again", "ee", {"crash": 1, "rerun": 1}),
    Scenario("a zombie", "ee", {"zombie": 1}, is_unaided=True),
    big("a zombie, one is killed", "ee", {"zombie": 1, "crash": 1}),
    big("a zombie, started twice", "ee", {"zombie": 1, "twice": 1}),
    Scenario("a zombie, run again", "e", {"zombie": 1, "rerun": 1}),
    Scenario("a call is made twice", "ee", {"repeat": 1}, is_unaided=True),
    Scenario(
        "a call is made twice, started twice", "ee", {"repeat": 1, "twice": 1}, is_unaided=True
    ),
    Scenario("a call is made twice, one is killed", "ee", {"repeat": 1, "crash": 1}),
    Scenario("the first fails", "ee", {"fail": 1}, is_unaided=True),
    Scenario("fails, retried", "ee", {"fail": 1, "retry": 1}, is_unaided=True),
    Scenario("fails, skipped", "ee", {"fail": 1, "skip": 1}, is_unaided=True),
    big("fails, retried, started twice", "ee", {"fail": 1, "retry": 1, "twice": 1}),
    big("fails, skipped, started twice", "ee", {"fail": 1, "skip": 1, "twice": 1}),
    Scenario("fails, retried, run again", "e", {"fail": 1, "retry": 1, "rerun": 1}),
    huge("fails, skipped, run again", "ee", {"fail": 1, "skip": 1, "rerun": 1}),
    big("fails beside the data, skipped", "ee", {"fail": 1, "skip": 1}, is_former=True),
    Scenario(
        "fails beside the data, twice", "e", {"fail": 1, "retry": 1, "twice": 1}, is_former=True
    ),
    Scenario("a start is lost", "ee", {"lost": 1}),
    Scenario("a start is lost, another twice", "ee", {"lost": 1, "twice": 1}),
    Scenario("both starts are lost, killed", "ee", {"lost": 2, "crash": 1}),
    Scenario("the lane is shut", "ee", {"shut": 1}),
    Scenario("the lane is shut, one is killed", "e", {"shut": 1, "crash": 1}),
    Scenario("swept at any time", "e", {"sweep": 2}),
    Scenario("swept at any time", "ee", {"sweep": 1}),
    huge("swept at any time, twice", "ee", {"sweep": 2}),
    Scenario("swept at any time, started twice", "e", {"sweep": 1, "twice": 1}),
    big("swept at any time, started twice", "ee", {"sweep": 1, "twice": 1}),
    big("swept at any time, gone", "ee", {"sweep": 1, "silent": 1}),
    big("swept at any time, killed", "ee", {"sweep": 1, "crash": 1}),
    Scenario("swept at any time, fails, retried", "e", {"sweep": 1, "fail": 1, "retry": 1}),
    big("swept on old news", "ee", {"sweep": 1, "stale": 1}),
    Scenario("the stream wakes too", "ee", {"notify": 2}),
    Scenario("the stream wakes, started twice", "ee", {"notify": 1, "twice": 1}),
    Scenario("closed ones expire", "ee", {"expire": 1, "twice": 1}),
    Scenario("a late duplicate, expired", "ee", {"expire": 2, "twice": 1}),
    Scenario("express waits a day behind standard", "ae", {"timeout": 1, "retry": 1}),
    Scenario("express behind an aborted one", "ae", {"abort": 1, "retry": 1}),
    Scenario("handed over, aborted", "ee", {"abort": 1, "retry": 1}),
    big("fails, retried", "ae", {"fail": 1, "retry": 1}, is_unaided=True),
    Scenario("fails, skipped", "ae", {"fail": 1, "skip": 1}, is_unaided=True),
    big("fails, retried", "ea", {"fail": 1, "retry": 1, "twice": 1}),
    Scenario("started twice", "ea", {"twice": 1, "crash": 1}),
    Scenario("started twice", "ae", {"twice": 1, "crash": 1}),
    Scenario("killed too often, none fails", "e", {"crash": 3}, allowed=0),
    Scenario("gone or killed, none fails", "e", {"crash": 1, "silent": 1, "twice": 1}, allowed=0),
    Scenario(
        "duplicates die early, handlers run once",
        "e",
        {"early": 2, "twice": 1},
        is_strict=True,
        allowed=0,
    ),
    Scenario(
        "duplicates, handlers run once",
        "ee",
        {"twice": 2},
        is_strict=True,
        allowed=0,
        is_unaided=True,
    ),
    Scenario("a deploy starts it on the other machine", "e", {"astray": 1, "sweep": 1}),
    Scenario("a deploy starts it on the other machine", "ee", {"astray": 1}),
    big("a deploy starts both on the other machine", "ee", {"astray": 2}),
    big("a deploy, one is killed", "ee", {"astray": 1, "crash": 1}),
    huge("a deploy, swept at any time", "ee", {"astray": 1, "sweep": 1}),
    big("a deploy, gone in silence", "ee", {"astray": 1, "silent": 1}),
    big("a deploy, aborted, retried", "ee", {"astray": 1, "abort": 1, "retry": 1}),
    Scenario("three", "eee", is_unaided=True),
    big("three, started twice", "eee", {"twice": 1}),
    big("three, gone in silence", "eee", {"silent": 1}),
    big("three, run again", "eee", {"rerun": 1}),
    big("three, one is killed", "eee", {"crash": 1}),
    huge("three, fails, skipped", "eee", {"fail": 1, "skip": 1}),
    Scenario("mixed lanes", "aea", {"twice": 1}),
    big("mixed lanes, gone", "eae", {"silent": 1}),
    Scenario("a skipped one between", "exe", {"twice": 1}),
    Scenario("a skipped one between, gone", "exe", {"silent": 1}),
    Scenario("a skipped one first", "xee", {"crash": 1}),
    Scenario("a gap", "ge", {"crash": 1, "twice": 1}),
    Scenario("import, then express", "ie", {"crash": 1, "twice": 1}),
    Scenario("express, then import", "ei", {"silent": 1, "twice": 1}),
    Scenario("SYNC, then express", "se", {"crash": 1, "twice": 1}),
    Scenario("SYNC, then express, gone", "se", {"silent": 1}),
    Scenario("SYNC is swept too early, express", "se", {"sweep": 1, "twice": 1}),
    Scenario("SYNC fails, then express", "se", {"fail": 1, "twice": 1}),
    Scenario("express, then SYNC", "es", {"crash": 1, "twice": 1}),
    Scenario("express, then SYNC, gone", "es", {"silent": 1, "crash": 1}),
    Scenario("SYNC between", "ese", {"silent": 1}),
    big("SYNC between, started twice", "ese", {"twice": 1}),
]


def run(scenario: Scenario, rules: Rules, *, limit: int = LIMIT, **options: bool) -> Verdict:
    """Check one scenario; a big one that holds is only counted."""
    given = {
        "sweeps": not scenario.is_unaided,
        "is_beside": scenario.is_former,
        "is_former": scenario.is_former,
        "polls": scenario.polls,
        "is_strict": scenario.is_strict,
        **options,
    }

    def world() -> World:
        faults = dict(scenario.faults)
        return World(rules, scenario.kinds, faults, allowed=scenario.allowed, **given)

    if scenario.is_big:
        try:
            return Verdict(count(world(), limit))
        except BrokenError:
            pass
    return check(world(), limit)


def main() -> int:
    """Check the scenarios, print what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="the big scenarios too")
    parser.add_argument("--only", default="", help="the scenarios whose name has this text")
    chosen = parser.parse_args()
    broken = 0
    for scenario in SCENARIOS:
        if chosen.only in str(scenario) and (chosen.full or not scenario.is_big):
            broken += not _holds(scenario)
    return 1 if broken else 0


def _holds(scenario: Scenario) -> bool:
    began = time.perf_counter()
    verdict = run(scenario, load_rules())
    seconds = time.perf_counter() - began
    told = verdict.violation or "holds"
    print(f"{scenario!s:50} {verdict.states:10,} states {seconds:7.1f} s  {told}", flush=True)
    for label in verdict.trace:
        print("   ", *label)
    return verdict.violation is None


if __name__ == "__main__":
    sys.exit(main())
