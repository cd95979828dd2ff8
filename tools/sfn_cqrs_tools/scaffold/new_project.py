"""A project of one's own: the files that `sfn-cqrs init` writes."""

from __future__ import annotations

import keyword
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sfn_cqrs_tools.scaffold.app_package import AppPackage, check_type
from sfn_cqrs_tools.scaffold.audience import Audience
from sfn_cqrs_tools.scaffold.changes import Changes, ScaffoldError
from sfn_cqrs_tools.scaffold.handler import add_handler
from sfn_cqrs_tools.scaffold.texts import text

FILES: Final = {
    ".github/workflows/check.yml": "check.yml",
    ".gitignore": "gitignore",
    "Makefile": "Makefile",
    "README.md": "README.md",
    "events/sync_data.json": "sync_data.json",
    "pyproject.toml": "pyproject.toml",
    "requirements-dev.txt": "requirements-dev.txt",
    "samconfig.toml": "samconfig.toml",
    "template.yaml": "template.yaml",
}
RELEASED: Final = ("sfn-cqrs-tools",)
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,30}")
_PACKAGES: Final = {"sfn-local": "engine", "sfn-cqrs": ".", "sfn-cqrs-tools": "tools"}


def package_name(name: str) -> str:
    """Return the Python package of a project: `my-clinic` has my_clinic.

    Raises:
        ScaffoldError: the name is not valid.
    """
    package = name.replace("-", "_")
    if keyword.iskeyword(package):
        raise ScaffoldError(f"{name!r} is not a valid name: it is a word of Python")
    if not _NAME.fullmatch(name):
        raise ScaffoldError(
            f"{name!r} is not a valid name: use small letters, digits and '-', a letter first, at"
            " most 31 characters, such as clinic"
        )
    return package


def sources(source: str | None) -> Sequence[str]:
    """Return the lines of requirements-dev.txt that install the framework.

    `source` is a folder of wheels, a checkout of the framework or `git+https://…`; None means the
    package index.

    Raises:
        ScaffoldError: it is something else.
    """
    if source is None:
        return RELEASED
    if source.startswith("git+"):
        folders = {name: f"#subdirectory={path}" for name, path in _PACKAGES.items()}
        return [
            f"{name} @ {source}{'' if _PACKAGES[name] == '.' else folder}"
            for name, folder in folders.items()
        ]
    folder = Path(source).resolve()
    if list(folder.glob("sfn_cqrs_tools-*.whl")):
        return [f"--find-links {shlex.quote(str(folder))}", *RELEASED]
    if (folder / "tools" / "pyproject.toml").is_file():
        return [str((folder / path).resolve()) for path in _PACKAGES.values()]
    raise ScaffoldError(
        f"{source} has neither wheels (sfn_cqrs_tools-*.whl) nor the framework's source, and does"
        " not begin with git+"
    )


def add_project(
    changes: Changes,
    name: str,
    type_: str,
    audience: Audience,
    parameters: Mapping[str, str],
    installed: Sequence[str],
) -> None:
    """Add every file of a project, with a first handler, its test and a sample event.

    Raises:
        ScaffoldError: a name is not valid, or a file exists.
    """
    check_type(type_)
    package = AppPackage(changes.root, package_name(name), is_nested=True)
    values = {
        "name": name,
        "package": package.name,
        "title": name.replace("-", " ").capitalize(),
        "type": type_,
        "module": type_.lower(),
        "parameters": parameters,
        "sources": installed,
    }
    for path, template in FILES.items():
        changes.create(path, text(f"project/{template}", **values))
    package.create(changes)
    add_handler(changes, package, type_, audience)
