"""Find the project that a command works on, and what this installation brings."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from sfn_cqrs_tools.runtime.state import STATE_VARIABLE, StackError

CHECKOUT: Final = Path(__file__).resolve().parents[2]
"""The framework's own repository, where this package runs from it."""

NESTED: Final = ".framework"
"""The folder of a project that holds a copy of the framework's application."""

APPLICATION: Final = "sfn_cqrs_application"
"""The package of the wheel `sfn-cqrs` that holds its application."""


def project() -> Path:
    """Return the folder of the project: the nearest one, upwards, that has a template.yaml.

    Outside of any project it is the framework's own repository, or else the working directory. In
    that repository it is the example that its pyproject.toml names, until samconfig.toml names a
    package of its own.
    """
    return run_for(deployed())


def run_for(folder: Path) -> Path:
    """Return the project that commands run for a folder with a template.yaml."""
    return folder if folder != CHECKOUT or _has_package(folder) else example()


def deployed() -> Path:
    """Return the folder that `sam deploy` deploys: in the framework's repository, that itself."""
    here = Path.cwd()
    for folder in (here, *here.parents, CHECKOUT):
        if (folder / "template.yaml").is_file():
            return folder
    return here


def _has_package(checkout: Path) -> bool:
    stages = checkout / "samconfig.toml"
    return stages.is_file() and "AppPackage=" in stages.read_text(encoding="utf-8")


def example() -> Path:
    """Return the project that the framework's repository runs, or that itself if there is none."""
    import tomllib  # noqa: PLC0415 - in that repository only

    about = CHECKOUT / "pyproject.toml"
    known = tomllib.loads(about.read_text(encoding="utf-8")) if about.is_file() else {}
    named = CHECKOUT / known.get("tool", {}).get("sfn-cqrs", {}).get("project", ".")
    return named if (named / "template.yaml").is_file() else CHECKOUT


def template_path() -> Path:
    """Return the project's template."""
    return project() / "template.yaml"


def state_path() -> Path:
    """Return the folder of the local stack: the folder in SFN_CQRS_STATE, or the project's own."""
    return Path(os.environ.get(STATE_VARIABLE) or project() / ".sfn-cqrs")


def is_checkout() -> bool:
    """Tell whether this package runs from the framework's own repository."""
    return (CHECKOUT / "layer" / "sfn_cqrs").is_dir()


def application() -> Path:
    """Return the folder of the framework's application: its template, machines and functions.

    Raises:
        StackError: the package sfn-cqrs is not installed whole.
    """
    if is_checkout():
        return CHECKOUT
    spec = find_spec(APPLICATION)
    if spec is None or not spec.submodule_search_locations:
        raise StackError("the package sfn-cqrs lacks its application: install it again with pip")
    return Path(spec.submodule_search_locations[0])
