"""Jobs: functions that run on a calendar."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.kernel import moments
from sfn_cqrs.kernel.errors import NotFoundError
from sfn_cqrs.kernel.http.http import Routes, code_of
from sfn_cqrs.kernel.http.operation import Declared, operation, publishing, reading
from sfn_cqrs.kernel.http.request import Request, answer, listed
from sfn_cqrs.kernel.tables.paging import Page
from sfn_cqrs.machines.schedule.job_schemas import JOB, JOBS, RUN
from sfn_cqrs.machines.schedule.job_service import JobService, JobView

routes = Routes()


@routes.get("/jobs")
@operation(rule=reading(Declared.TYPES), answers={200: JOBS})
def list_jobs() -> Response[str]:
    """List the jobs that you may see, with what each did last and when it comes next."""
    return listed(Page(Request().service(JobService).list()), JOB.view)


@routes.get("/jobs/<job>")
@operation(rule=reading(Declared.TYPES), answers={200: JOB}, problems=(NotFoundError,))
def get_job(job: str) -> Response[str]:
    """Show a job."""
    return _answer(Request().service(JobService).get(code_of(job)))


@routes.post("/jobs/<job>/run")
@operation(rule=publishing(Declared.TYPES), body=RUN, answers={202: JOB}, problems=(NotFoundError,))
def run_job(job: str) -> Response[str]:
    """Run a job now, or for the occurrences of a range of the past; its calendar goes on."""
    request = Request()
    body = request.body(RUN)
    given = {name: moments.moment(body[name], name) for name in ("from", "until") if name in body}
    found = request.service(JobService).run(
        code_of(job), since=given.get("from"), until=given.get("until"), caller=request.caller
    )
    return _answer(found, HTTPStatus.ACCEPTED)


@routes.post("/jobs/<job>/pause")
@operation(rule=publishing(Declared.TYPES), answers={200: JOB}, problems=(NotFoundError,))
def pause_job(job: str) -> Response[str]:
    """Let no occurrence of a job come until it is resumed."""
    request = Request()
    return _answer(request.service(JobService).pause(code_of(job), caller=request.caller))


@routes.post("/jobs/<job>/resume")
@operation(rule=publishing(Declared.TYPES), answers={200: JOB}, problems=(NotFoundError,))
def resume_job(job: str) -> Response[str]:
    """Let a paused job go on, or one begin for this tenant; what it has missed does not come."""
    request = Request()
    return _answer(request.service(JobService).resume(code_of(job), caller=request.caller))


def _answer(found: JobView, status: HTTPStatus = HTTPStatus.OK) -> Response[str]:
    return answer(status, JOB.view(found))
