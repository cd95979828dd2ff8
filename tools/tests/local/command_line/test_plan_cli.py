"""Plans on the command line: made by publish, listed, shown, run and cancelled."""

import json

import pytest
from tests.support.command_line import command_line

pytestmark = pytest.mark.stack

ORDER = json.dumps({"customer": "c1", "total": 5})
CHEAPER = json.dumps({"total": 4})


@pytest.fixture
def cqrs(monkeypatch, capsys, stack):
    """Return what runs a command on the stack."""
    return command_line(monkeypatch, capsys, after=("--state", stack.state.path))


@pytest.fixture
def planned(cqrs):
    """Return what makes an order, and plans a change of it; it returns the plan's name."""

    def make(code, *options):
        new = ("--name", "x", "--attributes", ORDER, "--sync")
        assert cqrs("publish", "ORDER", code, *new).code == 0
        change = ("--partial", "--attributes", CHEAPER, "--json")
        return cqrs("publish", "ORDER", code, *change, *(options or ("--after", "P3D"))).json[
            "plan"
        ]

    return make


def test_a_publish_for_later_is_a_plan(cqrs, planned):
    plan = planned("p-1", "--at", "2099-12-24T18:00:00+01:00")
    listed = cqrs("plan", "list", "--json").json
    shown = cqrs("plan", "show", "ORDER", "p-1", plan)

    assert [one["dueAt"] for one in listed if one["code"] == "p-1"] == ["2099-12-24T17:00:00.000Z"]
    assert "PLANNED" in shown.output
    assert '"total": 4' in shown.output
    assert plan in cqrs("plan", "list", "ORDER", "p-1").output


def test_a_person_reads_when_it_comes_and_how_to_see_it(cqrs, planned):
    planned("p-2")
    told = cqrs(
        "publish", "ORDER", "p-2", "--partial", "--attributes", CHEAPER, "--replace", "price",
        "--at", "2099-01-01T00:00:00Z",
    )  # fmt: skip

    assert told.output == (
        "ORDER p-2 is planned for 2099-01-01T00:00:00.000Z\n"
        "to see it: sfn-cqrs plan show ORDER p-2 price\n"
    )


def test_a_plan_is_run_now(cqrs, planned):
    plan = planned("p-3")

    result = cqrs("plan", "run", "ORDER", "p-3", plan)

    assert (result.code, result.output) == (0, f"ORDER p-3 {plan} is version 2\n")


def test_a_plan_that_is_cancelled_cannot_be_run(cqrs, planned):
    plan = planned("p-4")

    result = cqrs("plan", "cancel", "ORDER", "p-4", plan)
    again = cqrs("plan", "run", "ORDER", "p-4", plan)

    assert (result.code, result.output) == (0, f"ORDER p-4 {plan} is cancelled\n")
    assert (again.code, "not_open" in again.error) == (1, True)


def test_a_plan_that_is_refused_exits_1_and_stays_to_be_seen(cqrs, planned):
    plan = planned("p-5", "--after", "PT1H", "--version", "1")
    cqrs("publish", "ORDER", "p-5", "--partial", "--attributes", '{"total": 8}', "--sync")

    result = cqrs("plan", "run", "ORDER", "p-5", plan)
    refused = cqrs("plan", "list", "--status", "REFUSED", "--json").json

    assert result.code == 1
    assert f"ORDER p-5 {plan} is refused: version_conflict" in result.error
    assert [one["plan"] for one in refused] == [plan]
    ill = cqrs("doctor")
    (told,) = [one for one in cqrs("doctor", "--json").json["failed_work"] if one["kind"] == "plan"]
    assert (told["id"], told["tenant"]) == (f"ORDER p-5 {plan}", "tenant1")
    assert told["error"].startswith("version_conflict")
    assert f"next: sfn-cqrs plan show ORDER p-5 {plan} --tenant tenant1" in ill.output

    cqrs("plan", "cancel", "ORDER", "p-5", plan)
    assert "p-5" not in cqrs("doctor").output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--at", "2099-01-01T00:00:00Z", "--sync"], "so not --sync and not --wait"),
        (["--after", "P1D", "--wait"], "so not --sync and not --wait"),
        (["--replace", "price"], "--replace names a plan: give --at or --after, too"),
    ],
)
def test_what_goes_not_together_is_refused(cqrs, options, message):
    result = cqrs("publish", "ORDER", "p-6", "--name", "x", "--attributes", ORDER, *options)

    assert result.code == 64
    assert message in result.error


@pytest.mark.parametrize("arguments", [["ORDER"], ["ORDER", "p-1", "--status", "REFUSED"]])
def test_a_list_is_of_an_item_or_of_a_status(cqrs, arguments):
    result = cqrs("plan", "list", *arguments)

    assert result.code == 64
    assert "name TYPE and CODE for an item's plans, or give --status" in result.error


def test_a_moment_that_is_none_is_named(cqrs):
    result = cqrs("publish", "ORDER", "p-7", "--name", "x", "--attributes", ORDER, "--at", "noon")

    assert result.code == 1
    assert "at: must be a moment with its offset" in result.error
