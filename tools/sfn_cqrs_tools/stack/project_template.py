"""A project's template with the parameters that this machine gives it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sfn_cqrs_tools.runtime.identity import OPERATOR_ROLE
from sfn_cqrs_tools.runtime.nesting import APPLICATION, Document, flattened
from sfn_cqrs_tools.runtime.template import DEFAULT_STACK, Template
from sfn_cqrs_tools.stack.samconfig import PARAMETER, app_package
from sfn_local.lint.template_file import TemplateError, load_yaml

# What a deploy must be given; here the front makes the claims, so nobody asks this issuer.
LOCAL_PARAMETERS: Final = {
    "JwtIssuer": "https://issuer.invalid",
    "JwtAudience": "local",
    "GenerationsKnownSeconds": "1",  # or a rebuild begins after a minute
    "OperatorRole": OPERATOR_ROLE,
}


CLUSTER: Final = "aurora"
NO_CLUSTER: Final = (
    "Postgres=aurora makes a cluster on AWS; here PostgreSQL is there anyway,"
    " so leave the parameter out"
)
MAKE_ONE: Final = "`sfn-cqrs init NAME` makes a project"


def check_exists(path: Path) -> None:
    """Refuse a template that is not there, before anything is set up for it.

    Raises:
        TemplateError: it says how a project is made.
    """
    if not path.exists():
        raise TemplateError(f"there is no template at {path.absolute()}; {MAKE_ONE}")


def load_template(
    path: Path,
    *,
    stack: str = DEFAULT_STACK,
    live: bool = False,
    parameters: Mapping[str, str] | None = None,
) -> Template:
    """Read a template with its nested applications; `parameters` win over this machine's.

    Raises:
        TemplateError: it is missing or malformed, a parameter has no value, or wants a cluster.
        StackError: samconfig.toml names several packages.
    """
    check_exists(path)
    if (parameters or {}).get("Postgres") == CLUSTER:
        raise TemplateError(NO_CLUSTER)
    path = path.resolve()
    document = flattened(_without_cluster(load_yaml(path)), path.parent)
    declared = document.get("Parameters", {})
    wanted = {**LOCAL_PARAMETERS, **({"Live": "enabled"} if live else {})}
    local = {name: value for name, value in wanted.items() if name in declared}
    package = app_package(path.parent) if PARAMETER in declared else None
    named = {} if package is None else {PARAMETER: package}
    given = {**local, **named, **(parameters or {})}
    return Template(document, path.parent, stack=stack, parameters=given)


def _without_cluster(document: Document) -> Document:
    """Return a template whose framework makes no Aurora cluster: here PostgreSQL is a process."""
    for resource in document["Resources"].values():
        given = resource.get("Properties", {}).get("Parameters", {})
        if resource["Type"] == APPLICATION and given.get("Postgres") == CLUSTER:
            given["Postgres"] = "disabled"
    return document
