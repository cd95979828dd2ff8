"""`sfn-cqrs demo`: the whole system on real airports, every row compared."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import click

from sfn_local.cli.options import Command, json_option
from sfn_local.cli.progress import progress

if TYPE_CHECKING:
    from rich.console import Console

    from sfn_local.demo.run import Demo
    from sfn_local.stack import LocalStack

SHOWN_DIFFERENCES = 20


@click.command(cls=Command, examples=("sfn-cqrs demo", "sfn-cqrs demo --airports 1000"))
@click.option("--airports", default=300, show_default=True, help="How many, each 3 or 4 versions.")
@json_option
def demo(airports: int, as_json: bool) -> None:
    """Run the whole system on real airports, and compare every row.

    Publishes versions of real airports over HTTP from eight threads, 1 ms apart, delivers
    stream records backwards and twice, lets a handler fail and heals it by a redrive; then
    compares chains, data, history and both read models with the source. A batch task follows,
    two of whose items fail and are retried. Exits 1 if a single row differs.
    """
    from rich.console import Console  # noqa: PLC0415 - `--help` needs none of it

    from sfn_local.demo.airports import choose  # noqa: PLC0415
    from sfn_local.demo.run import Demo, DemoError  # noqa: PLC0415
    from sfn_local.demo.tasks import TaskDemoError  # noqa: PLC0415
    from sfn_local.stack import LocalStack  # noqa: PLC0415

    console = Console(stderr=as_json, highlight=False)
    began = time.monotonic()
    chosen = choose(airports)
    with tempfile.TemporaryDirectory(prefix="sfn-cqrs-demo-") as state:
        console.print("Starting the local stack from template.yaml …")
        with LocalStack(state_dir=state, reload=False) as stack:
            console.print(f"Ready in {time.monotonic() - began:.1f} s: {stack.http}\n")
            story = Demo(stack, chosen)
            try:
                differences = _tell(story, console)
                differences += _tell_of_tasks(stack, console)
            except (DemoError, TaskDemoError) as error:
                console.print(f"[red]The demonstration failed:[/] {error}")
                console.print((stack.state.stack_log).read_text()[-4000:], markup=False)
                sys.exit(1)
            _conclude(story, differences, console, as_json=as_json)
    console.print(f"\nAll in {time.monotonic() - began:.0f} s.")
    sys.exit(1 if differences else 0)


def _tell(story: Demo, console: Console) -> list[str]:
    from sfn_local.cli.drawing import draw_chain  # noqa: PLC0415

    with story.listening():
        with progress(console, "Published", story.commands) as update:
            story.publish(update)
        with progress(console, "Applied", story.commands) as update:
            story.settle(update)
        console.print(f"\nThe handler of {story.broken} failed on purpose; its chain:\n")
        console.print(draw_chain(story.chain_of_broken()), soft_wrap=True)
        console.print(f"\nThe handler is repaired: chain redrive {story.broken} 1\n")
        with progress(console, "Healed", story.commands) as update:
            story.heal(update)
        console.print()
        console.print(draw_chain(story.chain_of_broken()), soft_wrap=True)
    console.print("\nComparing chains, data, history and read models with the source …")
    return story.differences()


def _tell_of_tasks(stack: LocalStack, console: Console) -> list[str]:
    from sfn_local.demo.tasks import BROKEN, ITEMS, run_tasks  # noqa: PLC0415

    console.print(f"\nA task of {ITEMS} items, {len(BROKEN)} of which fail and are retried:\n")
    with progress(console, "Done", ITEMS) as update:
        return run_tasks(stack, update).differences()


def _conclude(story: Demo, differences: list[str], console: Console, *, as_json: bool) -> None:
    from rich.table import Table  # noqa: PLC0415

    table = Table(show_header=False, box=None)
    table.add_column(style="dim")
    table.add_column(justify="right")
    for name, value in story.numbers():
        table.add_row(name, value)
    console.print(table)
    for line in differences[:SHOWN_DIFFERENCES]:
        console.print(f"[red]differs:[/] {line}")
    if differences:
        console.print(f"[red]{len(differences)} rows differ.[/]")
    else:
        console.print("[green]Every row is as the source says.[/]")
    if as_json:
        click.echo(json.dumps({**dict(story.numbers()), "differences": differences}))
