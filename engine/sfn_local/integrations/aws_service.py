"""Calls of AWS services: optimized integrations, and `aws-sdk:*` for whatever boto3 has.

Sources: Step Functions Developer Guide, "Integrating services with Step Functions", "Learning to
use AWS service SDK integrations".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sfn_local.calls.boto import method_name, operation_of
from sfn_local.calls.services import Services
from sfn_local.document import Document, Json, dumps
from sfn_local.errors import ResultTooLarge, StateFailure
from sfn_local.integrations.attempt import Attempt, Outcome
from sfn_local.integrations.service_task import ServiceTask, metadata

TEXT = "text/plain; charset=UTF-8"
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|\d+")

# What the AWS SDK for Java calls a service where boto3 has another name for it.
BOTO_NAMES = {
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "costexplorer": "ce",
    "databasemigration": "dms",
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elbv2",
    "elasticmapreduce": "emr",
    "eventbridge": "events",
    "sfn": "stepfunctions",
    "states": "stepfunctions",
}


# What the SDK for Java calls a service where that is not its boto3 name with a capital letter.
SDK_NAMES = {"dynamodb": "DynamoDb", "eventbridge": "EventBridge", "stepfunctions": "Sfn"}

# Actions that boto3 has in another client than the service's others.
RUNTIMES = {("bedrock", "invokeModel"): "bedrock-runtime"}


@dataclass(frozen=True, slots=True)
class Names:
    """How AWS speaks of a service: in error names, in causes, and of errors it has no name for."""

    prefix: str
    service: str
    other_error: str


OPTIMIZED = {
    "athena": Names("Athena", "AmazonAthena", "AmazonAthenaException"),
    "batch": Names("Batch", "AWSBatch", "AWSBatchException"),
    "bedrock": Names("Bedrock", "AmazonBedrock", "AmazonBedrockException"),
    "codebuild": Names("CodeBuild", "AWSCodeBuild", "AWSCodeBuildException"),
    "databrew": Names("DataBrew", "AWSGlueDataBrew", "AWSGlueDataBrewException"),
    "dynamodb": Names("DynamoDB", "AmazonDynamoDBv2", "AmazonDynamoDBException"),
    "ecs": Names("ECS", "AmazonECS", "AmazonECSException"),
    "eks": Names("EKS", "AmazonEKS", "AmazonEKSException"),
    "emr-containers": Names("EMRContainers", "AmazonEMRContainers", "AmazonEMRContainersException"),
    "emr-serverless": Names("EMRServerless", "AmazonEMRServerless", "AmazonEMRServerlessException"),
    "events": Names("EventBridge", "AmazonEventBridge", "AmazonEventBridgeException"),
    "glue": Names("Glue", "AWSGlue", "AWSGlueException"),
    "mediaconvert": Names("MediaConvert", "AWSElementalMediaConvert", "AWSMediaConvertException"),
    "sagemaker": Names("SageMaker", "AmazonSageMaker", "AmazonSageMakerException"),
    "sns": Names("SNS", "AmazonSNS", "AmazonSNSException"),
    "sqs": Names("SQS", "AmazonSQS", "AmazonSQSException"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a service; names is None for `aws-sdk:*`."""

    services: Services
    service: str
    action: str
    names: Names | None
    what: str = field(default="")

    def run(self, arguments: Json) -> Outcome:
        """Make it; waits for the network."""
        try:
            client = self.services.client(self.service)
        except Exception as error:  # no such service, or no services at all
            return StateFailure("States.TaskFailed", str(error))
        model = client.meta.service_model
        operation = operation_of(model, self.action)
        if operation is None:
            cause = f"{self.service} has no action {self.action}"
            return StateFailure("States.TaskFailed", cause)
        method = method_name(operation.name)
        request = to_request(arguments, operation.input_shape)
        if self.service == "s3" and isinstance(request.get("Body"), str):
            request.setdefault("ContentType", TEXT)
        try:
            answer = getattr(client, method)(**request)
        except Exception as error:
            return self._failure(error, model)
        return self._read(answer, operation.output_shape)

    def _read(self, answer: dict[str, Any], shape: Any) -> Outcome:
        response = answer.pop("ResponseMetadata", {})
        shown = to_answer(answer, shape)
        if self.names is not None:
            headers = {str(name): str(value) for name, value in response["HTTPHeaders"].items()}
            shown |= metadata(
                response.get("HTTPStatusCode", 200), headers, response.get("RequestId", "")
            )
        if self.service == "events" and shown.get("FailedEntryCount"):
            entries = {name: shown[name] for name in ("Entries", "FailedEntryCount")}
            return StateFailure("EventBridge.FailedEntry", dumps(entries))
        document = Document(shown)
        return ResultTooLarge(self.what) if document.is_too_large else document

    def _failure(self, error: Exception, model: Any) -> StateFailure:
        prefix = self.names.prefix if self.names else sdk_name(str(model.service_id))
        response = getattr(error, "response", None)
        if not isinstance(response, dict):
            return StateFailure(f"{prefix}.SdkClientException", _client_cause(error))
        details = response.get("Error", {})
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        request = response.get("ResponseMetadata", {}).get("RequestId", "")
        code, message = str(details.get("Code", "")), str(details.get("Message", ""))
        name = _error_name((code, type(error).__name__), model)
        if self.names is None:
            name = name or f"{prefix}Exception"
            host = response.get("ResponseMetadata", {}).get("HostId")
            extended = "" if host is None else f", Extended Request ID: {host}"
            cause = (
                f"{message} (Service: {prefix}, Status Code: {status}, "
                f"Request ID: {request}{extended}) (SDK Attempt Count: 1)"
            )
        else:
            name = name or self.names.other_error
            cause = (
                f"{message} (Service: {self.names.service}; Status Code: {status}; "
                f"Error Code: {code}; Request ID: {request}; Proxy: null)"
            )
        return StateFailure(f"{prefix}.{name}", cause)


