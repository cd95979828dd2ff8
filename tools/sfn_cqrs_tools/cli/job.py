"""job: functions that run on a calendar."""

from __future__ import annotations

import json
from typing import Any, Final

import click

from sfn_cqrs_tools.cli.options import api_options
from sfn_cqrs_tools.client.api import Api, work_path
from sfn_cqrs_tools.terminal.printing import Columns, print_answer, print_fields, print_list
from sfn_local.cli.command import Group, print_json

LISTED: Final[Columns] = {
    "job": "job",
    "status": "status",
    "calendar": "calendar",
    "zone": "zone",
    "last": "last",
    "outcome": "outcome",
    "next": "next",
}
job_argument = click.argument("job_", metavar="JOB")


@click.group(cls=Group)
def job() -> None:
    """Show the functions that run on a calendar; run, pause and resume them."""


@job.command("list", examples=("sfn-cqrs job list",))
@api_options
def list_jobs(api: Api, as_json: bool) -> None:
    """List the jobs: what each did last, and when it comes next."""
    found = api.get("/jobs")["items"]
    shown = found if as_json else [_line(one) for one in found]
    print_list(shown, LISTED, as_json=as_json, none="no job is declared")


def _line(one: dict[str, Any]) -> dict[str, Any]:
    calendar = one["cron"] or f"every {one['every']} s"
    return {**one, "calendar": calendar, "next": next(iter(one["upcoming"]), "")}


@job.command("show", examples=("sfn-cqrs job show REPORT_STOCK",))
@job_argument
@api_options
def show_job(job_: str, api: Api, as_json: bool) -> None:
    """Show a job, with its next five occurrences."""
    found = api.get(work_path("jobs", job_))
    if as_json:
        print_json(found)
        return
    upcoming = found.pop("upcoming")
    print_fields({**found, "upcoming": "  ".join(upcoming)})


@job.command(
    "run",
    examples=(
        "sfn-cqrs job run REPORT_STOCK",
        "sfn-cqrs job run REPORT_STOCK --from 2026-11-01T00:00:00Z --until 2026-11-04T00:00:00Z",
    ),
)
@job_argument
@click.option("--from", "since", metavar="MOMENT", help="Run the occurrences from this moment,")
@click.option("--until", metavar="MOMENT", help="until before this one, of the past.")
@api_options
def run_job(job_: str, since: str | None, until: str | None, api: Api, as_json: bool) -> None:
    """Run a job now, or for the occurrences of a range of the past; its calendar goes on."""
    given = {"from": since, "until": until}
    body = {name: moment for name, moment in given.items() if moment is not None}
    found = api.post(work_path("jobs", job_, "run"), json.dumps(body))
    told = f"{job_} runs as version {found['version']}"
    chain = f"sfn-cqrs chain show {job_} calendar"
    print_answer(found, f"{told}\nto see it: {chain}", as_json=as_json)


@job.command("pause", examples=("sfn-cqrs job pause REPORT_STOCK",))
@job_argument
@api_options
def pause_job(job_: str, api: Api, as_json: bool) -> None:
    """Let no occurrence of a job come until it is resumed."""
    found = api.post(work_path("jobs", job_, "pause"))
    print_answer(found, f"{job_} is paused", as_json=as_json)


@job.command("resume", examples=("sfn-cqrs job resume REPORT_STOCK",))
@job_argument
@api_options
def resume_job(job_: str, api: Api, as_json: bool) -> None:
    """Let a paused job go on, or one begin for this tenant; what it has missed does not come."""
    found = api.post(work_path("jobs", job_, "resume"))
    print_answer(found, f"{job_} is {found['status']}", as_json=as_json)
