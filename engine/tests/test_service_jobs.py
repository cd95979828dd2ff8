"""Jobs of services (`.sync`), and the actions of all optimized integrations.

Source: Step Functions Developer Guide, "Integrating services with Step Functions" and the page of
each service; Names of events as AWS recorded them in localstack's
tests/aws/services/stepfunctions/v2/services/test_ecs_task_service.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from engine.tests.conftest import Run

from sfn_local import Engine, InlineFunctions, VirtualClock
from sfn_local.calls.boto import BotoServices
from sfn_local.integrations import INTEGRATIONS
from sfn_local.integrations.service_job import JOBS
from sfn_local.integrations.unserved import UnservedTask
from sfn_local.language.catalogue import ACTIONS, SYNC

STATES = "arn:aws:states:::"
OK = {"ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RequestId": "r"}}


@dataclass
class Script:
    """A service that answers what the script says, call by call; the last answer stays."""

    answers: list[Any] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def answer(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((name, given))
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(said, Exception):
            raise said
        return {**said, **OK}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    scripted = Script()

    def call(_: BaseClient, name: str, given: dict[str, Any]) -> dict[str, Any]:
        return scripted.answer(name, given)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return scripted


def run_job(resource: str, parameters: dict[str, Any], **more: Any) -> Run:
    services = BotoServices(
        region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    engine = Engine(
        functions=InlineFunctions(lambda _name, payload: payload),
        clock=VirtualClock(),
        services=services,
    )
    task = {"Type": "Task", "Resource": f"{STATES}{resource}", "Parameters": parameters}
    definition = {"StartAt": "it", "States": {"it": {**task, "End": True, **more}}}
    machine = engine.create_state_machine("m", definition)
    run = Run(engine, engine.start_execution(machine, "x"))
    engine.run_until(run.arn)
    return run


def kinds(run: Run) -> list[str]:
    return [event["type"] for event in run.events if event["type"].startswith("Task")]


GLUE = ("glue:startJobRun.sync", {"JobName": "j"})


def glue(state: str) -> dict[str, Any]:
    return {"JobRun": {"Id": "jr", "JobRunState": state}}


def test_a_job_is_described_until_it_has_ended(script: Script) -> None:
    script.answers = [{"JobRunId": "jr"}, glue("RUNNING"), glue("RUNNING"), glue("SUCCEEDED")]
    run = run_job(*GLUE)

    assert run.output == {"Id": "jr", "JobRunState": "SUCCEEDED"}
    assert script.calls == [
        ("StartJobRun", {"JobName": "j"}),
        ("GetJobRun", {"JobName": "j", "RunId": "jr"}),
        ("GetJobRun", {"JobName": "j", "RunId": "jr"}),
        ("GetJobRun", {"JobName": "j", "RunId": "jr"}),
    ]
    assert kinds(run) == [
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
    ]
    submitted = next(event for event in run.events if event["type"] == "TaskSubmitted")
    assert submitted["taskSubmittedEventDetails"]["resource"] == "startJobRun.sync"


def test_a_job_that_fails_fails_the_task_with_its_description(script: Script) -> None:
    script.answers = [{"JobRunId": "jr"}, glue("FAILED")]
    run = run_job(*GLUE)

    assert run.error == "States.TaskFailed"
    assert json.loads(run.cause or "") == {"Id": "jr", "JobRunState": "FAILED"}


def test_a_job_has_the_time_limit_of_its_task(script: Script) -> None:
    script.answers = [{"JobRunId": "jr"}, glue("RUNNING")]
    run = run_job(*GLUE, TimeoutSeconds=10)

    assert run.error == "States.Timeout"
    assert len(script.calls) == 10


def test_a_job_that_cannot_be_started_or_described_fails_the_task(script: Script) -> None:
    response: Any = {"Error": {"Code": "EntityNotFoundException", "Message": "no"}, **OK}
    refusal = ClientError(response, "StartJobRun")
    script.answers = [refusal]
    unstarted = run_job(*GLUE)
    script.answers = [{"JobRunId": "jr"}, refusal]
    lost = run_job(*GLUE)
    script.answers = [{}]
    nameless = run_job(*GLUE)

    assert unstarted.error == lost.error == "Glue.EntityNotFoundException"
    assert kinds(unstarted)[3] == "TaskSubmitFailed"
    assert kinds(lost)[3:5] == ["TaskSubmitted", "TaskFailed"]
    assert nameless.error == "States.TaskFailed"
    assert "lack 'JobRunId'" in str(nameless.cause)


@pytest.mark.parametrize(
    ("resource", "parameters", "started", "ended", "calls", "result"),
    [
        (
            "batch:submitJob.sync",
            {"JobName": "n", "JobQueue": "q", "JobDefinition": "d"},
            {"jobId": "id", "jobName": "n"},
            {"jobs": [{"jobId": "id", "status": "SUCCEEDED"}]},
            ("DescribeJobs", {"jobs": ["id"]}),
            {"JobId": "id", "Status": "SUCCEEDED"},
        ),
        (
            "athena:startQueryExecution.sync",
            {"QueryString": "SELECT 1"},
            {"QueryExecutionId": "id"},
            {"QueryExecution": {"Status": {"State": "SUCCEEDED"}}},
            ("GetQueryExecution", {"QueryExecutionId": "id"}),
            {"QueryExecution": {"Status": {"State": "SUCCEEDED"}}},
        ),
        (
            "codebuild:startBuild.sync",
            {"ProjectName": "p"},
            {"build": {"id": "b"}},
            {"builds": [{"id": "b", "buildStatus": "SUCCEEDED"}]},
            ("BatchGetBuilds", {"ids": ["b"]}),
            {"Id": "b", "BuildStatus": "SUCCEEDED"},
        ),
        (
            "ecs:runTask.sync",
            {"Cluster": "c", "TaskDefinition": "t"},
            {"tasks": [{"taskArn": "arn"}]},
            {"tasks": [{"lastStatus": "STOPPED", "containers": [{"exitCode": 0}]}]},
            ("DescribeTasks", {"cluster": "c", "tasks": ["arn"]}),
            {"LastStatus": "STOPPED", "Containers": [{"ExitCode": 0}]},
        ),
        (
            "sagemaker:createTrainingJob.sync",
            {"TrainingJobName": "t"},
            {"TrainingJobArn": "arn"},
            {"TrainingJobStatus": "Completed"},
            ("DescribeTrainingJob", {"TrainingJobName": "t"}),
            {"TrainingJobStatus": "Completed"},
        ),
        (
            "databrew:startJobRun.sync",
            {"Name": "n"},
            {"RunId": "r"},
            {"JobName": "n", "State": "SUCCEEDED"},
            ("DescribeJobRun", {"Name": "n", "RunId": "r"}),
            {"JobName": "n", "State": "SUCCEEDED"},
        ),
        (
            "mediaconvert:createJob.sync",
            {"Role": "r", "Settings": {}},
            {"Job": {"Id": "i", "Role": "r", "Settings": {}}},
            {"Job": {"Id": "i", "Status": "COMPLETE"}},
            ("GetJob", {"Id": "i"}),
            {"Job": {"Id": "i", "Status": "COMPLETE"}},
        ),
        (
            "eks:createCluster.sync",
            {"Name": "n"},
            {"cluster": {"name": "n", "status": "CREATING"}},
            {"cluster": {"name": "n", "status": "ACTIVE"}},
            ("DescribeCluster", {"name": "n"}),
            {"Cluster": {"Name": "n", "Status": "ACTIVE"}},
        ),
        (
            "emr-serverless:startJobRun.sync",
            {"ApplicationId": "a", "ExecutionRoleArn": "r"},
            {"applicationId": "a", "jobRunId": "j", "arn": "x"},
            {"jobRun": {"jobRunId": "j", "state": "SUCCESS"}},
            ("GetJobRun", {"applicationId": "a", "jobRunId": "j"}),
            {"JobRunId": "j", "State": "SUCCESS"},
        ),
        (
            "emr-containers:startJobRun.sync",
            {"VirtualClusterId": "v"},
            {"id": "j", "virtualClusterId": "v"},
            {"jobRun": {"id": "j", "state": "COMPLETED"}},
            ("DescribeJobRun", {"id": "j", "virtualClusterId": "v"}),
            {"Id": "j", "State": "COMPLETED"},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_service_describes_its_own_jobs(
    script: Script,
    resource: str,
    parameters: dict[str, Any],
    started: dict[str, Any],
    ended: dict[str, Any],
    calls: tuple[str, dict[str, Any]],
    result: Any,
) -> None:
    script.answers = [started, ended]
    run = run_job(resource, parameters)

    assert run.output == {
        **result,
        **{name: run.output[name] for name in ADDED if name in run.output},
    }
    assert script.calls[1] == calls


ADDED = ("SdkHttpMetadata", "SdkResponseMetadata")


def test_a_container_that_exits_with_an_error_fails_its_task(script: Script) -> None:
    stopped = {"lastStatus": "STOPPED", "containers": [{"exitCode": 1}]}
    script.answers = [{"tasks": [{"taskArn": "arn"}]}, {"tasks": [stopped]}]
    run = run_job("ecs:runTask.sync", {"Cluster": "c", "TaskDefinition": "t"})

    assert run.error == "States.TaskFailed"


def test_a_model_is_invoked_through_the_runtime_client(script: Script) -> None:
    script.answers = [{"body": b'{"a":1}', "contentType": "application/json"}]
    run = run_job("bedrock:invokeModel", {"ModelId": "m", "Body": {"prompt": "p"}})

    assert script.calls == [("InvokeModel", {"modelId": "m", "body": '{"prompt":"p"}'})]
    assert run.output["ContentType"] == "application/json"


def test_every_job_is_one_that_aws_waits_for() -> None:
    assert [name for name in JOBS if SYNC not in ACTIONS[name].patterns] == []


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_every_optimized_integration_can_be_created(name: str) -> None:
    """It is served, or says that it must be mocked; the documentation's table is this."""
    engine = Engine(functions=InlineFunctions(lambda _name, payload: payload), clock=VirtualClock())
    known = ACTIONS[name]
    for pattern in ("", *known.patterns):
        token = {"token.$": "$$.Task.Token"} if pattern == ".waitForTaskToken" else {}
        parameters = {group[0]: {} for group in known.required} | token
        task = {
            "Type": "Task",
            "Resource": f"{STATES}{name}{pattern}",
            "Parameters": parameters,
            "End": True,
        }
        definition = {"StartAt": "it", "States": {"it": task}}
        engine.create_state_machine(f"m{len(pattern)}", definition)

    assert len(engine.list_state_machines()) == 1 + len({len(each) for each in known.patterns})


