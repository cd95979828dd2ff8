"""What publishers were told, and whether one order of all of it explains every answer."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from sfn_cqrs.kernel.errors import VersionConflictError
from sfn_cqrs.machines.command.change import Published


@dataclass(frozen=True)
class Answer:
    """One publish: when it was asked and answered, and the version it made or was told of."""

    asked: int
    answered: int
    version: int
    is_stored: bool


@dataclass
class Ledger:
    """The publishes of one item; versions are the order in which they took effect."""

    answers: list[Answer] = field(default_factory=list)
    _moments: "itertools.count[int]" = field(default_factory=itertools.count)

    def publish(self, publish: Callable[[], Published]) -> int:
        """Publish, and note what was answered; the current version."""
        asked = next(self._moments)
        try:
            version, is_stored = publish().version, True
        except VersionConflictError as conflict:
            version, is_stored = conflict.current_version, False
        self.answers.append(Answer(asked, next(self._moments), version, is_stored))
        return version

    def assert_linearizable(self) -> None:
        """Each version was made once, and each answer fits what was done before and meanwhile."""
        stored = sorted(each.version for each in self.answers if each.is_stored)
        assert stored == list(range(1, len(stored) + 1))
        for answer in self.answers:
            done = [each for each in self.answers if each.answered < answer.asked]
            begun = [each for each in self.answers if each.asked < answer.answered]
            least = max((each.version for each in done), default=0)
            most = max(each.version for each in begun if each.is_stored)
            assert least + answer.is_stored <= answer.version <= most, answer
