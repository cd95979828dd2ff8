from datetime import timedelta

import pytest
from tests.support.rebuilding import OPERATOR, VIEW

from sfn_cqrs.kernel import keys
from sfn_cqrs.kernel.errors import TransientError
from sfn_cqrs.kernel.read_models import rules as read_models
from sfn_cqrs.kernel.read_models.rules import Counts
from sfn_cqrs.kernel.tables import paging
from sfn_cqrs.kernel.tables.paging import MAX_PAGE_BYTES
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.projection import run_handler
from sfn_cqrs.machines.rebuild import replay
from sfn_cqrs.machines.schedule.declared import deadlines
from sfn_cqrs.machines.schedule.items import PLANS


def test_a_segment_that_has_no_time_goes_on_where_it_was(rebuild, lambda_context):
    rebuild.publish("NRT")
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.world.clock.advance(seconds=60)
    segment = rebuild.next_work()["segments"][0]
    lambda_context.remaining_ms = 1

    assert rebuild.work(segment) == {**segment, "result": "more"}


def test_a_busy_target_is_the_machines_to_try_again(rebuild, handlers_of_airport):
    def airports_by_icao(_command):
        raise TransientError("busy")

    rebuild.publish("NRT")
    handlers_of_airport(airports_by_icao=airports_by_icao)
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.world.clock.advance(seconds=60)

    def work_on_all():
        return [rebuild.work(segment) for segment in rebuild.next_work()["segments"]]

    with pytest.raises(TransientError):
        work_on_all()


def test_a_live_version_goes_to_both_generations_and_a_late_replay_changes_nothing(rebuild):
    rebuild.publish("NRT")
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.world.clock.advance(seconds=30)

    run_handler(rebuild.publish("NRT", 2), VIEW)
    rebuild.run()

    assert (rebuild.rows(1), rebuild.rows(2)) == ({"NRT": 2}, {"NRT": 2})
    assert rebuild.service.get(VIEW).view.replayed == Counts(skipped=1)


def test_a_replay_sets_no_deadlines(rebuild, handlers_of_airport):
    def airports_by_icao(command):
        deadlines(command).set("check", after=timedelta(days=1), publish={})

    handlers_of_airport(airports_by_icao=airports_by_icao)
    rebuild.publish("NRT")

    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.run()

    assert rebuild.service.get(VIEW).view.replayed.done == 1
    assert rebuild.world.all_of(PLANS) == []


def test_every_version_is_replayed_in_order_the_deleted_among_them(rebuild, handlers_of_airport):
    seen = []
    for version in range(1, 251):
        rebuild.publish("NRT", version, is_deleted=version == 3)
    rebuild.publish("HND")
    handlers_of_airport(airports_by_icao=seen.append)

    rebuild.service.rebuild(VIEW, OPERATOR, is_every_version=True)
    rebuild.run()

    versions = [one.version for one in seen if one.key.code == "NRT"]
    assert versions == list(range(1, 251))
    assert [one.version for one in seen if one.is_deleted] == [3]
    assert rebuild.service.get(VIEW).view.replayed == Counts(done=251)


def test_a_handler_of_many_gets_no_two_versions_of_an_item(rebuild, monkeypatch):
    given = []
    monkeypatch.setattr(handlers, "find_bulk", lambda *_: given.extend)
    for code, version in (("NRT", 1), ("NRT", 2), ("HND", 1)):
        rebuild.publish(code, version)

    rebuild.service.rebuild(VIEW, OPERATOR, is_every_version=True)
    rebuild.run()

    assert [one.key.code for one in given] == ["HND"]
    assert rebuild.rows(2) == {"NRT": 2}


@pytest.mark.parametrize("most_bytes", [MAX_PAGE_BYTES, 1])
def test_a_page_of_every_version_is_bounded(rebuild, handlers_of_airport, monkeypatch, most_bytes):
    monkeypatch.setattr(replay, "PAGE_SIZE", 3)
    monkeypatch.setattr(paging, "MAX_PAGE_BYTES", most_bytes)
    seen = []
    for code in ("A", "B", "C", "D", "E"):
        for version in range(1, 6):
            rebuild.publish(code, version)
    handlers_of_airport(airports_by_icao=seen.append)

    rebuild.service.rebuild(VIEW, OPERATOR, is_every_version=True)
    rebuild.run()

    assert sorted((one.key.code, one.version) for one in seen) == [
        (code, version) for code in "ABCDE" for version in range(1, 6)
    ]


def test_a_page_that_ends_between_two_items_of_a_bucket_leaves_nothing_out(
    rebuild, handlers_of_airport, monkeypatch
):
    monkeypatch.setattr(replay, "PAGE_SIZE", 3)
    monkeypatch.setattr(keys, "BUCKETS", 1)
    monkeypatch.setattr(read_models, "BUCKETS", 1)
    seen = []
    for code in ("A", "B"):
        for version in range(1, 4):
            rebuild.publish(code, version)
    handlers_of_airport(airports_by_icao=seen.append)

    rebuild.service.rebuild(VIEW, OPERATOR, is_every_version=True)
    rebuild.run()

    assert [(one.key.code, one.version) for one in seen] == [
        (code, version) for code in "AB" for version in (1, 2, 3)
    ]
