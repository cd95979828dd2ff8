import pytest

from sfn_cqrs.kernel.clock import Retention
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.request import Request
from sfn_cqrs.machines.command.chain import Close
from sfn_cqrs.machines.command.process import DataVersion, Outcome
from sfn_cqrs.machines.command.publication import Refusal
from sfn_cqrs_tools.testing.builders import (
    NRT,
    a_command,
    a_process,
    a_publication,
    a_sync_publication,
)

HND = ItemKey("tenant1", "AIRPORT", "HND")
NOON = 1795608000  # 2026-11-25T12:00:00Z
DAY = 24 * 3600
LARGE = {"text": "x" * 150_000}


def a_request(key="key-1", body_hash="hash", **result):
    return Request("tenant1", key, body_hash, result or {"version": 1}, NOON + DAY)


def test_a_command_comes_back_as_it_was_published(world):
    command = a_command(attributes={"lat": 35.7647, "tags": ["a", None, True], "deep": {"x": {}}})

    assert world.commands.publish(a_publication(attributes=command.attributes)) is None

    assert world.commands.find(NRT, 1) == command
    assert world.commands.latest(NRT) == command


@pytest.mark.parametrize("attributes", [{"minutes": 30}, LARGE], ids=["small", "large"])
def test_the_shape_goes_with_the_attributes_into_command_row_and_history(world, attributes):
    command = a_command(attributes=attributes, shape=2)

    world.commands.publish(a_publication(attributes=attributes, shape=2))
    world.data.put(command.as_row(), 0)
    world.history.append(world.data.snapshot(NRT))

    found = [world.commands.find(NRT, 1), world.data.find(NRT)]
    found += world.history.page(NRT, 1, None).items
    assert [(one.shape, one.content.attributes) for one in found] == [(2, attributes)] * 3


def test_nothing_is_found_of_an_item_that_was_never_published(world):
    assert world.commands.latest(NRT) is None
    assert world.commands.find(NRT, 1) is None
    assert world.commands.page(NRT, 20, None).items == []


def test_the_latest_is_the_highest_version_not_the_last_text(world):
    for version in (9, 10, 99_999_999):
        world.commands.publish(a_publication(version=version))

    assert world.commands.latest(NRT).version == 99_999_999


def test_the_latest_of_an_item_whose_process_has_gone_has_none(make_world):
    world = make_world(command_ttl=Retention(1))
    world.commands.publish(a_publication())
    world.processes.write(NRT, Close(1, 1, Outcome.APPLIED, "finish:FINISHED"))
    world.clock.advance(days=1)

    page = world.commands.page(NRT, 20, None)

    assert page.items == [(a_command(), None)]


def test_a_version_is_stored_by_the_first_publisher_only(world):
    first = world.commands.publish(a_publication(name="first"))
    second = world.commands.publish(a_publication(name="second"))

    assert (first, second) == (None, Refusal.VERSION_TAKEN)
    assert world.commands.find(NRT, 1).name == "first"


def test_a_refused_publish_leaves_nothing_behind(world):
    world.seed(a_process(version=1))

    refusal = world.commands.publish(a_publication(request=a_request()))

    assert refusal is Refusal.VERSION_TAKEN
    assert world.commands.latest(NRT) is None
    assert world.requests.find("tenant1", "key-1") is None


def test_a_publish_keeps_the_answer_to_its_request(world):
    request = a_request(version=1, commandId="NRT-1", type="AIRPORT")

    assert world.commands.publish(a_publication(request=request)) is None

    assert world.requests.find("tenant1", "key-1") == request


def test_a_request_that_was_seen_before_refuses_whatever_else_is_refused_too(world):
    world.commands.publish(a_publication(request=a_request()))

    again = world.commands.publish(a_publication(request=a_request()))
    other_item = world.commands.publish(a_publication(HND, request=a_request(body_hash="other")))

    assert (again, other_item) == (Refusal.REQUEST_SEEN, Refusal.REQUEST_SEEN)
    assert world.commands.latest(HND) is None


def test_a_synchronous_publish_writes_command_process_data_and_history_at_once(world):
    first = a_sync_publication(name="first")
    world.commands.publish(first)
    history = world.history.item_of(world.data.snapshot(NRT))
    second = a_sync_publication(version=2, name="second", data_version=1, history=history)

    assert world.commands.publish(second) is None

    assert world.commands.find(NRT, 2) == second.command
    assert world.processes.find(NRT, 2) == second.process
    assert world.data.find(NRT) == second.command.as_row()
    assert world.history.page(NRT, 20, None).items == [first.command.as_row()]


@pytest.mark.parametrize("outcome", Outcome)
def test_a_synchronous_publish_goes_on_only_behind_an_applied_version(outcome, world):
    world.seed(a_process(outcome=outcome))

    refusal = world.commands.publish(a_sync_publication(version=2, predecessor=1))

    assert refusal is (None if outcome is Outcome.APPLIED else Refusal.DATA_MOVED)


