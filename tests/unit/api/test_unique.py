"""What HTTP says of unique values."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest


def a_customer(code, email="ada@example.com", **more):
    attributes = {"email": email}
    return {"type": "CUSTOMER", "code": code, "name": code, "attributes": attributes, **more}


@pytest.mark.usefixtures("world")
def test_a_value_that_another_item_has_is_a_conflict_that_names_it(call):
    call("POST", "/commands", a_customer("c-1"))

    answer = call("POST", "/commands", a_customer("c-2", "ADA@example.com"))

    assert answer.status == 409
    assert answer.body == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "attributes.email: CUSTOMER c-1 has it",
        "code": "not_unique",
        "field": "attributes.email",
        "takenBy": "c-1",
    }


@pytest.mark.usefixtures("world")
def test_one_of_a_batch_is_refused_alone(call):
    commands = [a_customer("c-1"), a_customer("c-2"), a_customer("c-3", "bob@example.com")]

    results = call("POST", "/commands/batch", {"commands": commands}).body["results"]

    assert [one["status"] for one in results] == [202, 409, 202]
    assert results[1]["problem"]["code"] == "not_unique"


@pytest.mark.usefixtures("world")
def test_of_a_hundred_clients_one_is_accepted(call):
    def ask(number):
        return call("POST", "/commands", a_customer(f"c-{number}")).status

    with ThreadPoolExecutor(10) as pool:
        answers = Counter(pool.map(ask, range(100)))

    assert answers == {202: 1, 409: 99}
