"""The command that answers what a page shows: each is one that the command line takes."""

import shlex

import click
import pytest

from sfn_cqrs_tools.cli import cli
from sfn_cqrs_tools.console.commands import SAID, Shown, command_of
from sfn_cqrs_tools.console.pages import PAGES

ASKED = {"type": "ORDER", "kind": "csv", "status": "FAILED", "machine": "command"}
ALONE = {"/tasks": {"type": "ORDER_REMINDER", "kind": "single"}, "/approvals": {"status": "STALE"}}
STATUS = {"/sagas": "PARKED"}


def told(path, *, tenant="tenant1", stack="", person="", **query):
    address = f"http://127.0.0.1:8787/console{path}"
    return command_of(Shown(path, address, query, tenant, stack, person))


def taken(words):
    """Let the command line read a command, as far as its options and arguments."""
    command, context = cli, None
    while isinstance(command, click.Group):
        name, command, words = command.resolve_command(
            click.Context(command, parent=context), words
        )
    command.make_context(name, [*words], resilient_parsing=True)
    parser = command.make_parser(click.Context(command))
    parser.parse_args(args=[*words])
    return command.name


@pytest.mark.parametrize("page", SAID)
def test_each_page_has_a_command_that_the_command_line_takes(page):
    path = page.format(
        type="ORDER", code="-o 1", id="t-1", name="x", machine="command", partition="p q", sort="s"
    )
    options = {name: STATUS.get(page, ASKED[name]) for name in SAID[page][1]}
    query = ALONE.get(page, options)

    for given in ({}, {"stack": "dev"}, {"tenant": "tenant2"}, {"person": "otto:auditor"}):
        line = told(path.replace(" ", "%20"), **given, **query)
        if line:
            assert taken(shlex.split(line)[1:])
    assert page in PAGES


def test_a_filter_is_an_option_and_one_that_there_is_none_for_is_asked_of_the_console():
    assert told("/executions", status="FAILED", sort="") == (
        "sfn-cqrs execution list --status FAILED"
    )
    assert told("/items/ORDER/-o%201") == "sfn-cqrs chain show -- ORDER '-o 1'"
    assert told("/sagas", q="ada", sort="-name", page="3", tenant="tenant2") == (
        "curl -s 'http://127.0.0.1:8787/console/sagas?tenant=tenant2&q=ada&sort=-name&as=jsonl'"
    )
    assert told("/publish") == told("/items") == ""


@pytest.mark.parametrize("page", [page for page in PAGES if page.endswith("/new")])
def test_a_form_has_no_command_that_would_show_an_item_named_new(page):
    assert told(page) == ""
    assert told("/items/ORDER/new") == "sfn-cqrs chain show ORDER new"


def test_a_person_is_named_where_the_command_asks_as_somebody():
    ada = {"person": "ada:nurse"}

    assert told("/usage", **ada) == "sfn-cqrs usage --as ada:nurse"
    assert told("/sagas/g-1", tenant="tenant2", **ada) == (
        "sfn-cqrs saga show --tenant tenant2 --as ada:nurse g-1"
    )
    assert told("", **ada) == "sfn-cqrs doctor"
    assert told("/executions", **ada) == "sfn-cqrs execution list"
