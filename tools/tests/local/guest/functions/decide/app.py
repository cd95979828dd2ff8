"""decide: somebody says yes or no to a document."""

import os

import boto3

from sfn_cqrs.workflows import StepFunctionService

machines = StepFunctionService()


def lambda_handler(event, _context):
    """End the wait; answers whether it had not ended before."""
    table = boto3.resource("dynamodb").Table(os.environ["WAITS_TABLE"])
    token = table.get_item(Key={"id": event["id"]}, ConsistentRead=True)["Item"]["token"]
    if "error" in event:
        return machines.send_task_failure(token, event["error"], event["cause"])
    return machines.resume_execution(token, event["result"])
