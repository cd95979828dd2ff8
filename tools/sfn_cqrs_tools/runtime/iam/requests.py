"""The actions and resources that a call of boto3 needs.

Source: Service Authorization Reference. A service that is not listed here asks for the action
of its operation's name, on the first ARN among the parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from sfn_cqrs_tools.runtime.cloudformation import ACCOUNT, REGION
from sfn_local import function_name

Params = Mapping[str, Any]

_PREFIXES: Final = {"monitoring": "cloudwatch"}
"""The prefixes of actions that are not the name by which a service is signed for."""
_TRANSACTION_PARTS: Final = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
_OBJECTS: Final = {
    "CompleteMultipartUpload": "PutObject",
    "CreateBucket": "PutObject",  # by which botocore signs a form
    "CreateMultipartUpload": "PutObject",
    "HeadObject": "GetObject",
    "ListParts": "ListMultipartUploadParts",
    "SelectObjectContent": "GetObject",
    "UploadPart": "PutObject",
}
_BUCKETS: Final = {
    "HeadBucket": "ListBucket",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
}
_OF_VERSIONS: Final = ("DeleteObject", "GetObject", "GetObjectTagging")
_COPIES: Final = ("CopyObject", "UploadPartCopy")
_EQUALS: Final = re.compile(r"(?P<name>#?\w+)\s*=\s*(?P<value>:\w+)")


class Asked(NamedTuple):
    """An action on a resource, None if it is not known; of a table with the part about it."""

    action: str
    resource: str | None
    part: Params | None = None


def asked(
    prefix: str, operation: str, params: Params, machine: Callable[[str], str | None]
) -> Iterator[Asked]:
    """Yield the permissions a call needs; `machine` finds the machine that waits with a token."""
    if prefix == "states" and "taskToken" in params:
        yield Asked(f"states:{operation}", machine(params["taskToken"]))
        return
    known = _SERVICES.get(prefix)
    if known is not None:
        yield from known(operation, params)
        return
    arns = (value for value in params.values() if str(value).startswith("arn:"))
    yield Asked(f"{_PREFIXES.get(prefix, prefix)}:{operation}", next(arns, None))


def leading_keys(part: Params, hash_key: str) -> list[str] | None:
    """Return the partition keys of a request about one table; None: nobody can tell."""
    items = [part[name] for name in ("Key", "Item") if name in part] or part.get("Keys", [])
    if "KeyConditionExpression" in part:
        return _queried(part, hash_key)
    try:
        return [_plain(item[hash_key]) for item in items]
    except (KeyError, TypeError):
        return None


def _queried(part: Params, hash_key: str) -> list[str] | None:
    names = part.get("ExpressionAttributeNames", {})
    values = part.get("ExpressionAttributeValues", {})
    condition = part["KeyConditionExpression"]
    if not isinstance(condition, str):
        return None
    return [
        _plain(values[found["value"]])
        for found in _EQUALS.finditer(condition)
        if names.get(found["name"], found["name"]) == hash_key and found["value"] in values
    ]


def _plain(value: Any) -> str:
    return str(next(iter(value.values())) if isinstance(value, dict) else value)


def _dynamodb(operation: str, params: Params) -> Iterator[Asked]:
    for item in params.get("TransactItems", []):
        ((kind, part),) = item.items()
        yield Asked(f"dynamodb:{_TRANSACTION_PARTS[kind]}", _table(part["TableName"]), part)
    for name, part in params.get("RequestItems", {}).items():
        yield Asked(f"dynamodb:{operation}", _table(name), _batch(part))
    if "TransactItems" in params or "RequestItems" in params:
        return
    name = params.get("TableName")
    index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
    resource = None if name is None else _table(name) + index
    yield Asked(f"dynamodb:{operation}", resource, params)


def _table(name: str) -> str:
    is_arn = name.startswith("arn:")
    return name if is_arn else f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


def _batch(part: Any) -> Params:
    """Return a part of a batch: the keys of a read, or the items of writes as keys."""
    if isinstance(part, list):
        written = [next(iter(one.values())) for one in part]
        return {"Keys": [next(iter(one.values())) for one in written]}
    keys: Params = part
    return keys


def _s3(operation: str, params: Params) -> Iterator[Asked]:
    bucket = params.get("Bucket")
    if bucket is None:
        yield Asked(f"s3:{operation}", "*")
        return
    arn = bucket if bucket.startswith("arn:") else f"arn:aws:s3:::{bucket}"
    if operation in _COPIES:
        yield from _copied(params["CopySource"])
    if operation == "DeleteObjects":
        for one in params["Delete"]["Objects"]:
            yield from _s3("DeleteObject", {**one, "Bucket": bucket})
    elif operation in _COPIES:
        yield Asked("s3:PutObject", f"{arn}/{params['Key']}")
    elif "Key" in params or operation in _OBJECTS:
        action = _OBJECTS.get(operation, operation)
        is_of_version = "VersionId" in params and action in _OF_VERSIONS
        resource = f"{arn}/{params['Key']}" if "Key" in params else None
        yield Asked(f"s3:{action}{'Version' * is_of_version}", resource)
    else:
        yield Asked(f"s3:{_BUCKETS.get(operation, operation)}", arn)


def _copied(source: Any) -> Iterator[Asked]:
    if isinstance(source, str):
        bucket, _, key = source.removeprefix("/").partition("/")
        source = {"Bucket": bucket, "Key": key}
    yield from _s3("GetObject", source)


def _sns(operation: str, params: Params) -> Iterator[Asked]:
    resource = params.get("TopicArn") or params.get("TargetArn") or "*"
    yield Asked(f"sns:{operation.removesuffix('Batch')}", resource)


def _sqs(operation: str, params: Params) -> Iterator[Asked]:
    name = str(params.get("QueueUrl") or params.get("QueueName") or "*").rpartition("/")[2]
    resource = name if name == "*" else f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    yield Asked(f"sqs:{operation.removesuffix('Batch')}", resource)


def _lambda(operation: str, params: Params) -> Iterator[Asked]:
    action = "InvokeFunction" if operation.startswith("Invoke") else operation
    name = params.get("FunctionName")
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
    yield Asked(f"lambda:{action}", arn + function_name(name) if name else "*")


def _secrets(operation: str, params: Params) -> Iterator[Asked]:
    name = str(params.get("SecretId") or params.get("Name") or "*")
    is_arn = name == "*" or name.startswith("arn:")
    arn = name if is_arn else f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-000000"
    yield Asked(f"secretsmanager:{operation}", arn)


def _ssm(operation: str, params: Params) -> Iterator[Asked]:
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/"
    names = params.get("Names") or [params.get(key) for key in ("Name", "Path") if key in params]
    for name in names or ["*"]:
        yield Asked(f"ssm:{operation}", arn + str(name).removeprefix("/"))


_SERVICES: Final[Mapping[str, Callable[[str, Params], Iterator[Asked]]]] = {
    "dynamodb": _dynamodb,
    "lambda": _lambda,
    "s3": _s3,
    "secretsmanager": _secrets,
    "sns": _sns,
    "sqs": _sqs,
    "ssm": _ssm,
}
