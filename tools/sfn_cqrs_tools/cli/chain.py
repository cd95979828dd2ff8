"""chain: the versions of an item, their waits, and the repair of failed ones."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click
from rich.text import Text

from sfn_cqrs_tools.cli.options import api_options, item_arguments, limit_option
from sfn_cqrs_tools.cli.repair import filter_options, repair_all
from sfn_cqrs_tools.client.api import Api, item_path
from sfn_cqrs_tools.terminal.drawing import draw_chain
from sfn_cqrs_tools.terminal.printing import console, print_answer
from sfn_local.cli.command import Group, print_json, several

version_options = several(
    click.argument("type_", metavar="[TYPE", required=False),
    click.argument("code", metavar="CODE", required=False),
    click.argument("version", metavar="VERSION]", type=click.IntRange(1), required=False),
    filter_options,
    api_options,
)


@click.group(cls=Group)
def chain() -> None:
    """Show the versions of an item, and repair failed ones."""


@chain.command(examples=("sfn-cqrs chain show ORDER o-1",))
@item_arguments
@limit_option
@api_options
def show(type_: str, code: str, limit: int, api: Api, as_json: bool) -> None:
    """Draw the chain of an item: its latest versions, the oldest first."""
    versions = api.first(limit, item_path("commands", type_, code))
    if as_json:
        print_json(versions)
        return
    out = console()
    out.print(Text(f"{type_} {code}", style="bold"))
    out.print(draw_chain(versions), soft_wrap=True)
    next_ = next_line(type_, code, versions)
    if next_:
        out.print(Text(next_), soft_wrap=True)


def next_line(type_: str, code: str, versions: Iterable[Mapping[str, Any]]) -> str:
    """Return the command that repairs the first failed version, or shows the log of an open one."""
    ordered = sorted(versions, key=lambda one: int(one["version"]))
    first = {one["outcome"]: one["version"] for one in reversed(ordered)}
    if "FAILED" in first:
        quoted = shlex.quote(code)
        return f"once it is repaired: sfn-cqrs chain retry {type_} {quoted} {first['FAILED']}"
    if "OPEN" in first:
        item = shlex.quote(f"{type_}/{code}")
        return f"to see what v{first['OPEN']} does: sfn-cqrs logs --item {item}"
    return ""


@chain.command(
    examples=(
        "sfn-cqrs chain retry ORDER o-7 2",
        "sfn-cqrs chain retry --failed --since 2026-11-25T08:00Z --error Throttling",
    ),
)
@version_options
def retry(api: Api, as_json: bool, **given: Any) -> None:
    """Run a failed or blocked version again; the versions behind it follow.

    With --failed it retries all failed versions that match the filter. It lists them first, asks,
    and then shows the progress, like `sfn-cqrs repair` does in steps. Exits 2 if some could not be
    retried.
    """
    _repair(api, "retry", "runs again, attempt {attempt}".format_map, given, as_json=as_json)


@chain.command(
    examples=(
        "sfn-cqrs chain skip ORDER o-8 2",
        "sfn-cqrs chain skip ORDER o-9 2 --restore",
        "sfn-cqrs chain skip --failed --type ORDER --until 2026-11-25T08:00Z",
    ),
)
@version_options
@click.option("--restore", is_flag=True, help="Publish what was applied before it again.")
def skip(api: Api, as_json: bool, restore: bool, **given: Any) -> None:
    """Give up a failed or blocked version for good; the next one continues without it.

    The item may show the content of a version that failed, and its read models do not: --restore
    publishes the last applied content as the next version. With --failed it skips all failed
    versions that match the filter, like `retry`.
    """
    if restore and given["version"] is None:
        raise click.UsageError("--restore needs TYPE CODE VERSION")
    query = "?restore=true" if restore else ""
    _repair(api, "skip", _skipped, given, as_json=as_json, query=query)


def _skipped(answer: Mapping[str, Any]) -> str:
    if restored := answer.get("restored"):
        return f"is skipped; version {restored} has the content that was applied before it"
    if answer.get("contentStays"):
        return "is skipped; its content stays in the item until a later version, or --restore"
    return "is skipped"


def _repair(
    api: Api,
    action: str,
    sentence: Callable[[Mapping[str, Any]], str],
    given: dict[str, Any],
    *,
    as_json: bool,
    query: str = "",
) -> None:
    """Retry or skip one named version, or all that match a filter."""
    type_, code, version = named = [given.pop(name) for name in ("type_", "code", "version")]
    if _is_one(named, given):
        answer = api.post(item_path("commands", type_, code, version, action) + query)
        done = f"{type_} {code} version {version} {sentence(answer)}"
        print_answer(answer, done, as_json=as_json)
        return
    wanted = {name: given[name] for name in ("since", "until", "error")}
    wanted["type"] = given["of_type"]
    repair_all(api, action, wanted, is_sure=given["is_sure"], as_json=as_json)


def _is_one(named: Sequence[Any], filters: Mapping[str, Any]) -> bool:
    """Return whether a single version is named, and not a filter."""
    is_one = named[-1] is not None
    if is_one and any(filters.values()):
        raise click.UsageError("name a version, or give --failed and a filter")
    if not is_one and (any(named) or not filters["failed"]):
        raise click.UsageError("name TYPE CODE VERSION, or give --failed for all that have failed")
    return is_one
