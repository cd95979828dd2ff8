"""What every kind of record is promised, and what DynamoDB does to it on a bad day."""

from dataclasses import dataclass, replace

import pytest
from botocore.exceptions import ClientError
from tests.support.orders import a_saga

from sfn_cqrs.kernel.errors import BusyError, InvalidInputError
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.kernel.request import Request
from sfn_cqrs.kernel.tables import records as adapter
from sfn_cqrs.kernel.tables.dynamodb import marshal
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.rules import Begin, End, Ending, EntryStatus, Park, Retry, SagaStatus
from sfn_cqrs_tools.testing.builders import ORDERED, a_lease

KEY = marshal({"pk": ORDERED.pk, "sk": ORDERED.sk})
REQUEST = Request("tenant1", "key", "hash", {"id": ORDERED.id}, expires_at=1795694400)
NAME = "order o-7"


@dataclass(frozen=True)
class Rename:
    """A write that would be made twice, if it were asked twice."""

    name: str

    def on(self, saga, _at):
        return replace(saga, name=saga.name + self.name) if self.name else saga


class Client:
    """A client, to whose next writes something happens: each is given the write to make."""

    def __init__(self, client):
        self._client = client
        self.happens = []
        self.made = []

    def __getattr__(self, name):
        def call(**named):
            self.made.append(name)
            happens = self.happens.pop(0) if "get" not in name and self.happens else _nothing
            return happens(lambda: getattr(self._client, name)(**named))

        return call


def _nothing(write):
    return write()


def after(other):
    """Somebody else comes first."""
    return lambda write: (other(), write())[1]


def twice(write):
    """The answer is lost, and botocore writes again by itself."""
    write()
    return write()


def twice_with(other):
    """The answer is lost, somebody else comes, and botocore writes again."""
    return lambda write: (write(), other(), write())


def fails(code, status=400, *, afterwards=False, reasons=()):
    """The write fails, before it takes effect or afterwards."""

    def fail(write):
        if afterwards:
            write()
        answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError(
            {**answer, "CancellationReasons": [{"Code": each} for each in reasons]}, "PutItem"
        )

    return fail


@pytest.fixture(autouse=True)
def sleeps(monkeypatch):
    """The bounds of each pause; `during` happens in the next ones."""

    class Sleeps(list):
        during = ()

    slept = Sleeps()

    def sleep(seconds):
        slept.append(seconds)
        if slept.during:
            slept.during.pop(0)()

    monkeypatch.setattr(adapter.time, "sleep", sleep)
    monkeypatch.setattr(adapter.random, "uniform", lambda _, most: most)
    return slept


@pytest.fixture
def world(make_world):
    world = make_world()
    world.seed_sagas(a_saga(status=SagaStatus.RUNNING))
    return world


@pytest.fixture
def client(world):
    return Client(world.dynamodb)


@pytest.fixture
def sagas(world, client):
    return world.records(SAGAS, client)


@pytest.fixture
def other(world):
    """Somebody else's write."""
    return lambda write: lambda: world.records(SAGAS).change(ORDERED, write)


def raw(world):
    return world.dynamodb.get_item(TableName="SagasTable", Key=KEY, ConsistentRead=True)["Item"]


def test_a_write_is_a_read_and_a_put(sagas, client, world):
    world.clock.advance(seconds=2)

    written = sagas.change(ORDERED, Park(1, "E", "why"))

    assert client.made == ["get_item", "put_item"]
    assert (written.done, written.record) == (True, world.sagas.find(ORDERED))
    assert written.record.updated_at == "2026-11-25T12:00:02.000Z"


def test_what_the_rule_refuses_is_not_put(sagas, client):
    written = sagas.change(ORDERED, Retry(1))

    assert client.made == ["get_item"]
    assert (written.done, written.record.status) == (False, SagaStatus.RUNNING)


def test_what_changes_nothing_is_done_without_a_put(sagas, client, world):
    before = raw(world)

    written = sagas.change(ORDERED, Rename(""))

    assert client.made == ["get_item"]
    assert (written.done, raw(world)) == (True, before)


