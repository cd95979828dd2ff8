"""erase: erase a person, and show what was erased."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from sfn_cqrs_tools.cli.options import TENANT_HELP, api_options, one_line_errors, stack_options
from sfn_cqrs_tools.client.api import Api, connect, work_path
from sfn_cqrs_tools.client.aws import Target, find_target
from sfn_cqrs_tools.terminal.printing import print_answer, print_list, progress_console
from sfn_cqrs_tools.terminal.progress import progress
from sfn_local.cli.command import FAILED, Group, command, json_option, print_shown
from sfn_local.cli.showing import echo

ERASES: Final = "ScheduleErasePeopleFunction"
LOCAL: Final = "tenant1"
TURN: Final = 10
"""Seconds that the function works before it says how far it is."""
_path: Final = partial(work_path, "erasures")


@command(
    examples=(
        "sfn-cqrs erase person-4711",
        'sfn-cqrs erase person-4711 --yes --reason "request of 2026-11-29"',
    ),
)
@click.argument("subject")
@click.option(
    "--yes", "is_sure", is_flag=True, help="Erase; without it, only show what would be erased."
)
@click.option("--reason", default="", help="The reason; the certificate has it.")
@click.option(
    "--not-kept",
    "not_kept",
    multiple=True,
    metavar="TYPE/CODE",
    help="An item that no law keeps, whatever its type says; another operator confirms it.",
)
@click.option("--tenant", metavar="CODE", help=TENANT_HELP)
@stack_options
@json_option
@click.pass_context
def erase(
    context: click.Context,
    subject: str,
    is_sure: bool,
    reason: str,
    not_kept: tuple[str, ...],
    tenant: str | None,
    state: Path,
    stack: str | None,
    as_json: bool,
) -> None:
    """Erase the stored data of a person, or show what would be erased.

    SUBJECT is the person as your types name them: the value of the field that `subject=` names.
    For operators. It cannot be undone. Exits 1 if a law keeps it or something is left.
    """
    with one_line_errors():
        target = find_target(state, stack)
        if not is_sure:
            shown = _planned(target, tenant, subject)
        else:
            shown = _erased(target, connect(state, stack, tenant), subject, reason, not_kept)
    print_shown(shown, _print if is_sure else _print_plan, as_json=as_json)
    if shown["keptUntil"] or (is_sure and shown["left"]):
        context.exit(FAILED)


@click.group(name="erasure", cls=Group)
def erasure() -> None:
    """Show and confirm erasures of people."""


@erasure.command("list", examples=("sfn-cqrs erasure list",))
@api_options
def list_erasures(api: Api, as_json: bool) -> None:
    """List the erasures; people are named by a hash."""
    found = list(api.pages("/erasures"))
    fields = ("id", "status", "askedAt", "askedBy", "reason")
    print_list(found, fields, as_json=as_json, none="no erasures yet")


@erasure.command("show", examples=("sfn-cqrs erasure show defdhlrelbssfkrs4bif3ovin5",))
@click.argument("id_", metavar="ID")
@api_options
def show_erasure(id_: str, api: Api, as_json: bool) -> None:
    """Show the certificate: what is erased, what is left, and what is not covered."""
    print_shown(api.get(_path(id_)), _print, as_json=as_json)


@erasure.command("confirm", examples=("sfn-cqrs erasure confirm defdhlrelbssfkrs4bif3ovin5",))
@click.argument("id_", metavar="ID")
@api_options
def confirm_erasure(id_: str, api: Api, as_json: bool) -> None:
    """Confirm an erasure that another operator has requested."""
    print_shown(api.post(_path(id_, "confirm")), _print, as_json=as_json)


@erasure.command("replay", examples=("sfn-cqrs erasure replay --stack clinic-prod",))
@stack_options
@json_option
def replay(state: Path, stack: str | None, as_json: bool) -> None:
    """Do every erasure again, after the tables were restored to an earlier moment.

    The certificates in the bucket say which they are. Do it before users come back.
    """
    with one_line_errors():
        target = find_target(state, stack)
        asked = _invoked(target, {"replay": True})["asked"]
        _invoked(target, {})
    sentence = f"{asked} erasures are done again; the hourly function ends them"
    print_answer({"erasures": asked}, sentence, as_json=as_json)


def _planned(target: Target, tenant: str | None, subject: str) -> dict[str, Any]:
    if tenant is None and target.stack is not None:
        raise click.UsageError("--tenant: whose person it is")
    plan: dict[str, Any] = {}
    with progress(progress_console(as_json=True), "Looked at", 0) as update:
        while not plan or plan["step"] < plan["steps"]:
            asked = {"tenant": tenant or LOCAL, "subject": subject, "seconds": TURN, "plan": plan}
            plan = _invoked(target, asked)
            update(plan["step"], total=plan["steps"])
    return plan


def _erased(
    target: Target, api: Api, subject: str, reason: str, not_kept: tuple[str, ...]
) -> dict[str, Any]:
    """Ask for the erasure and, unless somebody has to confirm it, begin at once."""
    body = {"subject": subject, "reason": reason, **({"notKept": not_kept} if not_kept else {})}
    asked = api.post("/erasures", json.dumps(body))
    if asked["status"] == "ASKED":
        return asked
    named = {"tenant": asked["tenant"], "erasure": asked["id"], "seconds": TURN}
    done: dict[str, Any] = {}
    with progress(progress_console(as_json=True), "Erased", 0) as update:
        while not done or done["step"] < done["steps"]:
            done = _invoked(target, named)
            update(done["step"], total=done["steps"])
    return done


def _invoked(target: Target, detail: dict[str, Any]) -> dict[str, Any]:
    name = target.function_name(ERASES)
    payload = json.dumps({"detail": detail}).encode()
    answer = target.client("lambda").invoke(FunctionName=name, Payload=payload)
    result: dict[str, Any] = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise click.ClickException(f"{result.get('errorType')}: {result.get('errorMessage')}")
    return result


def _print_plan(plan: dict[str, Any]) -> None:
    found = {place: count for place, count in plan["found"].items() if count}
    if plan["keptUntil"]:
        echo(f"it must be kept until {plan['keptUntil']}: {', '.join(plan['kept'])}")
    if not found:
        echo("nothing is stored about this person")
    for place, count in found.items():
        echo(f"{place}: {count}")
    if found:
        echo("nothing was changed; --yes --reason WHY erases it")


def _print(erasure: dict[str, Any]) -> None:
    echo(f"erasure {erasure['id']} is {erasure['status']}, asked for by {erasure['askedBy']}")
    if erasure["status"] == "ASKED":
        echo(f"another operator has to confirm it: sfn-cqrs erasure confirm {erasure['id']}")
    if erasure["keptUntil"]:
        echo(f"refused: until {erasure['keptUntil']} a law keeps {', '.join(erasure['kept'])}")
    for place, count in erasure["erased"].items():
        if count:
            echo(f"{place}: {count} erased")
    for what in erasure["left"]:
        echo(f"left: {what}")
    for each in erasure["notCovered"]:
        until = f", until {each['until']}" if each["until"] else ""
        echo(f"not covered: {each['what']}{until}")
    if erasure["status"] == "RUNNING":
        echo("the hourly function looks again for what was in flight, and ends it")
