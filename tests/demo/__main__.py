"""`make demo`: the whole system on real airports, every row compared."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sfn_cqrs_tools.cli.options import repeats_option, weather_options
from sfn_local.cli.command import command, json_option
from sfn_local.cli.showing import echo

if TYPE_CHECKING:
    from rich.console import Console
    from tests.demo.step import Report

SHOP: Final = Path(__file__).parents[2] / "examples/shop/template.yaml"
SHOWN_DIFFERENCES: Final = 20
NEXT = """
Next, try it yourself. `make up` starts the same stack, and it stays; in another terminal:
  .venv/bin/sfn-cqrs import start examples/airports.csv --table airports --watch
  .venv/bin/sfn-cqrs read-model show airports_by_country
Then docs/tutorial.md: a type, an import, an approval and a workflow of your own in 45 minutes."""


@command(
    examples=(
        "make demo",
        "make demo ARGS=--full",
        'make demo ARGS="--weather 0.04 --seed 7"',
        'make demo ARGS="--express-repeats 0.1"',
    ),
)
@click.option("--airports", default=150, show_default=True, help="How many, each 3 or 4 versions.")
@click.option("--rows", default=2_000, show_default=True, help="Rows of the file to import.")
@click.option("--full", is_flag=True, help="Import all 28,000 airports.")
@weather_options
@repeats_option
@json_option
def demo(
    airports: int,
    rows: int,
    full: bool,
    weather: float | None,
    seed: int,
    repeats: float | None,
    as_json: bool,
) -> None:
    """Run the whole system on real airports, and compare every row.

    Publishes versions of real airports over HTTP from eight threads, 1 ms apart. Delivers stream
    records backwards and twice, lets a handler fail, and repairs this with a retry. Then compares
    chains, data, history and both read models with the source. Runs a batch task with two items
    that fail and are retried, and two sagas, and one of them is undone. Requests two approvals: one
    is granted, and one expires after a week of virtual time. Imports a file of airports twice, then
    a file with changes and mistakes, then an archive of three files, two of them in CP932, and
    compares errors.csv and every row. Exits 1 if a single row differs, or if a function makes a
    call that its role does not allow.
    """
    from tests.demo.run import run  # noqa: PLC0415
    from tests.demo.step import Scale  # noqa: PLC0415

    from sfn_cqrs_tools.stack.local_stack import LocalStack  # noqa: PLC0415
    from sfn_cqrs_tools.stack.settings import Settings  # noqa: PLC0415
    from sfn_cqrs_tools.terminal.printing import progress_console  # noqa: PLC0415
    from sfn_cqrs_tools.testing.client import UnexpectedError  # noqa: PLC0415

    console = progress_console(as_json=as_json)
    bad = None if weather is None else (weather, seed)
    began = time.monotonic()
    reports: list[Report] = []
    with tempfile.TemporaryDirectory(prefix="sfn-cqrs-demo-") as state:
        console.print("Starting the local stack from examples/shop/template.yaml …")
        settings = Settings(
            template=SHOP,
            state_dir=state,
            reload=False,
            live=False,
            weather=bad,
            express_repeats=repeats or 0.0,
        )
        with LocalStack(settings) as stack:
            console.print(f"Ready in {time.monotonic() - began:.1f} s: {stack.http}\n")
            try:
                for each in run(stack, console, Scale(airports, None if full else rows)):
                    _print_numbers(each, console)
                    reports.append(each)
                denied = stack.denied
            except UnexpectedError as error:
                console.print(f"[red]The demonstration failed:[/] {error}")
                console.print((stack.state.stack_log).read_text()[-4000:], markup=False)
                sys.exit(1)
    differences = [*denied, *(line for each in reports for line in each.differences)]
    _conclude(differences, console)
    console.print(f"\nAll in {time.monotonic() - began:.0f} s.")
    if not differences:
        console.print(NEXT, highlight=False)
    if as_json:
        numbers = {name: value for each in reports for name, value in each.numbers}
        echo(json.dumps({**numbers, "differences": differences}))
    sys.exit(1 if differences else 0)


def _print_numbers(report: Report, console: Console) -> None:
    from rich.table import Table  # noqa: PLC0415

    table = Table(show_header=False, box=None)
    table.add_column(style="dim")
    table.add_column(justify="right")
    for name, value in report.numbers:
        table.add_row(name, value)
    console.print(table)


def _conclude(differences: list[str], console: Console) -> None:
    for line in differences[:SHOWN_DIFFERENCES]:
        console.print(f"[red]differs:[/] {line}", soft_wrap=True)
    if differences:
        console.print(f"\n[red]{len(differences)} rows differ.[/]")
    else:
        console.print("\n[green]Every row is as the source says.[/]")


if __name__ == "__main__":
    demo()
