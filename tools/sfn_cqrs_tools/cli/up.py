"""up: the local stack in the foreground."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn, TextIO

import click

from sfn_cqrs_tools.cli.options import (
    one_line_errors,
    port_option,
    repeats_option,
    state_option,
    template_option,
    weather_options,
)
from sfn_cqrs_tools.client.api import user_of_this_machine
from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.runtime.fabric import FabricError
from sfn_cqrs_tools.runtime.lambdas import break_into_handler
from sfn_cqrs_tools.runtime.listening import Ports
from sfn_cqrs_tools.runtime.state import StackError
from sfn_cqrs_tools.stack.definition_watch import DefinitionWatch
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.stack.project_template import check_exists
from sfn_cqrs_tools.stack.reporter import Reporter
from sfn_cqrs_tools.stack.settings import Settings
from sfn_local.cli.command import command, json_option
from sfn_local.cli.showing import echo, styled
from sfn_local.lint.template_file import TemplateError

if TYPE_CHECKING:
    from sfn_cqrs_tools.replay.twice import Twice

DEFAULT_PORT: Final = 8787
POLL_SECONDS: Final = 0.2


class _Ended(BaseException):
    """A signal asked us to end."""

    is_asked = False
    """Set by the signal: Python ignores an exception that is raised while it frees an object."""
    is_looked_for = False
    """Whether the signal only sets `is_asked`: an exception may come while a lock is taken."""


@command(
    examples=(
        "sfn-cqrs up",
        "sfn-cqrs up --port 0 --state /tmp/second --json",
        "sfn-cqrs up --parameter HistoryTtlDays=30",
        "sfn-cqrs up --fresh",
        "sfn-cqrs up --debug 5678",
        "sfn-cqrs up --host host.docker.internal",
        "sfn-cqrs up --weather 0.04 --seed 7",
        "sfn-cqrs up --twice",
    ),
)
@port_option(
    DEFAULT_PORT,
    "Port of the HTTP API; the next six are the engine's, Lambda's, AWS's, live updates', the"
    " console's and PostgreSQL's. 0: any that are free.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    show_default="data in the folder of --state",
    help="Where tables, buckets, queues, executions and PostgreSQL are kept over a restart.",
)
@click.option("--fresh", is_flag=True, help="Delete the kept data, and begin empty.")
@click.option(
    "--host",
    "hosts",
    metavar="NAME",
    multiple=True,
    help="Also answer requests for this name, which containers use for this machine; listen "
    "there if it is an"
    " address. May be repeated.",
)
@click.option(
    "--debug",
    "debug_port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="Let a debugger attach to the functions on this port of 127.0.0.1, such as 5678.",
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
    help="Run each function in separate processes: slower, but a time-out kills the process.",
)
@click.option(
    "--no-iam",
    "iam",
    flag_value=False,
    default=True,
    help="Do not check functions' calls against their roles in the template.",
)
@click.option(
    "--twice",
    is_flag=True,
    help="Bring each version to its handlers again, at once and late, in memory, and name the rows"
    " that it changes then.",
)
@weather_options
@repeats_option
@state_option
@template_option
@json_option
def up(
    port: int,
    data_dir: Path | None,
    fresh: bool,
    hosts: tuple[str, ...],
    debug_port: int | None,
    parameters: tuple[str, ...],
    isolated: bool,
    iam: bool,
    twice: bool,
    weather: float | None,
    seed: int,
    repeats: float | None,
    state: Path,
    template: Path,
    as_json: bool,
) -> None:
    """Start the local stack and keep it running until Ctrl-C.

    Deploys template.yaml to ministack, and starts the engine, the functions and the HTTP API, all
    on 127.0.0.1. It continues where it ended the last time, even if it was killed. It reloads
    changed code, state machines and templates. breakpoint() in a function stops here (not with
    --isolated). A call that a function's role does not allow gets AccessDenied. --json prints one
    line with the endpoints when all of them answer.
    """
    stdout = sys.stdout
    if as_json:
        sys.stdout = sys.stderr  # so that the one line is all that comes out
    with one_line_errors():
        check_exists(template)
        _listen_for_debugger(debug_port, isolated=isolated)
    settings = Settings(
        template=template,
        state_dir=state,
        data_dir=data_dir or state / "data",
        hosts=hosts,
        parameters=dict(map(_pair, parameters)),
        isolated=isolated,
        weather=None if weather is None else (weather, seed),
        express_repeats=repeats or 0.0,
        traces=True,
        iam=iam,
    )
    try:
        with _ending_on_signals(), one_line_errors(), _private():
            sys.breakpointhook = break_into_handler
            watch = DefinitionWatch(template)  # before it is read
            stack = LocalStack(replace(settings, fresh=fresh, ports=Ports.behind(port)))
            stream = sys.stderr if as_json else stdout
            with stack, console_of(stack, state) as ports, _looking():
                reporter = Reporter(stack, stream)  # it reports what is saved from now on
                _announce(stack, stdout, as_json=as_json)
                gc.freeze()  # nothing of it is garbage: it is looked for after each save
                _run(stack, watch, reporter, twice=twice)
            again = replace(settings, ports=ports)
            _deploy_again(again, state, template, stream, twice=twice)
    except FabricError as error:
        raise click.ClickException(str(error)) from error
    except _Ended:
        if not as_json:
            echo("stopped", err=True)


def _run(
    stack: LocalStack, watch: DefinitionWatch, reporter: Reporter, *, twice: bool = False
) -> None:
    """Run a stack until its template changes; then it has to be deployed again."""
    with _repeating(stack) if twice else nullcontext() as repeats:
        _run_with(stack, watch, reporter, repeats)


@contextmanager
def _repeating(stack: LocalStack) -> Iterator[Twice]:
    from sfn_cqrs_tools.replay.twice import Twice  # noqa: PLC0415 - few ask for it

    repeats = Twice(stack)
    try:
        yield repeats
    finally:
        repeats.close()


def _run_with(
    stack: LocalStack, watch: DefinitionWatch, reporter: Reporter, repeats: Twice | None
) -> None:
    while stack.fabric.is_running:
        reporter.look()
        for said in repeats.look() if repeats else ():
            reporter.repeated(said)
        changed = watch.changed()
        try:
            if watch.needs_deployment(changed):
                stack.check_template()
                names = ", ".join(sorted(path.name for path in changed))
                reporter.reloaded(f"{names}: the stack is deployed again")
                return
            if changed:
                for name in stack.reload_machines():
                    reporter.reloaded(f"state machine {name}; executions that run keep theirs")
        except (TemplateError, StackError) as error:
            reporter.broken(f"{error}; the stack continues with what it has")
        _pause()
    raise FabricError(f"the AWS fabric has ended; see {stack.state.fabric_log}")


def _deploy_again(
    settings: Settings, state: Path, template: Path, stream: TextIO, *, twice: bool
) -> NoReturn:
    """Run one stack after the other, on the same ports and data, as often as the template changes.

    A stack that cannot start is tried again after the next change of the template.
    """
    while True:
        watch = DefinitionWatch(template)
        gc.collect()
        stack = LocalStack(settings)
        try:
            with stack, console_of(stack, state), _looking():
                reporter = Reporter(stack, stream)
                echo("the stack runs again", file=stream)
                _run(stack, watch, reporter, twice=twice)
        except (FabricError, StackError, TemplateError) as error:
            echo(styled(f"the stack does not run: {error}", fg="red"), file=stream)
            next_ = f"it is started again when {template.name} or a migration changes"
            echo(f"{next_}; Ctrl-C ends it", file=stream)
            while not watch.changed():
                _pause()


def _listen_for_debugger(port: int | None, *, isolated: bool) -> None:
    if port is None:
        return
    if isolated:
        raise click.UsageError("--debug stops in this process, where --isolated runs no function")
    try:
        import debugpy  # type: ignore[import-not-found]  # noqa: PLC0415 - few have it
    except ImportError:
        raise StackError(
            f"debugpy is not installed: `{sys.executable} -m pip install debugpy`"
        ) from None
    try:
        debugpy.listen(("127.0.0.1", port))
    except (OSError, RuntimeError) as error:
        raise StackError(f"port {port} cannot be used for --debug: {error}") from None
    echo(f"a debugger may attach to 127.0.0.1:{port}", err=True)


@contextmanager
def console_of(stack: LocalStack, state: Path) -> Iterator[Ports]:
    """Serve the console of a stack on its port, or on a free one; the ports of all that runs."""
    from sfn_cqrs_tools.console.backend import local  # noqa: PLC0415 - --help needs no server
    from sfn_cqrs_tools.console.server import ConsoleServer  # noqa: PLC0415

    backend = local(stack.name, stack.http, find_target(state, None), user_of_this_machine())
    try:
        server = ConsoleServer(backend, stack.ports.console)
    except OSError:
        server = ConsoleServer(backend)
    stack.front.console = server.origin
    try:
        yield stack.ports.taken_by(console=server.origin)
    finally:
        stack.front.console = ""
        server.close()


def _announce(stack: LocalStack, stdout: TextIO, *, as_json: bool) -> None:
    if as_json:
        echo(json.dumps(stack.info.endpoints()), file=stdout)
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
failures are reported here; sfn-cqrs logs --follow shows all logs; for the aws command line:
  export AWS_ENDPOINT_URL={stack.aws} AWS_ENDPOINT_URL_SFN={stack.sfn} \\
    AWS_ENDPOINT_URL_LAMBDA={stack.lambda_} AWS_DEFAULT_REGION=us-east-1 \\
    AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
Ctrl-C ends it; the next `up` continues from there."""
    if any(stack.restored.values()):
        text += f"\n{_going_on(stack)}"
    echo(text, file=stdout)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _going_on(stack: LocalStack) -> str:
    running = stack.running_executions()
    items, messages = stack.restored.get("items", 0), stack.restored.get("messages", 0)
    return (
        f"it continues with {_counted(items, 'item')}, {_counted(messages, 'message')} and "
        f"{_counted(running, 'execution')} that had not ended; --fresh forgets them"
    )


@contextmanager
def _looking() -> Iterator[None]:
    """Look for a signal in `_pause`; while a stack starts or ends, nobody looks."""
    _Ended.is_looked_for = True
    try:
        yield
    finally:
        _Ended.is_looked_for = False


def _pause() -> None:
    """Wait until the next look, for a short time: a signal may interrupt another thread's wait.

    Raises:
        _Ended: a signal asked us to end.
    """
    time.sleep(POLL_SECONDS)
    if _Ended.is_asked:
        raise _Ended


@contextmanager
def _private() -> Iterator[None]:
    """Let all that is written be its owner's alone, by whatever process and library."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """End on the first SIGINT, SIGTERM or SIGHUP; ignore the others while ending."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    _Ended.is_asked = False

    def end(_number: int, _frame: FrameType | None) -> None:
        _Ended.is_asked = True
        for one in signals:
            signal.signal(one, signal.SIG_IGN)
        if not _Ended.is_looked_for:
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
