"""The row tells how its version has ended; a skip says whether its content stays."""

import pytest

from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs_tools.testing.builders import NRT, a_command, a_process


@pytest.fixture
def chain(world):
    """Return what puts versions 1, 2, … with their outcomes; all but a blocked one were in the row.

    A version is named after its number; a `None` outcome has no process.
    """

    def put(*outcomes, key=NRT):
        for version, outcome in enumerate(outcomes, start=1):
            command = a_command(
                key, version, name=f"v{version}", attributes={"country": "JP", "n": version}
            )
            world.seed_commands(command)
            if outcome is not None:
                world.seed(a_process(key, version, outcome=Outcome(outcome)))
            if outcome == "BLOCKED":
                continue
            before = world.data.snapshot(key)
            if before is not None:
                world.history.append(before)
            world.seed_rows(command)

    return put


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        ("APPLIED", "APPLIED"),
        ("FAILED", "FAILED"),
        ("SKIPPED", "SKIPPED"),
        ("OPEN", "OPEN"),
        ("WAITING", "OPEN"),
        (None, "APPLIED"),
    ],
)
def test_an_item_and_a_list_show_how_the_version_has_ended(outcome, shown, call, chain):
    chain("APPLIED", outcome)

    one = call("GET", "/data/AIRPORT/NRT").body
    (listed,) = call("GET", "/data", query={"type": "AIRPORT"}).body["items"]

    assert (one["version"], one["outcome"], listed["outcome"]) == (2, shown, shown)


def test_each_item_of_a_list_has_its_own(call, chain):
    chain("FAILED")
    chain("APPLIED", key=ItemKey("tenant1", "AIRPORT", "HND"))

    found = call("GET", "/data", query={"type": "AIRPORT"}).body["items"]

    assert {one["code"]: one["outcome"] for one in found} == {"NRT": "FAILED", "HND": "APPLIED"}


def test_earlier_states_are_listed_without(call, chain):
    chain("APPLIED", "FAILED")

    (state,) = call("GET", "/data/AIRPORT/NRT/history").body["items"]

    assert "outcome" not in state


class TestApplied:
    def read(self, call, **query):
        return call("GET", "/data/AIRPORT/NRT", query={"applied": "true", **query})

    def test_is_the_row_if_its_version_is(self, call, chain):
        chain("APPLIED", "APPLIED")

        body = self.read(call).body

        assert (body["version"], body["outcome"]) == (2, "APPLIED")

    @pytest.mark.parametrize("outcomes", [("FAILED",), ("SKIPPED", "FAILED"), ("SKIPPED",) * 5])
    def test_is_the_last_applied_state_of_the_history(self, outcomes, call, chain):
        chain("APPLIED", "APPLIED", *outcomes)

        body = self.read(call).body

        assert (body["version"], body["name"], body["outcome"]) == (2, "v2", "APPLIED")

    def test_is_not_there_if_no_version_was_applied(self, call, chain):
        chain("SKIPPED", "FAILED")

        answer = self.read(call)

        assert (answer.status, answer.body["code"]) == (404, "no_applied_version")

    def test_of_an_item_that_does_not_exist_is_not_found(self, call):
        assert self.read(call).body["code"] == "not_found"

    def test_does_not_go_with_at_least(self, call, chain):
        chain("APPLIED")

        answer = self.read(call, atLeast="1")

        assert (answer.status, answer.body["code"]) == (400, "invalid_input")


class TestSkip:
    def skip(self, call, version, **query):
        return call("POST", f"/commands/AIRPORT/NRT/{version}/skip", query=query)

    def test_says_that_the_content_stays_in_the_row(self, call, chain):
        chain("APPLIED", "FAILED")

        answer = self.skip(call, 2)

        assert answer.body == {"version": 2, "outcome": "SKIPPED", "contentStays": True}

    def test_of_a_version_that_never_reached_the_row_says_that_nothing_stays(self, call, chain):
        chain("FAILED", "BLOCKED")

        assert self.skip(call, 2).body["contentStays"] is False

    def test_says_that_nothing_stays_if_a_later_version_goes_on(self, call, chain):
        chain("APPLIED", "FAILED", "BLOCKED")

        assert self.skip(call, 2).body["contentStays"] is False

    def test_that_restores_publishes_what_was_applied_before(self, call, chain, world):
        chain("APPLIED", "FAILED")

        answer = self.skip(call, 2, restore="true")

        said = {"version": 2, "outcome": "SKIPPED", "restored": 3, "contentStays": False}
        assert (answer.status, answer.body) == (202, said)
        restored = world.commands.find(NRT, 3)
        assert (restored.name, restored.attributes) == ("v1", {"country": "JP", "n": 1})
        assert restored.updated.by == "taro"
        assert world.processes.find(NRT, 2).repaired_by == "taro"
        assert world.processes.find(NRT, 2).outcome is Outcome.SKIPPED

    def test_that_is_repeated_publishes_no_second_version(self, call, chain, world):
        chain("APPLIED", "FAILED")
        first = self.skip(call, 2, restore="true")

        again = self.skip(call, 2, restore="true")

        assert again.body == first.body
        assert world.commands.find(NRT, 4) is None

    def test_may_restore_what_was_skipped_before(self, call, chain):
        chain("APPLIED", "FAILED")
        self.skip(call, 2)

        assert self.skip(call, 2, restore="true").body["restored"] == 3

    def test_restores_behind_versions_that_are_skipped_too(self, call, chain, world):
        chain("APPLIED", "FAILED", "BLOCKED")
        self.skip(call, 3)

        assert self.skip(call, 2, restore="true").body["restored"] == 4
        assert world.commands.find(NRT, 4).name == "v1"

    def test_publishes_nothing_behind_a_later_version(self, call, chain, world):
        chain("APPLIED", "FAILED", "BLOCKED")

        body = self.skip(call, 2, restore="true").body

        assert "restored" not in body
        assert world.commands.find(NRT, 4) is None

    def test_that_has_nothing_to_restore_skips_nothing(self, call, chain, world):
        chain("FAILED")

        answer = self.skip(call, 1, restore="true")

        assert (answer.status, answer.body["code"]) == (404, "no_applied_version")
        assert world.processes.find(NRT, 1).outcome is Outcome.FAILED

    def test_skips_nothing_if_the_content_no_longer_fits_its_class(self, call, world):
        for version, attributes in ((1, {"n": 1}), (2, {"country": "JP"})):
            command = a_command(version=version, attributes=attributes)
            world.seed_commands(command)
            world.seed(a_process(version=version, outcome=Outcome.FAILED))
        world.seed(a_process(version=1, outcome=Outcome.APPLIED))
        world.seed_rows(a_command(version=1, attributes={"n": 1}))

        answer = self.skip(call, 2, restore="true")

        assert (answer.status, answer.body["code"]) == (400, "invalid_input")
        assert world.processes.find(NRT, 2).outcome is Outcome.FAILED

    def test_restores_nothing_of_a_version_that_works(self, call, chain):
        chain("APPLIED", "OPEN")

        answer = self.skip(call, 2, restore="true")

        assert (answer.status, answer.body["code"]) == (409, "not_failed")
