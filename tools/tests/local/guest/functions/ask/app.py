"""ask: park until somebody decides; the token stays in a table of this project's own."""

import os

import boto3

from sfn_cqrs.workflows import StepFunctionsContext, sfn_handler


@sfn_handler
def lambda_handler(converted, context: StepFunctionsContext):
    """Keep the token under the document's id."""
    item = {"id": context.execution.input["id"], "token": context.task_token, "for": converted}
    boto3.resource("dynamodb").Table(os.environ["WAITS_TABLE"]).put_item(Item=item)
