"""Which permission a task's call needs, and how it fails where the role has it not."""

from sfn_local.document import Json
from sfn_local.errors import StateFailure
from sfn_local.executions.line import Visit
from sfn_local.executions.roles import ANY, Permission

FORBIDDEN = 403
ACTIONS = {("lambda", "invoke"): "lambda:InvokeFunction"}
PREFIXES = {"bedrockruntime": "bedrock", "cloudwatchlogs": "logs", "sfn": "states"}
PLACES = {
    "QueueUrl": "arn:aws:sqs:{region}:{account}:{name}",
    "TableName": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "FunctionName": "arn:aws:lambda:{region}:{account}:function:{name}",
    "StateMachineArn": "{name}",
    "TopicArn": "{name}",
    "SecretId": "arn:aws:secretsmanager:{region}:{account}:secret:{name}",
}


def check_role(
    visit: Visit, role: str | None, service: str, action: str, arguments: Json, error: str
) -> StateFailure | None:
    """Return the failure of a call that the role of the machine, or the given one, may not make."""
    roles = visit.runtime.roles
    if roles is None:
        return None
    execution = visit.line.execution
    needed = _needed(service, action, arguments, execution.machine.arn)
    said = roles.refusal(role or execution.machine.role_arn, needed, execution.name)
    if said is None:
        return None
    name = service.removeprefix("aws-sdk:")
    cause = f"{said} (Service: {name}; Status Code: {FORBIDDEN}; Error Code: AccessDeniedException)"
    return StateFailure(error, cause)


def _needed(service: str, action: str, arguments: Json, machine: str) -> Permission:
    name = service.removeprefix("aws-sdk:")
    plain = action.partition(".")[0]
    default = f"{PREFIXES.get(name, name)}:{plain[:1].upper()}{plain[1:]}"
    return Permission(ACTIONS.get((name, plain), default), _resource(arguments, machine))


def _resource(arguments: Json, machine: str) -> str:
    if not isinstance(arguments, dict):
        return ANY
    _, _, _, region, account = machine.split(":")[:5]
    for field, place in PLACES.items():
        value = arguments.get(field)
        if isinstance(value, str) and value:
            is_arn = value.startswith("arn:")
            name = value.rpartition("/")[2] if field == "QueueUrl" else value
            return value if is_arn else place.format(region=region, account=account, name=name)
    bucket, key = arguments.get("Bucket"), arguments.get("Key")
    if isinstance(bucket, str):
        return f"arn:aws:s3:::{bucket}" + (f"/{key}" if isinstance(key, str) else "")
    return ANY
