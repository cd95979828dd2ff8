"""Every rule of the chain taken away once: what is edited, and where it shows."""

from dataclasses import dataclass

from tests.mutants.mutant import Edit, change, drop
from tests.simulation.model import Scenario, Verdict, run
from tests.simulation.rules import load_rules


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

PARK = "written: Written[Process] = yield Park(version, attempt, token, seq)"
CLOSE = (
    "written: Written[Process] = yield Close(version, attempt, outcome, status, error, cause, run)"
)
PREDECESSOR = "predecessor = yield from previous(mine.version)"
DATA = "data: DataVersion = yield FindData()"
LEAVES = "is_attempt(self.attempt, self.run) & IS_IN_THE_EXPRESS_LANE"

EXPRESS = Scenario("no fault", "ee")
TWICE = Scenario("started twice", "ee", {"twice": 1})
SILENT = Scenario("gone in silence", "e", {"silent": 1})
SHUT = Scenario("the lane is shut", "e", {"shut": 1})
EARLY = Scenario(
    "a duplicate is killed before it claims", "e", {"early": 2, "twice": 1}, is_strict=True
)

MUTANTS = [
    _without(
        "wait does not look again after it has parked",
        PLAIN,
        "I3",
        drop("wait", "yield from wake(version)"),
    ),
    _without(
        "wait looks first and parks then",
        PLAIN,
        "I3",
        drop("wait", "yield from wake(version)"),
        change("wait", PARK, f"yield from wake(version)\n{PARK}"),
    ),
    _without(
        "a park that the client repeats does not look again",
        REPEATED,
        "I3",
        change("wait", "if found.token != token: return", "return"),
    ),
    _without(
        "close looks first and writes then",
        PLAIN,
        "I3",
        drop("close", "yield from wake_next(version)"),
        change("close", CLOSE, f"yield from wake_next(version)\n{CLOSE}"),
    ),
    _without(
        "close does not wake the next",
        PLAIN,
        "I3",
        drop("close", "yield from wake_next(version)"),
    ),
    _without(
        "a close that is done already does not wake",
        KILLED,
        "I3",
        change("close", "stored is None or stored.attempt != attempt", "not written.done"),
    ),
    _without(
        "a failure does not wake",
        FAILS,
        "I3",
        change("wake", "verdict.turn is not Turn.WAIT", "False"),
    ),
    _without(
        "wake does not restart what is blocked",
        RETRIED,
        "I3",
        change("wake", "process.outcome is Outcome.BLOCKED", "False"),
    ),
    _without(
        "a blocked version does not look again when it closes",
        RETRIED,
        "I3",
        change("close", "stored.outcome is Outcome.BLOCKED", "False"),
    ),
    _without(
        "any attempt may write",
        RETRIED_ZOMBIE,
        "I",
        change(
            "is_owned_by",
            "is_attempt(attempt, run) & IS_OPEN",
            "is_attempt(attempt, run) & IS_OPEN if run else IS_OPEN",
        ),
    ),
    _without(
        "a closed version may be written",
        SKIPPED_ZOMBIE,
        "I",
        drop("is_owned_by", "IS_OPEN"),
    ),
    _without(
        "an older token may replace a newer one",
        ZOMBIE,
        "I3",
        drop("Park.when", "Absent('token_seq') | Below('token_seq', self.seq)"),
    ),
    _without(
        "a late check_version takes the token away",
        ZOMBIE,
        "I3",
        change("Begin.when", "owned & Absent('token_seq') if self.is_first else owned", "owned"),
    ),
    _without(
        "the next attempt keeps the last one's token number",
        FAILS_TWICE,
        "I",
        drop("next_attempt", "'token_seq'"),
    ),
    _without("a state whose Lambda is killed is not retried", KILLED, "I5", retries=False),
    _without(
        "previous does not look through what is skipped",
        SKIPPED,
        "I3",
        change(
            "previous",
            "if process.outcome is not Outcome.SKIPPED: return Predecessor(below, process.outcome)",
            "return Predecessor(below, process.outcome)",
        ),
    ),
    _without(
        "wake_next does not look through what is skipped",
        SKIPPED_BETWEEN,
        "I3",
        change("wake_next", "if process.outcome is not Outcome.SKIPPED: break", "break"),
    ),
    _without(
        "skip does not wake the next",
        SKIPPED,
        "I3",
        drop("skip", "yield from wake_next(version)"),
    ),
    _without(
        "an absent predecessor is waited for",
        IMPORT,
        "I3",
        change(
            "whose_turn",
            "Turn.NOW if data.version >= predecessor.version else Turn.GAP",
            "Turn.WAIT",
        ),
    ),
    _without(
        "an absent predecessor is none",
        GAP,
        "I1",
        change(
            "whose_turn",
            "Turn.NOW if data.version >= predecessor.version else Turn.GAP",
            "Turn.NOW",
        ),
    ),
    _without(
        "an applied predecessor's data is enough",
        PLAIN,
        "I1",
        drop("whose_turn", "predecessor.outcome is Outcome.APPLIED"),
    ),
    _without(
        "the data is read before the predecessor",
        EXPIRES,
        "I5",
        change("turn", f"{PREDECESSOR}\n{DATA}", f"{DATA}\n{PREDECESSOR}"),
    ),
    _without(
        "what is skipped expires too",
        SKIPPED_EXPIRES,
        "I5",
        change("Outcome.may_expire", "self is Outcome.APPLIED", "self.is_settled"),
    ),
    _without("the data's write has no condition", SKIPPED_ZOMBIE, "I2", data_is_conditional=False),
    _without(
        "the data is written though it is further",
        SKIPPED_ZOMBIE,
        "I2",
        drop("apply", "if data.version >= version: ..."),
    ),
    _without(
        "a version that is in the data already is too late",
        RETRIED,
        "I",
        drop("whose_turn", "is_mine"),
    ),
    _without(
        "any restart counts, however old",
        FAILS_TWICE,
        "I7",
        drop("Restart.when", "is_attempt(self.attempt)"),
        reduces=False,
    ),
    _without(
        "what died with its publisher is not restarted",
        SYNC_KILLED,
        "I3",
        drop("Restart.when", "IS_WITH_ITS_PUBLISHER"),
    ),
    _without("there is no sweep", FOUR_KILLED, "I3", sweeps=False),
    _without(
        "the sweep does not start what was never started",
        LOST,
        "I3",
        change("_swept", "process.outcome is Outcome.OPEN", "False"),
        change("_looked_at", "if execution is None: ...", "if execution is None: return 'running'"),
    ),
    _without(
        "the sweep does not close what has ended",
        ABORTED,
        "I3",
        change("_looked_at", "not execution.is_running", "False"),
    ),
    _without(
        "the sweep does not wake who waits",
        FOUR_KILLED,
        "I3",
        change("_looked_at", "process.outcome is Outcome.WAITING", "False"),
    ),
    _without(
        "the sweep does not wake who is blocked",
        Scenario("retried, two are killed", "aa", {"fail": 1, "retry": 1, "crash": 2}),
        "I3",
        drop("sweep", "yield from wake(version)"),
    ),
    _without(
        "the first state does not claim",
        TWICE,
        "I8",
        change("Begin.sets", "{'run': self.run} if self.is_first and self.run else {}", "{}"),
    ),
    _without(
        "a claim keeps nobody out",
        TWICE,
        "I8",
        drop("is_attempt", "Absent('run') | is_one('run', run)"),
    ),
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
        change("Leave.when", "IS_IN_THE_EXPRESS_LANE", "IS_IN_THE_EXPRESS_LANE | IS_REPAIRABLE"),
    ),
    _without(
        "nothing leaves the express lane",
        EXPRESS,
        "I3",
        change("Leave.when", LEAVES, f"{LEAVES} & is_one('attempt', 0)"),
    ),
    _without("leaving asks for no claim", EARLY, "I8", drop("Leave.when", "self.run")),
    _without(
        "the next attempt keeps the claim",
        EXPRESS,
        "I",
        drop("next_attempt", "'run'"),
    ),
    _without(
        "every attempt is express, not only the first",
        EXPRESS,
        "I4",
        drop("IS_EXPRESS", "is_one('attempt', 1)"),
    ),
    _without(
        "whatever its outcome it may leave",
        Scenario("swept at any time", "ee", {"sweep": 1}),
        "I",
        drop("IS_IN_THE_EXPRESS_LANE", "is_one('outcome', Outcome.OPEN)"),
    ),
    _without(
        "the sweep does not start what no run has claimed",
        Scenario("a start is lost", "e", {"lost": 1}),
        "I3",
        change(
            "_swept_in_the_lane", "if process.run is not None: return 'running'", "return 'running'"
        ),
        waits_long=False,
    ),
    _without(
        "the sweep does not hand over what died",
        SILENT,
        "I3",
        drop("_swept_in_the_lane", "yield from leave(process.version, process.attempt)"),
    ),
    _without(
        "what no run claims is started in the lane for ever",
        SHUT,
        "I3",
        drop(
            "Process.has_outlived_its_run",
            "lasts = CLAIMED_WITHIN if self.run is None else RUN_LASTS",
        ),
        change(
            "Process.has_outlived_its_run",
            "self.updated_at < iso(now - lasts)",
            "self.run is not None and self.updated_at < iso(now - RUN_LASTS)",
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
        change("sweep", "process.is_in_the_express_lane", "process.is_express"),
    ),
    _without(
        "the data row is written beside the handlers",
        PLAIN,
        "I10",
        is_beside=True,
    ),
    _without(
        "the data row is written beside the handlers of the express lane",
        Scenario("no fault", "e", is_unaided=True),
        "I10",
        is_beside=True,
    ),
    _without(
        "what passes fails a run",
        Scenario("killed too often", "e", {"crash": 3}, allowed=0),
        "I5",
        leaves_what_passes=False,
    ),
]
