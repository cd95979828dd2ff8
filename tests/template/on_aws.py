"""The stack as AWS makes it at its largest: the longest names, and everything switched on."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from tests.template.stack import ISSUER, ROOT, as_list

from sfn_cqrs_tools.runtime.cloudformation import Resolver
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.scaffold.names import LONGEST_STACK

ACCOUNT = "123456789012"
REGION = "ap-southeast-2"
"""No region's name has more letters."""
RANDOM = "X" * 13
STACK = f"{'p' * LONGEST_STACK}-Cqrs-{RANDOM}"
"""The stack of the application in a project."""
EVERYTHING = {
    **ISSUER,
    "Stage": "prod",
    "AlarmEmail": "night@example.com",
    "AppPackage": "p" * 31,
    "AppPolicy": f"arn:aws:iam::{ACCOUNT}:policy/{'p' * LONGEST_STACK}-AppPolicy-{RANDOM}",
    "Postgres": "aurora",
    "PostgresSubnets": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "PostgresSecurityGroups": "sg-0123456789abcdef0",
    **dict.fromkeys(("UserPool", "MachineApi", "ApprovalLinks", "Live", "Events"), "enabled"),
    "ImportOnUpload": "enabled",
    "OperatorRole": "r" * 64,
    "CorsOrigins": "https://shop.example.com,https://office.example.com",
    "Dashboards": "all",
    "WarmWrites": "40000",
    **dict.fromkeys(("CommandTtlDays", "HistoryTtlDays", "TaskTtlDays"), "30,OFFER=90,ORDER=365"),
    **dict.fromkeys(("ApiConcurrency", "ImportConcurrency", "StreamConcurrency"), "100"),
}
NAMES = {
    "AWS::ApiGatewayV2::Api": ("Name", 128),
    "AWS::AppSync::Api": ("Name", 50),
    "AWS::CloudWatch::Dashboard": ("DashboardName", 255),
    "AWS::Cognito::UserPool": ("UserPoolName", 128),
    "AWS::DynamoDB::Table": ("TableName", 255),
    "AWS::Events::EventBus": ("Name", 256),
    "AWS::Events::Rule": ("Name", 64),
    "AWS::IAM::Role": ("RoleName", 64),
    "AWS::Lambda::Function": ("FunctionName", 64),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::RDS::DBCluster": ("DBClusterIdentifier", 63),
    "AWS::S3::Bucket": ("BucketName", 63),
    "AWS::SNS::Topic": ("TopicName", 256),
    "AWS::SQS::Queue": ("QueueName", 80),
    "AWS::SecretsManager::Secret": ("Name", 512),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", 80),
}
"""The property that names a resource, and how many letters AWS takes.

CloudFormation cuts a name that it makes itself; one that the template gives has to fit.
"""
_PATHS = {
    "AWS::DynamoDB::Table": "dynamodb:{place}:table/{name}",
    "AWS::Events::EventBus": "events:{place}:event-bus/{name}",
    "AWS::IAM::ManagedPolicy": "iam::{account}:policy/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::KMS::Key": "kms:{place}:key/12345678-1234-1234-1234-123456789012",
    "AWS::Lambda::Alias": "lambda:{place}:function:{name}:live",
    "AWS::Lambda::Function": "lambda:{place}:function:{name}",
    "AWS::Lambda::LayerVersion": "lambda:{place}:layer:{name}:12345",
    "AWS::Logs::LogGroup": "logs:{place}:log-group:{name}:*",
    "AWS::RDS::DBCluster": "rds:{place}:cluster:{name}",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SNS::Topic": "sns:{place}:{name}",
    "AWS::SQS::Queue": "sqs:{place}:{name}",
    "AWS::SecretsManager::Secret": "secretsmanager:{place}:secret:{name}-AbCdEf",
    "AWS::StepFunctions::StateMachine": "states:{place}:stateMachine:{name}",
}
_REF_IS_ARN = {
    "AWS::IAM::ManagedPolicy",
    "AWS::Lambda::Alias",
    "AWS::Lambda::LayerVersion",
    "AWS::SNS::Topic",
    "AWS::SecretsManager::Secret",
    "AWS::StepFunctions::StateMachine",
}
_APPSYNC_ID = "a1b2c3d4e5f6g7h8i9j0k1l2m3"


