"""Imports have their turn: so many at a time, the oldest first, and nobody overtakes."""

import random
from dataclasses import replace
from itertools import count

import pytest
from tests.support.proof import shares

from sfn_cqrs.machines.import_csv.places import (
    Admit,
    Arrive,
    ImportQueue,
    Leave,
    Places,
    Settle,
    Turn,
)

AT = "2026-11-25T12:00:00.000Z"
PLACES = Places(tenant=2, all=3)
A1, A2, A3, B1, B2 = (Turn(id_[0], id_) for id_ in ("a1", "a2", "a3", "b1", "b2"))


def running(*turns: Turn, waiting: frozenset[str] = frozenset()) -> ImportQueue:
    return ImportQueue(running={str(turn): AT for turn in turns}, waiting=waiting)


def test_one_that_comes_takes_a_place() -> None:
    assert Arrive(A1, PLACES).on(running(), AT) == running(A1)


def test_one_that_has_its_place_keeps_it() -> None:
    queue = running(A1, A2, B1)

    assert Arrive(A1, PLACES).on(queue, "later") is queue
    assert Admit(A1, PLACES).on(queue, "later") is queue


def test_a_tenant_that_has_all_of_its_places_waits_and_others_do_not() -> None:
    waits = Arrive(A3, PLACES).on(running(A1, A2), AT)

    assert waits == running(A1, A2, waiting=frozenset("a"))
    assert Arrive(B1, PLACES).on(waits, AT) == running(A1, A2, B1, waiting=frozenset("a"))


def test_where_all_places_are_taken_everybody_waits() -> None:
    waits = Arrive(B2, PLACES).on(running(A1, A2, B1), AT)

    assert waits == running(A1, A2, B1, waiting=frozenset("b"))
    assert Admit(B2, PLACES).on(running(A1, A2, B1), AT) is None


@pytest.mark.parametrize("turn", [A3, Turn("c", "c1")])
def test_who_comes_while_others_wait_for_the_same_place_does_not_overtake(turn: Turn) -> None:
    one_is_free = running(A1, B1, waiting=frozenset("a"))

    after = Arrive(turn, PLACES).on(one_is_free, AT)

    assert after == replace(one_is_free, waiting=frozenset({"a", turn.tenant}))


def test_the_oldest_is_let_in_though_its_tenant_waits() -> None:
    queue = running(A1, waiting=frozenset("a"))

    assert Admit(A2, PLACES).on(queue, AT) == running(A1, A2, waiting=frozenset("a"))


def test_who_has_ended_leaves_and_who_has_left_is_gone() -> None:
    queue = running(A1, B1)

    assert Leave(frozenset({A1})).on(queue, AT) == running(B1)
    assert Leave(frozenset({A3})).on(queue, AT) is queue


def test_a_tenant_that_came_while_all_were_looked_at_goes_on_waiting() -> None:
    queue = running(A1, waiting=frozenset("abc"))

    settled = Settle(seen={"a", "b"}, left={"b"}).on(queue, AT)

    assert settled == running(A1, waiting=frozenset("bc"))
    assert Settle(seen={"a"}, left={"a"}).on(queue, AT) is queue


@pytest.mark.parametrize("tenant", ["t", "a/b", ""])
def test_a_turn_is_read_as_it_is_known(tenant: str) -> None:
    assert Turn.of(str(Turn(tenant, "c-1"))) == Turn(tenant, "c-1")


@shares(10)
def test_however_they_come_and_go_places_are_kept_and_nobody_is_overtaken(nth: int) -> None:
    for seed in range(0, 1_000, nth):
        chance, numbers, queue = random.Random(seed), count(), ImportQueue()
        came: list[tuple[int, Turn]] = []
        begun: list[tuple[int, Turn]] = []
        for _ in range(40):
            waits = [each for each in came if str(each[1]) not in queue.running]
            if chance.random() < 0.5:
                number = next(numbers)
                turn = Turn(chance.choice("abc"), f"c-{number}")
                came.append((number, turn))
                queue = Arrive(turn, PLACES).on(queue, AT) or queue
                if str(turn) in queue.running:
                    begun.append((number, turn))
                    could = [each for each in waits if queue.has_room(each[1].tenant, PLACES)]
                    assert [each for each in could if each[1].tenant == turn.tenant] == []
            elif queue.running and chance.random() < 0.6:
                ended = Turn.of(chance.choice(list(queue.running)))
                came = [each for each in came if each[1] != ended]
                queue = Leave(frozenset({ended})).on(queue, AT) or queue
            else:
                left = set()
                for _, turn in waits:
                    queue = Admit(turn, PLACES).on(queue, AT) or queue
                    if str(turn) not in queue.running:
                        left.add(turn.tenant)
                queue = Settle(queue.waiting, left).on(queue, AT) or queue
                could = [each for each in waits if str(each[1]) not in queue.running]
                assert not any(queue.has_room(turn.tenant, PLACES) for _, turn in could)
            tenants = [Turn.of(name).tenant for name in queue.running]
            assert len(tenants) <= PLACES.all
            assert all(tenants.count(tenant) <= PLACES.tenant for tenant in "abc")
