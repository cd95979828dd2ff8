"""Reading CloudFormation: its YAML, its parameters and its intrinsic functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from sfn_local.lint.template_file import TemplateError

REGION: Final = "us-east-1"
ACCOUNT: Final = "000000000000"

_NO_VALUE: Final = object()
_PLACEHOLDER: Final = re.compile(r"\$\{([^}]+)\}")

# The property that names a resource; a type not listed here is named by its logical id only.
_NAME_PROPERTY: Final = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Serverless::Function": "FunctionName",
    "AWS::Serverless::SimpleTable": "TableName",
    "AWS::Serverless::StateMachine": "Name",
}
_ARN: Final = {
    "AWS::AppSync::Api": "appsync:{region}:{account}:apis/{name}",
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::EventBus": "events:{region}:{account}:event-bus/{name}",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::Serverless::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Serverless::SimpleTable": "dynamodb:{region}:{account}:table/{name}",
    "AWS::Serverless::StateMachine": "states:{region}:{account}:stateMachine:{name}",
}
_REF_IS_ARN: Final = {"AWS::SNS::Topic", "AWS::Serverless::StateMachine"}


class Resolver:
    """Evaluates intrinsic functions, with the names that a fresh stack would get."""

    def __init__(
        self,
        document: Mapping[str, Any],
        stack: str,
        overrides: Mapping[str, str] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Take the parameters' defaults, then `overrides`; `names` are names known by logical id.

        Raises:
            TemplateError: an override or a reference names nothing in the template, or a
                parameter has no value.
        """
        self._resources: Mapping[str, Any] = document.get("Resources", {})
        self._conditions: Mapping[str, Any] = document.get("Conditions", {})
        self._mappings: Mapping[str, Any] = document.get("Mappings", {})
        self._defaults: Mapping[str, Any] = document.get("Globals", {}).get("Function", {})
        self._stack = stack
        self._names = names or {}
        self._pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": REGION,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": stack,
            "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}/local",
            "AWS::NoValue": _NO_VALUE,
        }
        self.parameters = _parameters(document.get("Parameters", {}), overrides or {})
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self.condition,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Split": self._split,
            "Fn::Select": self._select,
            "Fn::If": self._if,
            "Fn::FindInMap": self._find_in_map,
            "Fn::Equals": lambda both: self._evaluate(both[0]) == self._evaluate(both[1]),
            "Fn::Not": lambda one: not self._evaluate(one[0]),
            "Fn::And": lambda some: all(self._evaluate(one) for one in some),
            "Fn::Or": lambda some: any(self._evaluate(one) for one in some),
        }

    def resolve(self, value: Any) -> Any:
        """Return `value` without intrinsic functions; AWS::NoValue removes its key, or is None."""
        resolved = self._evaluate(value)
        return None if resolved is _NO_VALUE else resolved

    def _evaluate(self, value: Any) -> Any:
        if isinstance(value, list):
            resolved = [self._evaluate(one) for one in value]
            return [one for one in resolved if one is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name = next(iter(value))
            is_condition_key = name == "Condition" and not isinstance(value[name], str)
            if name in self._functions and not is_condition_key:
                return self._functions[name](value[name])
            if name.startswith("Fn::"):
                raise TemplateError(f"{name} is not known to the local runtime")
        pairs = ((key, self._evaluate(one)) for key, one in value.items())
        return {key: one for key, one in pairs if one is not _NO_VALUE}

    def condition(self, name: str) -> bool:
        """Evaluate a condition of the template."""
        try:
            return bool(self._evaluate(self._conditions[name]))
        except KeyError:
            raise TemplateError(f"there is no condition {name}") from None

    def name(self, logical_id: str) -> str:
        """Return a resource's name: the known or the declared one, else `stack-LogicalId`."""
        if logical_id in self._names:
            return self._names[logical_id]
        resource = self._resource(logical_id)
        kind = resource["Type"]
        declared = resource.get("Properties", {}).get(_NAME_PROPERTY.get(kind, ""))
        name = str(self._evaluate(declared)) if declared else f"{self._stack}-{logical_id}"
        return name.lower() if kind == "AWS::S3::Bucket" else name

    def arn(self, logical_id: str) -> str:
        """Return a resource's ARN."""
        kind = self._resource(logical_id)["Type"]
        if kind not in _ARN:
            raise TemplateError(f"the local runtime knows no ARN for {logical_id}, an {kind}")
        path = _ARN[kind].format(region=REGION, account=ACCOUNT, name=self.name(logical_id))
        return f"arn:aws:{path}"

    def _resource(self, logical_id: str) -> Mapping[str, Any]:
        try:
            resource: Mapping[str, Any] = self._resources[logical_id]
        except KeyError:
            raise TemplateError(f"{logical_id} is neither a resource nor a parameter") from None
        return resource

    def _ref(self, name: str) -> Any:
        if name in self._pseudo:
            return self._pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        if name.endswith(".Alias"):
            function = name.removesuffix(".Alias")
            return f"{self.arn(function)}:{self._alias(function)}"
        kind = self._resource(name)["Type"]
        if kind in _REF_IS_ARN:
            return self.arn(name)
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self.name(name)}"
        return self.name(name)

    def _alias(self, function: str) -> str:
        properties = {**self._defaults, **self._resource(function)["Properties"]}
        return str(self._evaluate(properties["AutoPublishAlias"]))

    def _get_att(self, value: Any) -> str:
        logical_id, attribute = value
        if attribute in {"ApiArn", "Arn", "TopicArn"}:
            return self.arn(logical_id)
        if attribute == "StreamArn":
            return f"{self.arn(logical_id)}/stream/2020-01-01T00:00:00.000"
        if attribute in {"Dns.Http", "Dns.Realtime"}:
            service = "appsync-realtime-api" if attribute == "Dns.Realtime" else "appsync-api"
            return f"{self.name(logical_id)}.{service}.{REGION}.amazonaws.com".lower()
        if attribute in {"ApiId", "Name", "QueueName", "TopicName"}:
            return self.name(logical_id)
        if attribute == "QueueUrl":
            return str(self._ref(logical_id))
        if attribute == "Version.Version":  # SAM's, of a function with an alias
            return "1"
        raise TemplateError(f"the local runtime knows no attribute {attribute} of {logical_id}")

    def _sub(self, value: Any) -> str:
        text, variables = value if isinstance(value, list) else (value, {})

        def replace(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in variables:
                return str(self._evaluate(variables[name]))
            if "." in name:
                return self._get_att(name.split(".", 1))
            return str(self._ref(name))

        return _PLACEHOLDER.sub(replace, text)

    def _join(self, value: Any) -> str:
        separator, parts = value
        return str(separator).join(str(part) for part in self._evaluate(parts))

    def _split(self, value: Any) -> list[str]:
        separator, text = value
        return str(self._evaluate(text)).split(separator)

    def _select(self, value: Any) -> Any:
        index, parts = value
        return self._evaluate(parts)[int(self._evaluate(index))]

    def _if(self, value: Any) -> Any:
        condition, then, otherwise = value
        return self._evaluate(then if self.condition(condition) else otherwise)

    def _find_in_map(self, value: Any) -> Any:
        name, first, second = (self._evaluate(one) for one in value[:3])
        try:
            return self._mappings[name][first][second]
        except KeyError:
            raise TemplateError(f"the mapping {name} has no {first}.{second}") from None


def _parameters(
    declared: Mapping[str, Mapping[str, Any]], overrides: Mapping[str, str]
) -> dict[str, Any]:
    for name in overrides.keys() - declared.keys():
        raise TemplateError(f"the template has no parameter {name}")
    values: dict[str, Any] = {}
    for name, parameter in declared.items():
        value = overrides.get(name, parameter.get("Default"))
        if value is None:
            raise TemplateError(f"the parameter {name} has no default: give it a value")
        is_list = parameter["Type"] == "CommaDelimitedList" or parameter["Type"].startswith("List<")
        values[name] = str(value).split(",") if is_list else str(value)
    return values


def merged(defaults: Any, own: Any) -> Any:
    """Merge as SAM merges Globals: mappings by key, lists appended, anything else replaced."""
    if isinstance(defaults, dict) and isinstance(own, dict):
        both = {**defaults, **own}
        return {
            key: merged(defaults[key], value) if key in defaults and key in own else value
            for key, value in both.items()
        }
    if isinstance(defaults, list) and isinstance(own, list):
        return [*defaults, *own]
    return own
