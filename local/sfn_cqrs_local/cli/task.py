"""task: work in the background, of many items or of one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click
from rich.console import Console

from sfn_cqrs_local.cli import FAILED_ROWS
from sfn_cqrs_local.cli.options import target_options
from sfn_cqrs_local.client.api import Api
from sfn_cqrs_local.client.ids import Id, task_types
from sfn_cqrs_local.client.pauses import awaited, going_on
from sfn_cqrs_local.terminal.causes import code_of, reason_of
from sfn_cqrs_local.terminal.printing import print_table
from sfn_cqrs_local.terminal.progress import progress
from sfn_local.cli.command import DONE, Command, json_option, print_json

ENDED: Final = ("COMPLETED", "FAILED", "CANCELLED")
STATUSES: Final = ("CREATED", "PROCESSING", *ENDED)


@click.group()
def task() -> None:
    """Run work in the background, look at it, and repair what failed."""


@task.command(
    cls=Command,
    examples=(
        """sfn-cqrs task run ORDER_REMINDER '[{"order": "o-1", "to": "ada@example.com"}]'""",
        "sfn-cqrs task run ORDER_REMINDER @items.json --name November",
        """sfn-cqrs task run ORDER_REMINDER '{"order": "o-1", "to": "ada@example.com"}'""",
    ),
)
@click.argument("task_type", metavar="TYPE")
@click.argument("input_", metavar="INPUT")
@click.option("--name", help="What to call it.  [default: the type]")
@click.option("--no-wait", is_flag=True, help="Print the id, and do not wait for the end.")
@click.option("--idempotency-key", metavar="KEY", help="Same key and input: created once.")
@target_options
@json_option
@click.pass_context
def run(
    context: click.Context,
    task_type: str,
    input_: str,
    name: str | None,
    no_wait: bool,
    idempotency_key: str | None,
    api: Api,
    as_json: bool,
) -> None:
    """Create a task and wait for its end.

    INPUT is a JSON list of 1 to 1,000 items, or an object for a single task; @FILE reads it from a
    file, @- from standard input. Exits 2 if an item failed or was cancelled.
    """
    body = {"taskType": task_type, "input": read_json(input_, "INPUT"), "name": name}
    given = {key: value for key, value in body.items() if value is not None}
    headers = {"idempotency-key": idempotency_key} if idempotency_key else {}
    id_ = api.post("/tasks", json.dumps(given), headers)["id"]
    if no_wait:
        if as_json:
            print_json({"id": id_})
        else:
            click.echo(id_)
        return
    _follow(context, api, id_, as_json=as_json)


@task.command(
    cls=Command,
    examples=("sfn-cqrs task show t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A --status FAILED",),
)
@click.argument("id_", metavar="ID", type=Id("task"))
@click.option("--status", type=click.Choice(STATUSES), help="Show items of this status alone.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@click.option("--watch", is_flag=True, help="Wait for the end of the task first.")
@target_options
@json_option
@click.pass_context
def show(
    context: click.Context,
    id_: str,
    status: str | None,
    limit: int,
    watch: bool,
    api: Api,
    as_json: bool,
) -> None:
    """Show a task with its counts, and its items with their results or errors."""
    if watch:
        _follow(context, api, id_, as_json=as_json)
        return
    found = api.get(_path(id_), limit=1)
    items = list(islice(api.pages(_path(id_), status=status), limit))
    if as_json:
        print_json({**found, "items": items})
        return
    _print_task(found)
    rows = [(one["index"], one["status"], one["attempt"], _said(one)) for one in items]
    print_table(("item", "status", "attempt", "result or error"), rows)
    _print_first_failure(items)
    _print_what_next(found)


@task.command(name="list", cls=Command, examples=("sfn-cqrs task list ORDER_REMINDER",))
@click.argument("task_type", metavar="TYPE", required=False)
@click.option("--single", is_flag=True, help="Tasks of one item.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@target_options
@json_option
def list_(task_type: str | None, single: bool, limit: int, api: Api, as_json: bool) -> None:
    """List the tasks of a type, the newest first."""
    if task_type is None:
        raise click.UsageError(f"say of which TYPE; there are {', '.join(task_types(api))}")
    kind = "single" if single else "batch"
    found = list(islice(api.pages("/tasks", taskType=task_type, kind=kind), limit))
    if as_json:
        print_json(found)
        return
    fields = ("id", "name", "status", "attempt", "total", "failed", "createdAt")
    rows = [[one.get(field, "") for field in fields] for one in found]
    none = f"no {'single' if single else 'batch'} tasks of {task_type} yet"
    print_table(fields, rows, spare=("attempt", "name", "createdAt"), none=none)


@task.command(cls=Command, examples=("sfn-cqrs task retry t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A",))
@click.argument("id_", metavar="ID", type=Id("task"))
@click.option("--no-wait", is_flag=True, help="Do not wait for the end.")
@target_options
@json_option
@click.pass_context
def retry(context: click.Context, id_: str, no_wait: bool, api: Api, as_json: bool) -> None:
    """Run the items that failed or were cancelled again; what is completed stays as it is."""
    answer = api.post(f"{_path(id_)}/retry")
    if not no_wait:
        _follow(context, api, id_, as_json=as_json)
    elif as_json:
        print_json(answer)
    else:
        click.echo(f"{id_} runs again, attempt {answer['attempt']}")


@task.command(cls=Command, examples=("sfn-cqrs task cancel t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A",))
@click.argument("id_", metavar="ID", type=Id("task"))
@target_options
@json_option
def cancel(id_: str, api: Api, as_json: bool) -> None:
    """Begin no further item; those at work run to their end."""
    answer = api.post(f"{_path(id_)}/cancel")
    if as_json:
        print_json(answer)
        return
    click.echo(f"{id_} begins no further item")


def _follow(context: click.Context, api: Api, id_: str, *, as_json: bool) -> None:
    """Wait for the end of a task; exits 2 if an item did not go well."""
    found = api.get(_path(id_), limit=1)
    watching = going_on(id_, f"sfn-cqrs task show {id_} --watch")
    with (
        watching,
        progress(Console(stderr=as_json, highlight=False), "Done", found["total"]) as update,
    ):
        found = _waited(api, id_, update)
    if as_json:
        print_json({**found, "items": list(api.pages(_path(id_)))})
    else:
        _print_task(found)
        if found["failed"]:
            _print_first_failure(islice(api.pages(_path(id_), status="FAILED"), 1))
            click.echo(f"all of them: sfn-cqrs task show {id_} --status FAILED")
        _print_what_next(found)
    context.exit(DONE if found["status"] == "COMPLETED" else FAILED_ROWS)


def _waited(api: Api, id_: str, update: Callable[[int], None]) -> dict[str, Any]:
    def look() -> dict[str, Any]:
        found = api.get(_path(id_), limit=1)
        update(found["completed"] + found["failed"] + found["cancelled"])
        return found

    return awaited(look, lambda found: found["status"] in ENDED)


def _print_task(found: dict[str, Any]) -> None:
    click.echo(
        f"{found['id']} {found['name']} is {found['status']}, attempt {found['attempt']}:"
        f" {found['completed']} of {found['total']} completed, {found['failed']} failed,"
        f" {found['cancelled']} cancelled"
    )


def _print_first_failure(items: Iterable[dict[str, Any]]) -> None:
    failed = next((one for one in items if "error" in one), None)
    if failed is not None:
        click.echo(f"\nitem {failed['index']}: {_said(failed)}")
        for line in code_of(failed.get("cause")):
            click.echo(line)


def _print_what_next(found: dict[str, Any]) -> None:
    if found["status"] in ENDED and found["status"] != "COMPLETED":
        click.echo(f"once it is repaired: sfn-cqrs task retry {found['id']}")


def _said(item: dict[str, Any]) -> str:
    if "error" in item:
        return f"{item['error']}: {reason_of(item.get('cause'))}"
    return json.dumps(item["result"], ensure_ascii=False) if "result" in item else ""


def _path(id_: str) -> str:
    return f"/tasks/{quote(id_, safe='')}"


def read_json(text: str, argument: str) -> Any:
    """Read what an argument gives: JSON, or @FILE that has it, or @- for standard input."""
    if text == "@-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except OSError as error:
            raise click.UsageError(f"{argument}: {error}") from error
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"{argument} is no JSON: {error}") from error