def test_what_is_served_is_what_the_documentation_says() -> None:
    unserved = sorted(
        f"{name}{pattern}"
        for name, known in ACTIONS.items()
        for pattern in ("", *known.patterns)
        if isinstance(INTEGRATIONS.get(f"{name}{pattern}", UnservedTask("")), UnservedTask)
    )

    assert unserved == [
        "apigateway:invoke",
        "apigateway:invoke.waitForTaskToken",
        "bedrock:createModelCustomizationJob.sync",
        "bedrockagentcore:invokeHarness",
        "codebuild:retryBuildBatch.sync",
        "eks:call",
        "eks:createNodegroup.sync",
        "eks:deleteCluster.sync",
        "eks:deleteNodegroup.sync",
        "eks:runJob",
        "eks:runJob.sync",
        "elasticmapreduce:addStep",
        "elasticmapreduce:addStep.sync",
        "elasticmapreduce:cancelStep",
        "elasticmapreduce:createCluster",
        "elasticmapreduce:createCluster.sync",
        "elasticmapreduce:modifyInstanceFleetByName",
        "elasticmapreduce:modifyInstanceGroupByName",
        "elasticmapreduce:setClusterTerminationProtection",
        "elasticmapreduce:terminateCluster",
        "elasticmapreduce:terminateCluster.sync",
        "emr-containers:deleteVirtualCluster.sync",
        "emr-serverless:cancelJobRun.sync",
        "emr-serverless:createApplication.sync",
        "emr-serverless:deleteApplication.sync",
        "emr-serverless:startApplication.sync",
        "emr-serverless:stopApplication.sync",
    ]
