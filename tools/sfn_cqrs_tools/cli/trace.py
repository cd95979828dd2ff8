"""trace: one request, from the HTTP call to the read models."""

from __future__ import annotations

from pathlib import Path

import click

from sfn_cqrs_tools.cli.options import one_line_errors, stack_options
from sfn_cqrs_tools.client.api import connect, item_path
from sfn_cqrs_tools.client.trace_tree import draw_trace
from sfn_cqrs_tools.client.traces import find_trace
from sfn_cqrs_tools.terminal.printing import console
from sfn_local.cli.command import command, json_option, print_json


@command(
    examples=(
        "sfn-cqrs trace @",
        "sfn-cqrs trace ORDER/o-1",
        "sfn-cqrs trace 1-692a7c3e-5f0c1b7d9e3a4f6b8c2d1e0f --stack clinic-prod",
    ),
)
@click.argument("id_", metavar="ID|ITEM|@")
@click.option("--tenant", metavar="CODE", help="The tenant of an item.  [default: tenant1]")
@stack_options
@json_option
def trace(id_: str, tenant: str | None, state: Path, stack: str | None, as_json: bool) -> None:
    """Draw a trace as a tree: the request, functions, calls of AWS, executions and handlers.

    ID is a trace's, whole or its beginning; of an item its latest version's is drawn. @ is the
    latest request to the local stack that did more than read. On AWS, X-Ray samples: not every
    request has a trace.
    """
    with one_line_errors():
        wanted = id_ if "/" not in id_ else _id_of(id_, tenant, state, stack)
        found, segments = find_trace(wanted, state, stack)
    if as_json:
        print_json({"id": found, "segments": [one.as_json() for one in segments]})
        return
    console().print(draw_trace(found, segments), soft_wrap=True)


def _id_of(item: str, tenant: str | None, state: Path, stack: str | None) -> str:
    type_, _, code = item.partition("/")
    api = connect(state, stack, tenant)
    for version in api.pages(item_path("commands", type_, code)):
        if "traceId" in version:
            return str(version["traceId"])
    raise click.ClickException(f"no version of {item} names a trace")
