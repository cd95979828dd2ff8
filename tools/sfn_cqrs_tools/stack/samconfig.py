"""Reads the user's package from samconfig.toml, for deploys and for this machine."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any, Final

from sfn_cqrs_tools.runtime.nesting import APPLICATION
from sfn_cqrs_tools.runtime.state import StackError
from sfn_cqrs_tools.scaffold.changes import ScaffoldError
from sfn_local.lint.template_file import load_yaml

FILE: Final = "samconfig.toml"
PARAMETER: Final = "AppPackage"
_DEPLOY: Final = re.compile(r"\[\w+\.deploy\.parameters\]")
_ASKS: Final = re.compile(r"(?m)^parameter_overrides *= *\"[^\"=]+\"")
_OVERRIDES: Final = (
    (r"(?m)^(parameter_overrides *= *\[)\n", '\\1\n    "{}",\n'),
    (r"(?m)^(parameter_overrides *= *\[)", '\\1"{}", '),
    (r"(?m)^(parameter_overrides *= *[\"'])", "\\1{} "),
)
"""The starts of a multi-line list, a one-line list and a text, each with its first entry."""


def app_package(root: Path) -> str | None:
    """Return the package in a project's deploys (`AppPackage=library`), or None if none has it.

    Raises:
        StackError: the file is not TOML, or its stages name several.
    """
    path, document = root / FILE, _document(root)
    by_stage = _by_stage(document)
    named = {package for package in by_stage.values() if package}
    if len(named) > 1:
        names = ", ".join(sorted(named))
        raise StackError(f"{path} names several {PARAMETER}s: {names}; give each stage the same")
    nameless = [stage for stage, package in by_stage.items() if not package]
    if named and nameless:
        stages = ", ".join(nameless)
        raise StackError(f"{path} names no {PARAMETER} for {stages}; give each stage the same")
    return named.pop() if named else None


def with_package(text: str, package: str) -> str:
    """Return the text of samconfig.toml with every stage naming a package; all else stays as it is.

    Raises:
        ScaffoldError: a stage is written in a way that this does not know.
    """
    parts = re.split(r"(?m)^(?=\[)", text)
    changed = "".join(_naming(part, package) if _is_stage(part) else part for part in parts)
    stages = _by_stage(tomllib.loads(changed))
    if not stages or set(stages.values()) != {package}:
        raise ScaffoldError(
            f"write {PARAMETER}={package} into the parameter_overrides of each stage of {FILE}"
        )
    return changed


def package_of(root: Path) -> str:
    """Return the package of a project, as its deploys or else its template name it.

    Raises:
        StackError: neither names one.
    """
    named = app_package(root)
    if named is not None:
        return named
    template = load_yaml(root / "template.yaml")
    declared = template.get("Parameters", {}).get(PARAMETER, {}).get("Default")
    nested = (
        one.get("Properties", {}).get("Parameters", {}).get(PARAMETER)
        for one in template["Resources"].values()
        if one["Type"] == APPLICATION
    )
    found = declared or next((one for one in nested if isinstance(one, str)), None)
    if found is None:
        raise StackError(f"{root / 'template.yaml'} names no {PARAMETER}")
    return str(found)


def stack_name(root: Path, stage: str) -> str:
    """Return the name of a stage's stack.

    Raises:
        StackError: the stage has none.
    """
    deploy = _document(root).get(stage, {}).get("deploy", {}).get("parameters", {})
    if "stack_name" not in deploy:
        raise StackError(f"{root / FILE} has no stack_name for the stage {stage}")
    return str(deploy["stack_name"])


def stack_names(root: Path) -> dict[str, str]:
    """Return the names of the stacks by stage, of the stages that name one."""
    return {stage: str(one["stack_name"]) for stage, one in _deploys(root).items()}


def parameters_of(root: Path) -> dict[str, dict[str, str]]:
    """Return the template's parameters that each stage with a stack gives, by stage."""
    return {stage: _overrides(one) for stage, one in _deploys(root).items()}


def _deploys(root: Path) -> dict[str, dict[str, Any]]:
    found = {
        stage: commands.get("deploy", {}).get("parameters", {})
        for stage, commands in _document(root).items()
        if isinstance(commands, dict)
    }
    return {stage: one for stage, one in found.items() if "stack_name" in one}


def _document(root: Path) -> dict[str, Any]:
    path = root / FILE
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise StackError(f"{path} is not TOML: {error}") from None


def _is_stage(section: str) -> bool:
    return bool(_DEPLOY.match(section)) and not _ASKS.search(section)


def _by_stage(document: dict[str, Any]) -> dict[str, str | None]:
    """Return the package of each deployed stage; None where the template decides."""
    return {
        name: _package(stage["deploy"].get("parameters", {}))
        for name, stage in document.items()
        if isinstance(stage, dict) and "deploy" in stage and _names_parameters(stage["deploy"])
    }


def _names_parameters(deploy: dict[str, Any]) -> bool:
    """Return whether a section is a stage; the default's text only asks for one, without a `=`."""
    given = deploy.get("parameters", {}).get("parameter_overrides")
    return not isinstance(given, str) or "=" in given


def _package(parameters: dict[str, Any]) -> str | None:
    return _overrides(parameters).get(PARAMETER) or None


def _overrides(parameters: dict[str, Any]) -> dict[str, str]:
    """Return the template's parameters that a stage gives, by name."""
    given = parameters.get("parameter_overrides", [])
    pairs = (
        str(one).partition("=") for one in (shlex.split(given) if isinstance(given, str) else given)
    )
    return {name: value.strip("\"'") for name, _, value in pairs}


def _naming(section: str, package: str) -> str:
    """Return a stage's section of the file with the package replaced, or added first."""
    named, found = re.subn(rf"{PARAMETER}=(\\?[\"']?)\w*\1", f"{PARAMETER}={package}", section)
    if found:
        return named
    for opening, first in _OVERRIDES:
        named, found = re.subn(opening, first.format(f"{PARAMETER}={package}"), section, count=1)
        if found:
            return named
    header, _, rest = section.partition("\n")
    return f'{header}\nparameter_overrides = ["{PARAMETER}={package}"]\n{rest}'
