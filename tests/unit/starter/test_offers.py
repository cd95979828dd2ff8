import sys
from importlib import import_module

import pytest
from tests.support.typed import forgetting

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs_tools.testing.builders import a_command


@pytest.fixture
def offers():
    """The module; what it registers is forgotten afterwards, or every suite would know it."""
    with forgetting():
        yield import_module("starter.offers")
    for name in ("starter.offers", "starter"):
        sys.modules.pop(name, None)


def test_the_offers_of_a_customer_are_listed(world, offers):
    key = ItemKey("tenant1", "OFFER", "o-1")
    for version in (2, 1):  # the first comes late
        given = {"customer": "ada", "total": version}
        offers.offers_by_customer(a_command(key, version, name="Desk", attributes=given))

    assert world.read_model("offers_by_customer").rows("tenant1", "ada") == [
        {"sort": "o-1", "name": "Desk", "total": 2, "version": 2, "is_deleted": False}
    ]


@pytest.mark.usefixtures("world", "offers")
def test_an_offer_to_nobody_is_refused():
    with pytest.raises(InvalidInputError, match="customer"):
        CommandService("tenant1").publish("OFFER", "o-1", name="Desk", attributes={"total": 1})
