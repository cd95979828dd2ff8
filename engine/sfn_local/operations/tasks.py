"""Activities, and what workers and callbacks report."""

from sfn_local.engine import Engine
from sfn_local.operations.machines import read_tags
from sfn_local.operations.paging import PAGE, page_of
from sfn_local.operations.parameters import (
    ARN,
    ENCRYPTION,
    NAME,
    REASONS,
    TAGS,
    Answer,
    Given,
    Operation,
    Parameter,
)

LONG_POLL_SECONDS = 60.0
ACTIVITY = {"activityArn": ARN}
TOKEN = {"taskToken": Parameter(str, required=True, least=1, most=2048, is_secret=True)}


def create_activity(engine: Engine, given: Given) -> Answer:
    """CreateActivity."""
    tags = read_tags(given["tags"] or [])
    created = engine.create_activity(given["name"], tags, given["encryptionConfiguration"])
    return {name: created[name] for name in ("activityArn", "creationDate")}


def get_activity_task(engine: Engine, given: Given) -> Answer:
    """GetActivityTask."""
    return dict(
        engine.get_activity_task(given["activityArn"], given["workerName"], LONG_POLL_SECONDS)
    )


OPERATIONS = {
    "CreateActivity": Operation(
        create_activity, {"name": NAME, "tags": TAGS, "encryptionConfiguration": ENCRYPTION}
    ),
    "DescribeActivity": Operation(
        lambda engine, given: engine.describe_activity(given["activityArn"]), ACTIVITY
    ),
    "ListActivities": Operation(
        lambda engine, given: page_of("activities", engine.list_activities(), given), PAGE
    ),
    "DeleteActivity": Operation(
        lambda engine, given: engine.delete_activity(given["activityArn"]), ACTIVITY
    ),
    "GetActivityTask": Operation(
        get_activity_task, {**ACTIVITY, "workerName": Parameter(str, least=1, most=80)}
    ),
    "SendTaskSuccess": Operation(
        lambda engine, given: engine.send_task_success(given["taskToken"], given["output"]),
        {**TOKEN, "output": Parameter(str, required=True, is_secret=True)},
    ),
    "SendTaskFailure": Operation(
        lambda engine, given: engine.send_task_failure(
            given["taskToken"], given["error"], given["cause"]
        ),
        {**TOKEN, **REASONS},
    ),
    "SendTaskHeartbeat": Operation(
        lambda engine, given: engine.send_task_heartbeat(given["taskToken"]), TOKEN
    ),
}
