"""The bucket of a tenant's writes: never over its rate, whoever leases, in whatever order."""

import random
from dataclasses import dataclass, field

import pytest

from sfn_cqrs.api.write_budget import (
    FIRST_LEASE,
    LARGEST_LEASE,
    LEASE_SECONDS,
    Bucket,
    Purse,
    Rate,
    Take,
    micros,
)
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.keys import BudgetKey
from sfn_cqrs_tools.testing.fakes.clock import ManualClock

EMPTY = Bucket(key=BudgetKey("tenant1"))
SECOND = 1_000_000


@dataclass
class Environment:
    """One environment: a clock that is off by some milliseconds, and a purse."""

    skew: int
    purse: Purse = field(default_factory=Purse)
    refused: int = 0

    def ask(self, clock: ManualClock, bucket: Bucket, rate: Rate, *, is_lost: bool) -> Bucket:
        """Spend a token, or lease; answers the bucket. Whose answer is lost has nothing of it."""
        own = ManualClock(clock())
        own.advance(milliseconds=self.skew)
        at = micros(own())
        spent = self.purse.spent(at)
        if spent is not None:
            self.purse = spent
            return bucket
        if self.purse.waits(at):
            self.refused += 1
            return bucket
        after = Take(rate, self.purse.wants(at)).on(bucket, iso(own()))
        if after is None:
            self.refused += 1
            self.purse = self.purse.refused(bucket, rate, at)
            return bucket
        if not is_lost:
            self.purse = self.purse.filled(after, at)
        return after


@pytest.mark.parametrize("seed", range(60))
def test_over_any_time_no_more_is_leased_than_the_rate_and_a_bucket(seed):
    chance = random.Random(seed)
    rate = Rate(chance.choice([1, 7, 30, 100]), chance.choice([1, 5, 50, 400]))
    skew = chance.choice([0, 40, 2_000])
    environments = [Environment(chance.randint(-skew, skew)) for _ in range(chance.randint(1, 30))]
    clock, bucket = ManualClock(), EMPTY
    leases: list[tuple[int, int]] = []
    for _ in range(400):
        clock.advance(milliseconds=chance.choice([0, 0, 1, 5, 200]))
        if chance.random() < 0.01:
            clock.advance(seconds=chance.randint(1, 100))
        is_lost = chance.random() < 0.1
        after = chance.choice(environments).ask(clock, bucket, rate, is_lost=is_lost)
        if after is not bucket:
            assert after.full_at > bucket.full_at
            leases.append((micros(clock()), after.leased))
        bucket = after

    for number, (first, _) in enumerate(leases):
        total = 0
        for at, leased in leases[number:]:
            total += leased
            seconds = (at - first) / SECOND + 2 * skew / 1000
            assert total <= rate.burst + rate.per_second * (seconds + 0.001)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_spent_was_leased_and_no_purse_holds_more_than_two_leases(seed):
    chance = random.Random(seed)
    rate, clock, bucket = Rate(100, 1_000), ManualClock(), EMPTY
    environments = [Environment(0) for _ in range(5)]
    leased = spent = 0
    for _ in range(1_000):
        clock.advance(milliseconds=chance.randint(0, 40))
        one = chance.choice(environments)
        refused = one.refused
        after = one.ask(clock, bucket, rate, is_lost=False)
        leased += after.leased if after is not bucket else 0
        spent += one.refused == refused
        bucket = after
        assert one.purse.tokens <= LARGEST_LEASE

    assert spent <= leased <= spent + 5 * LARGEST_LEASE


def test_a_bucket_fills_to_its_burst_and_no_further():
    rate, clock = Rate(10, 30), ManualClock()
    empty = Take(rate, 30).on(EMPTY, iso(clock()))
    assert empty.tokens(rate, micros(clock())) == 0
    assert Take(rate, 1).on(empty, iso(clock())) is None

    clock.advance(seconds=1)
    assert empty.tokens(rate, micros(clock())) == 10

    clock.advance(days=1)
    assert empty.tokens(rate, micros(clock())) == 30


def test_what_there_is_is_given_where_more_is_wanted():
    taken = Take(Rate(10, 30), 50).on(EMPTY, iso(ManualClock()()))

    assert taken.leased == 30


def test_who_is_refused_asks_again_when_there_is_a_token():
    rate, clock = Rate(10, 5), ManualClock()
    bucket = Take(rate, 5).on(EMPTY, iso(clock()))

    purse = Purse().refused(bucket, rate, micros(clock()))

    assert purse.waits(micros(clock())) == pytest.approx(0.1)
    clock.advance(milliseconds=100)
    assert purse.waits(micros(clock())) == 0
    assert Take(rate, 1).on(bucket, iso(clock())).leased == 1


def test_a_clock_that_goes_back_gives_nothing():
    rate, clock = Rate(10, 5), ManualClock()
    bucket = Take(rate, 5).on(EMPTY, iso(clock()))

    clock.advance(hours=-1)

    assert Take(rate, 1).on(bucket, iso(clock())) is None


def test_leases_grow_where_they_are_spent_and_begin_anew_after_a_minute():
    rate, clock, environment, bucket = Rate(1_000, 10_000), ManualClock(), Environment(0), EMPTY
    sizes = []
    for _ in range(300):
        after = environment.ask(clock, bucket, rate, is_lost=False)
        if after is not bucket:
            sizes.append(after.leased)
        bucket = after
    assert sizes == [FIRST_LEASE, 10, 20, 40, *[LARGEST_LEASE] * 5]

    clock.advance(seconds=LEASE_SECONDS)
    assert environment.ask(clock, bucket, rate, is_lost=False).leased == FIRST_LEASE


def test_what_a_lease_had_left_is_lost_with_it():
    rate, clock = Rate(1_000, 10_000), ManualClock()
    first = Take(rate, 50).on(EMPTY, iso(clock()))
    purse = Purse().filled(first, micros(clock()))

    clock.advance(seconds=LEASE_SECONDS)
    second = Take(rate, FIRST_LEASE).on(first, iso(clock()))

    assert purse.filled(second, micros(clock())).tokens == FIRST_LEASE - 1


def test_a_tenant_of_few_requests_in_many_environments_keeps_its_bucket():
    rate, clock, bucket = Rate(100, 1_000), ManualClock(), EMPTY
    environments = [Environment(0) for _ in range(150)]
    chance = random.Random(1)
    for _ in range(2_000):
        clock.advance(milliseconds=20)
        one = chance.choice(environments)
        bucket = one.ask(clock, bucket, rate, is_lost=False)

    assert sum(one.refused for one in environments) == 0
