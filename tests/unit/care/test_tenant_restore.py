"""A tenant's items become what they were at a moment; what changes meanwhile is kept."""

from dataclasses import dataclass
from typing import Annotated

import pytest
from tests.support.typed import declaring
from tests.unit.care.erasure.conftest import apply_open, everything

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit.service import Audit
from sfn_cqrs.care.erasure.service import ErasureService, work
from sfn_cqrs.care.tenants.restore import Restore
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Audit as By
from sfn_cqrs.kernel.errors import InvalidInputError, VersionConflictError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.models.models import Personal
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.chain import Close
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.command.operations import ChainService
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.service import CommandService

LARGE = "x" * 5_000


@dataclass(frozen=True)
class Note:
    who: str
    text: Annotated[str, Personal] = ""


def rule(before, after):
    if after.text == "refused" and before is not None:
        return "nobody writes that again"
    return None


@pytest.fixture(autouse=True)
def _notes(world):
    with declaring(), bootstrap.override(audit_tables=world.erased_tables):
        command_type("NOTE", publish=MEMBERS, model=Note, subject="who", check=rule)
        yield


def publish(code, text="", *, tenant="acme", version=-1, is_sync=True, **more):
    service = CommandService(tenant)
    made = service.publish_sync if is_sync else service.publish
    attributes = {"who": f"person-{code}", "text": text}
    made("NOTE", code, name=code, attributes=attributes, version=version, **more)


@pytest.fixture
def moment(world):
    """Return what lets a minute pass and answers the moment in the middle of it."""

    def passes():
        world.clock.advance(seconds=30)
        at = iso(world.clock())
        world.clock.advance(seconds=30)
        return at

    return passes


@pytest.fixture
def changed_since(moment):
    """Return what changes an item; it answers a moment at which the item was as before."""

    def change(before="1"):
        publish("changed", before)
        then = moment()
        publish("changed", "2")
        moment()
        return then

    return change


@pytest.fixture
def restore(world):
    """Return what restores, and has what it publishes applied."""

    def run(to, *, writes=True):
        found = list(Restore("acme", to, writes=writes).run())
        apply_open(world)
        return {one.key.code: (str(one.fate), one.problem and one.problem.code) for one in found}

    return run


def now(world, code, tenant="acme"):
    row = world.data.find(ItemKey(tenant, "NOTE", code))
    return row.version, row.attributes["text"], row.is_deleted


def test_items_become_what_they_were_and_later_ones_are_deleted(world, moment, restore):
    publish("same", "1")
    publish("changed", "1")
    publish("large", LARGE)
    publish("gone", "1")
    publish("was-gone", "1")
    publish("was-gone", "1", is_deleted=True)
    publish("theirs", "1", tenant="other")
    then = moment()
    publish("changed", "2")
    publish("changed", "3")
    publish("large", "small")
    publish("gone", "1", is_deleted=True)
    publish("was-gone", "2")
    publish("new", "1")
    publish("theirs", "2", tenant="other")
    moment()

    tried = restore(then, writes=False)
    assert now(world, "changed") == (3, "3", False)
    done = restore(then)

    assert tried == done
    assert done == {
        "same": ("unchanged", None),
        "changed": ("restored", None),
        "large": ("restored", None),
        "gone": ("restored", None),
        "was-gone": ("restored", None),
        "new": ("deleted", None),
    }
    assert now(world, "changed") == (4, "1", False)
    assert now(world, "large") == (3, LARGE, False)
    assert now(world, "gone") == (3, "1", False)
    assert now(world, "was-gone") == (4, "1", True)
    assert now(world, "new") == (2, "1", True)
    assert now(world, "same") == (1, "1", False)
    assert now(world, "theirs", "other") == (2, "2", False)
    assert Audit().run().findings == []


def test_a_second_run_publishes_nothing_and_says_the_same(world, moment, restore):
    publish("changed", "1")
    then = moment()
    publish("changed", "2")
    publish("new", "1")
    moment()

    first, second = restore(then), restore(then)

    assert first == second == {"changed": ("restored", None), "new": ("deleted", None)}
    assert (now(world, "changed")[0], now(world, "new")[0]) == (3, 2)


def test_what_changes_after_the_restore_began_is_kept_by_every_later_run(world, moment, restore):
    publish("before", "1")
    publish("after", "1")
    then = moment()
    publish("before", "2")
    publish("after", "2")
    moment()
    began = Restore("acme", then, writes=True)
    publish("before", "live")
    list(began.run())
    apply_open(world)
    moment()
    publish("after", "live")
    moment()

    again = restore(then)

    assert again == {"before": ("kept", "changed_since"), "after": ("kept", "changed_since")}
    assert now(world, "before") == (3, "live", False)
    assert now(world, "after") == (4, "live", False)


