"""The generated pages and their places; tests/template/test_reference.py compares them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sfn_cqrs_tools.cli.reference.commands import command_line
from sfn_cqrs_tools.cli.reference.http import http_api
from sfn_cqrs_tools.cli.reference.python import python_api
from sfn_cqrs_tools.project import CHECKOUT

FOLDER: Final = CHECKOUT / "docs/reference"


def pages(root: Path = CHECKOUT) -> dict[str, str]:
    """Return each page by its name, generated from the current code."""
    return {"cli.md": command_line(), "python.md": python_api(root), "http.md": http_api()}
