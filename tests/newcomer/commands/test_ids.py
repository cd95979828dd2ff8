"""Ids: whole on every terminal, short where they are typed."""

import json

import pytest
from tests.support.held_up import held_up
from tests.support.proof import PROOF

pytestmark = pytest.mark.stack

GOOD = json.dumps([{"order": "o-1", "to": "ada@example.com"}])
SAGA = {"order": "o-ids", "customer": "ada", "card": "visa", "total": 1}
SAGA |= {"lines": [{"sku": "NONE", "quantity": 1}]}


@pytest.fixture(scope="module")
def made():
    return {}


@pytest.fixture
def ids(typed, made, tmp_path):
    """One of each: made once, as all tests look at the same."""
    if made:
        return made
    table = tmp_path / "airports.csv"
    table.write_text("icao,name,country,lat,lon,tz\nAAAZ,A,JP,1,2,Asia/Tokyo\n")
    made["task"] = typed("task", "run", "ORDER_REMINDER", GOOD, "--json").json["id"]
    made["saga"] = typed("saga", "start", "order-saga", json.dumps(SAGA), "--json").json["id"]
    order = ("--name", "first", "--attributes", '{"customer": "ada"}', "--sync")
    typed("publish", "ORDER", "o-1", *order)
    made["approval"] = typed("approval", "request", "ORDER_RELEASE", "--subject", "o-1", "--json")
    made["approval"] = made["approval"].json["id"]
    started = typed("import", "start", table, "--table", "airports", "--mode", "direct", "--json")
    made["import"] = started.json["id"]
    made["repair"] = typed("repair", "plan", "command", "retry", "--json").json["id"]
    return made


@pytest.mark.parametrize("columns", [80, pytest.param(120, marks=PROOF)])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("task", ["ORDER_REMINDER"]),
        ("saga", []),
        ("approval", ["--status", "ALL"]),
        ("import", []),
        ("repair", []),
    ],
)
def test_a_list_shows_whole_ids_on_one_line_each(ids, terminal, kind, options, columns):
    with terminal(kind, "list", *options, columns=columns) as shown:
        assert shown.ended() == 0

    assert ids[kind] in shown.text.split()
    assert max(map(len, shown.text.splitlines())) <= columns


@pytest.mark.parametrize("kind", ["task", "saga", "approval", "import", "repair"])
def test_the_beginning_of_an_id_is_enough_and_the_last_one_is_an_at_sign(ids, typed, kind, stack):
    id_ = ids[kind]
    (stack.state.path / "recent.json").unlink(missing_ok=True)  # as on another machine

    assert typed(kind, "show", id_[:-2], "--json").json["id"] == id_

    made = {"local": [*(one for one in ids.values() if one != id_), id_]}
    (stack.state.path / "recent.json").write_text(json.dumps(made))
    assert typed(kind, "show", "@", "--json").json["id"] == id_


@pytest.mark.usefixtures("ids")
def test_an_id_that_several_begin_with_is_refused_with_some_of_them(typed):
    other = typed("task", "run", "ORDER_REMINDER", GOOD, "--json").json["id"]

    refused = typed("task", "show", "t-")

    assert refused.code == 1
    assert "tasks begin with 't-'; give more of it: " in refused.error
    assert other in refused.error
    assert typed("task", "show", "@", "--json").json["id"] == other


def test_an_id_of_something_else_names_the_command_for_it(ids, typed):
    refused = typed("task", "show", ids["saga"])

    assert refused.error == (
        f"error: {ids['saga']} is the id of a saga: sfn-cqrs saga show {ids['saga']}\n"
    )


def test_what_begins_no_id_says_how_to_find_one(typed):
    assert typed("task", "show", "t-nope").error == (
        "error: no task has an id that begins with 't-nope';"
        " `sfn-cqrs task list TYPE` lists them, and @ is the last one\n"
    )


def test_the_last_one_of_none_says_so(typed, stack):
    (stack.state.path / "recent.json").unlink(missing_ok=True)

    assert typed("saga", "show", "@").error == (
        "error: @ is the last saga that was made from here, and there is none yet\n"
    )


def test_ctrl_c_in_a_watch_says_that_the_work_goes_on_and_how_to_watch_it(terminal):
    with held_up(), terminal("task", "run", "ORDER_REMINDER", GOOD) as running:
        running.until("Done")
        running.press_ctrl_c()
        code = running.ended()

    assert code == 130
    assert "still runs; watch it again: sfn-cqrs task show t-" in " ".join(running.text.split())
    assert "Traceback" not in running.text
