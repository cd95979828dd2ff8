"""Import jobs, as the API shows them."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from rich.console import Console

from sfn_cqrs.machines.import_csv.job import JobStatus
from sfn_cqrs_tools.client.api import Api, work_path
from sfn_cqrs_tools.client.pauses import awaited, going_on
from sfn_cqrs_tools.terminal.progress import progress

ENDED: Final = tuple(one for one in JobStatus if not one.is_open)
COUNTS: Final = ("created", "updated", "unchanged", "failed", "cancelled")

job_path: Final = partial(work_path, "imports")


def watched(api: Api, job: dict[str, Any], console: Console) -> dict[str, Any]:
    """Show the progress of an import until its end; return the ended import."""
    watching = going_on(job["id"], f"sfn-cqrs import show {job['id']} --watch")
    what = "Checked" if job.get("dryRun") else "Imported"
    with watching, progress(console, what, job["total"]) as update:

        def look() -> dict[str, Any]:
            found = api.get(job_path(job["id"]))
            done = sum(found[name] for name in COUNTS)
            update(done, total=found["total"], note=_note(found))
            return found

        return awaited(look, lambda found: found["status"] in ENDED)


def _note(job: dict[str, Any]) -> str:
    ok = job["created"] + job["updated"]
    return f"ok {ok}, skipped {job['unchanged']}, failed {job['failed']}"
