"""Approve, reject, expire, sweep and kill at the same instant; the seed is in the test's name."""

import random
from functools import partial

import pytest
from tests.support.approval_system import ApprovalSystem, assert_ended
from tests.support.calls import AwsCall, KilledError
from tests.support.proof import sampled

from sfn_cqrs.domain.approval import Rules, Status, Verdict
from sfn_cqrs.domain.errors import AlreadyDecidedError, ExpiredError

SEEDS = 200
KEPT = 8
DISORDER = {"shuffles": True, "duplicates": 0.2, "replays": 0.2}
MINUTE = 60
PEOPLE = ["taro", "jiro", "saburo", "shiro"]


def race(system: ApprovalSystem, seed: int) -> None:
    """Let people decide around the moment at which the time is over, parked or just started."""
    chance = random.Random(seed)
    system.ask()
    is_parked = chance.random() < 0.5
    if is_parked:
        system.run()
        assert system.approval.token is not None
        system.engine.run_for(2 * MINUTE)
    seconds_left = 3 * MINUTE - (2 * MINUTE if is_parked else 0)
    system.clock.advance(seconds_left - chance.choice([0.002, 0.005, 0.01, 0.03, 0.1]))
    for user in chance.sample(PEOPLE, chance.randint(1, 4)):
        verb = chance.choice(["approve", "approve", "reject"])
        system.spawn(partial(system.decide, verb, user))
    if chance.random() < 0.5:
        system.invoke_async("ScheduleSweepApprovalsFunction", b'{"source": "aws.events"}')
    system.run()
    is_left_waiting = system.approval.is_decided and not system.approval.stage.is_closed
    assert not is_left_waiting, "decided, and nobody lets the machine go on"
    system.pass_time(1)
    system.settle()


@pytest.mark.parametrize("seed", sampled(range(SEEDS), KEPT))
def test_whoever_comes_first_is_the_decision_and_the_machine_does_it(seed: int) -> None:
    rules = Rules(group="operator", needed=1 + seed % 2, expires_after=180, remind_every=MINUTE)
    with ApprovalSystem(seed, rules=rules, disorder=DISORDER) as system:
        race(system, seed)

        assert_ended(system)
        approval = system.approval
        rejections = [vote for vote in approval.votes if vote.verdict is Verdict.REJECT]
        assert len(rejections) == (approval.status is Status.REJECTED)
        if approval.status is Status.GRANTED:
            assert len({vote.by for vote in approval.votes}) == len(approval.votes) == rules.needed
        assert {type(error) for error in system.errors} <= {AlreadyDecidedError, ExpiredError}


@pytest.mark.parametrize("seed", sampled(range(SEEDS), KEPT))
def test_whoever_is_killed_the_decision_stands_and_is_done(seed: int) -> None:
    chance = random.Random(-seed)

    def kill(_call: AwsCall, _moment: str) -> None:
        if chance.random() < 0.02:
            raise KilledError

    rules = Rules(group="operator", needed=1 + seed % 2, expires_after=180, remind_every=MINUTE)
    with ApprovalSystem(seed, rules=rules, disorder=DISORDER) as system:
        system.ask()
        system.calls.observers.append(kill)
        chance_of_zombie = random.Random(seed)
        system.gives_up = lambda: chance_of_zombie.random() < 0.03
        system.clock.advance(180 - 0.02)
        for user, verb in (("taro", "approve"), ("jiro", "reject"), ("saburo", "approve")):
            system.spawn(partial(system.decide, verb, user))
        system.run()
        system.pass_time(1)
        system.calls.observers.remove(kill)
        system.gives_up = lambda: False
        system.settle()

        assert_ended(system, is_disturbed=True)


def test_a_decision_between_reminders_is_done_at_once() -> None:
    with ApprovalSystem(rules=Rules(("taro", "jiro"), needed=2)) as system:
        system.ask()
        system.run()
        system.pass_time(25 * 60 * MINUTE)
        system.decide("approve", "taro")
        system.run()
        after_one = (system.approval.status, dict(system.effects))
        before = system.clock.time()
        system.decide("approve", "jiro")
        system.run()

        assert after_one == (Status.OPEN, {})
        assert_ended(system)
        assert (system.approval.status, system.approval.reminders) == (Status.GRANTED, 1)
        assert system.clock.time() - before < 1
