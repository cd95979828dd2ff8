"""`.sync` of jobs that a service runs: started, and described again and again until they end.

Source: Step Functions Developer Guide, the page of each service, "Run a job (.sync)". AWS hears of
a job's end by EventBridge; here it is asked for, through the describing call that the service has.
A job whose task times out goes on: nothing stops it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sfn_local.document import Document, Json, dumps
from sfn_local.errors import StateFailure
from sfn_local.integrations.attempt import Attempt, Expired, Outcome
from sfn_local.integrations.aws_service import AwsService
from sfn_local.language.catalogue import SYNC

SECONDS_BETWEEN = 1.0

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """How a job's end is found out.

    Describe is the action, which is called with what request makes of the start's answer and
    arguments; status and result are their paths in its answer. Done are the statuses of a
    success, failed those of a failure, all others go on.
    """

    describe: str
    request: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]
    status: Path
    done: tuple[str, ...]
    failed: tuple[str, ...]
    result: Path = ()
    has_failed: Callable[[Any], bool] = lambda _: False

    def outcome(self, answer: Json) -> Outcome | None:
        """The job's result or failure; None while it goes on."""
        result, status = _at(answer, self.result), _at(answer, self.status)
        if status in self.failed or (status in self.done and self.has_failed(result)):
            return StateFailure("States.TaskFailed", dumps(result))
        return Document(result) if status in self.done else None


def _named(field: str) -> Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]:
    """The name that the job was given."""
    return lambda _, arguments: {field: arguments.get(field)}


def _sagemaker(kind: str) -> Job:
    return Job(
        f"describe{kind}Job",
        _named(f"{kind}JobName"),
        (f"{kind}JobStatus",),
        ("Completed",),
        ("Failed", "Stopped"),
    )


def _build(kind: str, listed: str) -> Job:
    return Job(
        f"batchGet{listed}",
        lambda answer, _: {"Ids": [answer[kind]["Id"]]},
        (listed, 0, f"{kind}Status"),
        ("SUCCEEDED",),
        ("FAILED", "FAULT", "TIMED_OUT", "STOPPED"),
        (listed, 0),
    )


def _exited_badly(task: Any) -> bool:
    return any(container.get("ExitCode", 0) != 0 for container in task.get("Containers", []))


JOBS: dict[str, Job] = {
    "athena:startQueryExecution": Job(
        "getQueryExecution",
        lambda answer, _: {"QueryExecutionId": answer["QueryExecutionId"]},
        ("QueryExecution", "Status", "State"),
        ("SUCCEEDED",),
        ("FAILED", "CANCELLED"),
    ),
    "batch:submitJob": Job(
        "describeJobs",
        lambda answer, _: {"Jobs": [answer["JobId"]]},
        ("Jobs", 0, "Status"),
        ("SUCCEEDED",),
        ("FAILED",),
        ("Jobs", 0),
    ),
    "codebuild:startBuild": _build("Build", "Builds"),
    "codebuild:startBuildBatch": _build("BuildBatch", "BuildBatches"),
    "databrew:startJobRun": Job(
        "describeJobRun",
        lambda answer, arguments: {"Name": arguments["Name"], "RunId": answer["RunId"]},
        ("State",),
        ("SUCCEEDED",),
        ("FAILED", "TIMEOUT", "STOPPED"),
    ),
    "ecs:runTask": Job(
        "describeTasks",
        lambda answer, arguments: {
            "Cluster": arguments.get("Cluster"),
            "Tasks": [task["TaskArn"] for task in answer["Tasks"]],
        },
        ("Tasks", 0, "LastStatus"),
        ("STOPPED",),
        (),
        ("Tasks", 0),
        _exited_badly,
    ),
    "eks:createCluster": Job(
        "describeCluster",
        _named("Name"),
        ("Cluster", "Status"),
        ("ACTIVE",),
        ("FAILED",),
    ),
    "emr-containers:startJobRun": Job(
        "describeJobRun",
        lambda answer, _: {"Id": answer["Id"], "VirtualClusterId": answer["VirtualClusterId"]},
        ("JobRun", "State"),
        ("COMPLETED",),
        ("FAILED", "CANCELLED"),
        ("JobRun",),
    ),
    "emr-serverless:startJobRun": Job(
        "getJobRun",
        lambda answer, _: {
            "ApplicationId": answer["ApplicationId"],
            "JobRunId": answer["JobRunId"],
        },
        ("JobRun", "State"),
        ("SUCCESS",),
        ("FAILED", "CANCELLED"),
        ("JobRun",),
    ),
    "glue:startJobRun": Job(
        "getJobRun",
        lambda answer, arguments: {"JobName": arguments["JobName"], "RunId": answer["JobRunId"]},
        ("JobRun", "JobRunState"),
        ("SUCCEEDED",),
        ("FAILED", "TIMEOUT", "STOPPED", "ERROR"),
        ("JobRun",),
    ),
    "mediaconvert:createJob": Job(
        "getJob",
        lambda answer, _: {"Id": answer["Job"]["Id"]},
        ("Job", "Status"),
        ("COMPLETE",),
        ("ERROR", "CANCELED"),
    ),
    "sagemaker:createHyperParameterTuningJob": _sagemaker("HyperParameterTuning"),
    "sagemaker:createLabelingJob": _sagemaker("Labeling"),
    "sagemaker:createProcessingJob": _sagemaker("Processing"),
    "sagemaker:createTrainingJob": _sagemaker("Training"),
    "sagemaker:createTransformJob": _sagemaker("Transform"),
}


class ServiceJob(AwsService):
    """A task that starts a job and waits for its end."""

    def __init__(self, service: str, action: str, job: Job) -> None:
        """The service and the action that starts the job."""
        super().__init__(service, action, is_callback=False)
        self.identity = {"resourceType": service, "resource": f"{action}{SYNC}"}
        self._job = job

    async def finish(self, attempt: Attempt) -> Document:
        """The ended job.

        Raises:
            StateFailure: it could not be started, failed, or did not end in time.
        """
        news = await attempt.ending()
        started = news.outcome
        if not self.submitted(attempt, news) or isinstance(started, StateFailure):
            return self.end(attempt, news)
        try:
            request = self._job.request(started.value, attempt.arguments.value)
        except (KeyError, IndexError, TypeError) as error:
            cause = f"the answer or the arguments of {self.identity['resource']} lack {error}"
            return self.end(attempt, type(news)(StateFailure("States.TaskFailed", cause)))
        while True:
            timer = attempt.call_after(SECONDS_BETWEEN, self._described(attempt, request))
            try:
                news = await attempt.ending()
            finally:
                timer.cancel()
            outcome = news.outcome
            if isinstance(outcome, StateFailure) or isinstance(news, Expired):
                return self.end(attempt, news)
            ended = self._job.outcome(outcome.value)
            if ended is not None:
                return self.end(attempt, type(news)(ended))

    def _described(self, attempt: Attempt, request: dict[str, Any]) -> Callable[[], Outcome]:
        call = self.call_of(attempt, self._job.describe)
        return lambda: call.run(request)


def _at(value: Any, path: Path) -> Any:
    """Return the value at a path; None if it leads nowhere."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value
