"""data: items as they are, and as they were."""

from __future__ import annotations

from itertools import islice

import click

from sfn_cqrs_local.cli.options import target_options
from sfn_cqrs_local.client.api import Api, item_path
from sfn_cqrs_local.terminal.printing import compact, print_fields, print_table
from sfn_local.cli.command import Command, json_option, print_json


@click.group()
def data() -> None:
    """Look at items: one, all of a type, or what one was before."""


@data.command(
    "get",
    cls=Command,
    examples=("sfn-cqrs data get AIRPORT NRT",),
)
@click.argument("type_", metavar="TYPE")
@click.argument("code")
@click.option("--deleted", is_flag=True, help="Show it even if it is deleted.")
@target_options
@json_option
def get_item(type_: str, code: str, deleted: bool, api: Api, as_json: bool) -> None:
    """Show an item as it is."""
    row = api.get(item_path("data", type_, code), deleted="true" if deleted else None)
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
    headings = ("code", "version", "name", "attributes")
    print_table(
        headings, ((r["code"], r["version"], r["name"], compact(r["attributes"])) for r in rows)
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
