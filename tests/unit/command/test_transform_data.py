import pytest
from functions.command.transform_data.app import lambda_handler

from sfn_cqrs.kernel.errors import AppBrokenError, TransientError, VersionGapError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command import handlers
from sfn_cqrs_tools.testing.builders import NRT, a_command, a_process


@pytest.fixture
def run(sample):
    """Write the row of an item's version 2, and list the handlers."""

    def transform(key=NRT):
        event = sample("command/transform_data")
        event["context"]["Execution"]["Input"] |= {"type": key.type, "code": key.code}
        return lambda_handler(event, None)

    return transform


@pytest.fixture
def seeded(world):
    """Return what stores version 2 of an item, whose execution has begun."""

    def seed(key=NRT, **changes):
        world.seed(a_process(key, 2))
        world.seed_commands(a_command(key, version=2, **changes))

    return seed


def test_the_data_row_becomes_this_version_before_the_handlers_are_listed(chain_of, run):
    world = chain_of("APPLIED", "OPEN")

    assert run() == {"result": ["airports_by_country", "airports_by_icao"]}

    assert world.data.find(NRT) == a_command(version=2).as_row()


def test_a_second_run_changes_nothing(chain_of, run):
    world = chain_of("APPLIED", "OPEN")
    run()
    before = world.data.find(NRT)

    assert run() == {"result": ["airports_by_country", "airports_by_icao"]}

    assert world.data.find(NRT) == before


def test_a_row_that_is_beyond_stays_there(chain_of, run):
    world = chain_of("APPLIED", "OPEN")
    world.seed_rows(a_command(version=3))

    run()

    assert world.data.version_of(NRT).version == 3


def test_a_row_that_moves_meanwhile_is_read_again(chain_of, run, monkeypatch):
    world = chain_of("APPLIED", "OPEN")
    monkeypatch.setattr(world.data, "put", lambda _row, _expected: False)

    with pytest.raises(TransientError, match="the data row moved meanwhile"):
        run()


def test_attributes_in_the_bucket_stay_there_and_the_row_points_to_them(chain_of, run, world):
    chain_of("APPLIED", "OPEN")
    pointer = "attributes/tenant1/large.json"
    world.seed_commands(a_command(version=2, attributes_s3=pointer))

    run()

    assert world.data.snapshot(NRT)["attributes_s3"] == {"S": pointer}


def test_each_type_has_its_own_handlers(run, seeded):
    order = ItemKey("tenant1", "ORDER", "1")
    seeded(order)

    assert run(order) == {"result": ["orders_by_customer"]}


def test_a_type_that_is_not_registered_any_more_still_writes_its_data(run, seeded, world):
    gone = ItemKey("tenant1", "GONE", "1")
    seeded(gone)

    assert run(gone) == {"result": []}

    assert world.data.version_of(gone).version == 2


def test_a_package_that_cannot_be_imported_leaves_the_row_as_it_is(chain_of, run, monkeypatch):
    def broken(_type):
        raise AppBrokenError("letters", "no module named mail", "")

    world = chain_of("APPLIED", "OPEN")
    monkeypatch.setattr(handlers, "names_of", broken)

    with pytest.raises(AppBrokenError):
        run()

    assert world.data.version_of(NRT).version == 1


def test_a_command_that_is_not_stored_is_a_gap(world, run):
    world.seed(a_process(NRT, 2))

    with pytest.raises(VersionGapError, match="version 2 is not stored"):
        run()

    assert world.data.find(NRT) is None


def test_the_status_says_which_state_has_begun(chain_of, run):
    world = chain_of("APPLIED", "OPEN")

    run()

    assert world.processes.find(NRT, 2).status == "transform_data:STARTED"
