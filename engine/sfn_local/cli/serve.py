"""serve: Step Functions on a port, for any machine."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from sfn_local import Engine, ThreadScheduler, VirtualClock
from sfn_local.calls.boto import BotoServices
from sfn_local.calls.http_functions import HttpFunctions
from sfn_local.cli.command import FILE, command, json_option
from sfn_local.cli.definitions import MOCK_CONFIG, read_mocks
from sfn_local.cli.showing import echo
from sfn_local.errors import JournalError
from sfn_local.executions.roles import Roles, RolesError
from sfn_local.mocks import MockFile
from sfn_local.quotas import QUOTAS
from sfn_local.registry.retention import KEEP
from sfn_local.server import serve_engine

LAMBDA_ENDPOINTS = ("LAMBDA_ENDPOINT", "AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL")
SAM_LOCAL_LAMBDA = "http://127.0.0.1:3001"
STEP_FUNCTIONS_LOCALS_ACCOUNT = "123456789012"
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@command(
    examples=(
        "sfn-local serve",
        "LAMBDA_ENDPOINT=http://127.0.0.1:3001 sfn-local serve --port 8083",
        "SFN_MOCK_CONFIG=MockConfigFile.json WAIT_TIME_SCALE=0 sfn-local serve",
        "aws stepfunctions list-state-machines --endpoint-url http://127.0.0.1:8083",
    ),
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on, or its name; clients use this or localhost.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8083,
    show_default=True,
    help="The port; 0 takes a free one.",
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    envvar="SFN_HOSTS",
    help="Another name or address that clients use, as the name of a container; else SFN_HOSTS. "
    "Can be repeated.",
)
@click.option(
    "--lambda-endpoint",
    metavar="URL",
    envvar=LAMBDA_ENDPOINTS,
    default=SAM_LOCAL_LAMBDA,
    show_default=True,
    help=f"Where functions are invoked; else {', '.join(LAMBDA_ENDPOINTS)}.",
)
@click.option(
    "--region",
    envvar="AWS_DEFAULT_REGION",
    default="us-east-1",
    show_default=True,
    help="The region in ARNs; else AWS_DEFAULT_REGION.",
)
@click.option(
    "--account",
    envvar="AWS_ACCOUNT_ID",
    default=STEP_FUNCTIONS_LOCALS_ACCOUNT,
    show_default=True,
    help="The account in ARNs; else AWS_ACCOUNT_ID.",
)
@click.option(
    "--mock-config",
    metavar="FILE",
    envvar=MOCK_CONFIG,
    help=f"The MockConfigFile.json of executions started as arn#TestCase; else {MOCK_CONFIG}.",
)
@click.option(
    "--wait-time-scale",
    type=click.FloatRange(min=0),
    metavar="FACTOR",
    envvar="WAIT_TIME_SCALE",
    default=1.0,
    show_default=True,
    help="The factor for the length of waits; else WAIT_TIME_SCALE.",
)
@click.option(
    "--virtual-clock",
    is_flag=True,
    help='Let time stand still until POST /_engine/clock {"advance": seconds} moves it.',
)
@click.option(
    "--express-log",
    type=FILE,
    metavar="FILE",
    help="Append the histories of EXPRESS executions to this file, one event per line.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep machines and executions in this folder; running executions continue after a "
    "restart.",
)
@click.option(
    "--express-repeats",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="The share of EXPRESS executions that run twice: AWS runs them at least once.",
)
@click.option(
    "--keep-ended",
    type=click.IntRange(min=1),
    metavar="NUMBER",
    default=KEEP.executions,
    show_default=True,
    help=f"How many ended executions to keep, with up to {KEEP.events:,} events in all.",
)
@click.option(
    "--aws-credentials",
    is_flag=True,
    help="Sign AWS calls with your own credentials, not invented ones. Anybody who can reach the "
    "port can then act as you.",
)
@click.option(
    "--status-events",
    metavar="URL|bus:NAME",
    envvar="SFN_STATUS_EVENTS",
    help="Send status changes of executions there, as EventBridge gets them; else "
    "SFN_STATUS_EVENTS.",
)
@click.option(
    "--metrics",
    is_flag=True,
    help="Put the metrics of executions and Map Runs to CloudWatch each minute, where boto3's "
    "endpoint settings say. GET /_engine/metrics always shows them.",
)
@click.option(
    "--roles",
    "roles_file",
    type=FILE,
    metavar="FILE",
    help="Let tasks do only what the policies of their machine's role allow: a JSON object, the "
    "name of a role to its policy documents.",
)
@click.option("--no-quotas", is_flag=True, help="Lift AWS's quotas: sizes, events, iterations.")
@json_option
def serve(
    host: str,
    port: int,
    hosts: tuple[str, ...],
    lambda_endpoint: str,
    region: str,
    account: str,
    mock_config: str | None,
    wait_time_scale: float,
    virtual_clock: bool,
    express_log: Path | None,
    data_dir: Path | None,
    express_repeats: float,
    keep_ended: int,
    aws_credentials: bool,
    status_events: str | None,
    metrics: bool,
    roles_file: Path | None,
    no_quotas: bool,
    as_json: bool,
) -> None:
    """Serve only the Step Functions engine, until it is interrupted.

    Point boto3 or the AWS CLI at it with AWS_ENDPOINT_URL_SFN or --endpoint-url. Without
    --data-dir everything is in memory, and gone when it ends. It takes the place of AWS's Step
    Functions Local: the same port, account, environment variables and MockConfigFile.json.
    Web pages are refused.
    """
    if no_quotas:
        QUOTAS.lift()
    try:
        functions = HttpFunctions(lambda_endpoint)
    except ValueError as error:
        raise click.UsageError(f"--lambda-endpoint: {error}") from error
    services = BotoServices.from_environment(region, with_credentials=aws_credentials)
    roles = _roles(roles_file)
    with _ending_signals_blocked():
        try:
            step_functions = Engine(
                functions=functions,
                clock=VirtualClock() if virtual_clock else None,
                scheduler=ThreadScheduler(),
                express_log=express_log,
                services=services,
                region=region,
                account=account,
                mocks=_mock_file(mock_config),
                wait_time_scale=wait_time_scale,
                data_dir=data_dir,
                express_repeats=express_repeats,
                retention=replace(KEEP, executions=keep_ended),
                roles=roles,
            )
        except JournalError as error:
            raise click.ClickException(f"--data-dir: {error}") from error
        close_events = _send_events(status_events, services, step_functions)
        close_metrics = _send_metrics(services, step_functions) if metrics else None
        try:
            server = serve_engine(step_functions, host, port, hosts=hosts)
        except OSError as error:
            message = f"{host}:{port} cannot be listened on ({error.strerror}); choose another"
            raise click.ClickException(f"{message} --port") from error
        if as_json:
            echo(json.dumps({"sfn": server.url, "pid": os.getpid()}))
        else:
            echo(f"Step Functions answers at {server.url}; functions at {lambda_endpoint}")
        signal.sigwait(ENDING_SIGNALS)
        server.close()
        step_functions.close()
        close_events()
        if close_metrics is not None:
            close_metrics()
        functions.close()


@contextmanager
def _ending_signals_blocked() -> Iterator[None]:
    """Before any thread starts, so that sigwait gets them and nothing else does."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _roles(path: Path | None) -> Roles | None:
    try:
        return None if path is None else Roles.read(path)
    except RolesError as error:
        raise click.UsageError(f"--roles: {error}") from error


def _send_events(target: str | None, services: BotoServices, engine: Engine) -> Callable[[], None]:
    """Send status events of an engine to a target, if there is one; return what ends that."""
    if target is None:
        return lambda: None
    from sfn_local.status_events import StatusEvents, sender  # noqa: PLC0415 - few want them

    try:
        send = sender(target, services)
    except ValueError as error:
        raise click.UsageError(f"--status-events: {error}") from error
    events = StatusEvents(send, engine.region, engine.account, engine.clock.now)
    engine.on_status_change.append(events)
    return events.close


def _send_metrics(services: BotoServices, engine: Engine) -> Callable[[], None]:
    from sfn_local.metrics import MetricsSender  # noqa: PLC0415 - few want them

    return MetricsSender(engine, services).close


def _mock_file(path: str | None) -> MockFile | None:
    if path is None:
        return None
    if Path(path).exists():
        read_mocks(path)
    else:  # as in Step Functions Local, whose containers get it after they have started
        echo(f"note: {path} is not there yet; executions started as arn#TestCase need it", err=True)
    return MockFile(Path(path))
