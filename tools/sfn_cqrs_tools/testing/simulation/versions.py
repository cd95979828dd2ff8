"""How a version comes: it begins, waits, runs its handlers and closes, by the chain's programs."""

from __future__ import annotations

from typing import Final

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import SyncHandlerError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command import chain, handlers
from sfn_cqrs.machines.command.process import Outcome, Process, Turn
from sfn_cqrs.machines.command.projection import project
from sfn_cqrs.machines.command.runner import Chain, write_row
from sfn_cqrs_tools.testing.simulation.calls import BrokenError
from sfn_cqrs_tools.testing.simulation.players import Played
from sfn_cqrs_tools.testing.simulation.schedule import SKIPS, Step

ALONE: Final = (
    "a handler may run at any moment, again and late: do not rely on other items, and let errors of"
    " AWS pass, which are tried again"
)


class VersionPlayer:
    """One version, whoever dies on its way; once it is closed, only late retries come."""

    def __init__(self, playing: Played, key: ItemKey, number: int) -> None:
        """Take a version that is published."""
        self._playing = playing
        self._key = key
        self._number = number
        self._chain = Chain(key)
        self._is_past = False
        self.token = ""
        self.is_done = False

    @property
    def name(self) -> str:
        """Return the version in words."""
        key = self._key
        return f"version {self._number} of {key.type} {key.code} ({key.tenant})"

    @property
    def end(self) -> None:
        """Say nothing: a version is applied or skipped in the end."""

    def why(self) -> str:
        """Say what keeps it from its end."""
        key = self._key
        return (
            f"version {self._number} of {key.type} {key.code} never ends: its handler asks for"
            " another try each time"
        )

    def come(self, step: Step) -> None:
        """Go as far as it goes.

        Raises:
            DiedError, SupersededError, TransientError: it has to come again.
        """
        if self.is_done:
            self._late()
            return
        process = self._process()
        if process.outcome in (Outcome.APPLIED, Outcome.SKIPPED):
            self.is_done = True  # whoever published it has done the rest
        elif self._may_begin(process, step):
            self._run()

    def _may_begin(self, process: Process, step: Step) -> bool:
        """Let an operator or the sweep help, if it needs them; whether an attempt may go on."""
        if process.is_with_its_publisher:
            return not self._playing.is_inside and self._chain.run(
                chain.restart(self._number, process.attempt)
            )
        if process.outcome is Outcome.BLOCKED:
            is_free = self._chain.run(chain.unblock(self._number)) == "restarted"
            return is_free or self._waits("it is blocked by a version before it")
        if process.outcome is not Outcome.FAILED:
            return True
        if step.fault == SKIPS:
            self._skip()
            return False
        self._playing.tell("     -- an operator retries it")
        self._chain.run(chain.retry(self._number))
        return True

    def _waits(self, why: str) -> bool:
        self._playing.tell(f"     -- {why}")
        return False

    def _skip(self) -> None:
        self._playing.tell("     -- an operator skips it")
        self._chain.run(chain.skip(self._number))
        self._playing.skipped.add((self._key, self._number))
        self.is_done = True
        self._playing.resume()

    def _run(self) -> None:
        process = self._process()
        if not self._is_past and not self._may_pass(process):
            return
        self._is_past = True
        self._keep_history()
        write_row(self._key, self._number)
        try:
            self._run_handlers()
        except SyncHandlerError as error:
            self._failed(process, error)
            return
        self.is_done = self._close(process, Outcome.APPLIED) is Outcome.APPLIED
        self._playing.resume()

    def _may_pass(self, process: Process) -> bool:
        number, attempt = self._number, process.attempt
        if self.token:
            return False
        mine = self._chain.run(chain.begin(number, attempt, "check_version:STARTED", is_first=True))
        verdict = self._chain.run(chain.turn(mine))
        if verdict.turn is Turn.WAIT:
            self._playing.tell(f"     -- it waits for version {verdict.predecessor}")
            self.token = f"{self._key} {number} {attempt}"
            self._chain.run(chain.wait(number, attempt, self.token, 0))
            self._playing.resume()
        elif verdict.turn is Turn.BLOCKED:
            self.block()
        return verdict.turn is Turn.NOW

    def woken(self) -> None:
        """Go on: the wait is over."""
        self.token, self._is_past = "", True
        self._run()

    def block(self) -> None:
        """End the attempt, since the version before has failed."""
        self.token = ""
        self._playing.tell(f"     -- {self.name} is blocked by a version that has failed")
        self._close(self._process(), Outcome.BLOCKED)

    def _late(self) -> None:
        try:
            self._run_handlers()
        except SyncHandlerError as error:
            self._playing.tell(f"     -- {str(error).partition(chr(10))[0]}; nothing follows")

    def _failed(self, process: Process, error: SyncHandlerError) -> None:
        """Let it fail if that was its fault; else nothing makes it fail that is not the code's.

        Raises:
            BrokenError: it fails, and no call was refused for good.
        """
        if not self._playing.was_refused:
            key, number = self._key, self._number
            if self._playing.is_quiet_day:
                raise BrokenError("quiet", f"a handler fails:\n  {error}") from error
            what = f"version {number} of {key.type} {key.code} fails, and did not on a quiet day"
            raise BrokenError("fails", f"{what}:\n  {error}", ALONE) from error
        self._playing.tell("     -- the version has FAILED")
        self._is_past = False
        self._close(process, Outcome.FAILED)
        self._playing.resume()

    def _close(self, process: Process, outcome: Outcome) -> Outcome:
        status = f"finish:{'FINISHED' if outcome is Outcome.APPLIED else 'FAILED'}"
        error = None if outcome is Outcome.APPLIED else "Error"
        closing = chain.close(self._number, process.attempt, outcome, status, error)
        return self._chain.run(closing)

    def _process(self) -> Process:
        found = bootstrap.processes().find(self._key, self._number)
        assert found is not None
        return found

    def _keep_history(self) -> None:
        row = bootstrap.data().snapshot(self._key) if self._number > 1 else None
        if row is not None and int(row["version"]["N"]) < self._number:
            bootstrap.history().append(row)

    def _run_handlers(self) -> None:
        for name in handlers.names_of(self._key.type):
            project(self._key, self._number, name)
