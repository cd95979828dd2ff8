import pytest
from functions.command.transform_data.app import lambda_handler

from sfn_cqrs.domain.keys import ItemKey
from sfn_cqrs_tools.testing.builders import NRT, a_process


@pytest.fixture
def run(sample, world):
    """List the handlers of an item's version 2."""

    def list_handlers(key=NRT):
        world.seed(a_process(key, 2))
        event = sample("command/transform_data")
        event["context"]["Execution"]["Input"] |= {"type": key.type, "code": key.code}
        return lambda_handler(event, None)

    return list_handlers


def test_the_handlers_of_the_type_are_listed_the_data_tables_first(run):
    assert run() == {"result": ["dynamodb", "airports_by_country", "airports_by_icao"]}


def test_each_type_has_its_own(run):
    assert run(ItemKey("tenant1", "ORDER", "1")) == {"result": ["dynamodb", "orders_by_customer"]}


def test_a_type_that_is_not_registered_any_more_still_writes_its_data(run):
    assert run(ItemKey("tenant1", "GONE", "1")) == {"result": ["dynamodb"]}


def test_the_status_says_which_state_has_begun(run, world):
    run()

    assert world.processes.find(NRT, 2).status == "transform_data:STARTED"
