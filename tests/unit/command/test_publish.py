from dataclasses import replace

import pytest

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.clock import Retention
from sfn_cqrs.kernel.command import Audit, Content
from sfn_cqrs.kernel.errors import (
    BusyError,
    IdempotencyMismatchError,
    InvalidInputError,
    NotFoundError,
    VersionConflictError,
)
from sfn_cqrs.machines.command.change import TRIES, Published
from sfn_cqrs.machines.command.process import Lane, Outcome, Process
from sfn_cqrs.machines.command.publication import Refusal
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs_tools.testing.builders import NRT, a_command, a_process, a_publication

NOON = "2026-11-25T12:00:00.000Z"
TARO = Caller("taro", "192.0.2.1", "api", "request-1")
HANAKO = Caller("hanako", "192.0.2.2", "batch", "request-2")
JP = {"country": "JP"}


def publish(service, name="Narita", attributes=None, **more):
    return service.publish("AIRPORT", "NRT", name=name, attributes=attributes or JP, **more)


def test_a_new_item_begins_at_version_1(service, world):
    published = publish(service, caller=TARO)

    command = world.commands.find(NRT, 1)
    audit = Audit(NOON, "taro", "192.0.2.1")
    assert published == Published("AIRPORT", "NRT", 1, command.id)
    assert command.content == Content("Narita", {"country": "JP"}, False)
    assert (command.created, command.updated) == (audit, audit)
    assert (command.source, command.request_id) == ("api", "request-1")


def test_a_published_version_is_ready_to_be_started(service, world):
    published = publish(service, caller=TARO)

    assert world.processes.find(NRT, 1) == Process(
        key=NRT,
        version=1,
        attempt=1,
        outcome=Outcome.OPEN,
        status="start",
        command_id=published.command_id,
        source="api",
        opened_at=NOON,
        updated_at=NOON,
    )
    assert world.data.find(NRT) is None


def test_where_the_stack_has_the_express_lane_a_version_is_published_to_it(
    service, world, monkeypatch
):
    monkeypatch.setenv("EXPRESS_LANE", "enabled")

    publish(service)
    service.publish_sync("AIRPORT", "HND", name="Haneda", attributes=JP)

    assert world.processes.find(NRT, 1).lane is Lane.EXPRESS
    assert world.processes.find(replace(NRT, code="HND"), 1).lane is Lane.STANDARD


def test_the_next_version_remembers_who_made_the_item(service, world):
    publish(service, caller=TARO)
    world.clock.advance(seconds=1)

    published = publish(service, name="Narita Airport", version=1, caller=HANAKO)

    command = world.commands.find(NRT, 2)
    assert (published.version, published.command_id) == (2, command.id)
    assert command.created == Audit(NOON, "taro", "192.0.2.1")
    assert command.updated == Audit("2026-11-25T12:00:01.000Z", "hanako", "192.0.2.2")
    assert (command.source, command.request_id) == ("batch", "request-2")


@pytest.mark.parametrize("version", [0, 1, 3, 99_999_999])
def test_a_version_that_is_not_the_latest_is_a_conflict_with_the_current_one(version, service):
    publish(service)
    publish(service, name="second", version=1)

    with pytest.raises(VersionConflictError) as conflict:
        publish(service, name="third", version=version)

    assert conflict.value.current_version == 2


def test_a_version_of_an_item_that_does_not_exist_is_a_conflict_with_0(service):
    with pytest.raises(VersionConflictError, match="the current version is 0"):
        publish(service, version=1)


def test_minus_1_builds_on_whatever_is_the_latest(service):
    versions = [publish(service, name=name, version=-1).version for name in ("a", "b", "c")]

    assert versions == [1, 2, 3]


def test_an_unchanged_item_is_not_published(service, world):
    first = publish(service, attributes={**JP, "a": 1, "b": [2]}, caller=TARO)

    again = publish(service, attributes={"b": [2.0], "a": 1.0, **JP}, version=1, caller=HANAKO)

    assert again == Published("AIRPORT", "NRT", 1, first.command_id, is_unchanged=True)
    assert len(world.stored_commands()) == 1


def test_a_ttl_does_not_make_an_unchanged_item_look_changed(make_world):
    world, service = make_world(command_ttl=Retention(1)), CommandService("tenant1")
    publish(service)
    publish(service, name="second", version=1)
    world.commands.expire(NRT, 1)

    assert publish(service, name="second", version=2).is_unchanged


