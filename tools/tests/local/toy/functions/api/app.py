import json
import os

import boto3


def lambda_handler(event, _context):
    """Put an item on POST, try to delete it or to read a file that is not there, or echo."""
    method = event["requestContext"]["http"]["method"]
    if method == "POST":
        item = json.loads(event["body"])
        boto3.client("dynamodb").put_item(TableName=os.environ["ITEMS_TABLE"], Item=item)
        return {"statusCode": 201}
    if method == "DELETE":
        key = {"pk": {"S": "a"}, "sk": {"S": "1"}}
        boto3.client("dynamodb").delete_item(TableName=os.environ["ITEMS_TABLE"], Key=key)
        return {"statusCode": 204}
    if method == "PUT":
        try:
            boto3.client("s3").get_object(Bucket=os.environ["FILES_BUCKET"], Key="none")
        except Exception as error:
            return {"statusCode": 404, "body": json.dumps(str(error))}
    claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
    return {"path": event["pathParameters"], "tenant": claims["custom:tenant"]}
