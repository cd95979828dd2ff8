"""engine, run, graph and lint: Step Functions for any ASL file."""

import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from sfn_local.asl import Engine, VirtualClock
from sfn_local.asl.document import Json
from sfn_local.asl.errors import ApiError
from sfn_local.asl.graph import mermaid, svg
from sfn_local.asl.http_functions import HttpFunctions
from sfn_local.asl.lint import RULES, Finding
from sfn_local.asl.lint import lint as find_faults
from sfn_local.asl.mock_skeleton import mock_skeleton
from sfn_local.asl.mocks import DEFAULT_FILE, MockConfig, MockError, MockFile
from sfn_local.asl.server import serve_engine
from sfn_local.asl.services import BotoServices
from sfn_local.asl.stubs import StubFunctions, by_state, parse_stubs
from sfn_local.asl.trace import Step, trace
from sfn_local.cli.options import Command, json_option
from sfn_local.cli.printing import print_json

FOLDER = Path("statemachine")
SUFFIX = ".asl.json"
LAMBDA_ENDPOINTS = ("LAMBDA_ENDPOINT", "AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL")
SAM_LOCAL_LAMBDA = "http://127.0.0.1:3001"
STEP_FUNCTIONS_LOCALS_ACCOUNT = "123456789012"
MOCK_CONFIG = "SFN_MOCK_CONFIG"
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)

definition_argument = click.argument("definition", metavar="MACHINE|FILE")


@click.command(
    cls=Command,
    examples=(
        "sfn-cqrs engine",
        "LAMBDA_ENDPOINT=http://127.0.0.1:3001 sfn-cqrs engine --port 8083",
        "SFN_MOCK_CONFIG=MockConfigFile.json WAIT_TIME_SCALE=0 sfn-cqrs engine",
        "aws stepfunctions list-state-machines --endpoint-url http://127.0.0.1:8083",
    ),
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8083, show_default=True, help="The port; 0 takes a free one.")
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
    help="How long waits last, against what they ask for; else WAIT_TIME_SCALE.",
)
@json_option
def engine(
    host: str,
    port: int,
    lambda_endpoint: str,
    region: str,
    account: str,
    mock_config: str | None,
    wait_time_scale: float,
    as_json: bool,
) -> None:
    """Serve the Step Functions engine alone, until it is interrupted.

    Point boto3 or the AWS CLI at it with AWS_ENDPOINT_URL_SFN or --endpoint-url. Everything is
    in memory: when it ends, machines and executions are gone. It takes the place of AWS's Step
    Functions Local: the same port, account, environment variables and MockConfigFile.json.
    """
    try:
        functions = HttpFunctions(lambda_endpoint)
    except ValueError as error:
        raise click.UsageError(f"--lambda-endpoint: {error}") from error
    # Blocked before any thread starts, so that sigwait gets them and nothing else does.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    step_functions = Engine(
        functions=functions,
        services=BotoServices.from_environment(region),
        region=region,
        account=account,
        mocks=_mock_file(mock_config),
        wait_time_scale=wait_time_scale,
    )
    try:
        server = serve_engine(step_functions, host, port)
    except OSError as error:
        message = f"{host}:{port} cannot be listened on ({error.strerror}); choose another --port"
        raise click.ClickException(message) from error
    if as_json:
        click.echo(json.dumps({"sfn": server.url, "pid": os.getpid()}))
    else:
        click.echo(f"Step Functions answers at {server.url}; functions at {lambda_endpoint}")
    signal.sigwait(ENDING_SIGNALS)
    server.close()
    step_functions.close()
    functions.close()


