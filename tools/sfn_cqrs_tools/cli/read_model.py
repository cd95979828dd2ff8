"""read-model: the rows that handlers have made from versions, and rebuilds."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click
from click.exceptions import Exit
from rich.console import Console

from sfn_cqrs.machines.import_csv.csv.formulas import safe
from sfn_cqrs_tools.cli import FAILED_ROWS
from sfn_cqrs_tools.cli.options import api_options, limit_option, no_wait_option
from sfn_cqrs_tools.client.api import Api, ApiProblem, item_path, work_path
from sfn_cqrs_tools.client.pauses import awaited, going_on
from sfn_cqrs_tools.terminal.causes import reason_of
from sfn_cqrs_tools.terminal.printing import Columns, print_list, progress_console
from sfn_cqrs_tools.terminal.progress import NO_TOTAL, progress, rate_text
from sfn_local.cli.command import DONE, FAILED, FILE, Group, print_json, print_shown, several
from sfn_local.cli.showing import echo
from sfn_local.words import unknown

AT_WORK: Final = {"REPLAYING": "Replayed", "COMPARING": "Compared", "DROPPING": "Deleted"}
SHOWN: Final = 10
COLUMNS: Final = ("what", "error", "cause", "at")
_path: Final = partial(work_path, "rebuilds")


@click.group("read-model", cls=Group)
def read_model() -> None:
    """Show read models and their rows; operators rebuild them while they serve."""


@read_model.command("list", examples=("sfn-cqrs read-model list",))
@api_options
def list_read_models(api: Api, as_json: bool) -> None:
    """List the read models that you may read, and the names of their partitions.

    An operator also sees undeclared ones, and the progress of each rebuild.
    """
    found = {one["name"]: one for one in api.pages("/read-models")}
    for one in _rebuilds(api):
        shown = {"stage": one["stage"], "generation": one["serving"], "place": one["place"]}
        found[one["name"]] = found.get(one["name"], {"name": one["name"]}) | shown
    columns = ("name", "by", "place", "stage", "generation")
    used = [name for name in columns if any(name in one for one in found.values())]
    print_list([found[name] for name in sorted(found)], used, as_json=as_json)


def _rebuilds(api: Api) -> list[dict[str, Any]]:
    """Return the state of each read model, or nothing if the caller is not an operator."""
    try:
        return list(api.pages("/rebuilds"))
    except ApiProblem as error:
        if error.document.get("code") != "forbidden":
            raise
        return []


@read_model.command(
    "show",
    examples=(
        "sfn-cqrs read-model show orders_by_customer ada",
        "sfn-cqrs read-model show orders_by_customer ada o-1",
        "sfn-cqrs read-model show airports_by_country",
    ),
)
@click.argument("name")
@click.argument("key", required=False)
@click.argument("sort", required=False)
@limit_option
@api_options
def show_read_model(
    name: str, key: str | None, sort: str | None, limit: int, api: Api, as_json: bool
) -> None:
    """Show the rows of a partition of a read model, or one row.

    KEY names the partition, such as the customer; a read model with one partition needs none.
    SORT names the row.
    """
    partition = key or _only_partition(api, name)
    if sort is not None:
        print_json(api.get(item_path("read-models", name, partition, sort))["row"])
        return
    rows = api.first(limit, item_path("read-models", name, partition))
    if not rows and not as_json:
        raise click.ClickException(_no_rows(api, name, key))
    fields = () if as_json else _fields(api, name)
    if fields:
        rows = [{"sort": one["sort"], **one["row"]} for one in rows]
    print_list(rows, ("sort", *fields) if fields else ("sort", "row"), as_json=as_json)


def _fields(api: Api, name: str) -> tuple[str, ...]:
    """Return the fields of a read model's rows, if they have a class."""
    found = next((one for one in api.pages("/read-models") if one["name"] == name), {})
    return tuple(found.get("row", {}).get("properties", ()))


def _no_rows(api: Api, name: str, key: str | None) -> str:
    """Say that a partition is empty, and where its key could be looked up."""
    if key is None:
        return f"not_found: {name} has no rows yet"
    by = next((one["by"] for one in api.pages("/read-models") if one["name"] == name), "")
    return (
        f"not_found: {name} has no rows for {by} {key!r}\n"
        f"capitals count; `sfn-cqrs data list TYPE` shows the items, and the {by} of each"
    )


