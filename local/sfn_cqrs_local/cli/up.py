"""up: the local stack in the foreground."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, TextIO

import click

from sfn_cqrs_local.cli.options import (
    one_line_errors,
    repeats_option,
    state_option,
    template_option,
    weather_options,
)
from sfn_cqrs_local.client.api import user_of_this_machine
from sfn_cqrs_local.client.aws import find_target
from sfn_cqrs_local.fabric import FabricError
from sfn_cqrs_local.lambdas import break_into_handler
from sfn_cqrs_local.stack import LocalStack
from sfn_cqrs_local.talk import Talk
from sfn_local.cli.command import Command, json_option

DEFAULT_PORT: Final = 8787
POLL_SECONDS: Final = 0.2


class _Ended(BaseException):
    """A signal asked us to end."""


@click.command(
    cls=Command,
    examples=(
        "sfn-cqrs up",
        "sfn-cqrs up --port 0 --state /tmp/second --json",
        "sfn-cqrs up --parameter HistoryTtlDays=30",
        "sfn-cqrs up --weather 0.04 --seed 7",
    ),
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port of the HTTP API; behind it the engine's, Lambda's, AWS's, live updates'. 0: any.",
)
@click.option(
    "--parameter",
    "parameters",
    metavar="NAME=VALUE",
    multiple=True,
    help="A parameter of the template; may be repeated.",
)
@click.option(
    "--isolated",
    is_flag=True,
    help="Run each function in processes of its own: slower, but time-outs kill and exits count.",
)
@weather_options
@repeats_option
@state_option
@template_option
@json_option
def up(
    port: int,
    parameters: tuple[str, ...],
    isolated: bool,
    weather: float | None,
    seed: int,
    repeats: float | None,
    state: Path,
    template: Path,
    as_json: bool,
) -> None:
    """Start the local stack and keep it running until Ctrl-C.

    Deploys template.yaml to ministack, starts the engine, the functions and the HTTP API, all on
    127.0.0.1. Functions are loaded again when their code changes, and breakpoint() in one stops
    here (not with --isolated). --json prints one line with the endpoints when all of them answer.
    """
    stdout = sys.stdout
    if as_json:
        sys.stdout = sys.stderr  # so that the one line is all that comes out
    stack = LocalStack(
        template=template,
        state_dir=state,
        port=port,
        parameters=dict(map(_pair, parameters)),
        isolated=isolated,
        weather=None if weather is None else (weather, seed),
        express_repeats=repeats or 0.0,
        traces=True,
    )
    try:
        with _ending_on_signals(), one_line_errors(), stack, console_of(stack, port, state):
            _announce(stack, stdout, as_json=as_json)
            sys.breakpointhook = break_into_handler
            talk = Talk(stack, sys.stderr if as_json else stdout)
            while stack.fabric.is_running:
                talk.look()
                time.sleep(POLL_SECONDS)  # short: a signal may interrupt another thread's wait
            raise FabricError(f"the AWS fabric has ended; see {stack.state.fabric_log}")
    except FabricError as error:
        raise click.ClickException(str(error)) from error
    except _Ended:
        if not as_json:
            click.echo("stopped", err=True)


@contextmanager
def console_of(stack: LocalStack, port: int, state: Path) -> Iterator[None]:
    """Serve the console of a stack: behind the front's port, or wherever there is a free one."""
    from sfn_cqrs_local.console.backend import local  # noqa: PLC0415 - --help needs no server
    from sfn_cqrs_local.console.server import ConsoleServer  # noqa: PLC0415

    backend = local(stack.name, stack.http, find_target(state, None), user_of_this_machine())
    try:
        server = ConsoleServer(backend, port + 1 if port else 0)
    except OSError:
        server = ConsoleServer(backend)
    stack.front.console = server.origin
    try:
        yield
    finally:
        stack.front.console = ""
        server.close()


def _announce(stack: LocalStack, stdout: TextIO, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(stack.info.endpoints()), stdout)
        return
    pages = "".join(
        f"  {name:<7} {stack.http}/{name}\n"
        for name in ("docs", "console")
        if any(route.path == f"/{name}" for route in stack.template.routes)
    )
    live = f"  live    {stack.http}/live.html\n" if stack.live else ""
    text = f"""the stack runs:
  console {stack.http}/console
  http    {stack.http}
{live}{pages}  aws     {stack.aws}
  sfn     {stack.sfn}
  lambda  {stack.lambda_}
what fails is said here; sfn-cqrs logs --follow tells all; for the aws command line:
  export AWS_ENDPOINT_URL={stack.aws} AWS_ENDPOINT_URL_SFN={stack.sfn} \\
    AWS_ENDPOINT_URL_LAMBDA={stack.lambda_} AWS_DEFAULT_REGION=us-east-1 \\
    AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
Ctrl-C ends it."""
    click.echo(text, stdout)


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """Raise _Ended on the first SIGINT, SIGTERM or SIGHUP; ignore the others while ending."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(_number: int, _frame: FrameType | None) -> None:
        for one in signals:
            signal.signal(one, signal.SIG_IGN)
        raise _Ended

    for one in signals:
        signal.signal(one, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)  # whoever started us may have blocked them
    yield


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"--parameter takes NAME=VALUE, not {text!r}")
    return name, value
