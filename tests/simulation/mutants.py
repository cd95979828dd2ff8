"""Every rule of the chain taken away once: what is edited, and where it shows."""

from dataclasses import dataclass

from tests.simulation.model import Scenario, Verdict, run
from tests.simulation.rules import Edit, load_rules


@dataclass(frozen=True)
class Mutant:
    """One rule less: the edits or options that take it away, and a scenario that misses it.

    `breaks` is the invariant that does not hold then.
    """

    name: str
    scenario: Scenario
    breaks: str
    edits: tuple[Edit, ...]
    options: dict[str, bool]

    def __str__(self) -> str:
        return self.name

    def found(self) -> Verdict:
        return run(self.scenario, load_rules(*self.edits), **self.options)


def _without(name: str, scenario: Scenario, breaks: str, *edits: Edit, **options: bool) -> Mutant:
    return Mutant(name, scenario, breaks, edits, options)


def _chain(old: str, new: str) -> Edit:
    return Edit("chain", old, new)


def _process(old: str, new: str) -> Edit:
    return Edit("process", old, new)


def _turn(old: str, new: str) -> Edit:
    return Edit("versioning", old, new)


PLAIN = Scenario("no fault", "aa", is_unaided=True)
KILLED = Scenario("one is killed", "aa", {"crash": 1}, is_unaided=True)
ZOMBIE = Scenario("a zombie", "aa", {"zombie": 1}, is_unaided=True)
REPEATED = Scenario("a call is made twice", "aa", {"repeat": 1}, is_unaided=True)
FAILS = Scenario("the first fails", "aa", {"fail": 1}, is_unaided=True)
RETRIED = Scenario("fails, retried", "aa", {"fail": 1, "retry": 1}, is_unaided=True)
FAILS_TWICE = Scenario("fails twice, retried", "aa", {"fail": 2, "retry": 1})
RETRIED_ZOMBIE = Scenario("retried, a zombie", "aa", {"fail": 1, "retry": 1, "zombie": 1})
SKIPPED = Scenario("fails, skipped", "aa", {"fail": 1, "skip": 1}, is_unaided=True)
SKIPPED_ZOMBIE = Scenario("fails, skipped, a zombie", "aa", {"fail": 1, "skip": 1, "zombie": 1})
SKIPPED_BETWEEN = Scenario("a skipped one between", "axa", is_unaided=True)
EXPIRES = Scenario("a closed one expires", "aa", {"expire": 1})
SKIPPED_EXPIRES = Scenario("a skipped one expires", "xa", {"expire": 1})
FOUR_KILLED = Scenario("four are killed", "aa", {"crash": 4})
LOST = Scenario("a start is lost", "aa", {"lost": 1})
ABORTED = Scenario("aborted", "aa", {"abort": 1})
IMPORT = Scenario("import, then async", "ia")
GAP = Scenario("a gap", "ga")
SYNC_KILLED = Scenario("SYNC, then async", "sa", {"crash": 1})

WAKE_AT_THE_END_OF_WAIT = """            return
    yield from wake(version)


def close("""
NO_WAKE_AT_THE_END_OF_WAIT = """            return


def close("""
CLOSE_WAKES = """        yield from wake(version)
    yield from wake_next(version)
    return stored.outcome"""
READ_IN_TURN = """    predecessor = yield from previous(mine.version)
    data: DataVersion = yield FindData()
"""
DATA_FIRST = """    data: DataVersion = yield FindData()
    predecessor = yield from previous(mine.version)
"""
ABSENT = """    if predecessor.outcome is None:
        return Turn.NOW if data.version >= predecessor.version else Turn.GAP
"""
OWNED = "return is_attempt(attempt, run) & IS_OPEN"
CLAIMED = 'current & (Absent("run") | is_one("run", run))'
RESTARTABLE = "return is_attempt(self.attempt) & (IS_REPAIRABLE | IS_WITH_ITS_PUBLISHER)"
LEFT = '("token", "token_seq", "run", "error", "cause")'

EXPRESS = Scenario("no fault", "ee")
TWICE = Scenario("started twice", "ee", {"twice": 1})
SILENT = Scenario("gone in silence", "e", {"silent": 1})
SHUT = Scenario("the lane is shut", "e", {"shut": 1})
EARLY = Scenario(
    "a duplicate is killed before it claims", "e", {"early": 2, "twice": 1}, is_strict=True
)
NEVER = "    elif False and process.status =="
FORGOTTEN = "    if execution is None:\n        yield Start("
LEAVES = "return is_attempt(self.attempt, self.run) & IS_IN_THE_EXPRESS_LANE"

