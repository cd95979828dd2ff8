"""What the tests of this folder read: the template as written, and as CloudFormation sees it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.places import EXAMPLE

from sfn_cqrs_tools.client.executions import OF_THE_FRAMEWORK
from sfn_cqrs_tools.runtime.template import Template

ROOT = Path(__file__).parents[2]
ISSUER = {"JwtIssuer": "https://issuer.example.com", "JwtAudience": "client"}
TEMPLATE = Template.load(ROOT / "template.yaml", parameters=ISSUER)
SHOP = Template.load(EXAMPLE / "template.yaml", parameters=ISSUER)
"""The example, with the framework's application inside it."""
OF_SHOP = {name: one for name, one in SHOP.machines.items() if name not in TEMPLATE.machines}
MACHINES = TEMPLATE.machines | OF_SHOP


def folder_of(machine: str) -> Path:
    """Return the repository or project that a machine belongs to."""
    return EXAMPLE if machine in OF_SHOP else ROOT


ADDED = {
    one.folder for name, one in MACHINES.items() if name not in {*OF_THE_FRAMEWORK, "order-saga"}
}
"""The folders of the workflows that somebody adds; they hold a user's own code."""


def is_added(folder: Path) -> bool:
    """Return whether a function's folder belongs to a workflow that somebody adds."""
    return folder.parent.name in ADDED or folder.name in {f"on_{one}_ended" for one in ADDED}


class State(NamedTuple):
    """One state of one machine, wherever in it."""

    machine: str
    name: str
    body: dict[str, Any]

    @property
    def folder(self) -> str:
        """The machine's folder in functions/, events/ and tests/unit/."""
        return MACHINES[self.machine].folder


STATES = [
    State(machine.key, name, body)
    for machine in MACHINES.values()
    for name, body in machine.states()
]
BATCH = "$.Items"


def is_batch(state: State) -> bool:
    """Whether a state's execution is a child of a Map Run, whose input is a batch."""
    payload = state.body.get("Parameters", {}).get("Payload", {})
    return bool(payload.get("input.$") == BATCH)


TASKS = [state for state in STATES if state.body["Type"] == "Task"]


@cache
def translated() -> dict[str, dict[str, Any]]:
    """Every resource of the plain CloudFormation template, by logical id."""
    resources: dict[str, dict[str, Any]] = TEMPLATE.translate()["Resources"]
    return resources


def owned(value: Any) -> Any:
    """What a name or ARN is where the stack makes its tables itself."""
    is_choice = isinstance(value, dict) and value.get("Fn::If", [None])[0] == "OwnsTables"
    return value["Fn::If"][1] if is_choice else value


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of each translated resource of a type."""
    return {
        logical_id: resource["Properties"]
        for logical_id, resource in translated().items()
        if resource["Type"] == kind
    }


def attribute(logical_id: str, name: str = "Arn") -> dict[str, list[str]]:
    """Fn::GetAtt as it stands in the translated template."""
    return {"Fn::GetAtt": [logical_id, name]}


def called(function: str) -> dict[str, Any]:
    """What whoever calls a function names: its alias, where it has one."""
    alias = f"{function}Aliaslive"
    return {"Ref": alias} if alias in translated() else attribute(function)


def as_list(value: Any) -> list[Any]:
    """IAM writes a list of one without its brackets."""
    return value if isinstance(value, list) else [value]


def role_statements(role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the statements of a role's policies, of those that a parameter switches on as well."""
    managed = [one["Ref"] for one in role.get("ManagedPolicyArns", []) if "Ref" in one]
    shared = [translated()[name]["Properties"] for name in managed]
    for policy in [*role.get("Policies", []), *shared]:
        granted = policy["Fn::If"][1] if "Fn::If" in policy else policy
        yield from as_list(granted["PolicyDocument"]["Statement"])


def statements_of(logical_id: str) -> list[dict[str, Any]]:
    """The statements of the role that SAM makes for a function or a machine."""
    return list(role_statements(translated()[f"{logical_id}Role"]["Properties"]))


def modules(*folders: str, naming: str = "") -> Iterator[tuple[Path, ast.Module]]:
    """Yield each Python file below some folders of the repository that has a word, parsed."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            source = path.read_text(encoding="utf-8")
            if naming in source:  # parsing takes far longer than looking
                yield path, ast.parse(source, str(path))


def imports_of(tree: ast.Module) -> set[str]:
    """Every module that a file imports, wherever in the file it does."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parent = "." * node.level + (node.module or "")
            found.add(parent)
            found |= {f"{parent}.{alias.name}" for alias in node.names}
    return found
