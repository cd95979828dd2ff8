"""conform: does an endpoint behave as Step Functions does?"""

import json
from pathlib import Path

import click

from sfn_local.cli.command import DONE, FAILED, command, json_option, print_json
from sfn_local.cli.showing import echo
from sfn_local.conformance.cases import FOLDER, LEVELS, Case, CaseError, load
from sfn_local.conformance.client import Api, Refused
from sfn_local.conformance.report import junit, table, write_failures
from sfn_local.conformance.runner import Result, run_all
from sfn_local.words import unknown

JOBS = 16


@command(
    examples=(
        "sfn-local serve --port 8083 & sfn-local conform --endpoint http://127.0.0.1:8083",
        "sfn-local conform --endpoint http://127.0.0.1:4566 --area errors --area map",
        "sfn-local conform --endpoint http://127.0.0.1:4566 --junit conform.xml --failures failed/",
        "sfn-local conform --endpoint http://127.0.0.1:4566 --cases failed/choice-and.json",
    ),
)
@click.option("--endpoint", required=True, metavar="URL", help="Where the API is served.")
@click.option("--area", "areas", multiple=True, help="Only cases of this area; may be repeated.")
@click.option(
    "--level",
    "levels",
    multiple=True,
    type=click.Choice(LEVELS),
    help="Only cases of this level; may be repeated.",
)
@click.option(
    "--from",
    "failed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Only the cases that are the names of this JSON object, such as an emulator's failures.",
)
@click.option("--case", "ids", multiple=True, metavar="ID", help="Only this case.")
@click.option(
    "--cases",
    "folder",
    type=click.Path(exists=True, path_type=Path),
    default=FOLDER,
    help="A folder or a file with cases of your own.  [default: the suite's]",
)
@click.option("--jobs", type=click.IntRange(1), default=JOBS, show_default=True, help="At a time.")
@click.option(
    "--junit", "xml", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit's XML."
)
@click.option(
    "--failures",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write each failed case as a file that --cases takes.",
)
@click.option("--list", "only_lists", is_flag=True, help="List the cases, and run none.")
@json_option
def conform(
    endpoint: str,
    areas: tuple[str, ...],
    levels: tuple[str, ...],
    failed: Path | None,
    ids: tuple[str, ...],
    folder: Path,
    jobs: int,
    xml: Path | None,
    failures: Path | None,
    only_lists: bool,
    as_json: bool,
) -> int:
    """Run the conformance suite against an endpoint of the Step Functions API.

    The endpoint needs only the API: tasks are activities, and this command is their worker. It
    signs requests with made-up keys, so it is for emulators. After each case it deletes or stops
    the case's machines, activities and executions.
    """
    named = () if failed is None else tuple(json.loads(failed.read_text("utf-8")))
    cases = _chosen(folder, areas, levels, (*ids, *named))
    if only_lists:
        for case in cases:
            echo(f"{case.area}  {case.level}  {case.id}: {case.title} ({case.source})")
        return DONE
    results = list(run_all(_connect(endpoint), cases, jobs))
    if xml is not None:
        xml.write_text(junit(results), "utf-8")
    if failures is not None:
        write_failures(results, failures)
    if as_json:
        print_json([_as_json(result) for result in results])
    else:
        _print(results)
    return DONE if all(result.has_passed for result in results) else FAILED


def _chosen(
    folder: Path, areas: tuple[str, ...], levels: tuple[str, ...], ids: tuple[str, ...]
) -> list[Case]:
    try:
        cases = load(folder)
    except CaseError as error:
        raise click.ClickException(str(error)) from None
    known = {case.area for case in cases}
    for area in areas:
        if area not in known:
            raise click.UsageError(unknown("area", area, known))
    chosen = [
        case
        for case in cases
        if (not areas or case.area in areas)
        and (not levels or case.level in levels)
        and (not ids or case.id in ids)
    ]
    if not chosen:
        raise click.UsageError("there is no such case; --list shows all")
    return chosen


def _connect(endpoint: str) -> Api:
    try:
        api = Api(endpoint)
        api.call("ListStateMachines", {})
    except ValueError as error:
        raise click.UsageError(f"--endpoint: {error}") from None
    except OSError as error:
        raise click.ClickException(f"{endpoint} does not answer: {error}") from None
    except Refused as error:
        raise click.ClickException(f"{endpoint} does not list state machines: {error}") from None
    return api


def _print(results: list[Result]) -> None:
    for result in results:
        if not result.has_passed:
            case = result.case
            echo(f"{case.area}/{case.id} ({case.level}): {case.title} [{case.source}]")
            for complaint in result.complaints:
                echo(f"    {complaint}")
    echo(table(results))


def _as_json(result: Result) -> dict[str, object]:
    case = result.case
    return {
        "id": case.id,
        "area": case.area,
        "level": case.level,
        "title": case.title,
        "source": case.source,
        "passed": result.has_passed,
        "complaints": list(result.complaints),
        "seconds": round(result.seconds, 3),
    }
