"""Every rule of the chain taken away once: what is edited, and where it shows."""

from dataclasses import dataclass, field

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
    edits: tuple[Edit, ...] = ()
    options: dict[str, bool] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def found(self) -> Verdict:
        return run(self.scenario, load_rules(*self.edits), **self.options)


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
    Mutant(
        "wait does not look again after it has parked",
        PLAIN,
        "I3",
        (_chain(WAKE_AT_THE_END_OF_WAIT, NO_WAKE_AT_THE_END_OF_WAIT),),
    ),
    Mutant(
        "wait looks first and parks then",
        PLAIN,
        "I3",
        (
            _chain(WAKE_AT_THE_END_OF_WAIT, NO_WAKE_AT_THE_END_OF_WAIT),
            _chain(
                "    written: Written = yield Park(version, attempt, token, seq)\n",
                "    yield from wake(version)\n"
                "    written: Written = yield Park(version, attempt, token, seq)\n",
            ),
        ),
    ),
    Mutant(
        "a park that the client repeats does not look again",
        REPEATED,
        "I3",
        (_chain("        if found.token != token:\n            return\n", "        return\n"),),
    ),
    Mutant(
        "close looks first and writes then",
        PLAIN,
        "I3",
        (
            _chain(CLOSE_WAKES, CLOSE_WAKES.replace("    yield from wake_next(version)\n", "")),
            _chain(
                "    written: Written = yield Close(",
                "    yield from wake_next(version)\n    written: Written = yield Close(",
            ),
        ),
    ),
    Mutant(
        "close does not wake the next",
        PLAIN,
        "I3",
        (_chain(CLOSE_WAKES, CLOSE_WAKES.replace("    yield from wake_next(version)\n", "")),),
    ),
    Mutant(
        "a close that is done already does not wake",
        KILLED,
        "I3",
        (_chain("if stored is None or stored.attempt != attempt:", "if not written.done:"),),
    ),
    Mutant(
        "a failure does not wake",
        FAILS,
        "I3",
        (_chain("        elif verdict.turn is not Turn.WAIT:\n", "        elif False:\n"),),
    ),
    Mutant(
        "wake does not restart what is blocked",
        RETRIED,
        "I3",
        (_chain("    elif process.outcome is Outcome.BLOCKED:\n", "    elif False:\n"),),
    ),
    Mutant(
        "a blocked version does not look again when it closes",
        RETRIED,
        "I3",
        (_chain("    if stored.outcome is Outcome.BLOCKED:\n", "    if False:\n"),),
    ),
    Mutant(
        "any attempt may write",
        RETRIED_ZOMBIE,
        "I",
        (_process(OWNED, "return is_attempt(attempt, run) & IS_OPEN if run else IS_OPEN"),),
    ),
    Mutant(
        "a closed version may be written",
        SKIPPED_ZOMBIE,
        "I",
        (_process(OWNED, "return is_attempt(attempt, run)"),),
    ),
    Mutant(
        "an older token may replace a newer one",
        ZOMBIE,
        "I3",
        (_chain(' & (Absent("token_seq") | Below("token_seq", self.seq))', ""),),
    ),
    Mutant(
        "a late check_version takes the token away",
        ZOMBIE,
        "I3",
        (_chain('owned & Absent("token_seq") if self.is_first else owned', "owned"),),
    ),
    Mutant(
        "the next attempt keeps the last one's token number",
        FAILS_TWICE,
        "I",
        (_process(LEFT, LEFT.replace('"token_seq", ', "")),),
    ),
    Mutant("a state whose Lambda is killed is not retried", KILLED, "I5", (), {"retries": False}),
    Mutant(
        "previous does not look through what is skipped",
        SKIPPED,
        "I3",
        (
            _chain(
                "        if process.outcome is not Outcome.SKIPPED:\n            return",
                "        return",
            ),
        ),
    ),
    Mutant(
        "wake_next does not look through what is skipped",
        SKIPPED_BETWEEN,
        "I3",
        (
            _chain(
                "        if process.outcome is not Outcome.SKIPPED:\n            break",
                "        break",
            ),
        ),
    ),
    Mutant(
        "skip does not wake the next",
        SKIPPED,
        "I3",
        (
            _chain(
                "Outcome.SKIPPED)\n    yield from wake_next(version)\n    return skipped",
                "Outcome.SKIPPED)\n    return skipped",
            ),
        ),
    ),
    Mutant(
        "an absent predecessor is waited for",
        IMPORT,
        "I3",
        (_turn(ABSENT, "    if predecessor.outcome is None:\n        return Turn.WAIT\n"),),
    ),
    Mutant(
        "an absent predecessor is none",
        GAP,
        "I1",
        (
            _turn(
                "return Turn.NOW if data.version >= predecessor.version else",
                "return Turn.NOW if True else",
            ),
        ),
    ),
    Mutant(
        "an applied predecessor's data is enough",
        PLAIN,
        "I1",
        (_turn("if predecessor.outcome is Outcome.APPLIED and data", "if data"),),
    ),
    Mutant(
        "the data is read before the predecessor",
        EXPIRES,
        "I5",
        (_chain(READ_IN_TURN, DATA_FIRST),),
    ),
    Mutant(
        "what is skipped expires too",
        SKIPPED_EXPIRES,
        "I5",
        (_process("return self is Outcome.APPLIED\n", "return self.is_settled\n"),),
    ),
    Mutant(
        "the data's write has no condition",
        SKIPPED_ZOMBIE,
        "I2",
        (),
        {"data_is_conditional": False},
    ),
    Mutant(
        "the data is written though it is further",
        SKIPPED_ZOMBIE,
        "I2",
        (_chain("    if data.version >= version:\n        return False\n", ""),),
    ),
    Mutant(
        "a version that is in the data already is too late",
        RETRIED,
        "I",
        (_turn("return Turn.NOW if is_mine or", "return Turn.NOW if"),),
    ),
    Mutant(
        "any restart counts, however old",
        FAILS_TWICE,
        "I7",
        (_chain(RESTARTABLE, "return IS_REPAIRABLE | IS_WITH_ITS_PUBLISHER"),),
        {"reduces": False},
    ),
    Mutant(
        "what died with its publisher is not restarted",
        SYNC_KILLED,
        "I3",
        (_chain(RESTARTABLE, "return is_attempt(self.attempt) & IS_REPAIRABLE"),),
    ),
    Mutant("there is no sweep", FOUR_KILLED, "I3", (), {"sweeps": False}),
    Mutant(
        "the sweep does not start what was never started",
        LOST,
        "I3",
        (
            _chain("    elif process.outcome is Outcome.OPEN and process.status ==", NEVER),
            _chain(FORGOTTEN, f'    if execution is None:\n        return "running"\n{FORGOTTEN}'),
        ),
    ),
    Mutant(
        "the sweep does not close what has ended",
        ABORTED,
        "I3",
        (_chain("    if not execution.is_running:\n", "    if False:\n"),),
    ),
    Mutant(
        "the sweep does not wake who waits",
        FOUR_KILLED,
        "I3",
        (
            _chain(
                "    if process.outcome is Outcome.WAITING:\n        yield",
                "    if False:\n        yield",
            ),
        ),
    ),
    Mutant(
        "the sweep does not wake who is blocked",
        Scenario("retried, two are killed", "aa", {"fail": 1, "retry": 1, "crash": 2}),
        "I3",
        (
            _chain(
                "    if process.outcome is Outcome.BLOCKED:\n        yield from wake(version)\n",
                "    if process.outcome is Outcome.BLOCKED:\n",
            ),
        ),
    ),
    Mutant(
        "the first state does not claim",
        TWICE,
        "I8",
        (_chain('{"run": self.run} if self.is_first and self.run else {}', "{}"),),
    ),
    Mutant(
        "a claim keeps nobody out",
        TWICE,
        "I8",
        (_process(CLAIMED, "current"),),
    ),
    Mutant(
        "a refused duplicate closes the version as failed",
        TWICE,
        "I5",
        (),
        {"claims_failures": False, "ends_superseded": False},
    ),
    Mutant("a failure needs no claim", EARLY, "I8", (), {"claims_failures": False}),
    Mutant(
        "what failed may leave the express lane",
        Scenario("swept at any time, fails", "e", {"sweep": 1, "fail": 1}),
        "I7",
        (
            _chain(
                LEAVES,
                LEAVES.replace(
                    "IS_IN_THE_EXPRESS_LANE", "(IS_IN_THE_EXPRESS_LANE | IS_REPAIRABLE)"
                ),
            ),
        ),
    ),
    Mutant(
        "nothing leaves the express lane",
        EXPRESS,
        "I3",
        (_chain(LEAVES, LEAVES + ' & is_one("attempt", 0)'),),
    ),
    Mutant(
        "leaving asks for no claim",
        EARLY,
        "I8",
        (_chain(LEAVES, LEAVES.replace(", self.run", "")),),
    ),
    Mutant(
        "the next attempt keeps the claim",
        EXPRESS,
        "I",
        (_process(LEFT, LEFT.replace('"run", ', "")),),
    ),
    Mutant(
        "every attempt is express, not only the first",
        EXPRESS,
        "I4",
        (
            _process(
                'is_one("lane", Lane.EXPRESS) & is_one("attempt", 1)',
                'is_one("lane", Lane.EXPRESS)',
            ),
        ),
    ),
    Mutant(
        "whatever its outcome it may leave",
        Scenario("swept at any time", "ee", {"sweep": 1}),
        "I",
        (_process('IS_EXPRESS & is_one("outcome", Outcome.OPEN)', "IS_EXPRESS"),),
    ),
    Mutant(
        "the sweep does not start what no run has claimed",
        Scenario("a start is lost", "e", {"lost": 1}),
        "I3",
        (
            _chain(
                '    if process.run is not None:\n        return "running"\n',
                '    return "running"\n',
            ),
        ),
        {"waits_long": False},
    ),
    Mutant(
        "the sweep does not hand over what died",
        SILENT,
        "I3",
        (_chain("        yield from leave(process.version, process.attempt)\n", ""),),
    ),
    Mutant(
        "what no run claims is started in the lane for ever",
        SHUT,
        "I3",
        (
            _process(
                "        lasts = CLAIMED_WITHIN if self.run is None else RUN_LASTS\n"
                "        return self.updated_at < iso(now - lasts)",
                "        return self.run is not None and self.updated_at < iso(now - RUN_LASTS)",
            ),
        ),
    ),
    Mutant(
        "check_version does not hand over what has to wait",
        Scenario("no fault", "ee", is_unaided=True),
        "I3",
        (),
        {"hands_over": False},
    ),
    Mutant(
        "the sweep takes a version that waits for one in the express lane",
        Scenario("a deploy, four are killed", "ee", {"astray": 1, "crash": 4}),
        "I3",
        (_chain("    if process.is_in_the_express_lane:\n", "    if process.is_express:\n"),),
    ),
    Mutant(
        "what passes fails a run",
        Scenario("killed too often", "e", {"crash": 3}, allowed=0),
        "I5",
        (),
        {"leaves_what_passes": False},
    ),
]
