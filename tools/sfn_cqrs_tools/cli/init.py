"""init: a project of your own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click

from sfn_cqrs_tools.cli.new import changing, first_version, refusing, report
from sfn_cqrs_tools.scaffold.app_package import AppPackage
from sfn_cqrs_tools.scaffold.audience import Audience
from sfn_cqrs_tools.stack.framework import is_nested
from sfn_cqrs_tools.stack.samconfig import FILE, PARAMETER, app_package, with_package
from sfn_local.cli.command import command, json_option
from sfn_local.cli.showing import echo


@command(
    examples=(
        "sfn-cqrs init clinic",
        "sfn-cqrs init clinic --type APPOINTMENT --publish members",
        "sfn-cqrs init clinic --postgres --wheels ../dist",
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
    help="Let these publish it over HTTP.",
)
@click.option("--postgres", is_flag=True, help="Add an Aurora cluster for read models in SQL.")
@click.option("--live", is_flag=True, help="Add live updates for browsers, by AppSync Events.")
@click.option(
    "--wheels",
    "source",
    metavar="DIR|CHECKOUT|git+URL@COMMIT",
    help="Where the framework's packages come from, instead of the package index. Wheels are"
    " copied into the project.",
)
@json_option
def init(
    name: str,
    type_: str,
    publish: str,
    postgres: bool,
    live: bool,
    source: str | None,
    as_json: bool,
) -> None:
    """Make a project in the new folder NAME: template, first handler, its test, a sample event.

    `make up` in that folder starts the whole stack on this machine.
    """
    here = Path.cwd()
    above = next((one for one in (here, *here.parents) if (one / "template.yaml").is_file()), None)
    if above is not None and is_nested(above):
        raise click.UsageError(f"{above} is a project already: call init in another folder")
    if above is not None:
        _init_package(above, name, type_, publish, as_json=as_json)
        return
    from sfn_cqrs_tools.scaffold.new_project import (  # noqa: PLC0415 - --help needs none
        add_project,
        package_name,
        sources,
    )

    with refusing():
        package_name(name)
        audience = Audience.of(publish)
    folder = here / name
    if folder.exists() and any(folder.iterdir()):
        raise click.UsageError(f"{folder} exists and is not empty: choose another name")
    is_new = not folder.exists()
    folder.mkdir(exist_ok=True)
    parameters = {
        **({"Postgres": "aurora"} if postgres else {}),
        **({"Live": "enabled"} if live else {}),
    }
    try:
        with changing(folder) as changes:
            add_project(changes, name, type_, audience, parameters, sources(source, folder))
    except click.UsageError:
        if is_new:
            folder.rmdir()
        raise
    _begin_repository(folder)
    first = [f"cd {name}", "make up" + " " * 8 + "# in a second terminal, then:"]
    report(changes, [*first, *first_version(type_, audience)], as_json=as_json)


def _begin_repository(folder: Path) -> None:
    """Make a git repository, unless the folder is in one or git is missing."""
    inside = ["git", "-C", str(folder), "rev-parse", "--git-dir"]
    try:
        if subprocess.run(inside, check=False, capture_output=True).returncode == 0:
            return
        subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        echo(f"no git repository was made: {error}", err=True)


def _init_package(root: Path, name: str, type_: str, publish: str, *, as_json: bool) -> None:
    """Make a package below app/ of the framework's own repository."""
    from sfn_cqrs_tools.scaffold.handler import add_handler  # noqa: PLC0415 - --help needs none

    with changing(root) as changes:
        package = AppPackage(changes.root, name)
        audience = Audience.of(publish)
        if not package.exists:
            package.create(changes)
            add_handler(changes, package, type_, audience)
        if app_package(changes.root) != name:
            changes.change(FILE, with_package(changes.read(FILE), name))
    if not as_json:
        echo(f"{name} is your package now: {PARAMETER} in {FILE} names it\n")
    start = "make up" + " " * 4 + "# unless it runs: then it has seen this already"
    report(changes, [start, "make test", *first_version(type_, audience)], as_json=as_json)
