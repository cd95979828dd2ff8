"""Reading what was just published: a request waits for its version, and never answers an older."""

import json
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from functions.api.handle_request.app import lambda_handler

from sfn_cqrs.kernel.errors import NotAppliedError, NotAppliedYetError
from sfn_cqrs.kernel.policy import CODE, MEMBERS
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.data import DataService
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs_tools.testing.builders import NRT, a_command, a_process

NARITA = {"type": "AIRPORT", "code": "NRT", "name": "Narita", "attributes": {"country": "JP"}}
VERSION = "/commands/AIRPORT/NRT/2"
ITEM = "/data/AIRPORT/NRT"
FOREIGN = {"custom:tenant": "tenant1", "cognito:groups": "[nobody]"}


def put(world, version, outcome, *, is_applied=False):
    """Put a version as it stands; an applied one has written the row."""
    command = a_command(NRT, version)
    world.seed_commands(command)
    world.seed(a_process(NRT, version, outcome=Outcome(outcome), error="NoLuckError"))
    if is_applied:
        world.seed_rows(command)


@pytest.fixture(autouse=True)
def _waits(monkeypatch):
    monkeypatch.setenv("MAX_WAIT_SECONDS", "10")


@pytest.fixture
def paused(world, monkeypatch):
    """Return a shortcut: what happens at which pause; answers the list of pauses."""

    def during(happens):
        seconds = []

        def sleep(pause):
            seconds.append(pause)
            world.clock.advance(seconds=pause)
            happens.get(len(seconds), lambda: None)()

        monkeypatch.setattr("time.sleep", sleep)
        return seconds

    return during


@pytest.fixture
def two(world):
    """Version 1 is applied, version 2 is under way."""
    put(world, 1, "APPLIED", is_applied=True)
    put(world, 2, "OPEN")


@pytest.mark.usefixtures("two")
class TestVersion:
    def test_it_is_answered_as_soon_as_it_has_closed(self, call, world, paused):
        seconds = paused({3: lambda: put(world, 2, "APPLIED", is_applied=True)})

        answer = call("GET", VERSION, query={"wait": "10"})

        assert (answer.status, answer.body["outcome"]) == (200, "APPLIED")
        assert seconds == [0.0, 0.1, 0.2]

    @pytest.mark.parametrize("outcome", ["FAILED", "BLOCKED", "SKIPPED"])
    def test_waiting_ends_with_whatever_ends_the_version(self, call, world, paused, outcome):
        paused({2: lambda: put(world, 2, outcome)})

        answer = call("GET", VERSION, query={"wait": "10"})

        assert (answer.status, answer.body["outcome"]) == (200, outcome)

    def test_one_that_stays_open_is_accepted_and_asked_for_again(self, call, paused):
        seconds = paused({})

        answer = call("GET", VERSION, query={"wait": "4"})

        assert (answer.status, answer.body["outcome"]) == (202, "OPEN")
        assert answer.headers["Retry-After"] == "1"
        assert seconds == pytest.approx([0.0, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 0.5])

    def test_without_wait_it_is_shown_as_it_is(self, call, slept):
        assert call("GET", VERSION).status == 200
        assert slept == []

    def test_a_version_that_nobody_published_is_not_waited_for(self, call, slept):
        answer = call("GET", "/commands/AIRPORT/NRT/9", query={"wait": "10"})

        assert (answer.status, answer.body["code"], slept) == (404, "not_found", [])

    @pytest.mark.parametrize("wait", ["-1", "21", "soon", "1.5"])
    def test_no_more_than_twenty_seconds_are_asked_for(self, call, wait):
        answer = call("GET", VERSION, query={"wait": wait})

        assert (answer.status, answer.body["field"]) == (400, "wait")

    def test_the_stack_may_allow_fewer_seconds(self, call, paused, monkeypatch):
        monkeypatch.setenv("MAX_WAIT_SECONDS", "1")
        seconds = paused({})

        assert call("GET", VERSION, query={"wait": "20"}).status == 202
        assert sum(seconds) == pytest.approx(1.0)

    def test_the_function_has_time_left_to_answer(self, event_of, paused):
        seconds = paused({})
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: 3500)

        answer = lambda_handler(event_of("GET", VERSION, query={"wait": "10"}), context)

        assert (answer["statusCode"], sum(seconds)) == (202, pytest.approx(0.5))

    def test_aws_being_busy_meanwhile_is_no_error(self, call, world, paused, monkeypatch):
        find, looks = world.processes.find, []
        busy = ClientError({"Error": {"Code": "ThrottlingException"}}, "GetItem")

        def flaky(key, version):
            looks.append(version)
            if len(looks) in (2, 3):
                raise busy
            return find(key, version)

        monkeypatch.setattr(world.processes, "find", flaky)
        paused({4: lambda: put(world, 2, "APPLIED", is_applied=True)})

        assert call("GET", VERSION, query={"wait": "10"}).status == 200