def test_a_version_that_is_published_between_the_look_and_the_write_is_kept(
    world, changed_since, meanwhile, restore
):
    then = changed_since()
    meanwhile(lambda: publish("changed", "live"))

    done = restore(then)

    assert done == {"changed": ("kept", "changed_since")}
    assert now(world, "changed") == (3, "live", False)


def test_who_has_read_the_item_before_its_restore_is_refused(world, changed_since, restore):
    then = changed_since()
    restore(then)

    with pytest.raises(VersionConflictError):
        publish("changed", "3", version=2)
    assert now(world, "changed") == (3, "1", False)


def fail(world, code, version):
    """Let a version that is open fail."""
    close = Close(version, 1, Outcome.FAILED, "sync:FAILED", "ValueError", "no")
    assert world.processes.write(ItemKey("acme", "NOTE", code), close).done


def test_an_item_whose_chain_is_open_or_has_failed_is_listed_and_restored_later(
    world, moment, restore
):
    publish("open", "1")
    publish("failed", "1")
    then = moment()
    publish("open", "2", is_sync=False)
    publish("failed", "2", is_sync=False)
    fail(world, "failed", 2)
    moment()

    first = restore(then)
    ChainService("acme").skip("NOTE", "failed", 2)
    second = restore(then)

    assert first == {"open": ("failed", "chain_open"), "failed": ("failed", "chain_blocked")}
    assert second == {"open": ("restored", None), "failed": ("unchanged", None)}
    assert now(world, "open") == (3, "1", False)


def test_a_version_of_the_restore_that_fails_is_told_until_somebody_repairs_it(
    world, changed_since, restore
):
    then = changed_since()
    list(Restore("acme", then, writes=True).run())
    fail(world, "changed", 3)

    failed = restore(then)
    ChainService("acme").skip("NOTE", "changed", 3)
    skipped = restore(then)

    assert failed == {"changed": ("failed", "chain_blocked")}
    assert skipped == {"changed": ("kept", "skipped")}


def test_a_skipped_version_that_says_the_same_is_told(world, moment, restore):
    publish("changed", "1")
    then = moment()
    publish("changed", "2")
    publish("changed", "1", is_sync=False)
    fail(world, "changed", 3)
    ChainService("acme").skip("NOTE", "changed", 3)
    moment()

    assert restore(then) == {"changed": ("kept", "skipped")}


@pytest.mark.parametrize("lost", [1, 2])
def test_without_the_state_of_the_moment_an_item_is_kept(world, changed_since, restore, lost):
    publish("changed", "0")
    then = changed_since()
    key = ItemKey("acme", "NOTE", "changed")
    world.dynamodb.delete_item(
        TableName="HistoryTable",
        Key={"pk": {"S": key.pk}, "sk": {"S": key.version_sk(lost)}},
    )

    done = restore(then)

    expected = ("restored", None) if lost == 1 else ("kept", "history_expired")
    assert done == {"changed": expected}


def test_the_rule_of_the_type_is_asked(world, changed_since, restore):
    then = changed_since("refused")

    tried, done = restore(then, writes=False), restore(then)

    assert tried == done == {"changed": ("failed", "rule_refused")}
    assert now(world, "changed") == (2, "2", False)


def test_a_type_that_is_no_longer_declared_is_told_by_a_dry_run_too(
    changed_since, restore, monkeypatch
):
    then = changed_since()
    monkeypatch.delitem(handlers.registry.sync, "NOTE")

    assert restore(then, writes=False) == {"changed": ("failed", "unknown_type")}


def test_a_person_who_was_erased_since_stays_erased(world, changed_since, restore):
    then = changed_since("secret")
    by = By(iso(world.clock()), "op1")
    work(ErasureService("acme").ask("person-changed", "asked for", by), lambda: False)
    apply_open(world)

    restore(then)

    assert now(world, "changed")[1] == ""


@pytest.mark.parametrize(("tenant", "to"), [("acme", "2999-01-01T00:00:00.000Z"), ("a#b", "2020")])
def test_a_moment_to_come_and_a_wrong_name_are_refused(world, tenant, to):  # noqa: ARG001
    with pytest.raises(InvalidInputError):
        Restore(tenant, to, writes=True)


def test_a_dry_run_writes_nothing_at_all(world, changed_since):
    then = changed_since()
    before = everything(world)

    assert [str(one.fate) for one in Restore("acme", then, writes=False).run()] == ["restored"]

    assert everything(world) == before
