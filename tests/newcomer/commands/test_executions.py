"""Executions, found as a person knows them: by item, by id, by the beginning of a name."""

import json
import re
from itertools import takewhile

import pytest
from tests.support.proof import PROOF
from tests.support.waiting import waited

pytestmark = pytest.mark.stack

ORDER = '{"customer": "ada", "total": 5}'
NOWHERE = '{"customer": "ada", "country": "XX"}'


@pytest.fixture(scope="module")
def made():
    return {}


@pytest.fixture
def ran(typed, made):
    """An order that is applied, one that has failed, and a task: made once."""
    if not made:
        typed("publish", "ORDER", "good", "--name", "x", "--attributes", ORDER)
        typed("publish", "ORDER", "bad", "--name", "x", "--attributes", NOWHERE)
        items = json.dumps([{"order": "good", "to": "ada@example.com"}])
        made["task"] = typed("task", "run", "ORDER_REMINDER", items, "--json").json["id"]
        waited(
            lambda: {one["status"] for one in listed(typed, "--machine", "command-express")},
            lambda found: found == {"SUCCEEDED", "FAILED"},
        )
    return made


def listed(typed, *options):
    return typed("execution", "list", *options, "--json").json


def test_the_executions_of_all_machines_are_listed_and_chosen(typed, ran):
    assert ran
    assert {one["machine"] for one in listed(typed)} == {"command-express", "task"}
    assert [one["status"] for one in listed(typed, "--status", "failed")] == ["FAILED"]
    assert [one["status"] for one in listed(typed, "--item", "ORDER/good")] == ["SUCCEEDED"]
    assert listed(typed, "--item", "ORDER/none") == []


@pytest.mark.parametrize("columns", [80, pytest.param(120, marks=PROOF)])
def test_a_list_shows_whole_names(ran, terminal, typed, columns):
    assert ran
    with terminal("execution", "list", columns=columns) as shown:
        assert shown.ended() == 0

    assert {one["name"] for one in listed(typed)} <= set(shown.text.split())
    assert max(map(len, shown.text.splitlines())) <= columns


def test_an_execution_that_failed_shows_its_path_the_users_line_and_the_next_command(typed, ran):
    assert ran
    lines = typed("execution", "show", "ORDER/bad").output.splitlines()

    path = [line.split()[0] for line in takewhile(bool, lines[2:])]
    assert path[:3] == ["check_version", "check_version_result", "set_ttl_command"]
    assert path[-1] == "fail"
    assert [re.sub("line [0-9]+", "line …", line) for line in lines[-4:]] == [
        "SyncHandlerError: orders_by_customer: KeyError: 'XX'",
        '  File "app/shop/orders.py", line …, in orders_by_customer',
        '    "region": REGIONS[order.country],',
        "sfn-cqrs chain show ORDER bad",
    ]


def test_an_execution_is_found_by_the_beginning_of_its_name_by_id_and_as_the_latest(typed, ran):
    (task,) = listed(typed, "--machine", "task")

    for known in (task["name"], task["name"][:12], task["arn"], ran["task"]):
        assert typed("execution", "show", known, "--json").json["name"] == task["name"]
    latest = listed(typed, "--limit", "1")[0]["name"]
    assert typed("execution", "show", "@", "--json").json["name"] == latest


def test_an_execution_that_is_none_and_one_of_several_are_refused(typed, ran):
    assert ran
    none, several = typed("execution", "show", "nope"), typed("execution", "show", "c-")
    unknown = typed("execution", "list", "--machine", "comand")

    assert none.error == (
        "error: no execution is 'nope', begins so or is about it;"
        " `sfn-cqrs execution list` lists them, and @ is the latest\n"
    )
    assert "executions begin with 'c-'; give more of it: c-" in several.error
    assert unknown.error.startswith(
        "error: there is no machine comand (did you mean command?); there are approval, comm"
    )


def test_the_history_has_every_event_and_no_task_token(typed, ran):
    assert ran
    table = typed("execution", "history", "ORDER/good").output.splitlines()
    events = typed("execution", "history", "ORDER/good", "--json").json["events"]

    assert len(table) == len(events) + 1
    assert table[1].split()[:3] == ["1", "0.000", "ExecutionStarted"]
    assert not any("parameters" in one.get("taskScheduledEventDetails", {}) for one in events)


def test_the_path_is_drawn_on_the_machine(typed, ran, tmp_path):
    assert ran
    drawing = typed("execution", "graph", "ORDER/bad").output
    text = typed("execution", "graph", "ORDER/bad", "--mermaid").output
    states = typed("execution", "graph", "ORDER/bad", "--json").json["states"]
    said = typed("execution", "graph", "ORDER/bad", "--svg", tmp_path / "a.svg").output

    assert drawing.isascii()  # it is no terminal
    assert "x fail  Fail" in drawing
    assert "! sync_data_all  Map, " in drawing
    assert ("mark_failed", "succeeded") in [(one["name"], one["outcome"]) for one in states]
    assert text.startswith("flowchart")
    assert "mark_failed" in text
    assert (tmp_path / "a.svg").read_text().startswith("<svg")
    assert said.endswith("is drawn in " + str(tmp_path / "a.svg") + "\n")