class TestPublish:
    def test_it_says_how_the_version_closed(self, call, world, paused):
        paused({2: lambda: put(world, 1, "APPLIED", is_applied=True)})

        answer = call("POST", "/commands", NARITA, query={"wait": "10"})

        assert (answer.status, answer.body["version"], answer.body["outcome"]) == (
            200,
            1,
            "APPLIED",
        )

    def test_a_failure_comes_with_its_error(self, call, world, paused):
        paused({2: lambda: put(world, 1, "FAILED")})

        answer = call("POST", "/commands", NARITA, query={"wait": "10"})

        assert (answer.status, answer.body["outcome"]) == (200, "FAILED")
        assert answer.body["error"] == "NoLuckError"

    def test_sent_again_with_its_key_it_waits_again(self, call, world, paused):
        paused({})
        key = {"idempotency-key": "once"}
        first = call("POST", "/commands", NARITA, query={"wait": "1"}, headers=key)
        put(world, 1, "APPLIED", is_applied=True)

        again = call("POST", "/commands", NARITA, query={"wait": "1"}, headers=key)

        assert (first.status, again.status) == (202, 200)
        assert again.body == {**first.body, "outcome": "APPLIED"} | {
            "error": "NoLuckError",
            "cause": None,
        }

    def test_an_unchanged_item_waits_for_the_version_that_it_is_at(self, call, paused):
        paused({})
        call("POST", "/commands", NARITA)

        answer = call("POST", "/commands", NARITA | {"version": 1}, query={"wait": "1"})

        assert (answer.status, answer.body["unchanged"]) == (202, True)

    def test_a_deletion_waits_too(self, call, world, paused):
        put(world, 1, "APPLIED", is_applied=True)
        paused({2: lambda: put(world, 2, "APPLIED", is_applied=True)})

        answer = call("DELETE", "/commands/AIRPORT/NRT", query={"wait": "10"})

        assert (answer.status, answer.body["outcome"]) == (200, "APPLIED")

    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    def test_whoever_may_not_read_publishes_nothing_and_is_told_nothing(
        self, call, world, monkeypatch, method
    ):
        access = handlers.Access(publish=MEMBERS, read=CODE)
        monkeypatch.setitem(handlers.registry.access, "AIRPORT", ("shop.airports", access))
        path = "/commands" if method == "POST" else "/commands/AIRPORT/NRT"

        answer = call(
            method, path, NARITA if method == "POST" else None, query={"wait": "1"}, claims=FOREIGN
        )

        assert (answer.status, answer.body["code"]) == (403, "not_permitted")
        assert world.commands.latest(NRT) is None