def _only_partition(api: Api, name: str) -> str:
    """Return the only partition of a read model."""
    found: dict[str, dict[str, Any]] = {one["name"]: one for one in api.pages("/read-models")}
    if name not in found:
        raise click.ClickException(unknown("read model that you may read", name, found))
    partitions = found[name]["partitions"]
    if len(partitions) == 1:
        return str(partitions[0])
    by = found[name]["by"]
    raise click.UsageError(f"{name} is kept by {by}: sfn-cqrs read-model show {name} KEY")


_steps = several(click.argument("name"), no_wait_option)


@read_model.command(
    examples=(
        "sfn-cqrs read-model rebuild orders_by_customer",
        "sfn-cqrs read-model rebuild orders_by_customer --every-version --no-wait",
    ),
)
@_steps
@click.option("--every-version", is_flag=True, help="Also replay the history, in order.")
@api_options
def rebuild(name: str, no_wait: bool, every_version: bool, api: Api, as_json: bool) -> None:
    """Build the next generation of a read model while the present one serves, and compare.

    Exits 2 if items failed. Ctrl-C ends the command, not the work.
    """
    begun = api.post(_path(name), json.dumps({"everyVersion": every_version}))
    _conclude(api, begun, wait=not no_wait, as_json=as_json)


@read_model.command(
    "progress", examples=("sfn-cqrs read-model progress orders_by_customer --watch",)
)
@click.argument("name")
@click.option("--watch", is_flag=True, help="Wait for the end of the work.")
@api_options
def show_progress(name: str, watch: bool, api: Api, as_json: bool) -> None:
    """Show the generations of a read model, and the progress of a rebuild."""
    _conclude(api, api.get(_path(name)), wait=watch, as_json=as_json)


@read_model.command(examples=("sfn-cqrs read-model cancel orders_by_customer",))
@click.argument("name")
@api_options
def cancel(name: str, api: Api, as_json: bool) -> None:
    """Stop a rebuild; `resume` continues it, `drop` gives it up."""
    print_shown(api.post(_path(name, "cancel")), _print, as_json=as_json)


@read_model.command(examples=("sfn-cqrs read-model switch orders_by_customer",))
@click.argument("name")
@click.option(
    "--with-failed",
    is_flag=True,
    help="Switch although items have failed; the failed items are left out.",
)
@api_options
def switch(name: str, with_failed: bool, api: Api, as_json: bool) -> None:
    """Serve the next generation; handlers keep writing the old one, so that you can roll back."""
    switched = api.post(_path(name, "switch"), json.dumps({"withFailed": with_failed}))
    print_shown(switched, _print, as_json=as_json)


@read_model.command(examples=("sfn-cqrs read-model rollback orders_by_customer",))
@click.argument("name")
@api_options
def rollback(name: str, api: Api, as_json: bool) -> None:
    """Serve the old generation again."""
    print_shown(api.post(_path(name, "rollback")), _print, as_json=as_json)


def _add_step(verb: str, summary: str) -> None:
    """Add a command that lets a rebuild take a step, and waits for its end."""

    @read_model.command(
        verb, examples=(f"sfn-cqrs read-model {verb} orders_by_customer",), help=summary
    )
    @_steps
    @api_options
    def step(name: str, no_wait: bool, api: Api, as_json: bool) -> None:
        changed = api.post(_path(name, verb))
        _conclude(api, changed, wait=not no_wait, as_json=as_json)


_add_step(
    "resume",
    "Continue a rebuild that has stopped, and replay again the segments with failed items.",
)
_add_step("compare", "Compare the generations again, row by row.")


@read_model.command(
    examples=(
        "sfn-cqrs read-model drop orders_by_customer",
        "sfn-cqrs read-model drop parcels_by_depot --unwritten",
    ),
)
@_steps
@click.option(
    "--unwritten",
    is_flag=True,
    help="Delete all rows of a read model that no handler is named after any more.",
)
@api_options
def drop(name: str, no_wait: bool, unwritten: bool, api: Api, as_json: bool) -> None:
    """Delete the generation that is not read; after that you cannot roll back."""
    dropped = api.post(_path(name, "drop"), json.dumps({"unwritten": unwritten}))
    _conclude(api, dropped, wait=not no_wait, as_json=as_json)


@read_model.command(
    examples=(
        "sfn-cqrs read-model problems orders_by_customer",
        "sfn-cqrs read-model problems orders_by_customer --csv problems.csv",
    ),
)
@click.argument("name")
@click.option("--csv", "path", type=FILE, help="Write all of them to a file.")
@limit_option
@api_options
def problems(name: str, path: Path | None, limit: int, api: Api, as_json: bool) -> None:
    """List the items that failed in a rebuild, and the rows that differ."""
    found = api.pages(_path(name, "problems"))
    if path is not None:
        echo(f"{_write(path, found)} problems are in {path}")
        return
    first = list(islice(found, limit))
    print_list(first, _columns(*COLUMNS), as_json=as_json, none="no problems")


