"""usage: a tenant's stored data and work, with list prices."""

from __future__ import annotations

from typing import Any

import click

from sfn_cqrs_tools.cli.options import api_options
from sfn_cqrs_tools.client.api import Api
from sfn_cqrs_tools.client.usage import priced_usage
from sfn_cqrs_tools.terminal.printing import print_table
from sfn_local.cli.command import command, print_json
from sfn_local.cli.showing import echo


@command(examples=("sfn-cqrs usage", "sfn-cqrs usage --days 31 --tenant tenant1 --json"))
@click.option(
    "--days",
    type=click.IntRange(1),
    default=14,
    show_default=True,
    help="The number of days, up to today.",
)
@api_options
def usage(days: int, api: Api, as_json: bool) -> None:
    """Show how much a tenant has stored by type, and published by type and day, with its price.

    For operators. The hourly audit counts it: `known` is the share of the tables that it has read
    since that day, and the rest is estimated. Dollars are list prices of us-east-1.
    """
    stored, by_day = priced_usage(api, days)
    if as_json:
        print_json({"stored": stored, "days": by_day})
        return
    _print("stored, dollars a month", ("type", "items", "bytes", "objectBytes"), stored)
    _print("done", ("day", "type", "commands", "rows", "taskItems"), by_day)
    if not stored:
        echo("nothing is counted yet: the audit looks at a part of the tables every hour")
        echo("to count everything now: sfn-cqrs audit --count")


def _print(title: str, fields: tuple[str, ...], found: list[dict[str, Any]]) -> None:
    if not found:
        return
    echo(f"{title}:")
    rows = [
        (
            *(f"{each[name]:,}" if name not in ("day", "type") else each[name] for name in fields),
            f"{each['known']:.0%}",
            f"{each['dollars']:.4f}",
        )
        for each in found
    ]
    print_table((*fields, "known", "dollars"), rows)
