"""restore: the tables of a stack as they were, under new names; and its rehearsal."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sfn_cqrs_tools.cli.options import one_line_errors, template_option
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.stack.framework import is_nested
from sfn_local.cli.command import Group, command, json_option, print_json
from sfn_local.cli.showing import echo

if TYPE_CHECKING:
    from sfn_cqrs_tools.client.aws import Target


@command(
    examples=(
        "sfn-cqrs restore clinic-prod-r1 --stack clinic-prod --to 2026-11-27T09:30:00Z",
        "sfn-cqrs restore clinic-prod-r1 --stack clinic-prod",
        "sfn-cqrs restore clinic-prod-r1 --stack clinic-prod --import",
    ),
)
@click.argument("prefix")
@click.option("--stack", metavar="NAME", required=True, help="The stack on AWS.")
@click.option(
    "--to",
    "moment",
    type=click.DateTime(("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z")),
    metavar="MOMENT",
    help="The moment, the same for all tables, within the last 35 days.  [default: the latest]",
)
@click.option(
    "--import",
    "is_imported",
    is_flag=True,
    help="Import the tables into a CloudFormation stack named PREFIX, or update it.",
)
@template_option
@json_option
def restore(
    prefix: str,
    stack: str,
    moment: datetime | None,
    is_imported: bool,
    template: Path,
    as_json: bool,
) -> None:
    """Restore every table of a stack to one moment, as PREFIX-commands, PREFIX-data and so on.

    The new tables get the streams, expiry, tags, backups and protection of the old tables, which a
    restore leaves out; the old tables do not change. Prints the moment, and the parameters for
    the deploy that uses them. Run it again if it was interrupted: it keeps the moment. With
    --import, run it after each upgrade: new indexes and streams reach the tables by that.
    """
    from sfn_cqrs_tools.client.aws import find_target  # noqa: PLC0415 - boto3 is slow to import
    from sfn_cqrs_tools.restore.restoring import RestoreError  # noqa: PLC0415
    from sfn_cqrs_tools.restore.restoring import restore as restored_to  # noqa: PLC0415

    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    with one_line_errors(RestoreError):
        target = find_target(Path(), stack)
        document = Template.load(template).document
        found = restored_to(target.client("dynamodb"), target.outputs, prefix, moment, _say)
        if is_imported:
            _import(target, document, prefix)
    at = f"{found.moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if as_json:
        print_json({"moment": at, **found.parameters})
        return
    echo(f"\nThe tables are as of {at}. {_where(template)}:")
    for name, value in found.parameters.items():
        echo(f"  {name}: {value}" if is_nested(template.parent) else f"  {name}={value}")
    echo(f"At last, after the deploy: `sfn-cqrs doctor --stack {stack}`,")
    echo("which names functions that still use the old tables.")


def _where(template: Path) -> str:
    """Return the place of the parameters."""
    if is_nested(template.parent):
        return "The parameters of the framework's application, in template.yaml of the project"
    return "The parameters of the stack that is to use them"


def _import(target: Target, document: dict[str, Any], prefix: str) -> None:
    """Import the tables into a stack of their own; a later release changes them by the same way."""
    from sfn_cqrs_tools.restore.importing import import_tables, stack_of_tables  # noqa: PLC0415
    from sfn_cqrs_tools.restore.restoring import POLL_SECONDS, protection  # noqa: PLC0415

    tables = stack_of_tables(document, prefix, protection(target.client("dynamodb"), prefix))
    cloudformation = target.client("cloudformation")
    status = import_tables(cloudformation, tables, prefix, _say, POLL_SECONDS)
    _say(f"the stack {prefix} is {status}")


@click.group(cls=Group)
def rehearse() -> None:
    """Rehearse a runbook on this machine, with all of its steps."""


@rehearse.command("restore", examples=("sfn-cqrs rehearse restore",))
@json_option
def rehearse_restore(as_json: bool) -> None:
    """Restore tables after an accident, deploy another stack on them, and compare every row.

    Publishes the item of events/samples.json under several codes, restores the tables while
    versions are under way, changes and deletes items, and deploys a second stack on the restored
    tables. Sweeps end unfinished work; then every row is compared. Exits 1 if one differs.
    """
    from sfn_cqrs_tools.restore.rehearsal import RehearsalError, rehearse  # noqa: PLC0415 - boto3 and all

    made = tempfile.TemporaryDirectory(prefix="sfn-cqrs-rehearsal-")
    with made as folder, one_line_errors(RehearsalError):
        found = rehearse(Path(folder), lambda text: None if as_json else echo(text))
    if as_json:
        print_json({"rows": found.rows, "retried": found.retried, "differences": found.differences})
    for line in () if as_json else found.differences:
        echo(line)
    if found.differences:
        raise click.exceptions.Exit(1)
    if not as_json:
        echo(f"all {found.rows} rows are as they were")


def _say(text: str) -> None:
    echo(text, err=True)
