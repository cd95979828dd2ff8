from contextlib import ExitStack
from functools import partial

import pytest
from moto import mock_aws
from tests.contract.worlds import Clients, MemoryWorld, MotoWorld
from tests.support.postgres import a_server, by_data_api, by_driver, connected

EMPTY = (
    "DROP SCHEMA public CASCADE",
    "CREATE SCHEMA public AUTHORIZATION pg_database_owner",
    "GRANT USAGE ON SCHEMA public TO PUBLIC",
)
"""The schema `public` is then as it was when the database was new."""


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


@pytest.fixture(params=["memory", "moto"])
def make_world(request):
    """Return a maker of a world of either kind; it takes the retentions of World."""
    return MemoryWorld if request.param == "memory" else request.getfixturevalue("moto_world")


@pytest.fixture
def world(make_world):
    """A world in which nothing expires."""
    return make_world()


@pytest.fixture(scope="session")
def postgresql():
    """One server for all files, which takes half a second to lay out."""
    with a_server() as started:
        yield started


@pytest.fixture(scope="module")
def server(postgresql):
    """The server, with nothing in its database."""
    ours = connected(postgresql.dsn)
    for statement in EMPTY:
        ours.run(statement)
    ours.close()
    return postgresql


@pytest.fixture(scope="module")
def adapters(server):
    """Both adapters, and the Data API's endpoint."""
    with ExitStack() as stack:
        data_api, endpoint = stack.enter_context(by_data_api(server.dsn))
        driver = stack.enter_context(by_driver(server.dsn))
        yield {"driver": driver, "data api": data_api, "endpoint": endpoint}


@pytest.fixture(params=["driver", "data api"])
def sql(request, adapters):
    """Either adapter, with the module's table in which there is no row."""
    found, table = adapters[request.param], request.module.TABLE
    name = table.removeprefix("CREATE TABLE ").partition(" ")[0]
    found.run(f"DROP TABLE IF EXISTS {name}")
    found.run(table)
    return found
