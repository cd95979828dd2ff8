from functools import partial

import pytest
from moto import mock_aws
from tests.contract.worlds import Clients, FakeWorld, MotoWorld


@pytest.fixture(scope="module")
def clients():
    """Clients of one moto per module; making them takes most of a test's time."""
    with mock_aws():
        yield Clients()


@pytest.fixture
def moto_world(clients):
    """Return a maker of a world over new, empty tables."""
    clients.make_tables()
    yield partial(MotoWorld, clients)
    clients.empty()


@pytest.fixture(params=["fake", "moto"])
def make_world(request):
    """Return a maker of a world of either kind; it takes the retentions of World."""
    return FakeWorld if request.param == "fake" else request.getfixturevalue("moto_world")


@pytest.fixture
def world(make_world):
    """A world in which nothing expires."""
    return make_world()