def test_the_clock_is_asked_at_each_try(sagas, client, world):
    def late(write):
        world.clock.advance(seconds=5)
        fails("TransactionConflictException")(write)

    client.happens = [late]

    written = sagas.change(ORDERED, Begin("reserve_stock", 1, 0))

    assert written.record.log["reserve_stock"].began_at == "2026-11-25T12:00:05.000Z"
    assert written.record.updated_at == "2026-11-25T12:00:05.000Z"


# What was seen.


def test_what_was_seen_saves_a_read(sagas, client):
    seen = sagas.find(ORDERED)
    client.made.clear()

    begun = sagas.change(ORDERED, Begin("reserve_stock", 1, 0), seen)
    end = End("reserve_stock", 1, 0, Ending(EntryStatus.DONE))

    assert sagas.change(ORDERED, end, begun.record).done
    assert client.made == ["put_item", "put_item"]


def test_what_was_seen_and_is_old_refuses_nothing(sagas, other):
    seen = sagas.find(ORDERED)
    other(Park(1, "E", "why"))()

    assert sagas.change(ORDERED, Retry(1), seen).done


def test_what_changes_nothing_of_what_was_seen_is_asked_of_what_is_there(sagas, other):
    seen = sagas.find(ORDERED)
    other(Rename("1"))()

    assert sagas.change(ORDERED, Rename(""), seen).record.name == f"{NAME}1"


def test_what_was_seen_has_the_key_that_is_written(sagas):
    with pytest.raises(ValueError, match="is not the key of"):
        sagas.change(replace(ORDERED, tenant="x"), Rename("!"), sagas.find(ORDERED))


# Lost answers.


def test_a_write_whose_answer_was_lost_is_done_once(sagas, client, world):
    client.happens = [twice]

    written = sagas.change(ORDERED, Rename("!"))

    assert (written.done, written.record.name) == (True, f"{NAME}!")
    assert written.record == world.sagas.find(ORDERED)


def test_a_write_that_failed_and_took_effect_is_done_once(sagas, client, world):
    client.happens = [fails("InternalServerError", 500, afterwards=True)]

    assert sagas.change(ORDERED, Rename("!")) == Written(True, world.sagas.find(ORDERED))
    assert world.sagas.find(ORDERED).name == f"{NAME}!"


def test_so_is_one_at_the_last_try(sagas, client):
    failing = fails("InternalServerError", 500)
    client.happens = [failing] * 7 + [fails("InternalServerError", 500, afterwards=True)]

    written = sagas.change(ORDERED, Rename("!"))

    assert (written.done, written.record.name) == (True, f"{NAME}!")


def test_who_has_read_a_lost_write_cannot_write_over_what_came_after_it(
    sagas, client, other, world
):
    third = []

    def between():
        third.append(world.sagas.find(ORDERED))  # which the first write has made
        other(Rename("2"))()

    client.happens = [twice_with(between)]
    sagas.change(ORDERED, Rename("1"))  # is refused by the second, and made on top of it

    written = world.sagas.change(ORDERED, Rename("3"), third[0])

    assert third[0].name == f"{NAME}1"
    assert written.record.name == f"{NAME}1213"


# When AWS is busy.


def test_what_has_expired_is_not_written_over_by_who_comes_second(sagas, client, world):
    def expires():
        world.dynamodb.put_item(
            TableName="SagasTable", Item=raw(world) | marshal({"rev": "theirs", "ttl": 1})
        )

    client.happens = [after(expires)]

    assert sagas.change(ORDERED, Rename("!")) == Written(done=False, record=None)
    assert raw(world)["rev"] == {"S": "theirs"}


@pytest.mark.parametrize("code", ["TransactionConflictException", "ThrottlingException"])
def test_what_is_busy_is_waited_for(code, sagas, client, sleeps):
    client.happens = [fails(code)] * 7

    assert sagas.change(ORDERED, Rename("!")).record.name == f"{NAME}!"
    assert sleeps == [0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28]


def test_who_comes_second_goes_on_at_once_and_then_after_a_pause_from_what_is_there(
    sagas, client, other, sleeps
):
    client.happens = [after(other(Rename("1"))), after(other(Rename("2")))]
    sleeps.during = [other(Rename("3"))]

    assert sagas.change(ORDERED, Rename("4")).record.name == f"{NAME}1234"
    assert sleeps == [0.04]
    assert client.made == ["get_item", "put_item", "put_item", "get_item", "put_item"]


