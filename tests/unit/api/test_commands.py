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
