"""data: items as they are, and as they were."""

from __future__ import annotations

from itertools import islice
from typing import Final

import click

from sfn_cqrs_local.cli.options import target_options
from sfn_cqrs_local.client.api import WAIT_SECONDS, Api, item_path
from sfn_cqrs_local.client.pauses import awaited, going_on
from sfn_cqrs_local.terminal.printing import compact, print_fields, print_table
from sfn_local.cli.command import Command, json_option, print_json

AT_LEAST: Final = "Wait until the item is at this version, or at a later one."


@click.group()
def data() -> None:
    """Look at items: one, all of a type, or what one was before."""


@data.command(
    "get",
    cls=Command,
    examples=("sfn-cqrs data get AIRPORT NRT", "sfn-cqrs data get AIRPORT NRT --at-least 3"),
)
@click.argument("type_", metavar="TYPE")
@click.argument("code")
@click.option("--deleted", is_flag=True, help="Show it even if it is deleted.")
@click.option("--at-least", type=click.IntRange(1), metavar="VERSION", help=AT_LEAST)
@target_options
@json_option
def get_item(
    type_: str, code: str, deleted: bool, at_least: int | None, api: Api, as_json: bool
) -> None:
    """Show an item as it is."""
    query = {
        "deleted": "true" if deleted else None,
        "atLeast": at_least,
        "wait": WAIT_SECONDS if at_least else None,
    }
    with going_on(f"version {at_least} of {type_} {code}", f"sfn-cqrs chain show {type_} {code}"):
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
    cls=Command,
    examples=("sfn-cqrs data list AIRPORT --limit 500 --json",),
)
@click.argument("type_", metavar="TYPE")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@target_options
@json_option
def list_items(type_: str, limit: int, api: Api, as_json: bool) -> None:
    """List the items of a type, by code."""
    rows = list(islice(api.pages("/data", type=type_), limit))
    if as_json:
        print_json(rows)
        return
    print_table(
        ("code", "version", "name", "attributes"),
        ((r["code"], r["version"], r["name"], compact(r["attributes"])) for r in rows),
        none=f"no items of {type_} yet",
    )


@data.command(
    "history",
    cls=Command,
    examples=("sfn-cqrs data history AIRPORT NRT",),
)
@click.argument("type_", metavar="TYPE")
@click.argument("code")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@target_options
@json_option
def list_history(type_: str, code: str, limit: int, api: Api, as_json: bool) -> None:
    """Show what an item was before, the newest first."""
    rows = list(islice(api.pages(item_path("data", type_, code, "history")), limit))
    if as_json:
        print_json(rows)
        return
    headings = ("version", "updated", "by", "name", "attributes")
    print_table(
        headings,
        (
            (r["version"], r["updatedAt"], r["updatedBy"], r["name"], compact(r["attributes"]))
            for r in rows
        ),
    )
