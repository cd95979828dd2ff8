"""Every command that names something, with another tenant's code or id: refused or empty."""

import json

import pytest
from tests.support.command_line import command_line
from tests.support.quick_stack import quick_stack

pytestmark = pytest.mark.stack
SECRET = "TENANT2-SECRET"
FILE = (
    f"icao,name,country,lat,lon,tz\nNRT,{SECRET},JP,35.7,140.3,Asia/Tokyo\nB,{SECRET},JP,999,1,x\n"
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with quick_stack(state_dir=tmp_path_factory.mktemp("state")) as started:
        yield started


@pytest.mark.real_time("the command line waits for the task that it has started")
def test_no_command_answers_for_another_tenant(stack, monkeypatch, capsys, tmp_path):
    run = command_line(monkeypatch, capsys, after=("--state", str(stack.state.path)))

    def theirs(*arguments):
        return run(*arguments, "--tenant", "tenant2")

    order, item = json.dumps({"customer": SECRET}), json.dumps([{"order": SECRET, "to": "a@b.c"}])
    theirs("publish", "ORDER", "o-1", "--name", SECRET, "--attributes", order, "--sync")
    task = theirs("task", "run", "ORDER_REMINDER", item, "--json").json["id"]
    saga = theirs("saga", "start", "order-saga", json.dumps({"order": SECRET}), "--json").json["id"]
    approval = theirs("approval", "request", "ORDER_RELEASE", "--subject", "o-1").output.strip()
    repair = theirs("repair", "plan", "command", "redrive", "--json").json["id"]
    (tmp_path / "airports.csv").write_text(FILE)
    file = str(tmp_path / "airports.csv")
    job = theirs("import", "start", file, "--table", "airports", "--json").json["id"]
    assert SECRET in theirs("data", "get", "ORDER", "o-1").output

    for command in (
        ("chain", "show", "ORDER", "o-1"),
        ("chain", "redrive", "ORDER", "o-1", "1"),
        ("chain", "skip", "ORDER", "o-1", "1"),
        ("data", "get", "ORDER", "o-1"),
        ("data", "history", "ORDER", "o-1"),
        ("read-model", "show", "orders_by_customer", SECRET, "o-1"),
        ("task", "show", task),
        ("task", "cancel", task),
        ("task", "retry", task),
        ("saga", "show", saga),
        ("saga", "redrive", saga),
        ("repair", "show", repair),
        ("repair", "start", repair),
        ("approval", "show", approval),
        ("approval", "retry", approval),
        ("approve", approval, "--as", "hanako"),
        ("reject", approval, "--as", "hanako"),
        ("import", "status", job),
        ("import", "errors", job),
        ("import", "cancel", job),
        ("import", "retry", job),
        ("publish", "ORDER", "o-1", "--partial", "--attributes", "{}"),
    ):
        result = run(*command)

        assert result.code == 1, (command, result)
        assert "not_found" in result.error, (command, result)
        assert SECRET not in result.output + result.error, command
    for command in (
        ("data", "list", "ORDER"),
        ("read-model", "show", "orders_by_customer", SECRET),
        ("task", "list", "ORDER_REMINDER"),
        ("saga", "list"),
        ("approval", "list", "--status", "all"),
        ("import", "list"),
    ):
        assert SECRET not in run(*command).output, command
        assert run(*command, "--json").json == [], command