def test_a_stale_version_is_a_conflict_even_where_nothing_would_change(service):
    publish(service)
    publish(service, name="second", version=1)

    with pytest.raises(VersionConflictError):
        publish(service, name="second", version=1)


def test_an_unchanged_large_item_leaves_no_second_object_behind(service, world):
    large = {**JP, "text": "x" * 150_000}
    publish(service, attributes=large)
    publish(service, attributes=large, version=1)

    assert len(world.objects.bodies) == 1


def test_large_attributes_lie_beside_the_item(service, world):
    published = publish(service, attributes={**JP, "text": "x" * 150_000})

    command = world.commands.find(NRT, 1)
    assert command.attributes_s3 == f"attributes/tenant1/{published.command_id}.json"
    assert command.attributes == {**JP, "text": "x" * 150_000}


def test_a_deletion_is_a_version_and_publishing_on_it_revives_the_item(service, world):
    publish(service)
    deleted = service.delete("AIRPORT", "NRT")
    revived = publish(service, version=2)

    flags = [world.commands.find(NRT, version).is_deleted for version in (1, 2, 3)]
    assert (deleted.version, revived.version) == (2, 3)
    assert flags == [False, True, False]
    assert world.commands.find(NRT, 2).content == Content("Narita", {"country": "JP"}, True)


def test_a_deletion_that_is_repeated_changes_nothing(service):
    publish(service)
    service.delete("AIRPORT", "NRT", version=1)

    assert service.delete("AIRPORT", "NRT").is_unchanged


def test_a_deletion_of_a_version_that_is_not_the_latest_is_a_conflict(service):
    publish(service)
    publish(service, name="second", version=1)

    with pytest.raises(VersionConflictError):
        service.delete("AIRPORT", "NRT", version=1)


def test_an_item_that_does_not_exist_is_neither_deleted_nor_changed(service, world):
    with pytest.raises(NotFoundError, match="AIRPORT NRT does not exist"):
        service.delete("AIRPORT", "NRT")
    with pytest.raises(NotFoundError, match="AIRPORT NRT does not exist"):
        service.publish_partial("AIRPORT", "NRT", name="x")

    assert len(world.stored_commands()) == 0