@click.command(
    cls=Command,
    examples=(
        "sfn-cqrs run command -i keys.json --stubs stubs.json",
        """echo '{"check": [{"Throw": {"Error": "Busy"}}, {"ok": true}]}' > stubs.json""",
        "sfn-cqrs run command --mock HappyPath --mock-config MockConfigFile.json",
    ),
)
@definition_argument
@click.option("-i", "--input", "path", metavar="FILE", help="The input; - reads it from stdin.")
@click.option("--stubs", "stubs_path", metavar="FILE", help="Stand-ins for functions, by state.")
@click.option("--mock", "case", metavar="CASE", help="A test case of the mock configuration.")
@click.option(
    "--mock-config",
    metavar="FILE",
    envvar=MOCK_CONFIG,
    default=DEFAULT_FILE,
    show_default=True,
    help=f"The mock configuration; else {MOCK_CONFIG}.",
)
@json_option
def run(
    definition: str,
    path: str | None,
    stubs_path: str | None,
    case: str | None,
    mock_config: str,
    as_json: bool,
) -> None:
    """Run a state machine on stand-ins for its functions, in no time.

    Waits, retries and time limits pass on a virtual clock. --stubs names a JSON object: the
    name of a state to what its function answers. An answer is a value, {"Return": value} or
    {"Throw": {"Error": "...", "Cause": "..."}}; a list has one for each call. --mock takes the
    answers of a test case, as Step Functions Local reads them; stubs are for what it leaves out.
    """
    machine = _load(definition)
    functions = StubFunctions(_read_stubs(stubs_path))
    mocks = None if case is None else _read_mocks(mock_config)
    name = "run" if mocks is None else _mocked_machine(mocks, definition)
    runner = Engine(functions=functions, clock=VirtualClock(), mocks=mocks)
    try:
        kept = mocks.case(name, case).states if mocks and case else frozenset()
        arn = runner.create_state_machine(name, by_state(machine, kept))
        target = f"{arn}#{case}" if case else arn
        execution = runner.start_execution(target, "run", _read_input(path))
    except (ApiError, MockError) as error:
        raise click.ClickException(str(error)) from error
    runner.run_until(execution)
    described = runner.describe_execution(execution)
    steps = trace(runner.history(execution))
    if as_json:
        print_json(_report(described, steps))
    else:
        _print_run(described, steps)
    if functions.complaints:
        complaints = "; ".join(dict.fromkeys(functions.complaints))
        raise click.ClickException(f"{complaints}; see --stubs")
    if described["status"] != "SUCCEEDED":
        raise click.exceptions.Exit(1)


@click.group()
def mock() -> None:
    """Mock configurations, as Step Functions Local reads them."""


@mock.command(
    cls=Command,
    examples=(
        "sfn-cqrs mock new command > MockConfigFile.json",
        "sfn-cqrs run command --mock HappyPath",
    ),
)
@definition_argument
@click.option("--name", metavar="MACHINE", help="The machine's name, if it is not the file's.")
def new(definition: str, name: str | None) -> None:
    """Print a MockConfigFile.json for a state machine: a test case for each of its outcomes.

    In HappyPath every task succeeds; further cases throw what the tasks catch. Edit what is under
    Return: the real services answer with more.
    """
    machine = _load(definition)
    if not isinstance(machine, dict):
        raise click.ClickException(f"{definition}: the definition must be a JSON object")
    try:
        print_json(mock_skeleton(name or _machine_name(definition), machine))
    except ValueError as error:
        raise click.ClickException(f"{definition}: {error}") from error


@click.command(
    cls=Command,
    examples=("sfn-cqrs graph command", "sfn-cqrs graph command --svg command.svg"),
)
@definition_argument
@click.option("--svg", "svg_path", metavar="FILE", help="Write an SVG picture; - is stdout.")
def graph(definition: str, svg_path: str | None) -> None:
    """Draw a state machine: Mermaid text on stdout, or an SVG picture in a file."""
    machine = _load(definition)
    try:
        picture = mermaid(machine) if svg_path is None else svg(machine)
    except ValueError as error:
        raise click.ClickException(f"{definition}: {error}") from error
    if svg_path in (None, "-"):
        click.echo(picture, nl=False)
    else:
        Path(svg_path).write_text(picture, encoding="utf-8")


@click.command(
    cls=Command,
    examples=(
        "sfn-cqrs lint statemachine/*.asl.json",
        "sfn-cqrs lint command --ignore catch-missing --json",
    ),
)
@click.argument("definitions", nargs=-1, required=True, metavar="FILE...")
@click.option("--ignore", multiple=True, metavar="ID", help="Leave a rule out; may be repeated.")
@json_option
def lint(definitions: tuple[str, ...], ignore: tuple[str, ...], as_json: bool) -> None:
    """Check state machine definitions; errors make the exit code 1, warnings do not."""
    unknown = [rule for rule in ignore if rule not in RULES]
    if unknown:
        raise click.UsageError(f"--ignore: there is no rule {', '.join(unknown)}")
    findings = [
        finding
        for definition in definitions
        for finding in find_faults(_read(_find(definition)), str(_find(definition)))
        if finding.id not in ignore
    ]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        _print_findings(findings, len(definitions))
    if any(finding.severity == "error" for finding in findings):
        raise click.exceptions.Exit(1)


commands: list[click.Command] = [engine, run, mock, graph, lint]


