"""task: work in the background, of many items or of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import click
from click.exceptions import Exit

from sfn_cqrs.machines.task.rules import CLOSED, TaskStatus
from sfn_cqrs_tools.cli import FAILED_ROWS
from sfn_cqrs_tools.cli.beginning import Beginning, beginning_options
from sfn_cqrs_tools.cli.options import api_options, limit_option, no_wait_option
from sfn_cqrs_tools.client.api import Api, work_path
from sfn_cqrs_tools.client.ids import Id, task_types
from sfn_cqrs_tools.client.pauses import awaited, going_on
from sfn_cqrs_tools.terminal.causes import code_of, result_of
from sfn_cqrs_tools.terminal.printing import print_answer, print_list, print_table, progress_console
from sfn_cqrs_tools.terminal.progress import progress
from sfn_local.cli.command import DONE, Group, print_json
from sfn_local.cli.showing import echo

_path: Final = partial(work_path, "tasks")
id_argument = click.argument("id_", metavar="ID", type=Id("task"))


@click.group(cls=Group)
def task() -> None:
    """Run background work, show it, and retry failed items."""


@task.command(
    examples=(
        """sfn-cqrs task run ORDER_REMINDER '[{"order": "o-1", "to": "ada@example.com"}]'""",
        "sfn-cqrs task run ORDER_REMINDER @items.json --name November",
        """sfn-cqrs task run ORDER_REMINDER '{"order": "o-1", "to": "ada@example.com"}'""",
    ),
)
@click.argument("task_type", metavar="TYPE")
@beginning_options("the type", "created")
@api_options
def run(task_type: str, beginning: Beginning, api: Api, as_json: bool) -> None:
    """Create a task and wait for its end.

    INPUT is a JSON list of 1 to 1,000 items, or an object for a single task; @FILE reads it from a
    file, @- from standard input. Exits 2 if an item failed or was cancelled.
    """
    beginning.begin(api, "/tasks", {"taskType": task_type}, _follow, as_json=as_json)


@task.command(examples=("sfn-cqrs task show t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A --status FAILED",))
@id_argument
@click.option("--status", type=click.Choice([*TaskStatus]), help="Only items with this status.")
@limit_option
@click.option("--watch", is_flag=True, help="Wait for the end of the task first.")
@api_options
def show(id_: str, status: str | None, limit: int, watch: bool, api: Api, as_json: bool) -> None:
    """Show a task with its counts, and its items with their results or errors."""
    if watch:
        _follow(api, id_, as_json=as_json)
        return
    found = api.get(_path(id_), limit=1)
    items = api.first(limit, _path(id_), status=status)
    if as_json:
        print_json({**found, "items": items})
        return
    _print_task(found)
    rows = [(one["index"], one["status"], one["attempt"], result_of(one)) for one in items]
    print_table(("item", "status", "attempt", "result or error"), rows)
    _print_first_failure(items)
    _print_what_next(found)


@task.command(name="list", examples=("sfn-cqrs task list ORDER_REMINDER",))
@click.argument("task_type", metavar="TYPE", required=False)
@click.option("--single", is_flag=True, help="Tasks of one item.")
@limit_option
@api_options
def list_(task_type: str | None, single: bool, limit: int, api: Api, as_json: bool) -> None:
    """List the tasks of a type, the newest first."""
    if task_type is None:
        types = ", ".join(task_types(api)) or "none"
        raise click.UsageError(f"say of which TYPE; there are {types}")
    kind = "single" if single else "batch"
    found = api.first(limit, "/tasks", taskType=task_type, kind=kind)
    fields = ("id", "name", "status", "attempt", "total", "failed", "createdAt")
    none = f"no {kind} tasks of {task_type} yet"
    spare = ("attempt", "name", "createdAt")
    print_list(found, fields, as_json=as_json, spare=spare, none=none)


@task.command(examples=("sfn-cqrs task retry t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A",))
@id_argument
@no_wait_option
@api_options
def retry(id_: str, no_wait: bool, api: Api, as_json: bool) -> None:
    """Run failed and cancelled items again; completed items do not change."""
    answer = api.post(_path(id_, "retry"))
    if no_wait:
        print_answer(answer, f"{id_} runs again, attempt {answer['attempt']}", as_json=as_json)
    else:
        _follow(api, id_, as_json=as_json)


@task.command(examples=("sfn-cqrs task cancel t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A",))
@id_argument
@api_options
def cancel(id_: str, api: Api, as_json: bool) -> None:
    """Cancel a task: no further item starts, and running items end normally."""
    answer = api.post(_path(id_, "cancel"))
    print_answer(answer, f"{id_} begins no further item", as_json=as_json)


def _follow(api: Api, id_: str, *, as_json: bool) -> None:
    """Wait for the end of a task; exits 2 if an item did not go well."""
    found = api.get(_path(id_), limit=1)
    watching = going_on(id_, f"sfn-cqrs task show {id_} --watch")
    with (
        watching,
        progress(progress_console(as_json=as_json), "Done", found["total"]) as update,
    ):
        found = _waited(api, id_, update)
    if as_json:
        print_json({**found, "items": list(api.pages(_path(id_)))})
    else:
        _print_task(found)
        if found["failed"]:
            _print_first_failure(api.first(1, _path(id_), status="FAILED"))
            echo(f"all of them: sfn-cqrs task show {id_} --status FAILED")
        _print_what_next(found)
    raise Exit(DONE if found["status"] == "COMPLETED" else FAILED_ROWS)


def _waited(api: Api, id_: str, update: Callable[[int], None]) -> dict[str, Any]:
    def look() -> dict[str, Any]:
        found = api.get(_path(id_), limit=1)
        update(found["completed"] + found["failed"] + found["cancelled"])
        return found

    return awaited(look, lambda found: found["status"] in CLOSED)


def _print_task(found: dict[str, Any]) -> None:
    echo(
        f"{found['id']} {found['name']} is {found['status']}, attempt {found['attempt']}:"
        f" {found['completed']} of {found['total']} completed, {found['failed']} failed,"
        f" {found['cancelled']} cancelled"
    )


def _print_first_failure(items: Iterable[dict[str, Any]]) -> None:
    failed = next((one for one in items if "error" in one), None)
    if failed is not None:
        echo(f"\nitem {failed['index']}: {result_of(failed)}")
        for line in code_of(failed.get("cause")):
            echo(line)


def _print_what_next(found: dict[str, Any]) -> None:
    if found["status"] in CLOSED and found["status"] != "COMPLETED":
        echo(f"once it is repaired: sfn-cqrs task retry {found['id']}")
