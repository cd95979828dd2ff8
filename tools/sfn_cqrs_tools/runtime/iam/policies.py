"""The policies of a template's functions, resolved, and what they answer.

A call is never refused for what this machine cannot know: an unresolved resource or condition,
or an AWS managed policy whose statements are not listed here.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, Final, NamedTuple, Self

from sfn_cqrs_tools.runtime.cloudformation import ACCOUNT, REGION
from sfn_cqrs_tools.runtime.iam.conditions import Context, as_list, holds, pattern
from sfn_cqrs_tools.runtime.template import Template
from sfn_local.lint.template_file import TemplateError

logger = logging.getLogger(__name__)

DENIED: Final = "denied"
"""A statement denies the action."""
MISSING: Final = "missing"
"""No statement allows the action."""
_ANY: Final = "*"
_LOGS: Final = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
_STREAMS: Final = tuple(
    f"dynamodb:{name}"
    for name in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
)
_QUEUES: Final = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_NETWORK: Final = tuple(
    f"ec2:{name}NetworkInterface{more}"
    for name, more in (("Create", ""), ("Delete", ""), ("Describe", "s"))
)
_TRACES: Final = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
BY_AWS: Final[Mapping[str, tuple[str, ...]]] = {
    "AWSLambdaBasicExecutionRole": _LOGS,
    "AWSLambdaDynamoDBExecutionRole": (*_LOGS, *_STREAMS),
    "AWSLambdaSQSQueueExecutionRole": (*_LOGS, *_QUEUES),
    "AWSLambdaVPCAccessExecutionRole": (*_LOGS, *_NETWORK),
    "AWSXRayDaemonWriteAccess": _TRACES,
    "AWSXrayWriteOnlyAccess": _TRACES,
}
"""The managed policies that SAM attaches, with the actions that a function's code may need."""


@dataclass(frozen=True)
class Statement:
    """A statement without intrinsic functions; `policy` is its resource, "" for a role's own."""

    policy: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    is_not_action: bool = False
    is_not_resource: bool = False

    def action(self, asked: str) -> str | None:
        """Return the pattern that an action matches."""
        found = _first(tuple(map(str.lower, self.actions)), asked.lower())
        return _inverted(found) if self.is_not_action else found

    def resource(self, asked: str | None) -> str | None:
        """Return the pattern that a resource matches; None stands for one that nobody knows."""
        if asked is None:
            is_met = self.effect == "Allow" or _ANY in self.resources
            return self.resources[0] if is_met else None
        found = _first(self.resources, asked)
        return _inverted(found) if self.is_not_resource else found


class Grant(NamedTuple):
    """What a statement gives to a function: an action on a resource, as the template has them."""

    function: str
    policy: str
    action: str
    resource: str


@dataclass(frozen=True)
class Role:
    """A function's role: who it is for AWS, and the statements of its policies."""

    user: str
    function_arn: str
    statements: tuple[Statement, ...]

    def has(self, policy: str) -> bool:
        """Return whether a policy of this name is one of the role's."""
        return any(statement.policy == policy for statement in self.statements)


class Permissions:
    """Answers for each function. `used` are the grants that some call has needed."""

    def __init__(
        self,
        roles: Mapping[str, Role],
        tables: Mapping[str, Mapping[str, str]],
        names: Mapping[str, str],
    ) -> None:
        """Take roles by logical ids, hash keys by table and index, and logical ids by ARN."""
        self.roles = roles
        self.tables = tables
        self._names = names
        self.used: set[Grant] = set()
        self._matching = lru_cache(maxsize=8192)(self._match)

    @classmethod
    def of(cls, template: Template, plain: Mapping[str, Any]) -> Self:
        """Read a template whose resources have their names, and what SAM has made of it."""
        resources: Mapping[str, Any] = plain["Resources"]
        tables = {
            template.name(name): _hash_keys(one["Properties"])
            for name, one in resources.items()
            if one["Type"] == "AWS::DynamoDB::Table"
        }
        names = {}
        for name in template.resources:
            try:
                names[template.arn(name)] = name
            except TemplateError:
                continue  # it has no ARN that a policy could name
        return cls(_roles(template, resources), tables, names)

    @classmethod
    def of_json(cls, text: str) -> Self:
        """Read what `as_json` has written."""
        said = json.loads(text)
        roles = {
            name: Role(
                role["user"],
                role["function_arn"],
                tuple(
                    Statement(
                        **{
                            **one,
                            "actions": tuple(one["actions"]),
                            "resources": tuple(one["resources"]),
                        }
                    )
                    for one in role["statements"]
                ),
            )
            for name, role in said["roles"].items()
        }
        return cls(roles, said["tables"], said["names"])

    def as_json(self) -> str:
        """Write all of it, for the processes of isolated functions."""
        roles = {name: asdict(role) for name, role in self.roles.items()}
        return json.dumps({"roles": roles, "tables": self.tables, "names": self._names})

    def refusal(
        self,
        function: str,
        action: str,
        resource: str | None,
        keys: Callable[[], list[str] | None] | None = None,
    ) -> str | None:
        """Return why a function may not do something, MISSING or DENIED; None if it may.

        `keys` tells the partition keys of a request to DynamoDB, None where nobody knows them.
        """
        if function not in self.roles:
            return None
        matching = self._matching(function, action, resource)
        context = self._context(function, keys) if any(s.condition for s, _ in matching) else {}
        for statement, _ in matching:
            if statement.effect == "Deny" and holds(statement.condition, context, unknown=False):
                return DENIED
        granted = [
            grant
            for statement, grant in matching
            if statement.effect == "Allow" and holds(statement.condition, context, unknown=True)
        ]
        if resource is not None or len(granted) == 1:
            self.used.update(granted)
        return None if granted else MISSING

    def grants(self) -> set[Grant]:
        """Return all grants of the functions, from the template only."""
        return {
            Grant(function, statement.policy, action, resource)
            for function, role in self.roles.items()
            for statement in role.statements
            if statement.effect == "Allow" and statement.policy not in BY_AWS
            for action in statement.actions
            for resource in statement.resources
        }

    def named(self, resource: str | None) -> str:
        """Return a resource by its logical id, with what follows it; any other as it is."""
        if resource is None:
            return "what it asks for"
        for arn, name in self._names.items():
            if resource == arn:
                return name
            if resource.startswith(f"{arn}/"):
                is_object = arn.startswith("arn:aws:s3:")
                return f"{name}/*" if is_object else name + resource.removeprefix(arn)
        return resource

    def _match(
        self, function: str, action: str, resource: str | None
    ) -> tuple[tuple[Statement, Grant], ...]:
        found = []
        for statement in self.roles[function].statements:
            by_action, by_resource = statement.action(action), statement.resource(resource)
            if by_action is not None and by_resource is not None:
                written = next(
                    (one for one in statement.actions if one.lower() == by_action), by_action
                )
                found.append((statement, Grant(function, statement.policy, written, by_resource)))
        return tuple(found)

    def _context(self, function: str, keys: Callable[[], list[str] | None] | None) -> Context:
        known = [] if keys is None else keys()
        return {
            "aws:principalaccount": [ACCOUNT],
            "aws:requestedregion": [REGION],
            "aws:resourceaccount": [ACCOUNT],
            "aws:securetransport": ["true"],
            "lambda:sourcefunctionarn": [self.roles[function].function_arn],
            **({} if known is None else {"dynamodb:leadingkeys": known}),
        }