def test_who_comes_too_late_at_every_try_is_to_come_again(sagas, client, other):
    client.happens = [after(other(Rename("!")))] * 8

    with pytest.raises(BusyError, match="others keep writing SAGA#tenant1 SAGA#"):
        sagas.change(ORDERED, Rename("?"))

    assert client.made.count("put_item") == 8


def test_any_other_failure_is_raised_as_it_is(sagas, client):
    client.happens = [fails("ValidationException")]

    with pytest.raises(ClientError, match="ValidationException"):
        sagas.change(ORDERED, Rename("!"))


# What a record looks like.


@pytest.mark.parametrize("at", ["top", "log"])
def test_what_another_version_of_the_code_wrote_is_carried(world, at):
    world.sagas.change(ORDERED, Begin("reserve_stock", 1, 0))
    theirs = {"N": "0.5" if at == "log" else "0.12345678901234567890123456789"}
    item = raw(world)
    place = item if at == "top" else item["log"]["M"]["reserve_stock"]["M"]
    place["theirs"] = theirs
    world.dynamodb.put_item(TableName="SagasTable", Item=item)

    world.sagas.change(ORDERED, End("reserve_stock", 1, 0, Ending(EntryStatus.DONE)))
    world.sagas.change(ORDERED, Park(1, "E", "why"))

    stored = raw(world)
    assert (stored if at == "top" else stored["log"]["M"]["reserve_stock"]["M"])["theirs"] == theirs


def test_what_a_write_leaves_alone_stays_to_the_last_digit(world):
    item = raw(world)
    item["input"]["M"]["total"] = {"N": "0.12345678901234567890123456789"}
    world.dynamodb.put_item(TableName="SagasTable", Item=item)

    world.sagas.change(ORDERED, Park(1, "E", "why"))

    assert raw(world)["input"] == item["input"]


def test_what_is_gone_is_not_brought_back(world):
    world.seed_sagas(a_saga(status=SagaStatus.RUNNING, error="E", cause="why"))

    @dataclass
    class Forget:
        def on(self, saga, _at):
            return replace(saga, error=None)

    world.sagas.change(ORDERED, Forget())

    assert "error" not in raw(world)
    assert world.sagas.find(ORDERED).cause == "why"


def test_what_is_open_is_in_the_index(world):
    listed = world.stored_saga(ORDERED)[1]
    world.sagas.change(ORDERED, Park(1, "E", "why"))
    parked = world.stored_saga(ORDERED)[1]
    world.sagas.change(ORDERED, Retry(1))

    assert (listed, parked, world.stored_saga(ORDERED)[1]) == (True, False, True)


@pytest.mark.parametrize("is_seen", [True, False])
def test_of_what_does_not_exist_nothing_is_made(is_seen, world):
    gone = replace(ORDERED, tenant="x")
    seen = a_saga(gone) if is_seen else None

    assert world.sagas.change(gone, Rename("!"), seen) == Written(done=False, record=None)
    assert world.sagas.find(gone) is None


# What is new.


@pytest.fixture
def empty(make_world):
    return make_world()


@pytest.fixture
def new_client(empty):
    return Client(empty.dynamodb)


@pytest.fixture
def new(empty, new_client):
    return empty.records(SAGAS, new_client)


def test_a_record_without_a_request_costs_no_transaction(new, new_client, empty):
    assert new.create(a_saga()) is True

    assert new_client.made == ["put_item"]
    assert empty.stored_saga(ORDERED) == (a_saga(), True)


def test_a_record_and_its_request_are_kept_together(new, new_client, empty):
    assert new.create(a_saga(), REQUEST) is True

    assert new_client.made == ["transact_write_items"]
    assert empty.stored_saga(ORDERED) == (a_saga(), True)
    assert empty.requests.find("tenant1", "key") == REQUEST


