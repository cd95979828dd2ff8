"""console: the pages that show a stack, for the local one or one on AWS."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sfn_cqrs_tools.cli.options import one_line_errors, port_option, stack_options
from sfn_cqrs_tools.client.api import TOKEN_VARIABLE, user_of_this_machine
from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.runtime.state import StateFolder
from sfn_local.cli.command import command, json_option, print_json
from sfn_local.cli.showing import echo
from sfn_local.words import refused

if TYPE_CHECKING:
    from sfn_cqrs_tools.console.backend import Backend

DEFAULT_PORT = 8788


@command(
    examples=(
        "sfn-cqrs console",
        "sfn-cqrs console --stack sfn-cqrs-dev --profile me --region eu-central-1",
        "sfn-cqrs console --policy",
    ),
)
@port_option(DEFAULT_PORT, "Port of the console; 0 takes a free one.")
@click.option("--profile", metavar="NAME", help="Profile of the AWS credentials, with --stack.")
@click.option("--region", metavar="NAME", help="Region of the stack, with --stack.")
@click.option(
    "--url", metavar="URL", help="Address of the stack's API.  [default: its output HttpApiUrl]"
)
@click.option("--policy", is_flag=True, help="Print the IAM policy that a deployed stack needs.")
@stack_options
@json_option
def console(
    port: int,
    profile: str | None,
    region: str | None,
    url: str | None,
    policy: bool,
    state: Path,
    stack: str | None,
    as_json: bool,
) -> None:
    """Show a stack in the browser, until Ctrl-C: running, stuck and failed work, and its repair.

    `up` serves the same for the local stack. For one on AWS it reads Step Functions, the index of
    what is open and the queues with your credentials, and asks the stack's API as the bearer of
    SFN_CQRS_TOKEN. It listens on 127.0.0.1 alone.
    """
    from sfn_cqrs_tools.console.policy import policy_document  # noqa: PLC0415 - of --policy
    from sfn_cqrs_tools.console.server import ConsoleServer  # noqa: PLC0415 - --help needs no server

    if policy:
        print_json(policy_document(stack or "STACK"))
        return
    for name, value in (("AWS_PROFILE", profile), ("AWS_DEFAULT_REGION", region)):
        if value is not None:
            os.environ[name] = value
    with one_line_errors():
        backend = _backend(state, stack, url)
    try:
        server = ConsoleServer(backend, port)
    except OSError as error:
        raise click.ClickException(
            f"port {port} cannot be used ({refused(error)}): choose another"
        ) from error
    if as_json:
        print_json({"stack": backend.name, "url": server.url})
    else:
        echo(f"the console of {backend.name}: {server.url}\nCtrl-C ends it.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.close()


def _backend(state: Path, stack: str | None, url: str | None) -> Backend:
    from sfn_cqrs_tools.console.backend import deployed, local  # noqa: PLC0415

    target = find_target(state, stack)
    if stack is None:
        info = StateFolder(state).read()
        return local(info.name, info.http, target, user_of_this_machine())
    token = os.environ.get(TOKEN_VARIABLE)
    if not token:
        raise click.ClickException(f"set {TOKEN_VARIABLE} to an ID token of your user pool")
    return deployed(stack, url or target.outputs["HttpApiUrl"], target, token)
