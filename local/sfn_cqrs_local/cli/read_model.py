"""read-model: what the handlers have made of the versions."""

from __future__ import annotations

from itertools import islice
from typing import Any

import click

from sfn_cqrs_local.cli.options import target_options
from sfn_cqrs_local.client.api import Api, item_path
from sfn_cqrs_local.terminal.printing import compact, print_table
from sfn_local.cli.command import Command, json_option, print_json
from sfn_local.words import unknown


@click.group("read-model")
def read_model() -> None:
    """Look at read models: those that you may read, and their rows."""


@read_model.command("list", cls=Command, examples=("sfn-cqrs read-model list",))
@target_options
@json_option
def list_read_models(api: Api, as_json: bool) -> None:
    """List the read models that a declaration lets you read, and what names their partitions."""
    found = list(api.pages("/read-models"))
    if as_json:
        print_json(found)
        return
    print_table(("name", "by"), ((one["name"], one["by"]) for one in found))


@read_model.command(
    "show",
    cls=Command,
    examples=(
        "sfn-cqrs read-model show orders_by_customer ada",
        "sfn-cqrs read-model show orders_by_customer ada o-1",
        "sfn-cqrs read-model show airports_by_country",
    ),
)
@click.argument("name")
@click.argument("key", required=False)
@click.argument("sort", required=False)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@target_options
@json_option
def show_read_model(
    name: str, key: str | None, sort: str | None, limit: int, api: Api, as_json: bool
) -> None:
    """Show the rows of a partition of a read model, or one of them.

    KEY names the partition, such as the customer; a read model with one partition needs none.
    SORT names the row.
    """
    key = key or _only_partition(api, name)
    if sort is not None:
        print_json(api.get(item_path("read-models", name, key, sort))["row"])
        return
    rows = list(islice(api.pages(item_path("read-models", name, key)), limit))
    if as_json:
        print_json(rows)
        return
    print_table(("sort", "row"), ((one["sort"], compact(one["row"])) for one in rows))


def _only_partition(api: Api, name: str) -> str:
    """The one partition of a read model that has no other."""
    found: dict[str, dict[str, Any]] = {one["name"]: one for one in api.pages("/read-models")}
    if name not in found:
        raise click.ClickException(unknown("read model that you may read", name, found))
    partitions = found[name]["partitions"]
    if len(partitions) == 1:
        return str(partitions[0])
    by = found[name]["by"]
    raise click.UsageError(f"{name} is kept by {by}: sfn-cqrs read-model show {name} KEY")