@pytest.mark.parametrize("request_", [None, REQUEST], ids=["alone", "asked for"])
def test_what_is_there_is_not_created_again(request_, new, empty):
    new.create(a_saga())

    assert new.create(a_saga(name="another"), request_) is False
    assert empty.sagas.find(ORDERED).name == NAME
    assert empty.requests.find("tenant1", "key") is None


def test_of_a_request_that_was_seen_nothing_is_created(new, empty):
    empty.requests.put(REQUEST)

    assert new.create(a_saga(), REQUEST) is False
    assert empty.stored_saga(ORDERED) == (None, False)


def test_a_record_whose_answer_was_lost_is_created(new, new_client, empty):
    new_client.happens = [twice]

    assert new.create(a_saga()) is True
    assert empty.sagas.find(ORDERED) == a_saga()


BUSY = fails("TransactionCanceledException", reasons=("None", "TransactionConflict"))


def test_a_request_in_conflict_is_created_after_a_pause(new, new_client, empty, sleeps):
    new_client.happens = [BUSY, BUSY]

    assert new.create(a_saga(), REQUEST) is True
    assert sleeps == [0.02, 0.04]
    assert empty.sagas.find(ORDERED) == a_saga()


def test_one_that_is_in_conflict_at_every_try_is_to_come_again(new, new_client):
    new_client.happens = [BUSY] * 8

    with pytest.raises(BusyError, match="others keep writing the same items"):
        new.create(a_saga(), REQUEST)


# Lists.


def key(number):
    return replace(ORDERED, ulid=f"01KAXK3V9Q0M3W8C5R6T7Y8Z{number:02d}")


UNDER = replace(ORDERED, ulid="")


def test_records_are_listed_newest_first_a_page_at_a_time(empty):
    empty.seed_sagas(a_saga(key(1)), a_saga(key(3)), a_saga(key(2)))

    first = empty.sagas.page(UNDER, 2, None)
    second = empty.sagas.page(UNDER, 2, first.next_cursor)

    assert [saga.key for saga in first.items] == [key(3), key(2)]
    assert [saga.key for saga in second.items] == [key(1)]
    assert second.next_cursor is None
    assert empty.sagas.page(replace(UNDER, tenant="tenant2"), 2, None).items == []


def test_a_page_of_what_is_alike_is_full_whatever_lies_between(empty):
    statuses = (SagaStatus.RUNNING, SagaStatus.PARKED)
    empty.seed_sagas(*[a_saga(key(each), status=statuses[each % 2]) for each in range(6)])

    first = empty.sagas.page(UNDER, 2, None, status=SagaStatus.PARKED)
    second = empty.sagas.page(UNDER, 2, first.next_cursor, status=SagaStatus.PARKED)

    assert [saga.key for saga in first.items] == [key(5), key(3)]
    assert [saga.key for saga in second.items] == [key(1)]


def test_a_cursor_that_is_none_is_refused(world):
    with pytest.raises(InvalidInputError, match="cursor: is not a cursor of this list"):
        world.sagas.page(UNDER, 1, "bm8=")


def test_the_oldest_open_records_come_first_and_a_cursor_goes_on(empty):
    keys = [each for each in map(key, range(40)) if SAGAS.shard(each) == 0][:4]
    hours = ("11", "10", "12", "09")
    opened = [f"2026-11-25T{hour}:00:00.000Z" for hour in hours]
    empty.seed_sagas(
        *[a_saga(each, opened_at=at) for each, at in zip(keys[:3], opened, strict=False)],
        a_saga(keys[3], opened_at=opened[3], status=SagaStatus.PARKED),
    )

    first, cursor = empty.sagas.opened(0, None, "2026-11-25T12:00:00.000Z", 1)
    second, _ = empty.sagas.opened(0, cursor, "2026-11-25T12:00:00.000Z", 1)

    assert [saga.key for saga in first] == [keys[1]]
    assert [saga.key for saga in second] == [keys[0]]


def test_the_sweeps_place_is_kept(empty):
    first, second = a_lease("first"), a_lease("second")
    place = {"1": {"pk": "SAGA#tenant1", "open_shard": 1}}
    assert empty.sagas.begin_sweep(first) == {}

    empty.sagas.end_sweep(first, place)

    assert empty.sagas.begin_sweep(second) == place
