"""test: the test cases of a mock configuration, and what of the definition they cover."""

import json
from dataclasses import dataclass

import click

from sfn_local import Engine, VirtualClock
from sfn_local.cli.command import DONE, FAILED, command, json_option, print_json
from sfn_local.cli.definitions import (
    input_of,
    input_option,
    load,
    machine_name,
    mock_config_option,
    mocks_of,
)
from sfn_local.coverage import Coverage, Way
from sfn_local.document import Json
from sfn_local.errors import ApiError
from sfn_local.mocks import MockConfig, MockError
from sfn_local.stubs import StubFunctions, by_state

UNANSWERED = ("States.Runtime",)


@dataclass(frozen=True, slots=True)
class CaseRun:
    """What became of a test case."""

    machine: str
    case: str
    status: str
    error: str | None
    complaint: str | None


@command(
    examples=(
        "sfn-local test order.asl.json",
        "sfn-local test order.asl.json --cov --min 100",
        "sfn-local test statemachine/*.asl.json --mock-config mocks/MockConfigFile.json --cov",
    ),
)
@click.argument("definitions", metavar="MACHINE|FILE...", nargs=-1, required=True)
@mock_config_option
@input_option("The input of every case.")
@click.option("--cov", is_flag=True, help="Tell which ways no test case takes.")
@click.option(
    "--min",
    "least",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Fail where the cases take a smaller share of a machine's ways.",
)
@json_option
def test(
    definitions: tuple[str, ...],
    mock_config: str | None,
    path: str | None,
    cov: bool,
    least: float | None,
    as_json: bool,
) -> int:
    """Run every test case that a mock configuration has for a machine, in no time.

    A case fails where an answer lacks, or an execution ends with States.Runtime; that a task's
    error ends it is for the case to say. The ways of a machine are its states, retriers, catchers,
    the rules of its Choices and their Defaults.
    """
    runs: list[CaseRun] = []
    covered: dict[str, Coverage] = {}
    for definition in definitions:
        mocks = mocks_of(definition, mock_config)
        name = machine_name(definition)
        machine = load(definition)
        ways: set[Way] = set()
        data = input_of(definition, path)
        runs += [_run(name, case, machine, mocks, data, ways) for case in _cases(mocks, name)]
        covered[name] = Coverage.of(machine, ways)
    small = [name for name, each in covered.items() if least and each.percentage < least]
    if as_json:
        coverage = {name: each.as_json() for name, each in covered.items()}
        print_json({"cases": [_as_json(run) for run in runs], "coverage": coverage})
    else:
        _print(runs, covered if cov or least else {}, small, least)
    return FAILED if small or any(run.complaint for run in runs) else DONE


def _cases(mocks: MockConfig, name: str) -> list[str]:
    if name not in mocks.machines:
        known = ", ".join(mocks.machines) or "none"
        raise click.ClickException(f"there are no test cases for {name}; only for: {known}")
    return mocks.cases(name)


def _run(
    name: str, case: str, machine: Json, mocks: MockConfig, data: str, ways: set[Way]
) -> CaseRun:
    functions = StubFunctions({})
    engine = Engine(functions=functions, clock=VirtualClock(), mocks=mocks)
    engine.watch_ways(ways)
    try:
        states = mocks.case(name, case).states
        arn = engine.create_state_machine(name, by_state(machine, states))
        execution = engine.start_execution(f"{arn}#{case}", "test", data)
    except (ApiError, MockError) as error:
        raise click.ClickException(str(error)) from error
    engine.run_until(execution)
    described = engine.describe_execution(execution)
    ended_with = described.get("error")
    complaint = "; ".join(dict.fromkeys(functions.complaints)) or None
    if complaint is None and ended_with in UNANSWERED:
        complaint = described.get("cause")
    return CaseRun(name, case, described["status"], ended_with, complaint)


def _as_json(run: CaseRun) -> dict[str, Json]:
    return {
        "machine": run.machine,
        "case": run.case,
        "status": run.status,
        "error": run.error,
        "complaint": run.complaint,
    }


def _print(
    runs: list[CaseRun], covered: dict[str, Coverage], small: list[str], least: float | None
) -> None:
    width = max(len(run.machine) + len(run.case) + 1 for run in runs) if runs else 0
    for run in runs:
        error = "" if run.error is None else f"  {run.error}"
        verdict = "FAILED" if run.complaint else "ok"
        named = f"{run.machine}#{run.case}"
        click.echo(f"{verdict:<6}  {named:<{width}}  {run.status}{error}")
        if run.complaint:
            click.echo(f"        {run.complaint}")
    for name, coverage in covered.items():
        for line in coverage.lines(name):
            click.echo(line)
    for name in small:
        click.echo(f"{name} has less than {json.dumps(least)} %")
