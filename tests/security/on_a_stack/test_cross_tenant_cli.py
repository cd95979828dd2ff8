"""Every command that names something, with another tenant's code or id: refused or empty."""

import json
from typing import NamedTuple

import click
import pytest
from tests.support.command_line import command_line
from tests.support.orders import an_order

from sfn_cqrs_tools.cli import cli

SECRET = "TENANT4-SECRET"
FILE = (
    f"icao,name,country,lat,lon,tz\nNRT,{SECRET},JP,35.7,140.3,Asia/Tokyo\nB,{SECRET},JP,999,1,x\n"
)


@pytest.mark.stack
@pytest.mark.real_time("the command line waits for the task that it has started")
def test_no_command_answers_for_another_tenant(stack, monkeypatch, capsys, tmp_path):
    run = command_line(monkeypatch, capsys, after=("--state", str(stack.state.path)))

    def ours(*arguments):
        return run(*arguments, "--tenant", "tenant3")

    def theirs(*arguments):
        return run(*arguments, "--tenant", "tenant4")

    order, item = json.dumps({"customer": SECRET}), json.dumps([{"order": SECRET, "to": "a@b.c"}])
    theirs("publish", "ORDER", "o-1", "--name", SECRET, "--attributes", order, "--sync")
    task = theirs("task", "run", "ORDER_REMINDER", item, "--json").json["id"]
    saga = theirs("saga", "start", "order-saga", json.dumps(an_order(order=SECRET)), "--json").json[
        "id"
    ]
    at = ("--at", "2099-01-01T00:00:00Z", "--replace", "later")
    theirs("publish", "ORDER", "o-1", "--name", SECRET, "--attributes", order, *at)
    approval = theirs("approval", "request", "ORDER_RELEASE", "--subject", "o-1").output.strip()
    repair = theirs("repair", "plan", "command", "retry", "--json").json["id"]
    (tmp_path / "airports.csv").write_text(FILE)
    file = str(tmp_path / "airports.csv")
    job = theirs("import", "start", file, "--table", "airports", "--json").json["id"]
    assert SECRET in theirs("data", "get", "ORDER", "o-1").output

    erasure = theirs("erase", "nobody", "--yes", "--reason", SECRET, "--json").json["id"]
    bucket = stack.outputs["ImportBucketName"]
    names = Names(task, saga, approval, repair, job, bucket, erasure)
    for command in refused(names):
        result = ours(*command)

        assert result.code == 1, (command, result)
        assert any(code in result.error for code in CODES), (command, result)
        assert SECRET not in result.output + result.error, command
    for command in LISTS:
        assert SECRET not in ours(*command).output, command
        assert ours(*command, "--json").json == [], command


class Names(NamedTuple):
    """What tenant4 has, by kind."""

    task: str
    saga: str
    approval: str
    repair: str
    job: str
    bucket: str
    erasure: str


Words = tuple[str, ...]
CODES = ("not_found", "foreign_file", "version_conflict")


def refused(theirs: Names) -> list[Words]:
    """Every command that names something, with what is tenant4's."""
    file = f"s3://{theirs.bucket}/uploads/tenant4/x/airports.csv"
    return [
        ("chain", "show", "ORDER", "o-1"),
        ("chain", "retry", "ORDER", "o-1", "1"),
        ("chain", "skip", "ORDER", "o-1", "1"),
        ("data", "get", "ORDER", "o-1"),
        ("data", "get", "ORDER", "o-1", "--at-least", "1"),
        ("data", "history", "ORDER", "o-1"),
        ("trace", "ORDER/o-1"),
        ("plan", "show", "ORDER", "o-1", "later"),
        ("plan", "cancel", "ORDER", "o-1", "later"),
        ("plan", "run", "ORDER", "o-1", "later"),
        ("read-model", "show", "orders_by_customer", SECRET, "o-1"),
        ("task", "show", theirs.task),
        ("task", "cancel", theirs.task),
        ("task", "retry", theirs.task),
        ("saga", "show", theirs.saga),
        ("saga", "retry", theirs.saga),
        ("repair", "show", theirs.repair),
        ("repair", "start", theirs.repair),
        ("erasure", "show", theirs.erasure),
        ("erasure", "confirm", theirs.erasure),
        ("approval", "request", "ORDER_RELEASE", "--subject", "o-1"),
        ("approval", "show", theirs.approval),
        ("approval", "retry", theirs.approval),
        ("approve", theirs.approval, "--as", "hanako"),
        ("reject", theirs.approval, "--as", "hanako"),
        ("import", "status", theirs.job),
        ("import", "show", theirs.job),
        ("import", "errors", theirs.job),
        ("import", "cancel", theirs.job),
        ("import", "retry", theirs.job),
        ("import", "undo", theirs.job),
        ("import", "start", file, "--table", "airports"),
        ("import", "dry-run", file, "--table", "airports"),
        ("publish", "ORDER", "o-1", "--partial", "--attributes", "{}"),
        ("publish", "ORDER", "o-1", "--delete"),
        ("publish", "ORDER", "o-1", "--name", "x", "--attributes", "{}", "--version", "1"),
    ]


LISTS: tuple[Words, ...] = (
    ("data", "list", "ORDER"),
    ("read-model", "show", "orders_by_customer", SECRET),
    ("task", "list", "ORDER_REMINDER"),
    ("plan", "list"),
    ("plan", "list", "ORDER", "o-1"),
    ("saga", "list"),
    ("approval", "list", "--status", "all"),
    ("import", "list"),
    ("repair", "list"),
    ("erasure", "list"),
)
REBUILDS = "rebuild progress problems resume cancel compare switch rollback drop"
NAMES_NOTHING = {
    "erase",
    *(f"job {each}" for each in ("list", "pause", "resume", "run", "show")),
    "read-model list",
    *(f"read-model {each}" for each in REBUILDS.split()),
    "repair plan",
    "saga start",
    "task run",
    "type list",
    "type show",
    "usage",
}
"""They name declarations, or make what is one's own: the matrix of routes has what they send."""
OF_AWS = {
    *("execution graph", "execution history", "execution list", "execution show", "logs"),
    *("audit", "export history", "import-original", "type unique", "what-if"),
}
"""They ask AWS and not the API: whoever may, may see every tenant's."""


def test_every_command_of_a_tenant_is_among_them() -> None:
    said = [*refused(Names(*["x"] * 7)), *LISTS]
    tried = {name for name in of_a_tenant(cli) if any(begins(words, name) for words in said)}

    assert of_a_tenant(cli) - tried == NAMES_NOTHING | OF_AWS


def begins(words: Words, name: str) -> bool:
    parts = tuple(name.split())
    return words[: len(parts)] == parts


def of_a_tenant(command: click.Command, name: str = "") -> set[str]:
    """The commands with --tenant."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        names = command.list_commands(context)
        found = [(each, command.get_command(context, each)) for each in names]
        return {
            one
            for each, child in found
            if child is not None
            for one in of_a_tenant(child, f"{name} {each}".strip())
        }
    return {name} if any(each.name == "tenant" for each in command.params) else set()
