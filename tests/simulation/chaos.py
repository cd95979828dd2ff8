"""Faults at random, each seed its own."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.calls import AwsCall, KilledError
from tests.support.system import API

from sfn_cqrs.kernel.errors import TransientError


@dataclass
class Chaos:
    """How often a function is killed before or after a call, or a handler's call fails.

    `zombies`: how often a state's function is given up and tried again, and goes on all the same.
    """

    random: random.Random
    kills: float = 0.0
    failures: float = 0.0
    hiccups: float = 0.0
    zombies: float = 0.0
    done: list[str] = field(default_factory=list)

    def gives_up(self) -> bool:
        return self.random.random() < self.zombies

    def observe(self, call: AwsCall, moment: str) -> None:
        """Observe a call, and perhaps break it off.

        Raises:
            KilledError, TransientError, RuntimeError: what is to happen.
        """
        if call.function == API:
            return
        chance = self.random.random()
        if chance < self.kills:
            self._raise(KilledError, call)
        if call.function != "CommandSyncDataFunction" or moment == "after":
            return
        if chance > 1 - self.failures:
            self._raise(RuntimeError, call)
        if chance > 1 - self.failures - self.hiccups:
            self._raise(TransientError, call)

    def _raise(self, error: Callable[[str], BaseException], call: AwsCall) -> None:
        self.done.append(f"{error} {call}")
        raise error("injected")
