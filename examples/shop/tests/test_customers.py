import pytest

from sfn_cqrs.commands import CommandService
from sfn_cqrs.errors import NotUniqueError

SHOP = CommandService("tenant1")


def register(code, email):
    return SHOP.publish("CUSTOMER", code, name=code, attributes={"email": email})


@pytest.mark.usefixtures("world")
def test_an_address_is_one_customers_until_that_one_is_deleted():
    register("ada", "ada@example.com")

    with pytest.raises(NotUniqueError):
        register("bob", "Ada@Example.com")

    SHOP.delete("CUSTOMER", "ada")
    assert register("bob", "ada@example.com").version == 1
