"""A quiet tenant beside loud ones, in virtual time: the queue as SQS describes it, seeded.

What is real is the rule of the template: how many messages of a queue are worked on at once.
"""

import heapq
import random
from dataclasses import dataclass, field
from typing import Final

import pytest
from tests.support.proof import sampled
from tests.template.stack import TEMPLATE

from sfn_cqrs_tools.runtime.fair_queue import FairQueue

QUIET: Final = "quiet"
SEEDS: Final = range(40)
FUNCTIONS: Final = {"task": "QueueOnTaskActionFunction", "import": "QueueOnImportActionFunction"}


def places(queue: str) -> int:
    """How many messages of a queue are worked on at once."""
    (event,) = TEMPLATE.resources[FUNCTIONS[queue]]["Properties"]["Events"].values()
    return int(event["Properties"]["ScalingConfig"]["MaximumConcurrency"])


@dataclass(frozen=True, order=True)
class Sent:
    """A message: when it was sent, by whom, and how long its handler takes."""

    at: float
    tenant: str
    seconds: float


@dataclass
class Consumers:
    """Virtual time: messages wait, and as many as there are places are worked on."""

    places: int
    is_fair: bool = True
    queue: FairQueue = field(default_factory=FairQueue)
    waiting: list[Sent] = field(default_factory=list)
    at_work: list[tuple[float, int, Sent]] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)

    def run(self, messages: list[Sent]) -> list[float]:
        """Return how long each of the quiet tenant's messages took from its being sent on."""
        to_come = sorted(messages, reverse=True)
        number = 0
        while to_come or self.at_work:
            ends = self.at_work[0][0] if self.at_work else float("inf")
            if to_come and to_come[-1].at <= ends:
                now = to_come[-1].at
                self.waiting.append(to_come.pop())
            else:
                now, _, message = heapq.heappop(self.at_work)
                if message.tenant == QUIET:
                    self.taken.append(now - message.at)
            while self.waiting and len(self.at_work) < self.places:
                number += 1
                message = self.waiting.pop(self._next(now))
                heapq.heappush(self.at_work, (now + message.seconds, number, message))
        return self.taken

    def _next(self, now: float) -> int:
        if not self.is_fair:
            return 0
        in_flight = {str(number): message.tenant for _, number, message in self.at_work}
        return self.queue.order([message.tenant for message in self.waiting], in_flight, now)[0]


def sent(rng: random.Random, tenant: str, count: int, each: float, seconds: float) -> list[Sent]:
    """Messages that come every so many seconds, more or less, and take more or less so long."""
    return [
        Sent(each * number + rng.uniform(0, each), tenant, seconds * rng.uniform(0.5, 1.5))
        for number in range(count)
    ]


def p99(taken: list[float]) -> float:
    return sorted(taken)[int(len(taken) * 0.99)]


CASES = {
    "eighty tasks of ten seconds in fourteen": ("task", 10.0, [(80, 0.18)]),
    "five hundred tasks at once": ("task", 5.0, [(500, 0.001)]),
    "three loud tenants": ("task", 5.0, [(150, 0.1), (150, 0.05), (150, 0.01)]),
    "single rows at the full rate of a tenant": ("import", 1.0, [(500, 0.01)]),
}


def p99_of_the_quiet_tenant(case: str, seed: int, *, is_fair: bool = True) -> tuple[float, float]:
    """Return the quiet tenant's p99 alone, and beside the loud ones."""
    queue, seconds, loud = CASES[case]
    rng = random.Random(seed)
    quiet = sent(rng, QUIET, 30, seconds / 2, seconds)
    others = [
        message
        for number, (count, each) in enumerate(loud)
        for message in sent(rng, f"loud-{number}", count, each, seconds)
    ]

    alone = p99(Consumers(places(queue)).run(quiet))
    beside = p99(Consumers(places(queue), is_fair).run([*quiet, *others]))
    return alone, beside


@pytest.mark.parametrize("seed", sampled(SEEDS, 4))
@pytest.mark.parametrize("case", CASES)
def test_a_quiet_tenants_p99_at_most_doubles_beside_loud_ones(case: str, seed: int) -> None:
    alone, beside = p99_of_the_quiet_tenant(case, seed)

    assert beside <= 2 * alone


@pytest.mark.parametrize("case", list(CASES)[1:])
def test_in_a_queue_that_knows_no_tenants_it_is_many_times_what_it_was(case: str) -> None:
    alone, beside = p99_of_the_quiet_tenant(case, 0, is_fair=False)

    assert beside > 3 * alone