def _find(definition: str) -> Path:
    """The file of a definition given by its path, or by the name of its machine."""
    path = Path(definition)
    if path.is_file():
        return path
    named = FOLDER / f"{definition}{SUFFIX}"
    if named.is_file():
        return named
    known = ", ".join(sorted(file.name.removesuffix(SUFFIX) for file in FOLDER.glob(f"*{SUFFIX}")))
    there = f"; the machines in {FOLDER}/ are: {known}" if known else ""
    raise click.ClickException(f"there is no file {definition}{there}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{path} is not in UTF-8: {error}") from error


def _load(definition: str) -> Json:
    path = _find(definition)
    try:
        return json.loads(_read(path))
    except ValueError as error:
        raise click.ClickException(f"{path} is no JSON: {error}") from error


def _read_option(option: str, path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{option}: {error}") from error


def _read_input(path: str | None) -> str:
    return "{}" if path is None else _read_option("--input", path)


def _read_stubs(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return parse_stubs(_read_option("--stubs", path))
    except ValueError as error:
        raise click.UsageError(f"--stubs: {error}") from error


def _machine_name(definition: str) -> str:
    return _find(definition).name.removesuffix(".json").removesuffix(".asl")


def _mocked_machine(mocks: MockConfig, definition: str) -> str:
    """The machine of a mock configuration that a definition is for: its only one, or by name."""
    machines = mocks.machines
    return machines[0] if len(machines) == 1 else _machine_name(definition)


def _read_mocks(path: str) -> MockConfig:
    try:
        return MockConfig.read(Path(path))
    except MockError as error:
        hint = "`sfn-cqrs mock new FILE` writes one"
        raise click.UsageError(f"--mock-config: {error}; {hint}") from error


def _mock_file(path: str | None) -> MockFile | None:
    if path is None:
        return None
    _read_mocks(path)
    return MockFile(Path(path))


def _report(described: dict[str, Any], steps: list[Step]) -> dict[str, Any]:
    output = described.get("output")
    return {
        "status": described["status"],
        "output": None if output is None else json.loads(output),
        "error": described.get("error"),
        "cause": described.get("cause"),
        "seconds": _seconds(described),
        "path": [
            {
                "state": step.name,
                "type": step.type,
                "depth": step.depth,
                "start": (step.entered - described["startDate"]).total_seconds(),
                "seconds": step.seconds,
                "attempts": step.attempts,
                "error": step.error,
            }
            for step in steps
        ],
    }


def _seconds(described: dict[str, Any]) -> float | None:
    if "stopDate" not in described:
        return None
    return float((described["stopDate"] - described["startDate"]).total_seconds())


def _print_run(described: dict[str, Any], steps: list[Step]) -> None:
    width = max((2 * step.depth + len(step.name) for step in steps), default=0)
    for step in steps:
        name = f"{'  ' * step.depth}{step.name}"
        took = "" if step.seconds is None else _show_seconds(step.seconds)
        more = f"  {step.attempts} attempts" if step.attempts > 1 else ""
        error = click.style(f"  {step.error}", fg="red") if step.error else ""
        click.echo(f"{name:<{width}}  {step.type:<8}  {took:>10}{more}{error}")
    seconds = _seconds(described)
    after = "" if seconds is None else f" after {_show_seconds(seconds)}"
    color = "green" if described["status"] == "SUCCEEDED" else "red"
    click.echo(f"\n{click.style(described['status'], fg=color, bold=True)}{after}")
    if described["status"] == "RUNNING":
        click.echo("it waits for a token or a function")
    if "output" in described:
        click.echo(json.dumps(json.loads(described["output"]), ensure_ascii=False, indent=2))
    for name in ("error", "cause"):
        if name in described:
            click.echo(f"{name}: {described[name]}")


def _show_seconds(seconds: float) -> str:
    return f"{seconds:,.1f} s" if seconds % 1 else f"{seconds:,.0f} s"


def _print_findings(findings: list[Finding], files: int) -> None:
    for finding in findings:
        color = "red" if finding.severity == "error" else "yellow"
        place = f"{finding.file}:{finding.line}:{finding.column}"
        severity = click.style(finding.severity, fg=color)
        click.echo(f"{place}: {severity}: {finding.message} [{finding.id}]")
        click.echo(click.style(f"    {finding.hint}", dim=True))
    if findings:
        errors = sum(finding.severity == "error" for finding in findings)
        warnings = len(findings) - errors
        counts = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
        click.echo(f"{counts} in {_count(files, 'file')}", err=True)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
