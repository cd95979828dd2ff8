"""Find the project that a command works on, and what this installation brings."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from sfn_cqrs_tools.runtime.state import STATE_VARIABLE

CHECKOUT: Final = Path(__file__).resolve().parents[2]
"""The framework's own repository, where this package runs from it."""


def project() -> Path:
    """Return the folder of the project: the nearest one, upwards, that has a template.yaml.

    Outside of any project it is the framework's own repository, or else the working directory.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, CHECKOUT):
        if (folder / "template.yaml").is_file():
            return folder
    return here


def template_path() -> Path:
    """Return the project's template."""
    return project() / "template.yaml"


def state_path() -> Path:
    """Return the folder of the local stack: what SFN_CQRS_STATE names, or the project's own."""
    return Path(os.environ.get(STATE_VARIABLE) or project() / ".sfn-cqrs")


def fabric_python() -> Path:
    """Return the interpreter that has ministack: one of its own in a checkout, else this one."""
    own = CHECKOUT / ".venv-fabric" / "bin" / "python"
    return own if own.exists() else Path(sys.executable)