def test_a_synchronous_publish_goes_on_where_the_predecessor_has_no_process(world):
    refusal = world.commands.publish(a_sync_publication(version=8, predecessor=7))

    assert refusal is None


@pytest.mark.parametrize("data_version", [0, 2, 4])
def test_a_synchronous_publish_is_refused_where_the_data_row_is_not_as_it_was_read(
    data_version, world
):
    world.data.put(a_command(version=3).as_row(), 0)

    refusal = world.commands.publish(a_sync_publication(version=4, data_version=data_version))

    assert refusal is Refusal.DATA_MOVED
    assert world.data.version_of(NRT) == DataVersion(3, "NRT-3")
    assert world.processes.find(NRT, 4) is None


def test_of_two_synchronous_publishes_of_a_version_the_second_learns_that_it_is_taken(world):
    world.commands.publish(a_sync_publication())

    assert world.commands.publish(a_sync_publication()) is Refusal.VERSION_TAKEN


def test_large_attributes_lie_in_the_bucket_and_come_back_but_in_a_list_of_versions(world):
    pointer = world.attributes.store_if_large("tenant1", "NRT-1", LARGE)
    first = a_sync_publication(attributes=LARGE, attributes_s3=pointer)
    world.commands.publish(first)
    world.history.append(world.data.snapshot(NRT))

    assert world.object_keys() == ["attributes/tenant1/NRT-1.json"]
    assert world.commands.find(NRT, 1) == first.command
    assert world.commands.latest(NRT) == first.command
    ((listed, process),) = world.commands.page(NRT, 20, None).items
    assert (listed.id, listed.attributes, process) == (first.command.id, {}, first.process)
    assert world.data.find(NRT) == first.command.as_row()
    assert world.data.page("tenant1", "AIRPORT", 20, None).items == [first.command.as_row()]
    assert world.history.page(NRT, 20, None).items == [first.command.as_row()]


def test_the_versions_come_newest_first_with_their_processes(world):
    for version in (1, 2, 3):
        world.commands.publish(a_publication(version=version))
    world.processes.write(NRT, Close(1, 1, Outcome.FAILED, "x:FAILED", "Error", "cause"))

    page = world.commands.page(NRT, 20, None)

    found = [(command.version, process.version, process.outcome) for command, process in page.items]
    assert found == [(3, 3, "OPEN"), (2, 2, "OPEN"), (1, 1, "FAILED")]
    assert page.next_cursor is None


@pytest.mark.parametrize("limit", [3, 7])
def test_no_version_is_lost_or_doubled_between_pages(limit, world):
    for version in range(1, 8):
        world.commands.publish(a_publication(version=version))

    pages, cursor = [], None
    while not pages or cursor is not None:
        page = world.commands.page(NRT, limit, cursor)
        cursor = page.next_cursor
        pages.append([command.version for command, _ in page.items])

    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert [version for page in pages for version in page] == [7, 6, 5, 4, 3, 2, 1]


def test_a_version_published_between_two_pages_does_not_shift_the_second(world):
    for version in (1, 2, 3, 4):
        world.commands.publish(a_publication(version=version))
    first = world.commands.page(NRT, 2, None)

    world.commands.publish(a_publication(version=5))
    second = world.commands.page(NRT, 2, first.next_cursor)

    assert [command.version for command, _ in second.items] == [2, 1]


@pytest.mark.parametrize(
    "cursor",
    ["!", "QUlSUE9SVCNORFRAMDAwMDAwMDE=", "QUlSUE9SVCNOUlRA" * 120],
)
def test_a_cursor_of_another_list_is_refused(cursor, world):
    with pytest.raises(InvalidInputError, match="cursor: is not a cursor of this list"):
        world.commands.page(NRT, 20, cursor)


@pytest.mark.parametrize("limit", [101])
def test_a_limit_out_of_range_is_refused(limit, world):
    with pytest.raises(InvalidInputError, match="limit: must be between 1 and 100"):
        world.commands.page(NRT, limit, None)


def test_an_old_command_expires_once_it_is_told_to(make_world):
    world = make_world(command_ttl=Retention(None, {"AIRPORT": 30}))
    for version in (1, 2):
        world.commands.publish(a_publication(version=version))

    told = [world.commands.expire(NRT, 1), world.commands.expire(NRT, 1)]
    world.clock.advance(days=29, hours=23)
    before = world.commands.find(NRT, 1)
    world.clock.advance(hours=1)

    assert told == [True, False]
    assert before == a_command()
    assert world.commands.find(NRT, 1) is None
    assert [command.version for command, _ in world.commands.page(NRT, 1, None).items] == [2]
    assert world.commands.page(NRT, 1, None).next_cursor is None
    assert world.commands.latest(NRT).version == 2


def test_only_types_with_a_retention_expire(make_world):
    world = make_world(command_ttl=Retention(None, {"OFFER": 30}))
    world.commands.publish(a_publication())

    assert (world.commands.expires("OFFER"), world.commands.expires("AIRPORT")) == (True, False)
    assert world.commands.expire(NRT, 1) is False
