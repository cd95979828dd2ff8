"""The read-only AWS policy for the person who starts the console."""

from __future__ import annotations

from typing import Any, Final

READS: Final = {
    "states": (
        "DescribeExecution",
        "DescribeMapRun",
        "DescribeStateMachine",
        "DescribeStateMachineForExecution",
        "GetExecutionHistory",
        "ListExecutions",
        "ListMapRuns",
    ),
    "dynamodb": ("BatchGetItem", "GetItem", "Query"),
    "sqs": ("GetQueueAttributes",),
    "cloudformation": ("DescribeStackResource", "DescribeStacks", "ListStackResources"),
    "logs": ("FilterLogEvents",),
}
ENDS: Final = ("RedriveExecution", "SendTaskFailure", "SendTaskSuccess", "StopExecution")
LISTS: Final = ("ListStateMachines",)
PEEKS: Final = ("ReceiveMessage",)
MEASURES: Final = ("GetMetricData",)
TRACES: Final = ("BatchGetTraces",)


def policy_document(stack: str) -> dict[str, Any]:
    """Return the least policy for a stack's console; repairs go through the stack's API."""
    kinds = ("stateMachine", "execution", "mapRun", "express")
    machines = [f"arn:aws:states:*:*:{kind}:{stack}-*" for kind in kinds]
    return {
        "Version": "2012-10-17",
        "Statement": [
            _allow("Machines", "states", (*READS["states"], *ENDS), machines),
            _allow("ListOfMachines", "states", LISTS, ["*"]),
            _allow(
                "WhatIsOpen",
                "dynamodb",
                READS["dynamodb"],
                [f"arn:aws:dynamodb:*:*:table/{stack}-*"],
            ),
            _allow("Queues", "sqs", (*READS["sqs"], *PEEKS), [f"arn:aws:sqs:*:*:{stack}-*"]),
            _allow("Trends", "cloudwatch", MEASURES, ["*"]),  # no metric has an ARN
            _allow("Traces", "xray", TRACES, ["*"]),  # no trace has one, either
            _allow(
                "Logs",
                "logs",
                READS["logs"],
                [
                    f"arn:aws:logs:*:*:log-group:/aws/vendedlogs/states/{stack}-*command-express:*",
                    f"arn:aws:logs:*:*:log-group:/sfn-cqrs/{stack}/functions:*",
                    f"arn:aws:logs:*:*:log-group:/sfn-cqrs/{stack}-*/functions:*",
                ],
            ),
            _allow(
                "Outputs",
                "cloudformation",
                READS["cloudformation"],
                [f"arn:aws:cloudformation:*:*:stack/{stack}{nested}/*" for nested in ("", "-*")],
            ),
        ],
    }


def _allow(
    sid: str, service: str, operations: tuple[str, ...], resources: list[str]
) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": [f"{service}:{operation}" for operation in operations],
        "Resource": resources,
    }