class AwsService(ServiceTask):
    """A task that calls an AWS service."""

    def __init__(self, service: str, action: str, *, is_callback: bool) -> None:
        """Service is that of an optimized integration, or `aws-sdk:` and its name there."""
        super().__init__(service, action, is_callback=is_callback)
        self._names = OPTIMIZED.get(service)
        self._service = RUNTIMES.get((service, action)) or boto_name(service)
        self._action = action

    @property
    def denied(self) -> str:
        """Return the error of a call that the role may not make, as AWS names it."""
        if self._names is not None:
            return f"{self._names.prefix}.{self._names.other_error}"
        name = SDK_NAMES.get(self._service, self._service.title().replace("-", ""))
        return f"{name}.{name}Exception"

    def prepare(self, attempt: Attempt, arguments: Json) -> Callable[[], None]:
        """A call on another thread."""
        call = self.call_of(attempt, self._action)
        return lambda: attempt.call(lambda: call.run(arguments))

    def call_of(self, attempt: Attempt, action: str) -> Call:
        """A call of an action of the service."""
        services = attempt.visit.runtime.services
        return Call(services, self._service, action, self._names, attempt.visit.state.name)


def boto_name(service: str) -> str:
    """Return boto3's name for the service of a resource."""
    name = service.removeprefix("aws-sdk:")
    return BOTO_NAMES.get(name, name)


def sdk_name(service_id: str) -> str:
    """The name that AWS's SDK for Java makes of a service id: `DynamoDb` of `DynamoDB`."""
    return "".join(word.capitalize() for word in WORDS.findall(service_id))


def to_request(value: Json, shape: Any) -> Any:
    """Arguments as boto3 takes them: in its spelling, and JSON as text where a text is due."""
    if shape is None:
        return {}
    if shape.type_name == "structure" and isinstance(value, dict):
        members = {name.lower(): name for name in shape.members}
        return {
            member: to_request(field, shape.members[member])
            for name, field in value.items()
            if field is not None and (member := members.get(name.lower())) is not None
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [to_request(item, shape.member) for item in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {name: to_request(item, shape.value) for name, item in value.items()}
    is_file = shape.type_name == "blob" and shape.serialization.get("streaming")
    if is_file or (shape.type_name in ("string", "blob") and not isinstance(value, str)):
        return dumps(value)
    return value


def to_answer(value: Any, shape: Any) -> Any:
    """An answer of boto3 as a state's data: names capitalized, times and bytes as texts."""
    if isinstance(value, dict):
        members = getattr(shape, "members", None) or {}
        if members:
            return {
                f"{name[:1].upper()}{name[1:]}": to_answer(item, members.get(name))
                for name, item in value.items()
            }
        inner = getattr(shape, "value", None)
        return {name: to_answer(item, inner) for name, item in value.items()}
    if isinstance(value, list):
        return [to_answer(item, getattr(shape, "member", None)) for item in value]
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC).isoformat(timespec='milliseconds')[:-6]}Z"
    if hasattr(value, "read"):
        value = value.read()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _error_name(codes: tuple[str, str], model: Any) -> str | None:
    """The name of an error that the service's model has; AWS adds Exception to it."""
    for shape in model.error_shapes:
        if shape.name in codes or shape.metadata.get("error", {}).get("code") in codes:
            return str(shape.name).removesuffix("Exception") + "Exception"
    return None


def _client_cause(error: Exception) -> str:
    name = type(error).__name__
    if name in ("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError"):
        return f"Unable to execute HTTP request: {error}"
    return f"{name}: {error}"
