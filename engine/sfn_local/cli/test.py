"""test: the test cases of files and of mock configurations, and what they cover."""

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from sfn_local.case_files import CaseFileError, CaseResult, is_case_file, read_cases, run_case
from sfn_local.cli.command import DONE, FAILED, FILE, command, json_option, print_json
from sfn_local.cli.definitions import (
    find,
    input_of,
    input_option,
    load,
    machine_name,
    mock_config_option,
    mocks_of,
)
from sfn_local.cli.showing import echo
from sfn_local.coverage import Coverage, Way
from sfn_local.document import Json
from sfn_local.errors import ApiError
from sfn_local.junit import Outcome, junit
from sfn_local.mocks import MockConfig, MockError
from sfn_local.rehearsal import rehearse
from sfn_local.stubs import StubFunctions

UNANSWERED = ("States.Runtime",)


@dataclass(frozen=True, slots=True)
class CaseRun:
    """The result of a test case."""

    machine: str
    case: str
    status: str
    error: str | None
    complaint: str | None
    seconds: float = 0.0


@command(
    examples=(
        "sfn-local test order.test.yaml --cov",
        "sfn-local test tests/*.yaml --jobs 4 --junit results.xml",
        "sfn-local test order.asl.json --cov --min 100",
        "sfn-local test statemachine/*.asl.json --mock-config mocks/MockConfigFile.json --cov",
    ),
)
@click.argument("files", metavar="CASES|MACHINE|FILE...", nargs=-1, required=True)
@mock_config_option
@input_option("The input of every case of a mock configuration.")
@click.option("-k", "wanted", metavar="TEXT", help="Run only cases whose name has this text.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="NUMBER",
    help="Run the cases of files in so many processes.",
)
@click.option("--junit", "junit_path", type=FILE, metavar="FILE", help="Write JUnit's XML, for CI.")
@click.option("--cov", is_flag=True, help="List the ways that no test case takes.")
@click.option(
    "--min",
    "least",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Fail if the cases take a smaller share of a machine's ways.",
)
@json_option
def test(
    files: tuple[str, ...],
    mock_config: str | None,
    path: str | None,
    wanted: str | None,
    jobs: int,
    junit_path: Path | None,
    cov: bool,
    least: float | None,
    as_json: bool,
) -> int:
    """Run test cases of machines, without waiting.

    A YAML or JSON file has cases. Each has an input, stubs or mocks by state, and what you expect:
    path, status, output, error, seconds. If you name a definition, the command runs the test cases
    of its mock configuration. Such a case fails if an answer is missing, or if the execution ends
    with States.Runtime. The ways of a machine are its states, retriers, catchers, the rules of its
    Choices and their Defaults.
    """
    of_files = [each for each in files if is_case_file(each)]
    runs: list[CaseRun] = []
    ways: dict[Path, set[Way]] = {}
    for result in _run_files(of_files, wanted or "", jobs):
        ways.setdefault(result.case.machine, set()).update(result.ways)
        runs.append(_of_file(result))
    for definition in (each for each in files if each not in of_files):
        mocks, name = mocks_of(definition, mock_config), machine_name(definition)
        machine, data = load(definition), input_of(definition, path)
        taken = ways.setdefault(find(definition), set())
        cases = [case for case in _cases(mocks, name) if (wanted or "") in case]
        runs += [_run(name, case, machine, mocks, data, taken) for case in cases]
    covered = {
        machine_name(str(machine)): Coverage.of(load(str(machine)), taken)
        for machine, taken in ways.items()
    }
    small = [name for name, each in covered.items() if least and each.percentage < least]
    if junit_path is not None:
        junit_path.write_text(junit("sfn-local test", _suites(runs)), "utf-8")
    if as_json:
        coverage = {name: each.as_json() for name, each in covered.items()}
        print_json({"cases": [_as_json(run) for run in runs], "coverage": coverage})
    else:
        _print(runs, covered if cov or least else {}, small, least)
    return FAILED if small or any(run.complaint for run in runs) else DONE


def _run_files(files: list[str], wanted: str, jobs: int) -> Iterator[CaseResult]:
    try:
        cases = [case for file in files for case in read_cases(file) if wanted in case.name]
        if jobs == 1 or len(cases) <= 1:
            yield from map(run_case, cases)
            return
        with ProcessPoolExecutor(min(jobs, len(cases))) as pool:
            yield from pool.map(run_case, cases, chunksize=max(1, len(cases) // (4 * jobs)))
    except CaseFileError as error:
        raise click.ClickException(str(error)) from None


def _of_file(result: CaseResult) -> CaseRun:
    name, complaint = machine_name(str(result.case.machine)), "\n        ".join(result.complaints)
    return CaseRun(
        name, result.case.name, result.status, result.error, complaint or None, result.seconds
    )


def _suites(runs: list[CaseRun]) -> dict[str, list[Outcome]]:
    suites: dict[str, list[Outcome]] = {}
    for run in runs:
        complaints = (run.complaint,) if run.complaint else ()
        outcome = Outcome(run.case, run.machine, run.seconds, run.complaint or "", complaints)
        suites.setdefault(run.machine, []).append(outcome)
    return suites


def _cases(mocks: MockConfig, name: str) -> list[str]:
    if name not in mocks.machines:
        known = ", ".join(mocks.machines) or "none"
        raise click.ClickException(f"there are no test cases for {name}; only for: {known}")
    return mocks.cases(name)


def _run(
    name: str, case: str, machine: Json, mocks: MockConfig, data: str, ways: set[Way]
) -> CaseRun:
    functions = StubFunctions({})
    try:
        engine, execution = rehearse(name, machine, data, functions, mocks, case, ways)
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
    return {name: value for name, value in asdict(run).items() if name != "seconds"}


def _print(
    runs: list[CaseRun], covered: dict[str, Coverage], small: list[str], least: float | None
) -> None:
    width = max(len(run.machine) + len(run.case) + 1 for run in runs) if runs else 0
    for run in runs:
        error = "" if run.error is None else f"  {run.error}"
        verdict = "FAILED" if run.complaint else "ok"
        named = f"{run.machine}#{run.case}"
        echo(f"{verdict:<6}  {named:<{width}}  {run.status}{error}")
        if run.complaint:
            echo(f"        {run.complaint}")
    for name, coverage in covered.items():
        for line in coverage.lines(name):
            echo(line)
    for name in small:
        echo(f"{name} has less than {json.dumps(least)} %")
