"""chain: the versions of an item, who waits for whom, and the repair of what failed."""

from __future__ import annotations

import shlex
from itertools import islice

import click
from rich.text import Text

from sfn_cqrs_local.cli.options import target_options
from sfn_cqrs_local.client.api import Api, item_path
from sfn_cqrs_local.terminal.drawing import draw_chain
from sfn_cqrs_local.terminal.printing import console
from sfn_local.cli.command import Command, json_option, print_json


@click.group()
def chain() -> None:
    """Look at the versions of an item, and repair what failed."""


@chain.command(
    cls=Command,
    examples=("sfn-cqrs chain show ORDER o-1",),
)
@click.argument("type_", metavar="TYPE")
@click.argument("code")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@target_options
@json_option
def show(type_: str, code: str, limit: int, api: Api, as_json: bool) -> None:
    """Draw the chain of an item: its latest versions, the oldest first."""
    versions = list(islice(api.pages(item_path("commands", type_, code)), limit))
    if as_json:
        print_json(versions)
        return
    out = console()
    out.print(Text(f"{type_} {code}", style="bold"))
    out.print(draw_chain(versions), soft_wrap=True)
    failed = min((one["version"] for one in versions if one["outcome"] == "FAILED"), default=None)
    if failed is not None:
        command = f"sfn-cqrs chain redrive {type_} {shlex.quote(code)} {failed}"
        out.print(Text(f"once it is repaired: {command}"), soft_wrap=True)


@chain.command(
    cls=Command,
    examples=("sfn-cqrs chain redrive ORDER o-1 2",),
)
@click.argument("type_", metavar="TYPE")
@click.argument("code")
@click.argument("version", type=click.IntRange(1))
@target_options
@json_option
def redrive(type_: str, code: str, version: int, api: Api, as_json: bool) -> None:
    """Run a failed or blocked version again; what it blocked goes on behind it."""
    answer = api.post(item_path("commands", type_, code, version, "redrive"))
    if as_json:
        print_json(answer)
        return
    click.echo(f"{type_} {code} version {version} runs again, attempt {answer['attempt']}")


@chain.command(
    cls=Command,
    examples=("sfn-cqrs chain skip ORDER o-1 2",),
)
@click.argument("type_", metavar="TYPE")
@click.argument("code")
@click.argument("version", type=click.IntRange(1))
@target_options
@json_option
def skip(type_: str, code: str, version: int, api: Api, as_json: bool) -> None:
    """Give a failed or blocked version up for good; the next one goes on without it."""
    answer = api.post(item_path("commands", type_, code, version, "skip"))
    if as_json:
        print_json(answer)
        return
    click.echo(f"{type_} {code} version {version} is skipped")