def _write(path: Path, found: Iterator[dict[str, Any]]) -> int:
    """Write problems as CSV; no cell is a formula."""
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        lines = csv.writer(file, quoting=csv.QUOTE_ALL)
        lines.writerow(COLUMNS)
        for count, one in enumerate(found, 1):  # noqa: B007 - the last is how many there are
            lines.writerow([safe(str(one.get(column, ""))) for column in COLUMNS])
    return count


def _columns(*names: str) -> Columns:
    """Return columns that show the first lines of texts."""

    def shown(name: str) -> Callable[[dict[str, Any]], str]:
        return lambda one: reason_of(one.get(name))

    return {name: shown(name) for name in names}


def _conclude(api: Api, found: dict[str, Any], *, wait: bool, as_json: bool) -> None:
    """Wait for the end of the work if asked to, and print how it ended."""
    if wait:
        found = _watched(api, found, progress_console(as_json=as_json))
    print_shown(found, _print, as_json=as_json)
    if not wait:
        return
    if not as_json and found["stage"] == "READY":
        _print_problems(api, found)
    if found.get("progress", {}).get("hasStopped"):
        raise Exit(FAILED)
    raise Exit(FAILED_ROWS if found["replayed"]["failed"] else DONE)


def _watched(api: Api, found: dict[str, Any], console: Console) -> dict[str, Any]:
    name = found["name"]
    watching = going_on(name, f"sfn-cqrs read-model progress {name} --watch")
    with watching, progress(console, "Done", 0) as update:

        def look() -> dict[str, Any]:
            seen: dict[str, Any] = api.get(_path(name))
            at = seen.get("progress")
            if at is not None:
                done = at["done"] + at["skipped"] + at["failed"]
                of_items = seen["stage"] != "COMPARING"  # it counts rows, and nobody knows how many
                total = at.get("expected") if of_items else NO_TOTAL
                update(done, total=total, note=_note(seen["stage"], at))
            return seen

        return awaited(look, _is_over)


def _is_over(found: dict[str, Any]) -> bool:
    return found["stage"] not in AT_WORK or found["progress"]["hasStopped"]


def _note(stage: str, at: dict[str, Any]) -> str:
    skipped, failed = (
        ("in one only", "different") if stage == "COMPARING" else ("skipped", "failed")
    )
    counts = f"{AT_WORK[stage].lower()}: {at['skipped']} {skipped}, {at['failed']} {failed}"
    rate = f", {rate_text(at['perSecond'])} a second" if "perSecond" in at else ""
    left = f", {at['etaSeconds']} s left" if "etaSeconds" in at else ""
    return counts + rate + left


def _print(found: dict[str, Any]) -> None:
    other = f", {found['other']} beside it" if "other" in found else ""
    name, stage = found["name"], found["stage"]
    echo(f"{name} is {stage}: generation {found['serving']} serves{other}")
    if stage in AT_WORK:
        at = found["progress"]
        echo(f"  {at['done']} done, {_note(stage, at)}")
        if at["hasStopped"]:
            why = f" ({at['error']}: {reason_of(at.get('cause'))})" if "error" in at else ""
            echo(f"  nobody works on it{why}; sfn-cqrs read-model resume {name}")
    if "other" in found and stage not in ("REPLAYING", "DROPPING"):
        replayed, compared = found["replayed"], found["compared"]
        counts = ", ".join(f"{replayed[one]} {one}" for one in ("done", "skipped", "failed"))
        echo(f"  replayed: {counts}")
        echo(
            f"  compared: {compared['equal']} equal, {compared['onlyOne']} in one only,"
            f" {compared['different']} different"
        )


def _print_problems(api: Api, found: dict[str, Any]) -> None:
    """Show the first items that failed, and rows that differ."""
    name, compared = found["name"], found["compared"]
    count = found["replayed"]["failed"] + compared["onlyOne"] + compared["different"]
    if count:
        shown = api.first(SHOWN, _path(name, "problems"))
        print_list(shown, _columns(*COLUMNS[:3]), as_json=False)
    if count > SHOWN:
        echo(f"and {count - SHOWN} more: sfn-cqrs read-model problems {name} --csv FILE")
    echo(f"read it: sfn-cqrs read-model switch {name}")
    echo(f"give it up: sfn-cqrs read-model drop {name}")
