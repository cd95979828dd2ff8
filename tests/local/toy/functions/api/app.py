import json
import os

import boto3


def lambda_handler(event, _context):
    """Put an item on POST, else echo the path parameters."""
    if event["requestContext"]["http"]["method"] == "POST":
        boto3.client("dynamodb").put_item(
            TableName=os.environ["ITEMS_TABLE"], Item=json.loads(event["body"])
        )
        return {"statusCode": 201}
    claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
    return {"path": event["pathParameters"], "tenant": claims["custom:tenant"]}
