"""The optimized integrations: their actions, patterns and required arguments.

Source: Step Functions Developer Guide, "Integrating services with Step Functions".
"""

from dataclasses import dataclass

CALLBACK, SYNC, SYNC_2 = ".waitForTaskToken", ".sync", ".sync:2"


@dataclass(frozen=True, slots=True)
class Action:
    """An action; of each group of required arguments one must be there."""

    required: tuple[tuple[str, ...], ...] = ()
    patterns: tuple[str, ...] = ()


def _table(*needed: str) -> Action:
    return Action((("TableName",), *((name,) for name in needed)))


ACTIONS: dict[str, Action] = {
    "lambda:invoke": Action((("FunctionName",),), (CALLBACK,)),
    "sqs:sendMessage": Action((("QueueUrl",), ("MessageBody",)), (CALLBACK,)),
    "sns:publish": Action((("TopicArn", "TargetArn", "PhoneNumber"), ("Message",)), (CALLBACK,)),
    "dynamodb:getItem": _table("Key"),
    "dynamodb:putItem": _table("Item"),
    "dynamodb:updateItem": _table("Key"),
    "dynamodb:deleteItem": _table("Key"),
    "events:putEvents": Action((("Entries",),), (CALLBACK,)),
    "states:startExecution": Action((("StateMachineArn",),), (CALLBACK, SYNC, SYNC_2)),
    "http:invoke": Action((("ApiEndpoint",), ("Method",))),
    "apigateway:invoke": Action((("ApiEndpoint",), ("Method",)), (CALLBACK,)),
}

UNCHECKED_SERVICES = frozenset(
    {
        "athena",
        "batch",
        "bedrock",
        "codebuild",
        "databrew",
        "ecs",
        "eks",
        "elasticmapreduce",
        "emr-containers",
        "emr-serverless",
        "glue",
        "mediaconvert",
        "sagemaker",
    }
)