class OnAws(Resolver):
    """Resolves a plain template to the longest names that a deploy may give."""

    def __init__(
        self,
        document: Mapping[str, Any],
        parameters: Mapping[str, str],
        stack: str = STACK,
        region: str = REGION,
    ) -> None:
        super().__init__(document, stack, parameters)
        self._place = f"{region}:{ACCOUNT}"
        self._pseudo |= {"AWS::Region": region, "AWS::AccountId": ACCOUNT}

    def name(self, logical_id: str) -> str:
        resource = self._resource(logical_id)
        key, most = NAMES.get(resource["Type"], ("", 255))
        declared = resource.get("Properties", {}).get(key)
        if declared is not None:
            return str(self.resolve(declared))
        end = f"-{logical_id}-{RANDOM}"
        return f"{self._stack[: max(most - len(end), 1)]}{end}"[-most:]

    def arn(self, logical_id: str) -> str:
        kind = self._resource(logical_id)["Type"]
        of = logical_id.removesuffix("Aliaslive") if kind == "AWS::Lambda::Alias" else logical_id
        path = _PATHS[kind].format(place=self._place, account=ACCOUNT, name=self.name(of))
        return f"arn:aws:{path}"

    def _ref(self, name: str) -> Any:
        if name in self._pseudo or name in self.parameters:
            return super()._ref(name)
        kind = self._resource(name)["Type"]
        if kind == "AWS::SQS::Queue":
            region = self._place.partition(":")[0]
            return f"https://sqs.{region}.amazonaws.com/{ACCOUNT}/{self.name(name)}"
        return self.arn(name) if kind in _REF_IS_ARN else self.name(name)

    def _get_att(self, value: Any) -> str:
        logical_id, attribute = value
        if attribute in ("Arn", "DBClusterArn", "TopicArn"):
            return self.arn(logical_id)
        if attribute == "ApiArn":
            return f"arn:aws:appsync:{self._place}:apis/{_APPSYNC_ID}"
        if attribute == "Dns.Http":
            region = self._place.partition(":")[0]
            return f"{_APPSYNC_ID}.appsync-api.{region}.amazonaws.com"
        return f"{self.name(logical_id)}-{attribute}"  # in outputs, where only their number counts


class Deploy:
    """A plain template with the values of a deploy, and what AWS measures of it."""

    def __init__(self, document: Mapping[str, Any], values: OnAws) -> None:
        self._document = document
        self._values = values
        self.resources = {
            name: one
            for name, one in document["Resources"].items()
            if "Condition" not in one or values.condition(one["Condition"])
        }

    def of_type(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the properties of each resource of a type, resolved where they are read."""
        for name, one in self.resources.items():
            if one["Type"] == kind:
                yield name, one.get("Properties", {})

    def resolve(self, value: Any) -> Any:
        return self._values.resolve(value)

    def environments(self) -> dict[str, int]:
        """The bytes of each function's variables: Lambda measures them as JSON."""
        return {
            name: json_bytes(self.resolve(one.get("Environment", {}).get("Variables", {})))
            for name, one in self.of_type("AWS::Lambda::Function")
        }

    def environment(self) -> str:
        """The variables that a project's own functions get as one."""
        return str(self.resolve(self._document["Outputs"]["Environment"]["Value"]))

    def too_long(self) -> dict[str, str]:
        """The declared names that AWS refuses."""
        names = {
            name: str(self.resolve(one["Properties"][NAMES[one["Type"]][0]]))
            for name, one in self.resources.items()
            if NAMES.get(one["Type"], ("",))[0] in one.get("Properties", {})
        }
        return {
            name: text
            for name, text in names.items()
            if len(text) > NAMES[self.resources[name]["Type"]][1]
        }

    def inline_policies(self) -> dict[str, int]:
        """The bytes of each role's policies together; IAM leaves out white space."""
        found: dict[str, int] = {}
        for name, one in self.of_type("AWS::IAM::Role"):
            policies = self.resolve(one.get("Policies", []))
            found[name] = sum(json_bytes(each["PolicyDocument"]) for each in policies)
        for _, one in self.of_type("AWS::IAM::Policy"):
            for role in one["Roles"]:
                found[role["Ref"]] += json_bytes(self.resolve(one["PolicyDocument"]))
        return found

    def managed_policies(self) -> dict[str, int]:
        """The bytes of each managed policy."""
        return {
            name: json_bytes(self.resolve(one["PolicyDocument"]))
            for name, one in self.of_type("AWS::IAM::ManagedPolicy")
        }

    def attached(self) -> dict[str, int]:
        """How many managed policies each role has."""
        found = {
            name: len(self.resolve(one.get("ManagedPolicyArns", [])))
            for name, one in self.of_type("AWS::IAM::Role")
        }
        for _, one in self.of_type("AWS::IAM::ManagedPolicy"):
            for role in as_list(one.get("Roles", [])):
                found[role["Ref"]] += 1
        return found

    def counts(self) -> dict[str, int]:
        """How many entries each section of the template has."""
        return {
            section: len(self._document.get(section, {}))
            for section in ("Parameters", "Mappings", "Resources", "Outputs")
        }


def json_bytes(value: Any) -> int:
    """The bytes of a value as JSON without white space."""
    return len(json.dumps(value, separators=(",", ":")).encode())


@cache
def everything() -> Deploy:
    """The application with everything switched on, in a project with the longest name."""
    plain = Template.load(ROOT / "template.yaml", parameters=EVERYTHING).translate()
    return Deploy(plain, OnAws(plain, EVERYTHING))
