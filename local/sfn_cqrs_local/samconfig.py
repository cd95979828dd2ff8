"""What samconfig.toml says of the user's package: one place, for deploys and for this machine."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sfn_cqrs_local.state import StackError
from sfn_local.lint.template_file import load_yaml

FILE: Final = "samconfig.toml"
PARAMETER: Final = "AppPackage"


def app_package(root: Path) -> str | None:
    """The package that the deploys of a project name, by `AppPackage=library`; None if none do.

    Raises:
        StackError: the file is no TOML, or its stages name several.
    """
    path, document = root / FILE, _document(root)
    named = {text for stage in document.values() for text in _packages(stage)}
    if len(named) > 1:
        names = ", ".join(sorted(named))
        raise StackError(f"{path} names several {PARAMETER}s: {names}; give each stage the same")
    return named.pop() if named else None


def package_of(root: Path) -> str:
    """The package of a project: what its deploys name, or else the template's default."""
    named = app_package(root)
    if named is not None:
        return named
    return str(load_yaml(root / "template.yaml")["Parameters"][PARAMETER]["Default"])


def stack_name(root: Path, stage: str) -> str:
    """What a stage's stack is called.

    Raises:
        StackError: the stage has none.
    """
    deploy = _document(root).get(stage, {}).get("deploy", {}).get("parameters", {})
    if "stack_name" not in deploy:
        raise StackError(f"{root / FILE} has no stack_name for the stage {stage}")
    return str(deploy["stack_name"])


def _document(root: Path) -> dict[str, Any]:
    path = root / FILE
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise StackError(f"{path} is no TOML: {error}") from None


def _packages(stage: Any) -> Iterator[str]:
    if not isinstance(stage, dict):
        return
    given = stage.get("deploy", {}).get("parameters", {}).get("parameter_overrides", [])
    for override in shlex.split(given) if isinstance(given, str) else given:
        name, _, value = str(override).partition("=")
        if name == PARAMETER and value.strip("\"'"):
            yield value.strip("\"'")
