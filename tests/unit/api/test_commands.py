from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from sfn_cqrs.kernel.errors import BusyError

PATH = "/commands/batch"


def an_order(code, **more):
    return {"type": "ORDER", "code": code, "name": code, "attributes": {"customer": "ada"}, **more}


@pytest.mark.usefixtures("world")
def test_each_command_of_a_batch_has_a_result_of_its_own(call):
    answer = call(
        "POST",
        PATH,
        {
            "commands": [
                an_order("o-1"),
                an_order("o-1"),
                {"type": "ORDER"},
                an_order("o-2", mode="sync"),
                an_order("o-2", colour="red"),
                "no object",
                an_order("o-1", version=1, name="New"),
                {"type": "NOBODYS", "code": "x", "name": "x", "attributes": {}},
            ]
        },
    )

    results = answer.body["results"]
    assert answer.status == 200
    assert [one["status"] for one in results] == [202, 409, 400, 400, 400, 400, 202, 400]
    assert [one.get("version") for one in results] == [1, None, None, None, None, None, 2, None]
    fields = [one["problem"].get("field") for one in results if "problem" in one]
    assert fields == [None, "code", "mode", "colour", "commands", "type"]


def test_each_has_an_idempotency_key_of_its_own(call, world):
    given = {"commands": [an_order("o-1", idempotencyKey="a"), an_order("o-2", idempotencyKey="b")]}

    first, second = (call("POST", PATH, given).body for _ in range(2))
    other = call("POST", PATH, {"commands": [an_order("o-3", idempotencyKey="a")]}).body

    assert first == second
    assert other["results"][0]["problem"]["code"] == "idempotency_key_reused"
    assert len(world.stored_commands()) == 2


def test_one_that_aws_is_too_busy_for_does_not_stop_the_others(call, world, monkeypatch):
    publish = world.commands.publish

    def busy(publication):
        if publication.command.key.code == "o-1":
            raise BusyError("too busy")
        return publish(publication)

    monkeypatch.setattr(world.commands, "publish", busy)

    results = call("POST", PATH, {"commands": [an_order("o-1"), an_order("o-2")]}).body["results"]

    assert [one["status"] for one in results] == [503, 202]


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("commands", [None, [], {}, [an_order("o-1")] * 101])
def test_a_batch_has_one_to_a_hundred(commands, call):
    answer = call("POST", PATH, {"commands": commands})

    assert (answer.status, answer.body["field"]) == (400, "commands")


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


TOGETHER = "/commands/together"


@pytest.mark.usefixtures("world")
def test_versions_of_several_items_are_published_in_one_request(call):
    asked = {"commands": [an_order("o-1"), an_order("o-2")]}

    answer = call("POST", TOGETHER, asked)
    changed = {"type": "ORDER", "code": "o-1", "partial": True, "attributes": {"customer": "bob"}}
    again = call("POST", TOGETHER, {"commands": [changed, an_order("o-2", version=1)]})

    assert (answer.status, again.status) == (202, 202)
    assert [one["version"] for one in answer.body["results"]] == [1, 1]
    assert [one.get("unchanged") for one in again.body["results"]] == [None, True]
    first = call("GET", "/commands/ORDER/o-1/1").body
    assert first["together"] == [{"type": "ORDER", "code": "o-2", "version": 1}]
    assert "together" not in call("GET", "/commands/ORDER/o-1/2").body


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("bad", "status", "code", "field"),
    [
        (an_order("o-2", version=3), 409, "version_conflict", None),
        (an_order("o-1"), 400, "invalid_input", "code"),
        (an_order("o-2", colour="red"), 400, "invalid_input", "colour"),
        (an_order("o-2", mode="sync"), 400, "invalid_input", "mode"),
        ({"type": "ORDER", "code": "o-2"}, 400, "invalid_input", "name"),
        ("no object", 400, "invalid_input", "commands"),
    ],
)
def test_one_that_is_refused_refuses_the_request(bad, status, code, field, call):
    answer = call("POST", TOGETHER, {"commands": [an_order("o-1"), bad]})

    assert (answer.status, answer.body["code"]) == (status, code)
    assert (answer.body.get("field"), answer.body["index"]) == (field, 1)
    assert call("GET", "/commands/ORDER/o-1").status == 404


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("commands", [None, [], {}, [an_order("o-1")] * 26])
def test_a_request_has_one_to_twenty_five_together(commands, call):
    answer = call("POST", TOGETHER, {"commands": commands})

    assert (answer.status, answer.body["field"]) == (400, "commands")