class TestPartial:
    def change(self, service, **more):
        return service.publish_partial("AIRPORT", "NRT", **more)

    def test_only_what_is_named_changes(self, service, world):
        publish(service, attributes={"country": "JP", "city": "Narita", "runways": {"a": 1}})

        changed = self.change(service, attributes={"city": None, "runways": {"b": 2}, "lat": 35.7})

        assert changed.version == 2
        assert world.commands.find(NRT, 2).content == Content(
            "Narita", {"country": "JP", "runways": {"a": 1, "b": 2}, "lat": 35.7}
        )

    def test_a_name_alone_may_change(self, service, world):
        publish(service)

        self.change(service, name="")

        assert world.commands.find(NRT, 2).content == Content("", {"country": "JP"})

    def test_it_builds_on_the_latest_command_not_on_the_row(self, service, world):
        world.seed_rows(a_command(attributes={"old": True}))
        publish(service, attributes={"country": "JP"})

        self.change(service, attributes={"city": "Narita"})

        assert world.commands.find(NRT, 2).attributes == {"country": "JP", "city": "Narita"}

    def test_nothing_but_the_content_is_carried_over(self, service, world):
        publish(service, caller=TARO)
        world.seed(
            a_process(
                outcome=Outcome.WAITING,
                token="token",
                token_seq=3,
                attempt=4,
                status="finish:FINISHED",
            )
        )
        world.commands.expire(NRT, 1)

        published = self.change(service, name="second", caller=HANAKO)

        assert world.processes.find(NRT, 2) == a_process(
            version=2,
            command_id=published.command_id,
            source="batch",
            opened_at=NOON,
            updated_at=NOON,
        )
        assert world.commands.find(NRT, 2).request_id == "request-2"
        assert world.command_ttl(NRT, 2) is None

    def test_a_deleted_item_stays_deleted_unless_told_otherwise(self, service, world):
        publish(service)
        service.delete("AIRPORT", "NRT")

        self.change(service, name="still deleted")
        self.change(service, is_deleted=False)

        flags = [world.commands.find(NRT, version).is_deleted for version in (2, 3, 4)]
        assert flags == [True, True, False]

    def test_a_change_of_nothing_is_unchanged(self, service):
        publish(service)

        assert self.change(service).is_unchanged
        assert self.change(service, attributes={"missing": None}).is_unchanged

    def test_a_change_on_a_given_version_conflicts_as_any_other(self, service):
        publish(service)

        with pytest.raises(VersionConflictError):
            self.change(service, name="x", version=2)

    def test_a_change_that_was_overtaken_merges_into_what_came_between(
        self, service, world, meanwhile
    ):
        publish(service, attributes={"country": "JP"})
        meanwhile(lambda: publish(service, attributes={"country": "KR"}, version=1))

        self.change(service, attributes={"city": "Incheon"})

        assert world.commands.find(NRT, 3).attributes == {"country": "KR", "city": "Incheon"}

    @pytest.mark.parametrize("attributes", [[], "", 0, False, "text", [1]])
    def test_attributes_that_are_no_object_are_refused_however_empty(self, attributes, service):
        publish(service)

        with pytest.raises(InvalidInputError, match="attributes: must be an object"):
            self.change(service, attributes=attributes)


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"type_": "airport"}, "type"),
        ({"type_": None}, "type"),
        ({"code": ""}, "code"),
        ({"code": "x" * 257}, "code"),
        ({"code": "a\x00"}, "code"),
        ({"name": None}, "name"),
        ({"attributes": None}, "attributes"),
        ({"attributes": {"lat": float("nan")}}, "attributes.lat"),
        ({"version": -2}, "version"),
        ({"version": 100_000_000}, "version"),
        ({"version": "1"}, "version"),
        ({"version": True}, "version"),
        ({"version": None}, "version"),
        ({"version": 1.0}, "version"),
        ({"is_deleted": "no"}, "isDeleted"),
    ],
)
def test_bad_input_is_refused_by_its_field_and_nothing_is_written(bad, field, service, world):
    good = {"type_": "AIRPORT", "code": "NRT", "name": "Narita", "attributes": {}}

    with pytest.raises(InvalidInputError) as refusal:
        service.publish(**(good | bad))

    assert refusal.value.field == field
    assert (len(world.stored_commands()), len(world.objects.bodies)) == (0, 0)


def test_a_tenant_that_no_key_can_carry_is_refused(world):
    with pytest.raises(InvalidInputError, match="tenant: must be"):
        publish(CommandService("a#b"))

    assert len(world.stored_commands()) == 0


def test_an_item_has_as_many_versions_as_keys_have_digits(service, world):
    world.commands.publish(a_publication(version=99_999_999))

    with pytest.raises(InvalidInputError, match="as many versions as there can be"):
        publish(service, name="one more", version=-1)


class TestRace:
    def test_the_loser_gets_a_conflict_with_the_current_version_at_once(
        self, service, world, meanwhile, slept
    ):
        meanwhile(lambda: publish(service, name="winner"))

        with pytest.raises(VersionConflictError) as conflict:
            publish(service, name="loser")

        assert (conflict.value.current_version, slept) == (1, [])
        assert world.commands.find(NRT, 1).name == "winner"

    def test_whoever_builds_on_the_latest_builds_on_the_winner(self, service, world, meanwhile):
        meanwhile(lambda: publish(service, name="winner"))

        assert publish(service, name="second", version=-1).version == 2
        assert world.commands.find(NRT, 1).name == "winner"

    def test_whoever_loses_again_and_again_tries_later_and_later(
        self, service, world, monkeypatch, slept
    ):
        store = world.commands.publish
        winners = iter(range(TRIES - 1))

        def lose(publication):
            if next(winners, None) is not None:
                store(a_publication(version=publication.command.version, name="winner"))
            return store(publication)

        monkeypatch.setattr(world.commands, "publish", lose)
        monkeypatch.setattr("random.uniform", lambda _, most: most)

        assert publish(service, version=-1).version == TRIES
        assert slept == [0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28]

    def test_whoever_says_the_same_as_the_winner_changes_nothing(self, service, meanwhile):
        meanwhile(lambda: publish(service, name="same"))

        assert publish(service, name="same", version=-1).is_unchanged

    def test_transactions_that_collide_are_tried_again_after_a_while(
        self, service, world, monkeypatch, slept
    ):
        refusals = [Refusal.BUSY, Refusal.BUSY]
        store = world.commands.publish
        monkeypatch.setattr(
            world.commands,
            "publish",
            lambda publication: refusals.pop() if refusals else store(publication),
        )

        assert publish(service).version == 1
        assert len(slept) == 2

    def test_transactions_that_never_stop_colliding_are_no_conflict_of_versions(
        self, service, world, monkeypatch, slept
    ):
        publish(service)
        monkeypatch.setattr(world.commands, "publish", lambda _: Refusal.BUSY)

        with pytest.raises(BusyError, match="try again"):
            publish(service, name="second", version=1)

        assert len(slept) == TRIES


