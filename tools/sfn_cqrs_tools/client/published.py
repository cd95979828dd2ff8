"""What runs behind aliases, compared with the code that the last deploy brought."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from sfn_cqrs_tools.client.aws import Target, nested_in

ALIAS: Final = "AWS::Lambda::Alias"
REMEDY: Final = (
    "the last deploy has not reached them, or it still runs or was rolled back; `sam build` and"
    " `sam deploy` again, with parameters in template.yaml or samconfig.toml and not in"
    " --parameter-overrides alone"
)


@dataclass(frozen=True)
class Behind:
    """A function whose alias has another version than $LATEST: what differs, never a value."""

    function: str
    alias: str
    variables: tuple[str, ...]
    parts: tuple[str, ...]

    def __str__(self) -> str:
        """Return a line for people."""
        return (
            f"{self.function}: {self.alias} has other {', '.join((*self.parts, *self.variables))}"
        )


def behind_aliases(target: Target) -> Iterator[Behind | str]:
    """Yield each function behind an alias that differs from its $LATEST; a text if none is seen."""
    try:
        for alias in _aliases(target):
            found = _compared(target.client("lambda"), alias)
            if found.variables or found.parts:
                yield found
    except (BotoCoreError, ClientError) as error:
        yield f"what runs behind aliases cannot be seen: {error}"


def _aliases(target: Target) -> Iterator[str]:
    """Yield the ARNs of the aliases of a stack and of those nested in it."""
    client = target.client("cloudformation")
    stack = target.stack or target.name
    for one in (stack, *nested_in(client, stack)):
        for page in client.get_paginator("list_stack_resources").paginate(StackName=one):
            for resource in page["StackResourceSummaries"]:
                if resource["ResourceType"] == ALIAS:
                    yield resource["PhysicalResourceId"]


def _compared(lambda_: Any, arn: str) -> Behind:
    function, _, alias = arn.rpartition(":")
    live = lambda_.get_function_configuration(FunctionName=function, Qualifier=alias)
    latest = lambda_.get_function_configuration(FunctionName=function)
    before, now = _variables(live), _variables(latest)
    names = sorted(name for name, _ in before.items() ^ now.items())
    parts = {"code": "CodeSha256", "layers": "Layers"}
    return Behind(
        function.rpartition(":")[2],
        alias,
        tuple(dict.fromkeys(names)),
        tuple(what for what, key in parts.items() if _told(live, key) != _told(latest, key)),
    )


def _variables(configuration: Mapping[str, Any]) -> Mapping[str, str]:
    found: Mapping[str, str] = configuration.get("Environment", {}).get("Variables", {})
    return found


def _told(configuration: Mapping[str, Any], key: str) -> Any:
    found = configuration.get(key)
    return [one["Arn"] for one in found] if isinstance(found, list) else found