def _first(patterns: tuple[str, ...], text: str) -> str | None:
    return next((one for one in patterns if one == text or pattern(one).fullmatch(text)), None)


def _inverted(found: str | None) -> str | None:
    return _ANY if found is None else None


def _hash_keys(table: Mapping[str, Any]) -> dict[str, str]:
    """Return the hash key of a table, under "", and of each of its indexes."""
    indexes = {one["IndexName"]: one for one in table.get("GlobalSecondaryIndexes", [])}
    keyed = {"": table, **indexes}
    return {
        name: key["AttributeName"]
        for name, one in keyed.items()
        for key in one["KeySchema"]
        if key["KeyType"] == "HASH"
    }


def _roles(template: Template, resources: Mapping[str, Any]) -> dict[str, Role]:
    found = {}
    for name in template.of_type("AWS::Serverless::Function"):
        match resources[name]["Properties"].get("Role"):
            case {"Fn::GetAtt": [str(role), "Arn"]} if role in resources:
                found[name] = _role(template, resources, name, role)
    return found


def _role(template: Template, resources: Mapping[str, Any], function: str, name: str) -> Role:
    properties = resources[name]["Properties"]
    statements = [
        *_statements(template, properties.get("Policies", []), ""),
        *_managed(template, resources, properties.get("ManagedPolicyArns", []), function),
        *_attached(template, resources, name),
    ]
    caller = f"{template.stack}-{name}/{template.name(function)}"
    user = f"arn:aws:sts::{ACCOUNT}:assumed-role/{caller}"
    return Role(user, template.arn(function), tuple(statements))


def _attached(template: Template, resources: Mapping[str, Any], role: str) -> Iterator[Statement]:
    """Yield the statements of policies that name the role."""
    for name, one in resources.items():
        properties = one.get("Properties", {})
        is_policy = one["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        is_there = "Condition" not in one or template.condition(one["Condition"])
        if is_policy and is_there and {"Ref": role} in properties.get("Roles", []):
            yield from _statements(template, [properties], name)


def _managed(
    template: Template, resources: Mapping[str, Any], arns: Any, function: str
) -> Iterator[Statement]:
    for arn in _chosen(template, arns):
        if isinstance(arn, dict) and arn.get("Ref") in resources:
            yield from _statements(template, [resources[arn["Ref"]]["Properties"]], arn["Ref"])
            continue
        name = str(_resolved(template, arn)).rpartition("/")[2]
        if name in BY_AWS:
            yield Statement(name, "Allow", BY_AWS[name], (_ANY,))
        else:
            logger.warning("%s has the policy %s, unknown here: all is allowed", function, name)
            yield Statement(name, "Allow", (_ANY,), (_ANY,))


def _statements(template: Template, policies: Any, policy: str) -> Iterator[Statement]:
    for one in _chosen(template, policies):
        for said in _chosen(template, one["PolicyDocument"]["Statement"]):
            is_not_action, is_not_resource = "NotAction" in said, "NotResource" in said
            actions = _chosen(template, said["NotAction" if is_not_action else "Action"])
            resources = _chosen(template, said["NotResource" if is_not_resource else "Resource"])
            yield Statement(
                policy,
                said["Effect"],
                tuple(str(_resolved(template, action)) for action in actions),
                tuple(str(_resolved(template, resource)) for resource in resources),
                _resolved(template, said.get("Condition", {})),
                is_not_action,
                is_not_resource,
            )


def _chosen(template: Template, value: Any) -> list[Any]:
    """Return a list with the parameters' choices made; its entries stay unresolved."""
    found = []
    for one in as_list(value):
        if isinstance(one, dict) and "Fn::If" in one:
            condition, then, otherwise = one["Fn::If"]
            found += _chosen(template, then if template.condition(condition) else otherwise)
        elif one != {"Ref": "AWS::NoValue"}:
            found.append(one)
    return found


def _resolved(template: Template, value: Any) -> Any:
    """Return a value without intrinsic functions; an unknown one matches anything."""
    try:
        return template.resolve(value)
    except TemplateError:
        return _ANY