class TestIdempotency:
    KEYED = Caller("taro", idempotency_key="key-1")

    def test_the_same_request_gets_the_first_answer_again(self, service, world):
        first = publish(service, caller=self.KEYED)
        publish(service, name="second", version=1)

        again = publish(service, caller=self.KEYED)

        assert again == first
        assert len(world.stored_commands()) == 2

    def test_an_answer_that_nothing_changed_is_given_again_too(self, service):
        publish(service)
        unchanged = publish(service, version=1, caller=self.KEYED)
        publish(service, name="second", version=1)

        assert publish(service, version=1, caller=self.KEYED) == unchanged

    @pytest.mark.parametrize(
        "other",
        [
            {"name": "other"},
            {"attributes": {"country": "KR"}},
            {"version": -1},
            {"is_deleted": True},
        ],
    )
    def test_another_request_under_the_same_key_is_refused(self, other, service, world):
        publish(service, caller=self.KEYED)

        with pytest.raises(IdempotencyMismatchError, match="use a new key"):
            publish(service, caller=self.KEYED, **other)

        assert len(world.stored_commands()) == 1

    def test_another_item_mode_or_kind_is_another_request(self, service):
        publish(service, caller=self.KEYED)
        same = {"name": "Narita", "attributes": JP, "version": 0, "caller": self.KEYED}

        for other in (
            lambda: service.publish("AIRPORT", "HND", **same),
            lambda: service.publish("ORDER", "NRT", **same),
            lambda: service.publish_sync("AIRPORT", "NRT", **same),
            lambda: service.publish_partial("AIRPORT", "NRT", is_deleted=False, **same),
        ):
            with pytest.raises(IdempotencyMismatchError):
                other()

    def test_after_24_hours_the_key_is_free(self, service, world):
        publish(service, caller=self.KEYED)
        world.clock.advance(hours=24)

        assert publish(service, name="second", version=1, caller=self.KEYED).version == 2

    def test_a_request_that_was_refused_may_be_sent_again(self, service):
        with pytest.raises(VersionConflictError):
            publish(service, version=1, caller=self.KEYED)
        publish(service, name="first")

        assert publish(service, version=1, caller=self.KEYED).version == 2

    def test_of_two_same_requests_at_once_the_loser_gets_the_winners_answer(
        self, service, world, meanwhile
    ):
        winners = []
        meanwhile(lambda: winners.append(publish(service, caller=self.KEYED)))

        loser = publish(service, caller=self.KEYED)

        assert [loser] == winners
        assert len(world.stored_commands()) == 1

    def test_a_loser_that_reads_what_the_winner_wrote_gets_its_answer_too(
        self, service, world, monkeypatch
    ):
        winners = []
        latest = world.commands.latest

        def latest_after_the_winner(key):
            monkeypatch.setattr(world.commands, "latest", latest)
            winners.append(publish(service, caller=self.KEYED))
            return latest(key)

        monkeypatch.setattr(world.commands, "latest", latest_after_the_winner)
        loser = publish(service, caller=self.KEYED)

        assert [loser] == winners
        assert len(world.stored_commands()) == 1

    def test_of_two_requests_under_one_key_at_once_one_is_made(self, service, world, meanwhile):
        meanwhile(lambda: publish(service, caller=self.KEYED))

        with pytest.raises(IdempotencyMismatchError):
            service.publish("STOCK", "1", name="x", attributes={}, caller=self.KEYED)

        assert len(world.stored_commands()) == 1
