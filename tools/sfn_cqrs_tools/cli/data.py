"""data: items as they are, and as they were."""

from __future__ import annotations

from typing import Final

import click

from sfn_cqrs_tools.cli.options import api_options, item_arguments, limit_option
from sfn_cqrs_tools.client.api import WAIT_SECONDS, Api, item_path
from sfn_cqrs_tools.client.pauses import awaited, going_on
from sfn_cqrs_tools.terminal.printing import Columns, print_fields, print_list
from sfn_cqrs_tools.terminal.progress import waits_for
from sfn_local.cli.command import Group, print_json

HISTORY: Final[Columns] = {
    "version": "version",
    "updated": "updatedAt",
    "by": "updatedBy",
    "name": "name",
    "attributes": "attributes",
}
AT_LEAST: Final = "Wait until the item is at this version, or at a later one."


@click.group(cls=Group)
def data() -> None:
    """Show items: one, all of a type, or earlier states of one."""


@data.command(
    "get",
    examples=("sfn-cqrs data get AIRPORT RJAA", "sfn-cqrs data get AIRPORT RJAA --at-least 3"),
)
@item_arguments
@click.option("--deleted", is_flag=True, help="Show it even if it is deleted.")
@click.option("--applied", is_flag=True, help="Show the last state that was applied.")
@click.option("--at-least", type=click.IntRange(1), metavar="VERSION", help=AT_LEAST)
@api_options
def get_item(
    type_: str,
    code: str,
    deleted: bool,
    applied: bool,
    at_least: int | None,
    api: Api,
    as_json: bool,
) -> None:
    """Show the current state of an item, and how its version has ended."""
    query = {
        "deleted": "true" if deleted else None,
        "applied": "true" if applied else None,
        "atLeast": at_least,
        "wait": WAIT_SECONDS if at_least else None,
    }
    what = f"version {at_least} of {type_} {code}"
    watching = going_on(what, f"sfn-cqrs chain show {type_} {code}")
    with watching, waits_for(what, is_shown=bool(at_least) and not as_json):
        path = item_path("data", type_, code)
        row = awaited(lambda: api.get(path, **query), lambda found: "attributes" in found)
    if as_json:
        print_json(row)
        return
    attributes = row.pop("attributes")
    print_fields(row)
    print_json(attributes)


@data.command(
    "list",
    examples=(
        "sfn-cqrs data list AIRPORT --limit 500 --json",
        "sfn-cqrs data list AIRPORT --as nina:clerk",
    ),
)
@click.argument("type_", metavar="TYPE")
@limit_option
@api_options
def list_items(type_: str, limit: int, api: Api, as_json: bool) -> None:
    """List the items of a type, by code."""
    found = api.first(limit, "/data", type=type_)
    fields = ("code", "version", "outcome", "name", "attributes")
    print_list(found, fields, as_json=as_json, none=f"no items of {type_} yet")


@data.command("history", examples=("sfn-cqrs data history AIRPORT RJAA",))
@item_arguments
@limit_option
@api_options
def list_history(type_: str, code: str, limit: int, api: Api, as_json: bool) -> None:
    """Show the earlier states of an item, newest first."""
    rows = api.first(limit, item_path("data", type_, code, "history"))
    none = f"no earlier states of {type_} {code}"
    print_list(rows, HISTORY, as_json=as_json, none=none)
