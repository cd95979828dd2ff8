import pytest
from tests.orders import a_saga

from sfn_cqrs.commands import CommandService
from sfn_cqrs.sagas import Entry, EntryStatus, SagaStatus, find
from sfn_cqrs_tools.testing.builders import ORDERED

STEPS = ("reserve_stock", "charge_payment", "ship_order")
UNDONE = {"reserve_stock": "release_stock", "charge_payment": "refund_payment"}


@pytest.fixture
def seed(world):
    """Return a maker of an order's saga that runs, with these lines in its log."""

    def make(*, log=None, **changes):
        fields = {"status": SagaStatus.RUNNING, **changes}
        world.seed_sagas(a_saga(log=log or {}, **fields))
        return world

    return make


@pytest.fixture
def stock(world):
    """Return what puts goods on the shelf."""

    def put(sku="BOOK", available=5):
        CommandService("tenant1").publish_sync(
            "STOCK", sku, name=sku, attributes={"available": available}
        )

    return put


@pytest.fixture
def saga(world):
    """Return a reader of the saga as it is now."""
    return lambda: world.sagas.find(ORDERED)


@pytest.fixture
def row(world):
    """Return a reader of the attributes of an item; None if there is none."""

    def read(type_, code):
        rows = {(row.key.type, row.key.code): row for row in world.stored_rows()}
        found = rows.get((type_, code))
        return None if found is None else found.attributes

    return read


@pytest.fixture
def event(sample):
    """Return a maker of the event that a state sends, changed where a test asks."""

    def make(state, *, tries=0, attempt=1, **changes):
        event = sample(f"order_saga/{state}") | changes
        event["context"]["State"]["RetryCount"] = tries
        event["context"]["Execution"]["Input"]["attempt"] = attempt
        return event

    return make


@pytest.fixture
def made_by(monkeypatch):
    """Return what puts another function in the place of a step's or a compensation's."""
    known = find("order-saga")

    def put(name, handler):
        if name in known.steps:
            monkeypatch.setitem(known.steps, name, handler)
        else:
            step = known.move_undone_by(name).step
            monkeypatch.setitem(known.compensations, step, (name, handler))

    return put


def done(result=None, **changes):
    """A line of the log that says that it is done."""
    return Entry(status=EntryStatus.DONE, began_at="", ended_at="", result=result, **changes)


@pytest.fixture(name="done")
def _done():
    return done
