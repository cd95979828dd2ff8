"""init: a package of your own, which the stack, tests and deploys run."""

from __future__ import annotations

import click

from sfn_cqrs_tools.cli.new import changing, first_version, report
from sfn_cqrs_tools.scaffold.app_package import AppPackage
from sfn_cqrs_tools.scaffold.audience import Audience
from sfn_cqrs_tools.stack.samconfig import FILE, PARAMETER, app_package, with_package
from sfn_local.cli.command import command, json_option


@command(
    examples=(
        "sfn-cqrs init library",
        "sfn-cqrs init library --type BOOK --publish members",
    ),
)
@click.argument("name")
@click.option(
    "--type",
    "type_",
    metavar="TYPE",
    default="ITEM",
    show_default=True,
    help="The type of commands that the first handler is for.",
)
@click.option(
    "--publish",
    metavar="code|members|group:NAME",
    default="members",
    show_default=True,
    help="Who may publish it over HTTP.",
)
@json_option
def init(name: str, type_: str, publish: str, as_json: bool) -> None:
    """Make a package of your own below app/, with a first handler and its test.

    AppPackage in samconfig.toml names it from then on: `up`, `new` and deploys take it from there.
    A package that exists keeps its modules, and is named.
    """
    from sfn_cqrs_tools.scaffold.handler import add_handler  # noqa: PLC0415 - --help needs none

    with changing() as changes:
        package = AppPackage(changes.root, name)
        audience = Audience.of(publish)
        if not package.exists:
            package.create(changes)
            add_handler(changes, package, type_, audience)
        if app_package(changes.root) != name:
            changes.change(FILE, with_package(changes.read(FILE), name))
    if not as_json:
        click.echo(f"{name} is your package now: {PARAMETER} in {FILE} names it\n")
    start = "make up" + " " * 4 + "# unless it runs: then it has seen this already"
    report(changes, [start, "make test", *first_version(type_, audience)], as_json=as_json)
