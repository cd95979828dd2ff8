"""plan: what is to be published at a moment."""

from __future__ import annotations

import shlex
from typing import Any, Final

import click

from sfn_cqrs.machines.schedule.rules import Status
from sfn_cqrs_tools.cli.options import api_options, item_arguments, limit_option
from sfn_cqrs_tools.client.api import Api, item_path
from sfn_cqrs_tools.terminal.printing import Columns, print_answer, print_fields, print_list
from sfn_local.cli.command import Group, print_json, several

LISTED: Final[Columns] = {
    "due": "dueAt",
    "type": "type",
    "code": "code",
    "plan": "plan",
    "status": "status",
    "attributes": "attributes",
    "reason": "reason",
}
OPEN: Final = (Status.PLANNED, Status.REFUSED)
plan_arguments = several(item_arguments, click.argument("plan_", metavar="PLAN"))


@click.group(cls=Group)
def plan() -> None:
    """Show what is to be published at a moment, run it, or cancel it."""


@plan.command(
    "list",
    examples=(
        "sfn-cqrs plan list",
        "sfn-cqrs plan list --status REFUSED",
        "sfn-cqrs plan list PREORDER p-1",
    ),
)
@click.argument("type_", metavar="[TYPE", required=False)
@click.argument("code", metavar="CODE]", required=False)
@click.option("--status", type=click.Choice([*OPEN]), help="PLANNED, if nothing else is said.")
@limit_option
@api_options
def list_plans(
    type_: str | None, code: str | None, status: str | None, limit: int, api: Api, as_json: bool
) -> None:
    """List what waits for its moment, the next first; or all plans of an item."""
    if type_ is None:
        found = api.first(limit, "/plans", status=status)
        none = f"nothing is {status or Status.PLANNED}"
    elif code is None or status is not None:
        raise click.UsageError("name TYPE and CODE for an item's plans, or give --status")
    else:
        found = api.first(limit, item_path("plans", type_, code))
        none = f"{type_} {code} has no plans"
    print_list(found, LISTED, as_json=as_json, spare=("attributes",), none=none)


@plan.command("show", examples=("sfn-cqrs plan show PREORDER p-1 deadline:payment",))
@plan_arguments
@api_options
def show_plan(type_: str, code: str, plan_: str, api: Api, as_json: bool) -> None:
    """Show a plan: what it publishes, when, for whom, and how it ended."""
    found = api.get(item_path("plans", type_, code, plan_))
    if as_json:
        print_json(found)
        return
    attributes = found.pop("attributes")
    print_fields(found)
    print_json(attributes)


@plan.command("cancel", examples=("sfn-cqrs plan cancel PREORDER p-1 deadline:payment",))
@plan_arguments
@api_options
def cancel_plan(type_: str, code: str, plan_: str, api: Api, as_json: bool) -> None:
    """Cancel a plan that waits for its moment, or that was refused."""
    found = api.delete(item_path("plans", type_, code, plan_))
    print_answer(found, f"{type_} {code} {plan_} is cancelled", as_json=as_json)


@plan.command("run", examples=("sfn-cqrs plan run PREORDER p-1 deadline:payment",))
@plan_arguments
@api_options
def run_plan(type_: str, code: str, plan_: str, api: Api, as_json: bool) -> None:
    """Publish a plan now; what was refused is tried again. Exits 1 if it is refused."""
    found = api.post(item_path("plans", type_, code, plan_, "run"))
    if found["status"] == Status.REFUSED:
        raise click.ClickException(f"{type_} {code} {plan_} is refused: {found['reason']}")
    print_answer(found, f"{type_} {code} {plan_} {_ended(found)}", as_json=as_json)


def _ended(found: dict[str, Any]) -> str:
    if found["status"] == Status.PUBLISHED:
        return f"is version {found['version']}"
    return "waits for the versions before it"


def planned(answer: dict[str, Any]) -> str:
    """Return what is said of a publish that was planned."""
    item = f"{answer['type']} {shlex.quote(answer['code'])}"
    show = f"sfn-cqrs plan show {item} {shlex.quote(answer['plan'])}"
    return f"{item} is planned for {answer['dueAt']}\nto see it: {show}"
