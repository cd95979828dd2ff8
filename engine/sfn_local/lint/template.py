"""Findings about a machine as its template deploys it: substitutions, permissions, logs.

Reads templates of SAM and CloudFormation without resolving them, so it judges any project's; what
it cannot judge (roles of elsewhere, connectors, managed policies) it takes for right.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sfn_local.document import dumps
from sfn_local.lint.finding import Finding, Report
from sfn_local.lint.json_positions import JsonSyntaxError, Located, all_in, parse
from sfn_local.lint.model import Definition, StateNode
from sfn_local.lint.template_file import load_yaml

MACHINES = ("AWS::Serverless::StateMachine", "AWS::StepFunctions::StateMachine")
FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
CONNECTOR = "AWS::Serverless::Connector"
SUBSTITUTION = re.compile(r"\$\{([A-Za-z0-9_]+)\}")
CALL = ":lambda:invoke"
INVOKE = ("lambda:InvokeFunction", "lambda:Invoke*", "lambda:*", "*")
ALLOWING = ("AWSLambdaRole", "AWSLambda_FullAccess", "AdministratorAccess", "PowerUserAccess")


def lint_in_template(text: str, path: Path, template: Path) -> list[Finding]:
    """The findings of a definition's file that only its template shows; none if it is not in it.

    Raises:
        TemplateError: the template cannot be read.
    """
    resources = load_yaml(template)["Resources"]
    try:
        located = parse(text, at_rest=True)
    except JsonSyntaxError:
        return []
    if not isinstance(located.value, dict):
        return []
    found = [
        finding
        for logical_id, properties in _machines(resources)
        if _is_at(properties, path, template.parent)
        for finding in _Machine(logical_id, properties, resources, located, str(path)).check()
    ]
    return list(dict.fromkeys(found))


def lint_machine(
    logical_id: str, resources: dict[str, Any], located: Located, name: str
) -> list[Finding]:
    """The findings of one machine's definition, which stands in the file of that name."""
    if not isinstance(located.value, dict):
        return []
    properties = resources[logical_id]["Properties"]
    return _Machine(logical_id, properties, resources, located, name).check()


def _machines(resources: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for logical_id, resource in resources.items():
        properties = resource.get("Properties")
        if resource["Type"] in MACHINES and isinstance(properties, dict):
            yield logical_id, properties


def _is_at(properties: dict[str, Any], path: Path, root: Path) -> bool:
    place = properties.get("DefinitionUri", properties.get("DefinitionS3Location"))
    return isinstance(place, str) and (root / place).resolve() == path.resolve()


class _Machine:
    """One machine of a template, and the report about its file."""

    def __init__(
        self,
        logical_id: str,
        properties: dict[str, Any],
        resources: dict[str, Any],
        located: Located,
        name: str,
    ) -> None:
        self._id = logical_id
        self._properties = properties
        self._resources = resources
        self._definition = Definition(located.value)
        self._report = Report(located, name)
        self._value = located.value
        substitutions = properties.get("DefinitionSubstitutions")
        self._substitutions = substitutions if isinstance(substitutions, dict) else {}

    def check(self) -> list[Finding]:
        self._check_substitutions()
        self._check_permissions()
        self._check_observability()
        return self._report.findings()

    def _check_substitutions(self) -> None:
        used: set[str] = set()
        for pointer, _, text in all_in(self._value, ""):
            for name in SUBSTITUTION.findall(text) if isinstance(text, str) else ():
                used.add(name)
                if name not in self._substitutions:
                    message = f"{self._id} has no ${{{name}}} in its DefinitionSubstitutions"
                    self._report.add("substitution-missing", pointer, message)
        for name in self._substitutions:
            if name not in used:
                message = f"{self._id} substitutes ${{{name}}}, which does not occur here"
                self._report.add("substitution-unused", "", message)

    def _check_permissions(self) -> None:
        if "Role" in self._properties or "RoleArn" in self._properties or self._has_connectors():
            return
        policies = _listed(self._properties.get("Policies"))
        for state in self._definition.of_type("Task"):
            for function in self._functions_of(state):
                if not any(_allows(policy, function) for policy in policies):
                    message = f"the role of {self._id} may not invoke {function}"
                    self._report.add("role-lacks-function", state.pointer, message)

    def _has_connectors(self) -> bool:
        own = self._resources[self._id].get("Connectors")
        apart = (
            dumps(resource.get("Properties"))
            for resource in self._resources.values()
            if resource["Type"] == CONNECTOR
        )
        return bool(own) or any(f'"{self._id}"' in text for text in apart)

    def _functions_of(self, state: StateNode) -> Iterator[str]:
        """The logical ids of the functions that a task calls."""
        arguments = state.fields.get("Parameters", state.fields.get("Arguments"))
        named = arguments.get("FunctionName") if isinstance(arguments, dict) else None
        given = named if CALL in state.resource else state.resource
        for name in SUBSTITUTION.findall(given) if isinstance(given, str) else ():
            value = dumps(self._substitutions.get(name))
            for logical_id, resource in self._resources.items():
                if resource["Type"] in FUNCTIONS and _mentions(value, logical_id):
                    yield logical_id

    def _check_observability(self) -> None:
        for names, rule, what in (
            (("Logging", "LoggingConfiguration"), "logging-missing", "logs"),
            (("Tracing", "TracingConfiguration"), "tracing-missing", "traces"),
        ):
            if not any(name in self._properties for name in names):
                self._report.add(rule, "", f"{self._id} writes no {what}")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _mentions(text: str, logical_id: str) -> bool:
    return re.search(rf"\b{re.escape(logical_id)}\b", text) is not None


def _allows(policy: Any, function: str) -> bool:
    """Whether an entry of Policies lets the machine invoke a function."""
    if isinstance(policy, str):
        return policy.rpartition("/")[2] in ALLOWING
    if not isinstance(policy, dict):
        return False
    if "LambdaInvokePolicy" in policy:
        return _covers(policy["LambdaInvokePolicy"], function)
    return any(
        statement.get("Effect") == "Allow"
        and any(action in INVOKE for action in _listed(statement.get("Action")))
        and _covers(statement.get("Resource"), function)
        for statement in _listed(policy.get("Statement"))
        if isinstance(statement, dict)
    )


def _covers(resource: Any, function: str) -> bool:
    if isinstance(resource, dict) and "FunctionName" in resource:
        resource = resource["FunctionName"]
    texts = [dumps(entry) for entry in _listed(resource)]
    return any("*" in text or _mentions(text, function) for text in texts)