MUTANTS = [
    _without(
        "wait does not look again after it has parked",
        PLAIN,
        "I3",
        _chain(WAKE_AT_THE_END_OF_WAIT, NO_WAKE_AT_THE_END_OF_WAIT),
    ),
    _without(
        "wait looks first and parks then",
        PLAIN,
        "I3",
        _chain(WAKE_AT_THE_END_OF_WAIT, NO_WAKE_AT_THE_END_OF_WAIT),
        _chain(
            "    written: Written[Process] = yield Park(version, attempt, token, seq)\n",
            "    yield from wake(version)\n"
            "    written: Written[Process] = yield Park(version, attempt, token, seq)\n",
        ),
    ),
    _without(
        "a park that the client repeats does not look again",
        REPEATED,
        "I3",
        _chain("        if found.token != token:\n            return\n", "        return\n"),
    ),
    _without(
        "close looks first and writes then",
        PLAIN,
        "I3",
        _chain(CLOSE_WAKES, CLOSE_WAKES.replace("    yield from wake_next(version)\n", "")),
        _chain(
            "    written: Written[Process] = yield Close(",
            "    yield from wake_next(version)\n    written: Written[Process] = yield Close(",
        ),
    ),
    _without(
        "close does not wake the next",
        PLAIN,
        "I3",
        _chain(CLOSE_WAKES, CLOSE_WAKES.replace("    yield from wake_next(version)\n", "")),
    ),
    _without(
        "a close that is done already does not wake",
        KILLED,
        "I3",
        _chain("if stored is None or stored.attempt != attempt:", "if not written.done:"),
    ),
    _without(
        "a failure does not wake",
        FAILS,
        "I3",
        _chain("        elif verdict.turn is not Turn.WAIT:\n", "        elif False:\n"),
    ),
    _without(
        "wake does not restart what is blocked",
        RETRIED,
        "I3",
        _chain("    elif process.outcome is Outcome.BLOCKED:\n", "    elif False:\n"),
    ),
    _without(
        "a blocked version does not look again when it closes",
        RETRIED,
        "I3",
        _chain("    if stored.outcome is Outcome.BLOCKED:\n", "    if False:\n"),
    ),
    _without(
        "any attempt may write",
        RETRIED_ZOMBIE,
        "I",
        _process(OWNED, "return is_attempt(attempt, run) & IS_OPEN if run else IS_OPEN"),
    ),
    _without(
        "a closed version may be written",
        SKIPPED_ZOMBIE,
        "I",
        _process(OWNED, "return is_attempt(attempt, run)"),
    ),
    _without(
        "an older token may replace a newer one",
        ZOMBIE,
        "I3",
        _chain(' & (Absent("token_seq") | Below("token_seq", self.seq))', ""),
    ),
    _without(
        "a late check_version takes the token away",
        ZOMBIE,
        "I3",
        _chain('owned & Absent("token_seq") if self.is_first else owned', "owned"),
    ),
    _without(
        "the next attempt keeps the last one's token number",
        FAILS_TWICE,
        "I",
        _process(LEFT, LEFT.replace('"token_seq", ', "")),
    ),
    _without("a state whose Lambda is killed is not retried", KILLED, "I5", retries=False),
    _without(
        "previous does not look through what is skipped",
        SKIPPED,
        "I3",
        _chain(
            "        if process.outcome is not Outcome.SKIPPED:\n            return",
            "        return",
        ),
    ),
    _without(
        "wake_next does not look through what is skipped",
        SKIPPED_BETWEEN,
        "I3",
        _chain(
            "        if process.outcome is not Outcome.SKIPPED:\n            break", "        break"
        ),
    ),
    _without(
        "skip does not wake the next",
        SKIPPED,
        "I3",
        _chain(
            "Outcome.SKIPPED)\n    yield from wake_next(version)\n    return skipped",
            "Outcome.SKIPPED)\n    return skipped",
        ),
    ),
    _without(
        "an absent predecessor is waited for",
        IMPORT,
        "I3",
        _turn(ABSENT, "    if predecessor.outcome is None:\n        return Turn.WAIT\n"),
    ),
    _without(
        "an absent predecessor is none",
        GAP,
        "I1",
        _turn(
            "return Turn.NOW if data.version >= predecessor.version else",
            "return Turn.NOW if True else",
        ),
    ),
    _without(
        "an applied predecessor's data is enough",
        PLAIN,
        "I1",
        _turn("if predecessor.outcome is Outcome.APPLIED and data", "if data"),
    ),
    _without(
        "the data is read before the predecessor", EXPIRES, "I5", _chain(READ_IN_TURN, DATA_FIRST)
    ),
    _without(
        "what is skipped expires too",
        SKIPPED_EXPIRES,
        "I5",
        _process("return self is Outcome.APPLIED\n", "return self.is_settled\n"),
    ),
    _without("the data's write has no condition", SKIPPED_ZOMBIE, "I2", data_is_conditional=False),
    _without(
        "the data is written though it is further",
        SKIPPED_ZOMBIE,
        "I2",
        _chain("    if data.version >= version:\n        return False\n", ""),
    ),
    _without(
        "a version that is in the data already is too late",
        RETRIED,
        "I",
        _turn("return Turn.NOW if is_mine or", "return Turn.NOW if"),
    ),
    _without(
        "any restart counts, however old",
        FAILS_TWICE,
        "I7",
        _chain(RESTARTABLE, "return IS_REPAIRABLE | IS_WITH_ITS_PUBLISHER"),
        reduces=False,
    ),
    _without(
        "what died with its publisher is not restarted",
        SYNC_KILLED,
        "I3",
        _chain(RESTARTABLE, "return is_attempt(self.attempt) & IS_REPAIRABLE"),
    ),
    _without("there is no sweep", FOUR_KILLED, "I3", sweeps=False),
    _without(
        "the sweep does not start what was never started",
        LOST,
        "I3",
        _chain("    elif process.outcome is Outcome.OPEN and process.status ==", NEVER),
        _chain(FORGOTTEN, f'    if execution is None:\n        return "running"\n{FORGOTTEN}'),
    ),
    _without(
        "the sweep does not close what has ended",
        ABORTED,
        "I3",
        _chain("    if not execution.is_running:\n", "    if False:\n"),
    ),
    _without(
        "the sweep does not wake who waits",
        FOUR_KILLED,
        "I3",
        _chain(
            "    if process.outcome is Outcome.WAITING:\n        yield",
            "    if False:\n        yield",
        ),
    ),
    _without(
        "the sweep does not wake who is blocked",
        Scenario("retried, two are killed", "aa", {"fail": 1, "retry": 1, "crash": 2}),
        "I3",
        _chain(
            "    if process.outcome is Outcome.BLOCKED:\n        yield from wake(version)\n",
            "    if process.outcome is Outcome.BLOCKED:\n",
        ),
    ),
    _without(
        "the first state does not claim",
        TWICE,
        "I8",
        _chain('{"run": self.run} if self.is_first and self.run else {}', "{}"),
    ),
    _without("a claim keeps nobody out", TWICE, "I8", _process(CLAIMED, "current")),
    _without(
        "a refused duplicate closes the version as failed",
        TWICE,
        "I5",
        claims_failures=False,
        ends_superseded=False,
    ),
    _without("a failure needs no claim", EARLY, "I8", claims_failures=False),
    _without(
        "what failed may leave the express lane",
        Scenario("swept at any time, fails", "e", {"sweep": 1, "fail": 1}),
        "I7",
        _chain(
            LEAVES,
            LEAVES.replace("IS_IN_THE_EXPRESS_LANE", "(IS_IN_THE_EXPRESS_LANE | IS_REPAIRABLE)"),
        ),
    ),
    _without(
        "nothing leaves the express lane",
        EXPRESS,
        "I3",
        _chain(LEAVES, LEAVES + ' & is_one("attempt", 0)'),
    ),
    _without(
        "leaving asks for no claim", EARLY, "I8", _chain(LEAVES, LEAVES.replace(", self.run", ""))
    ),
    _without(
        "the next attempt keeps the claim",
        EXPRESS,
        "I",
        _process(LEFT, LEFT.replace('"run", ', "")),
    ),
    _without(
        "every attempt is express, not only the first",
        EXPRESS,
        "I4",
        _process(
            'is_one("lane", Lane.EXPRESS) & is_one("attempt", 1)', 'is_one("lane", Lane.EXPRESS)'
        ),
    ),
    _without(
        "whatever its outcome it may leave",
        Scenario("swept at any time", "ee", {"sweep": 1}),
        "I",
        _process('IS_EXPRESS & is_one("outcome", Outcome.OPEN)', "IS_EXPRESS"),
    ),
    _without(
        "the sweep does not start what no run has claimed",
        Scenario("a start is lost", "e", {"lost": 1}),
        "I3",
        _chain(
            '    if process.run is not None:\n        return "running"\n', '    return "running"\n'
        ),
        waits_long=False,
    ),
    _without(
        "the sweep does not hand over what died",
        SILENT,
        "I3",
        _chain("        yield from leave(process.version, process.attempt)\n", ""),
    ),
    _without(
        "what no run claims is started in the lane for ever",
        SHUT,
        "I3",
        _process(
            "        lasts = CLAIMED_WITHIN if self.run is None else RUN_LASTS\n"
            "        return self.updated_at < iso(now - lasts)",
            "        return self.run is not None and self.updated_at < iso(now - RUN_LASTS)",
        ),
    ),
    _without(
        "check_version does not hand over what has to wait",
        Scenario("no fault", "ee", is_unaided=True),
        "I3",
        hands_over=False,
    ),
    _without(
        "the sweep takes a version that waits for one in the express lane",
        Scenario("a deploy, four are killed", "ee", {"astray": 1, "crash": 4}),
        "I3",
        _chain("    if process.is_in_the_express_lane:\n", "    if process.is_express:\n"),
    ),
    _without(
        "what passes fails a run",
        Scenario("killed too often", "e", {"crash": 3}, allowed=0),
        "I5",
        leaves_what_passes=False,
    ),
]