@pytest.mark.usefixtures("two")
class TestItem:
    def test_the_version_asked_for_is_waited_for(self, call, world, paused):
        paused({3: lambda: put(world, 2, "APPLIED", is_applied=True)})

        answer = call("GET", ITEM, query={"atLeast": "2", "wait": "10"})

        assert (answer.status, answer.body["version"]) == (200, 2)

    def test_a_later_version_will_do(self, call, world):
        put(world, 3, "APPLIED", is_applied=True)

        assert call("GET", ITEM, query={"atLeast": "2"}).body["version"] == 3

    def test_an_older_version_is_never_answered(self, call, paused):
        paused({})

        answer = call("GET", ITEM, query={"atLeast": "2", "wait": "2"})

        assert (answer.status, answer.headers["Retry-After"]) == (202, "1")
        assert answer.body == {"type": "AIRPORT", "code": "NRT", "atLeast": 2}

    @pytest.mark.parametrize("outcome", ["FAILED", "BLOCKED", "SKIPPED"])
    def test_a_version_that_will_not_come_by_waiting_is_a_conflict(
        self, call, world, slept, outcome
    ):
        put(world, 2, outcome)

        answer = call("GET", ITEM, query={"atLeast": "2", "wait": "10"})

        assert (answer.status, answer.body["code"]) == (409, "not_applied")
        assert (answer.body["version"], answer.body["outcome"]) == (2, outcome)
        assert sum(slept) == 0

    def test_a_version_that_nobody_published_is_not_found(self, call):
        assert call("GET", ITEM, query={"atLeast": "9", "wait": "9"}).status == 404

    @pytest.mark.parametrize(
        ("query", "field"),
        [({"wait": "1"}, "wait"), ({"atLeast": "0"}, "atLeast"), ({"atLeast": "x"}, "atLeast")],
    )
    def test_what_cannot_be_waited_for_is_refused(self, call, query, field):
        answer = call("GET", ITEM, query=query)

        assert (answer.status, answer.body["field"]) == (400, field)

    def test_whoever_may_not_read_the_type_waits_for_nothing(self, call, monkeypatch, slept):
        access = handlers.Access(publish=MEMBERS, read=CODE)
        monkeypatch.setitem(handlers.registry.access, "AIRPORT", ("shop.airports", access))

        for path, query in ((ITEM, {"atLeast": "2", "wait": "9"}), (VERSION, {"wait": "9"})):
            assert call("GET", path, query=query, claims=FOREIGN).status == 403
        assert slept == []


@pytest.mark.usefixtures("two")
class TestPython:
    def test_a_version_that_is_applied_between_two_reads_is_looked_at_again(
        self, world, paused, monkeypatch
    ):
        paused({})
        find = world.processes.find

        def applied_just_before(key, version):
            put(world, 2, "APPLIED", is_applied=True)
            return find(key, version)

        monkeypatch.setattr(world.processes, "find", applied_just_before)

        assert DataService("tenant1").get("AIRPORT", "NRT", at_least=2, wait=1).version == 2

    def test_what_looks_take_is_part_of_the_wait(self, world, paused, monkeypatch):
        pauses = paused({})
        find = world.processes.find

        def slowly(key, version):
            world.clock.advance(seconds=3)
            return find(key, version)

        monkeypatch.setattr(world.processes, "find", slowly)

        with pytest.raises(NotAppliedYetError):
            DataService("tenant1").get("AIRPORT", "NRT", at_least=2, wait=5)
        assert pauses == [0.0, 0.1]

    def test_what_is_not_there_is_an_error(self, world, paused):
        paused({})
        with pytest.raises(NotAppliedYetError, match="version 2 is not applied yet"):
            DataService("tenant1").get("AIRPORT", "NRT", at_least=2, wait=1)

        put(world, 2, "FAILED")
        with pytest.raises(NotAppliedError, match="version 2 is FAILED"):
            DataService("tenant1").get("AIRPORT", "NRT", at_least=2, wait=1)


def test_the_description_names_the_wait(call):
    paths = call("GET", "/openapi.json").body["paths"]

    waiting = {
        (path, method)
        for path, methods in paths.items()
        for method, one in methods.items()
        if any(parameter["name"] == "wait" for parameter in one.get("parameters", ()))
    }
    assert waiting == {
        ("/commands", "post"),
        ("/commands/{type}/{code}", "delete"),
        ("/commands/{type}/{code}/{version}", "get"),
        ("/data/{type}/{code}", "get"),
    }
    assert json.dumps(paths).count('"maximum": 20') == 4
