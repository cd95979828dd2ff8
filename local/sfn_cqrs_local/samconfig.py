"""What samconfig.toml says of the user's package: one place, for deploys and for this machine."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sfn_cqrs_local.state import StackError

FILE: Final = "samconfig.toml"
PARAMETER: Final = "AppPackage"


def app_package(root: Path) -> str | None:
    """The package that the deploys of a project name, by `AppPackage=library`; None if none do.

    Raises:
        StackError: the file is no TOML, or its stages name several.
    """
    path = root / FILE
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except tomllib.TOMLDecodeError as error:
        raise StackError(f"{path} is no TOML: {error}") from None
    named = {text for stage in document.values() for text in _packages(stage)}
    if len(named) > 1:
        names = ", ".join(sorted(named))
        raise StackError(f"{path} names several {PARAMETER}s: {names}; give each stage the same")
    return named.pop() if named else None


def _packages(stage: Any) -> Iterator[str]:
    if not isinstance(stage, dict):
        return
    given = stage.get("deploy", {}).get("parameters", {}).get("parameter_overrides", [])
    for override in shlex.split(given) if isinstance(given, str) else given:
        name, _, value = str(override).partition("=")
        if name == PARAMETER and value.strip("\"'"):
            yield value.strip("\"'")
