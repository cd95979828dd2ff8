"""new: a workflow, saga, handler, task, job, route, webhook, approval or import, as if by hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from sfn_cqrs_tools.cli.options import one_line_errors
from sfn_cqrs_tools.project import run_for
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.scaffold.app_package import AppPackage
from sfn_cqrs_tools.scaffold.audience import Audience
from sfn_cqrs_tools.scaffold.changes import Changes, ScaffoldError
from sfn_cqrs_tools.stack.framework import is_nested
from sfn_cqrs_tools.stack.project_template import MAKE_ONE, load_template
from sfn_cqrs_tools.stack.samconfig import app_package
from sfn_local.cli.command import Group, json_option, print_json
from sfn_local.cli.showing import echo, styled

package_option = click.option(
    "--package",
    metavar="NAME",
    help="The package below app/, which is made if it is not there.  [default: AppPackage of"
    " samconfig.toml, or of template.yaml]",
)

publish_option = click.option(
    "--publish",
    metavar="code|members|group:NAME",
    help="Let these publish it over HTTP.  [asked for; without a terminal: code]",
)


@click.group(cls=Group)
def new() -> None:
    """Write a workflow, saga, handler, task, job, route, webhook, approval or import in a project.

    The new code passes `make check` and `make test`; then change it as you need. A name that is
    invalid or taken is refused with exit code 64; no file is changed.
    """


@new.command(
    examples=(
        "sfn-cqrs new workflow order-refund --states check,approve,refund --callback approve",
        "sfn-cqrs run order-refund --mock HappyPath",
        "sfn-cqrs new workflow ask-bank --child-of order-refund",
    ),
)
@click.argument("name")
@click.option(
    "--states", metavar="A,B,C", default="check,work", show_default=True, help="In their order."
)
@click.option(
    "--callback",
    "callbacks",
    metavar="STATE",
    multiple=True,
    help="A state that waits for a person or another system; may be repeated.",
)
@click.option(
    "--long",
    "longs",
    metavar="STATE",
    multiple=True,
    help="A state that works for minutes and sends heartbeats; may be repeated.",
)
@click.option(
    "--child-of",
    "parent",
    metavar="PARENT[/STATE]",
    help="The workflow, and its state, that starts this one and waits for its answer.",
)
@json_option
def workflow(
    name: str,
    states: str,
    callbacks: tuple[str, ...],
    longs: tuple[str, ...],
    parent: str | None,
    as_json: bool,
) -> None:
    """Write a state machine with its functions, events, tests and template entries."""
    from sfn_cqrs_tools.scaffold.machine import Workflow  # noqa: PLC0415 - --help needs none of it
    from sfn_cqrs_tools.scaffold.names import check_states  # noqa: PLC0415
    from sfn_cqrs_tools.scaffold.workflow import add_workflow, parent_of  # noqa: PLC0415

    listed, waits, long = map(_split, ((states,), callbacks, longs))
    with changing() as changes:
        check_states(listed, waits, long)
        template = _template(changes.root)
        above = parent_of(template, parent) if parent else None
        made = Workflow.of(name, listed, waits, above, long)
        add_workflow(changes, template, made, is_nested=is_nested(changes.root))
    steps = [f"sfn-cqrs run {name} --mock HappyPath", f"sfn-cqrs graph {name}", "make test"]
    report(changes, steps, as_json=as_json)


@new.command(
    examples=(
        "sfn-cqrs new saga trip --steps reserve,charge,confirm --publish members",
        "sfn-cqrs new saga stay --steps book,pay --own-machine",
        "sfn-cqrs run stay --mock PayIsRefused",
    ),
)
@click.argument("name")
@click.option(
    "--steps", metavar="A,B,C", required=True, help="In their order; `undo_A` undoes the step A."
)
@click.option(
    "--own-machine",
    "has_machine",
    is_flag=True,
    help="Write a machine, a function for each state and template entries, into a project.",
)
@publish_option
@package_option
@json_option
def saga(
    name: str,
    steps: str,
    has_machine: bool,
    publish: str | None,
    package: str | None,
    as_json: bool,
) -> None:
    """Write a saga: one module with its steps and their compensations, and its test."""
    from sfn_cqrs_tools.scaffold.saga import (  # noqa: PLC0415 - --help needs none of it
        add_declared_saga,
        add_saga,
    )

    listed, runs = _split((steps,)), []
    with changing() as changes:
        audience = audience_of(publish, f"start {name}")
        own = _package(changes, package)
        if has_machine:
            add_saga(changes, _template(changes.root), own, name, listed, audience)
            runs = [f"sfn-cqrs run {name} --mock HappyPath"]
        else:
            add_declared_saga(changes, own, name, listed, audience)
    start = f"""sfn-cqrs saga start {name} '{{"id": "1"}}'"""
    report(changes, [*runs, "make test", start], as_json=as_json)


def _split(options: tuple[str, ...]) -> tuple[str, ...]:
    """Return names that are given with commas, or in several options."""
    return tuple(name.strip() for each in options for name in each.split(",") if name.strip())


@new.command(
    examples=(
        "sfn-cqrs new handler INVOICE --publish members",
        'sfn-cqrs new handler VISIT --publish members --fields "doctor:str, minutes:int 5..240"',
    ),
)
@click.argument("type_", metavar="TYPE")
@click.option(
    "--fields",
    metavar="TEXT",
    help='The fields of a version: "name:str 1..40, minutes:int 5..240, status:open|done, note:str?'
    ' personal". Types: str, int, float, bool, decimal, date, datetime.',
)
@publish_option
@package_option
@json_option
def handler(
    type_: str, fields: str | None, publish: str | None, package: str | None, as_json: bool
) -> None:
    """Write a sync handler, which writes versions of a type to a read model."""
    from sfn_cqrs_tools.scaffold.fields import parsed  # noqa: PLC0415
    from sfn_cqrs_tools.scaffold.handler import add_handler  # noqa: PLC0415

    with changing() as changes:
        model = parsed(fields) if fields is not None else []
        audience = audience_of(publish, f"publish {type_}")
        add_handler(changes, _package(changes, package), type_, audience, model)
    sample = {field.name: field.sample for field in model if not field.is_optional}
    report(changes, ["make test", *first_version(type_, audience, sample)], as_json=as_json)


@new.command(
    examples=(
        "sfn-cqrs new task RESIZE_IMAGE",
        "sfn-cqrs new task SEND_LETTER --publish group:clerk",
    ),
)
@click.argument("type_", metavar="TYPE")
@publish_option
@package_option
@json_option
def task(type_: str, publish: str | None, package: str | None, as_json: bool) -> None:
    """Write a task handler, which works on one item of a task in the background."""
    from sfn_cqrs_tools.scaffold.handler import add_task  # noqa: PLC0415

    with changing() as changes:
        audience = audience_of(publish, f"start {type_}")
        add_task(changes, _package(changes, package), type_, audience)
    run = f"""sfn-cqrs task run {type_} '[{{"id": "a-1"}}]'"""
    report(changes, ["make test", run], as_json=as_json)


@new.command(
    examples=(
        "sfn-cqrs new job CLOSE_DAY",
        "sfn-cqrs new job CLOSE_WEEK --cron '0 2 * * MON' --zone Europe/Berlin --publish members",
    ),
)
@click.argument("name")
@click.option(
    "--cron",
    default="0 2 * * *",
    show_default=True,
    help="Minute, hour, day of the month, month, day of the week.",
)
@click.option("--zone", default="UTC", show_default=True, help="Whose local time that is.")
@click.option(
    "--tenant",
    "tenants",
    metavar="NAME",
    multiple=True,
    default=("tenant1",),
    show_default=True,
    help="For whom it runs; may be repeated.",
)
@publish_option
@package_option
@json_option
def job(
    name: str,
    cron: str,
    zone: str,
    tenants: tuple[str, ...],
    publish: str | None,
    package: str | None,
    as_json: bool,
) -> None:
    """Write a job: a function that runs on a calendar, and its test."""
    from sfn_cqrs_tools.scaffold.handler import add_job  # noqa: PLC0415

    with changing() as changes:
        audience = audience_of(publish, f"run and pause {name}")
        add_job(changes, _package(changes, package), name, cron, zone, tenants, audience)
    report(changes, ["make test", f"sfn-cqrs job show {name}"], as_json=as_json)


@new.command(
    examples=(
        "sfn-cqrs new route /invoices/overdue --allow members",
        "sfn-cqrs new route /customers/{customer}/notes --method POST --allow group:clerk",
    ),
)
@click.argument("path")
@click.option(
    "--method",
    type=click.Choice(("GET", "POST", "PUT", "PATCH", "DELETE")),
    default="GET",
    show_default=True,
)
@click.option(
    "--allow",
    metavar="code|members|group:NAME",
    help="Let these use it.  [asked for; without a terminal: code, which is nobody]",
)
@package_option
@json_option
def route(path: str, method: str, allow: str | None, package: str | None, as_json: bool) -> None:
    """Write your own route of the HTTP API; the template needs no line for it."""
    from sfn_cqrs_tools.scaffold.own_route import add_route  # noqa: PLC0415

    with changing() as changes:
        audience = audience_of(allow, f"ask {method} {path}")
        add_route(changes, _package(changes, package), method, path, audience)
    report(changes, ["make test", f"curl -s localhost:8787{path}"], as_json=as_json)


@new.command(
    examples=(
        "sfn-cqrs new webhook bank",
        "sfn-cqrs new webhook github --header X-Hub-Signature-256 --prefix sha256=",
    ),
)
@click.argument("sender")
@click.option(
    "--header",
    default="X-Signature",
    metavar="NAME",
    show_default=True,
    help="The header that has the signature.",
)
@click.option(
    "--prefix", default="", metavar="TEXT", help="What stands before it, such as sha256=."
)
@package_option
@json_option
def webhook(sender: str, header: str, prefix: str, package: str | None, as_json: bool) -> None:
    """Write a route without a token, which checks who has signed what SENDER sends."""
    from sfn_cqrs_tools.scaffold.webhook import add_webhook  # noqa: PLC0415

    with changing() as changes:
        add_webhook(changes, _package(changes, package), sender, header=header, prefix=prefix)
    report(changes, ["make test", f"docs/webhooks.md: the secret /STACK/{sender}"], as_json=as_json)


@new.command(
    examples=(
        "sfn-cqrs new approval ORDER_ABOVE_LIMIT --of ORDER --group clerk --above total=1000",
    ),
)
@click.argument("type_", metavar="TYPE")
@click.option("--of", metavar="TYPE", required=True, help="The type of the items.")
@click.option("--group", metavar="NAME", required=True, help="The group whose members approve.")
@click.option(
    "--above", metavar="FIELD=LIMIT", required=True, help="The field, and what needs no approval."
)
@package_option
@json_option
def approval(
    type_: str, of: str, group: str, above: str, package: str | None, as_json: bool
) -> None:
    """Write an approval: an item above a limit needs the word of another person."""
    from sfn_cqrs_tools.scaffold.approval import add_approval  # noqa: PLC0415

    with changing() as changes:
        own = _package(changes, package)
        needed = add_approval(changes, own, type_, of=of, group=group, above=above)
    if not as_json:
        echo(f"{needed}\n")
    report(changes, ["make test"], as_json=as_json)


@new.command(
    name="import",
    examples=(
        "sfn-cqrs new import customers --from customers.csv",
        "sfn-cqrs new import orders --from orders.csv --type ORDER --code number",
    ),
)
@click.argument("table")
@click.option(
    "--from",
    "sample",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="A sample CSV file; its first 10,000 rows are read.",
)
@click.option(
    "--type",
    "type_",
    default="",
    metavar="TYPE",
    help="The type of the items.  [default: the table's]",
)
@click.option(
    "--code", default="", metavar="COLUMN", help="The items' code.  [default: a filled, unique one]"
)
@click.option(
    "--name", "title", default="", metavar="COLUMN", help="The items' name.  [default: by its name]"
)
@click.option("--encoding", metavar="NAME", help="The sample's encoding.  [default: detected]")
@click.option(
    "--delimiter", metavar="CHARACTER", help="The sample's delimiter.  [default: detected]"
)
@publish_option
@package_option
@json_option
def import_(
    table: str,
    sample: Path,
    type_: str,
    code: str,
    title: str,
    encoding: str | None,
    delimiter: str | None,
    publish: str | None,
    package: str | None,
    as_json: bool,
) -> None:
    """Write an import strategy: its columns, their kinds and the key come from a sample."""
    from sfn_cqrs_tools.scaffold.importing import Table, add_import  # noqa: PLC0415
    from sfn_cqrs_tools.scaffold.sample import read_sample  # noqa: PLC0415

    with changing() as changes:
        read = read_sample(sample, encoding, delimiter)
        made = Table(table, type_, read, code, title)
        audience = audience_of(publish, f"import {table}")
        own = _package(changes, package)
        add_import(changes, own, made, audience)
        alone = own.modules_without("up_many", made.type)
    if not as_json:
        for column in read.columns:
            needed = "filled" if column.is_filled else "may be empty"
            echo(f"{column.name}: {column.kind}, {needed}")
        echo(f"code: {made.code.name}; name: {made.title.name}; type: {made.type}\n")
        for module in alone:
            echo(f"{module}: each row runs its handler by itself; @up_many does a batch at once\n")
    report(changes, ["make test"], as_json=as_json)


def first_version(
    type_: str, audience: Audience, attributes: Mapping[str, Any] | None = None
) -> list[str]:
    """Return the command that publishes a first item, or nothing if only code may."""
    if audience.code == "CODE":
        return []
    sample = json.dumps(attributes or {"n": 1})
    return [f"sfn-cqrs publish {type_} 1 --name first --attributes '{sample}' --wait"]


def audience_of(given: str | None, what: str) -> Audience:
    """Return the audience that is given or entered; without a terminal, only code.

    Raises:
        ScaffoldError: it is not a known audience.
    """
    if given is None and sys.stdin.isatty():
        given = click.prompt(
            f"who may {what} over HTTP? code, members or group:NAME", default="code", err=True
        )
    return Audience.of(given or "code")


def _package(changes: Changes, name: str | None) -> AppPackage:
    """Return the requested package, or the one that the stack runs; make it if it is missing.

    Raises:
        ScaffoldError: it cannot be the name of a package.
    """
    own = app_package(changes.root) or _template(changes.root).environment["APP_PACKAGE"]
    package = AppPackage(changes.root, name or own, is_nested(changes.root))
    if not package.exists:
        package.create(changes)
    if package.name != own:
        echo(
            f"the stack runs the package {own}; to let it run {package.name}:"
            f" sfn-cqrs init {package.name}",
            err=True,
        )
    return package


@contextmanager
def changing(root: Path | None = None) -> Iterator[Changes]:
    """Yield the project's changes, written at the end; an impossible change is wrong usage."""
    changes = Changes(root or project())
    with refusing():
        yield changes
        changes.apply()


@contextmanager
def refusing() -> Iterator[None]:
    """Turn what cannot be written into wrong usage."""
    try:
        yield
    except ScaffoldError as error:
        raise click.UsageError(str(error)) from error


def project() -> Path:
    """Return the project of the nearest folder, from this one upwards, that has a template.yaml."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "template.yaml").is_file():
            return run_for(folder)
    raise click.UsageError(f"{here} and the folders above it have no template.yaml; {MAKE_ONE}")


def _template(root: Path) -> Template:
    with one_line_errors():
        return load_template(root / "template.yaml")


def report(changes: Changes, steps: list[str], *, as_json: bool) -> None:
    """Print new and changed files, and what to try, for a person."""
    if as_json:
        print_json({"created": list(changes.created), "changed": list(changes.changed)})
        return
    for path in changes.created:
        echo(styled("new", fg="green"), f"      {path}")
    for path in changes.changed:
        echo(styled("changed", fg="yellow"), f"  {path}")
    if sys.stdout.isatty():
        echo("\nnow try:\n" + "\n".join(f"  {step}" for step in steps))
