"""restore: the tables of a stack as they were, under new names; and its rehearsal."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click

from sfn_cqrs_tools.cli.options import one_line_errors
from sfn_local.cli.command import Group, command, json_option, print_json


@command(
    examples=(
        "sfn-cqrs restore shop-prod-r1 --stack shop-prod --to 2026-11-27T09:30:00Z",
        "sfn-cqrs restore shop-prod-r1 --stack shop-prod",
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
@json_option
def restore(prefix: str, stack: str, moment: datetime | None, as_json: bool) -> None:
    """Restore every table of a stack to one moment, as PREFIX-commands, PREFIX-data and so on.

    The new tables get the streams, expiry, backups and protection of the old ones, which a restore
    leaves out; the old ones stay as they are. Prints the parameters for the deploy that uses them.
    Run it again if it was interrupted.
    """
    from sfn_cqrs_tools.client.aws import find_target  # noqa: PLC0415 - boto3 is slow to import
    from sfn_cqrs_tools.restore.restoring import restore as restored_to  # noqa: PLC0415

    with one_line_errors():
        target = find_target(Path(), stack)
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    found = restored_to(target.client("dynamodb"), target.outputs, prefix, moment, _say)
    if as_json:
        print_json(found.parameters)
        return
    click.echo("\nThe parameters of the stack that is to use them:")
    for name, value in found.parameters.items():
        click.echo(f"  {name}={value}")


@click.group(cls=Group)
def rehearse() -> None:
    """Go through a runbook on this machine, from its first step to its last."""


@rehearse.command("restore", examples=("sfn-cqrs rehearse restore",))
@json_option
def rehearse_restore(as_json: bool) -> None:
    """Restore tables after an accident, let another stack use them, and see that all adds up.

    Publishes orders, restores their tables while versions are under way, changes and deletes
    orders, and deploys a second stack on the restored tables. Sweeps end what was under way; then
    every row is compared. Exits 1 if one differs.
    """
    from sfn_cqrs_tools.restore.rehearsal import RehearsalError, rehearse  # noqa: PLC0415 - boto3 and all

    with tempfile.TemporaryDirectory(prefix="sfn-cqrs-rehearsal-") as folder, one_line_errors():
        try:
            found = rehearse(Path(folder), lambda text: None if as_json else click.echo(text))
        except RehearsalError as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        print_json(
            {"rows": found.rows, "redriven": found.redriven, "differences": found.differences}
        )
    for line in () if as_json else found.differences:
        click.echo(line)
    if found.differences:
        raise click.exceptions.Exit(1)
    if not as_json:
        click.echo(f"all {found.rows} rows are as they were")


def _say(text: str) -> None:
    click.echo(text, err=True)
