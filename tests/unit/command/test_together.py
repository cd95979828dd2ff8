"""Versions of several items in one decision: all or none, in every way that one may be refused."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from tests.support.typed import declaring
from tests.unit.care.erasure.conftest import apply_open

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit.service import Audit
from sfn_cqrs.care.tenants.service import exported, import_lines
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import (
    BusyError,
    IdempotencyMismatchError,
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
    NotUniqueError,
    RuleRefusedError,
    TogetherTooLargeError,
    VersionConflictError,
)
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.policy import CODE, MEMBERS, Client
from sfn_cqrs.machines.command import chain, handlers
from sfn_cqrs.machines.command.operations import ChainService
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.runner import Chain
from sfn_cqrs.machines.command.together import NewVersion, named


@dataclass(frozen=True)
class Account:
    cents: int = 0
    iban: str = ""
    note: str = ""


def _covered(_before, after):
    return "not covered" if after.cents < 0 else None


@pytest.fixture(autouse=True)
def _accounts(world):
    with declaring(), bootstrap.override(audit_tables=world.erased_tables):
        handlers.command_type(
            "ACCOUNT", publish=MEMBERS, model=Account, check=_covered, unique=("iban",)
        )
        yield


def account(code, version=None, **attributes):
    return NewVersion(type="ACCOUNT", code=code, name=code, attributes=attributes, version=version)


def change(code, **attributes):
    return NewVersion(type="ACCOUNT", code=code, attributes=attributes, partial=True)


def latest(code):
    return bootstrap.commands().latest(ItemKey("tenant1", "ACCOUNT", code))


def versions(*codes):
    return [one.version if (one := latest(code)) else 0 for code in codes]


def test_versions_of_several_items_are_published_and_each_names_all(service):
    service.publish_together([account("a", cents=100)])

    published = service.publish_together([account("a", 1, cents=60), account("b", cents=40)])

    assert [(one.code, one.version) for one in published] == [("a", 2), ("b", 1)]
    assert latest("a").together == latest("b").together == ("ACCOUNT/a/2", "ACCOUNT/b/1")
    assert [latest(code).attributes["cents"] for code in "ab"] == [60, 40]
    for code, version in (("a", 2), ("b", 1)):
        process = bootstrap.processes().find(ItemKey("tenant1", "ACCOUNT", code), version)
        assert process.outcome is Outcome.OPEN


def test_a_version_alone_is_together_with_none(service):
    service.publish_together([account("a", cents=1)])

    assert latest("a").together == ()


def test_a_name_may_have_any_code():
    assert named("t", "ORDER/a/b/7") == (ItemKey("t", "ORDER", "a/b"), 7)


@pytest.mark.parametrize(
    ("second", "error"),
    [
        (account("b", 3, cents=1), VersionConflictError),
        (account("a2", cents=-1), RuleRefusedError),
        (account("c", cents="x"), InvalidInputError),
        (account("c", iban="DE1"), NotUniqueError),
        (change("nobody", cents=1), NotFoundError),
        (account("a", 1, cents=2), InvalidInputError),
        (account("c", iban="de2"), NotUniqueError),
        (NewVersion(type="NOBODYS", code="n", name="n", attributes={}), InvalidInputError),
    ],
)
def test_one_that_is_refused_refuses_all_and_the_refusal_says_which(second, error, service):
    service.publish_together([account("a", cents=1), account("x", iban="DE1")])

    with pytest.raises(error) as refused:
        service.publish_together([account("a", 1, cents=2, iban="DE2"), second])

    assert refused.value.index == 1
    assert versions("a", "x", second.code if second.code != "a" else "b") == [1, 1, 0]


def test_two_items_may_exchange_their_values_in_one_decision(service):
    service.publish_together([account("a", iban="DE1"), account("b", iban="DE2")])

    service.publish_together([change("a", iban="DE2"), change("b", iban="DE1")])
    service.publish_together([change("a", iban=""), account("c", iban="de2")])

    assert [latest(code).attributes["iban"] for code in "abc"] == ["", "DE1", "de2"]
    for taken in ("DE1", "DE2"):
        with pytest.raises(NotUniqueError):
            service.publish_together([account("d", iban=taken)])


def test_an_item_that_would_not_change_stays_and_has_to_stay(service, world, monkeypatch):
    service.publish_together([account("a", cents=1), account("b", cents=1)])

    published = service.publish_together([account("a", 1, cents=1), change("b", cents=2)])

    assert [(one.version, one.is_unchanged) for one in published] == [(1, True), (2, False)]
    assert latest("b").together == ()
    _meanwhile(
        world, monkeypatch, lambda: service.publish_partial("ACCOUNT", "a", attributes={"cents": 5})
    )
    with pytest.raises(VersionConflictError) as refused:
        service.publish_together([account("a", 1, cents=1), change("b", cents=3)])
    assert (refused.value.index, refused.value.current_version) == (0, 2)
    assert versions("a", "b") == [2, 2]


def test_nothing_is_written_where_nothing_changes(service):
    service.publish_together([account("a", cents=1), account("b", cents=1)])
    caller = Caller(idempotency_key="k")

    for _ in range(2):
        same = service.publish_together(
            [account("a", 1, cents=1), change("b", cents=1)], caller=caller
        )
        assert [(one.version, one.is_unchanged) for one in same] == [(1, True), (1, True)]


def _meanwhile(world, monkeypatch, action):
    """Let something happen once, between the reads and the write of a decision."""
    publish, pending = world.commands.publish_together, [action]

    def publish_after_it(decision):
        if pending:
            pending.pop()()
        return publish(decision)

    monkeypatch.setattr(world.commands, "publish_together", publish_after_it)


def test_what_is_based_on_the_latest_version_is_decided_again(service, world, monkeypatch):
    service.publish_together([account("a", cents=1), account("b", cents=1)])
    _meanwhile(
        world,
        monkeypatch,
        lambda: service.publish_partial("ACCOUNT", "b", attributes={"note": "x"}),
    )

    service.publish_together([change("a", cents=2), change("b", cents=0)])

    assert versions("a", "b") == [2, 3]
    assert (latest("b").attributes["note"], latest("b").attributes["cents"]) == ("x", 0)


def test_a_value_that_is_freed_meanwhile_is_taken(service, world, monkeypatch):
    service.publish_together([account("a", iban="DE1")])
    _meanwhile(world, monkeypatch, lambda: service.delete("ACCOUNT", "a"))

    # the first look finds it taken; by the next try it is free
    service.publish_together([account("b", iban="DE1"), account("c", cents=1)])

    assert versions("b", "c") == [1, 1]


def test_the_same_request_again_is_answered_as_before(service):
    caller = Caller("ada", idempotency_key="k")
    wanted = [account("a", cents=1), account("b", cents=1)]

    first = service.publish_together(wanted, caller=caller)

    assert service.publish_together(wanted, caller=caller) == first
    assert versions("a", "b") == [1, 1]
    with pytest.raises(IdempotencyMismatchError):
        service.publish_together([*wanted, account("c", cents=1)], caller=caller)


def test_the_same_request_twice_at_once_is_one_decision(service, world, monkeypatch):
    caller = Caller("ada", idempotency_key="k")
    wanted = [account("a", cents=1), account("b", cents=1)]
    first = []
    _meanwhile(
        world, monkeypatch, lambda: first.append(service.publish_together(wanted, caller=caller))
    )

    assert service.publish_together(wanted, caller=caller) == first[0]
    assert versions("a", "b") == [1, 1]


def test_who_may_not_publish_one_of_them_publishes_none(service):
    handlers.command_type("BOOK", publish=CODE, model=Account)
    book = NewVersion(type="BOOK", code="b", name="b", attributes={})

    with pytest.raises(NotPermittedError) as refused:
        service.publish_together([account("a", cents=1), book], caller=Caller(client=Client()))

    assert (refused.value.index, versions("a")) == (1, [0])


def test_there_are_limits_and_each_is_refused_by_name(service):
    with pytest.raises(TogetherTooLargeError, match="26 versions, of 25 at most"):
        service.publish_together([account(f"a-{number}") for number in range(26)])
    handlers.command_type(
        "ACCOUNT", model=Account, unique=("cents", "iban", "note", ("cents", "note"))
    )
    with pytest.raises(TogetherTooLargeError, match="150 writes, of 100 at most"):
        service.publish_together(
            [account(f"a-{n}", cents=n + 1, iban=f"i{n}", note=f"n{n}") for n in range(25)]
        )
    with pytest.raises(InvalidInputError, match="at least one"):
        service.publish_together([])
    assert versions("a-1") == [0]


def test_twenty_five_are_one_transaction(service):
    published = service.publish_together([account(f"a-{number}", cents=1) for number in range(25)])

    assert {one.version for one in published} == {1}
    assert len(latest("a-7").together) == 25


def test_two_cost_at_most_two_publishes(service, world, monkeypatch):
    calls, write = [], world.dynamodb.transact_write_items

    def writes(**call):
        calls.append(call["TransactItems"])
        return write(**call)

    monkeypatch.setattr(world.dynamodb, "transact_write_items", writes)
    for code in "ab":
        service.publish("ACCOUNT", code, name=code, attributes={"cents": 1})

    service.publish_together([account("c", cents=1), account("d", cents=1)])

    assert _units(calls[2]) <= _units(calls[0]) + _units(calls[1])


def _units(parts):
    sizes = [len(str(next(iter(part.values())).get("Item", ""))) for part in parts]
    return sum(2 * (1 + size // 1024) for size in sizes)


def test_money_that_ten_clients_move_neither_comes_nor_goes(service):
    service.publish_together([account(code, cents=100) for code in "abc"])

    def move(number):
        giver, taker = [("a", "b"), ("b", "c"), ("c", "a"), ("b", "a")][number % 4]
        try:
            for _ in range(50):
                seen = {code: latest(code) for code in (giver, taker)}
                moved = [
                    account(code, one.version, cents=one.attributes["cents"] + cents)
                    for (code, one), cents in zip(seen.items(), (-1, 1), strict=True)
                ]
                try:
                    service.publish_together(moved)
                except VersionConflictError:
                    continue
                return "moved"
        except BusyError:
            return "busy"
        return "lost"

    with ThreadPoolExecutor(10) as pool:
        done = Counter(pool.map(move, range(40)))

    assert done["moved"] > 0
    assert sum(latest(code).attributes["cents"] for code in "abc") == 300


# What becomes of them.


def _fail(code, version):
    closing = chain.close(version, 1, Outcome.FAILED, "mark_failed:FINISHED", "Broken", "x")
    Chain(ItemKey("tenant1", "ACCOUNT", code)).run(closing)


def test_one_that_fails_is_repaired_alone_and_the_other_stays_applied(service, world):
    service.publish_together([account("a", cents=100), account("b", cents=0)])
    apply_open(world)
    service.publish_together([account("a", 1, cents=60), account("b", 1, cents=40)])
    _fail("b", 2)
    apply_open(world)

    given_up = ChainService("tenant1").skip("ACCOUNT", "b", 2, restore=True)
    apply_open(world)

    assert given_up.restored == 3
    assert [latest(code).attributes["cents"] for code in "ab"] == [60, 0]
    assert (latest("b").together, versions("a", "b")) == ((), [2, 3])
    assert Audit("tenant1").run().findings == []


def test_the_audit_finds_half_of_what_was_published_together(service, world):
    service.publish_together([account("a", cents=1), account("b", cents=1)])
    apply_open(world)
    key = ItemKey("tenant1", "ACCOUNT", "b")
    place = {"pk": {"S": key.pk}, "sk": {"S": key.version_sk(1)}}
    world.dynamodb.delete_item(TableName="CommandsTable", Key=place)

    found = [one for one in Audit("tenant1").run().findings if one.rule == "half"]

    assert [one.key for one in found] == ["tenant1 ACCOUNT/a"]
    assert found[0].evidence == (
        "version 1 was published together with ACCOUNT/b/1, which says nothing of it"
    )


def test_a_tenant_that_moves_keeps_what_was_published_together(service, world):
    service.publish_together([account("a", cents=1), account("b", cents=1)])
    apply_open(world)

    import_lines("tenant2", list(exported("tenant1")))

    moved = bootstrap.commands().latest(ItemKey("tenant2", "ACCOUNT", "a"))
    assert moved.together == ("ACCOUNT/a/1", "ACCOUNT/b/1")
    assert Audit("tenant2").run().findings == []
