"""chain: the versions of an item, who waits for whom, and the repair of what failed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from itertools import islice
from typing import Any

import click
from rich.text import Text

from sfn_cqrs_local.cli.options import target_options
from sfn_cqrs_local.cli.repair import filter_options, repair_all
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
    examples=(
        "sfn-cqrs chain redrive ORDER o-1 2",
        "sfn-cqrs chain redrive --failed --since 2026-11-25T08:00Z --error Throttling",
    ),
)
@click.argument("type_", metavar="[TYPE", required=False)
@click.argument("code", metavar="CODE", required=False)
@click.argument("version", metavar="VERSION]", type=click.IntRange(1), required=False)
@filter_options
@target_options
@json_option
def redrive(
    type_: str | None,
    code: str | None,
    version: int | None,
    api: Api,
    as_json: bool,
    **given: Any,
) -> None:
    """Run a failed or blocked version again; what it blocked goes on behind it.

    With --failed, all that a filter means: the list first, then a question, then progress; as
    `sfn-cqrs repair` does in steps. Exits 2 if some could not be redriven.
    """
    if _is_one(type_, code, version, given):
        answer = api.post(item_path("commands", str(type_), str(code), str(version), "redrive"))
        if as_json:
            print_json(answer)
            return
        click.echo(f"{type_} {code} version {version} runs again, attempt {answer['attempt']}")
    else:
        _repair(api, "redrive", given, as_json=as_json)


@chain.command(
    cls=Command,
    examples=(
        "sfn-cqrs chain skip ORDER o-1 2",
        "sfn-cqrs chain skip --failed --type ORDER --until 2026-11-25T08:00Z",
    ),
)
@click.argument("type_", metavar="[TYPE", required=False)
@click.argument("code", metavar="CODE", required=False)
@click.argument("version", metavar="VERSION]", type=click.IntRange(1), required=False)
@filter_options
@target_options
@json_option
def skip(
    type_: str | None,
    code: str | None,
    version: int | None,
    api: Api,
    as_json: bool,
    **given: Any,
) -> None:
    """Give a failed or blocked version up for good; the next one goes on without it.

    With --failed, all that a filter means, as `redrive` does.
    """
    if _is_one(type_, code, version, given):
        answer = api.post(item_path("commands", str(type_), str(code), str(version), "skip"))
        if as_json:
            print_json(answer)
            return
        click.echo(f"{type_} {code} version {version} is skipped")
    else:
        _repair(api, "skip", given, as_json=as_json)


def _is_one(
    type_: str | None, code: str | None, version: int | None, given: Mapping[str, Any]
) -> bool:
    """Whether a single version is named, and not all of a filter."""
    is_one = version is not None
    if is_one and any(given.values()):
        raise click.UsageError("name a version, or give --failed and a filter")
    if not is_one and (type_ or code or not given["failed"]):
        raise click.UsageError("name TYPE CODE VERSION, or give --failed for all that have failed")
    return is_one


def _repair(api: Api, action: str, given: Mapping[str, Any], *, as_json: bool) -> None:
    wanted = {name: given[name] for name in ("since", "until", "error")}
    wanted["type"] = given["of_type"]
    context = click.get_current_context()
    repair_all(context, api, action, wanted, is_sure=given["is_sure"], as_json=as_json)
