"""A project of one's own: the files that `sfn-cqrs init` writes."""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from sfn_cqrs_tools.project import application
from sfn_cqrs_tools.scaffold.app_package import AppPackage, check_type
from sfn_cqrs_tools.scaffold.audience import Audience
from sfn_cqrs_tools.scaffold.changes import Changes, ScaffoldError
from sfn_cqrs_tools.scaffold.handler import add_handler
from sfn_cqrs_tools.scaffold.names import LONGEST_PROJECT
from sfn_cqrs_tools.scaffold.texts import text

FILES: Final = {
    ".agents/skills/sfn-cqrs/SKILL.md": "SKILL.md",
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
PAGES_FILE: Final = "llms-full.txt"
PAGES: Final = (
    "glossary",
    "handlers",
    "types",
    "read-models",
    "tasks",
    "sagas",
    "imports",
    "approvals",
    "webhooks",
    "time",
    "unique",
    "testing",
    "stuck",
    "reference/errors",
)
"""The pages of the docs that a project has as one file, for agents."""
WHEELS: Final = "wheels"
"""The folder of a project that its packages are copied to, to be committed."""
_COMMIT: Final = re.compile(r"git\+(?:https|ssh)://[^\s#]+@[0-9a-f]{40}")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")
_PACKAGES: Final = {"sfn-local": "engine", "sfn-cqrs": ".", "sfn-cqrs-tools": "tools"}


def package_name(name: str) -> str:
    """Return the Python package of a project: `my-clinic` has my_clinic.

    Raises:
        ScaffoldError: the name is not valid.
    """
    package = name.replace("-", "_")
    if keyword.iskeyword(package):
        raise ScaffoldError(f"{name!r} is not a valid name: it is a word of Python")
    if not _NAME.fullmatch(name) or len(name) > LONGEST_PROJECT:
        raise ScaffoldError(
            f"{name!r} is not a valid name: use small letters, digits and '-', a letter first, at"
            f" most {LONGEST_PROJECT} characters, such as clinic"
        )
    return package


@dataclass(frozen=True, slots=True)
class Source:
    """Where a project's packages come from: lines of requirements-dev.txt, and wheels to copy."""

    lines: tuple[str, ...]
    wheels: tuple[Path, ...] = ()


def sources(source: str | None, project: Path) -> Source:
    """Return where the framework comes from, so that no index can put a package in its place.

    `source` is a folder of wheels, a checkout of the framework, or `git+https://…@COMMIT`; None
    means the package index, and this version.

    Raises:
        ScaffoldError: it is something else, or does not say exactly which packages.
    """
    if source is None:
        return Source((f"sfn-cqrs-tools=={version('sfn-cqrs-tools')}",))
    if source.startswith("git+"):
        return Source(tuple(_of_commit(source)))
    folder = Path(source).resolve()
    wheels = [_wheel(folder, name) for name in _PACKAGES]
    if any(wheels):
        found = tuple(one for one in wheels if one)
        if len(found) < len(wheels):
            raise ScaffoldError(f"{source} needs a wheel of each of {', '.join(_PACKAGES)}")
        return Source(tuple(f"./{WHEELS}/{one.name}" for one in found), found)
    if (folder / "tools" / "pyproject.toml").is_file():
        paths = (os.path.relpath(folder / path, project.resolve()) for path in _PACKAGES.values())
        return Source(tuple(paths))
    raise ScaffoldError(
        f"{source} has neither wheels (sfn_cqrs_tools-*.whl) nor the framework's source, and does"
        " not begin with git+"
    )


def _of_commit(source: str) -> Iterator[str]:
    if not _COMMIT.fullmatch(source):
        raise ScaffoldError(
            f"{source} names no commit: a tag or a branch may be moved to other code; write"
            " git+https://…@ and the 40 digits of the commit"
        )
    for name, path in _PACKAGES.items():
        yield f"{name} @ {source}{'' if path == '.' else f'#subdirectory={path}'}"


def _wheel(folder: Path, name: str) -> Path | None:
    """Return the only wheel of a package in a folder.

    Raises:
        ScaffoldError: there are several.
    """
    found = sorted(folder.glob(f"{name.replace('-', '_')}-*.whl"))
    if len(found) > 1:
        raise ScaffoldError(f"{folder} has several wheels of {name}: leave the one to install")
    return found[0] if found else None


def pages() -> str:
    """Return the pages of the docs that an agent needs, one after the other."""
    docs = application() / "docs"
    return "\n".join((docs / f"{page}.md").read_text(encoding="utf-8") for page in PAGES)


def add_project(
    changes: Changes,
    name: str,
    type_: str,
    audience: Audience,
    parameters: Mapping[str, str],
    installed: Source,
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
        "sources": installed.lines,
        "has_wheels": bool(installed.wheels),
    }
    for path, template in FILES.items():
        changes.create(path, text(f"project/{template}", **values))
    changes.create(PAGES_FILE, pages())
    for wheel in installed.wheels:
        changes.create(f"{WHEELS}/{wheel.name}", wheel.read_bytes())
    package.create(changes)
    add_handler(changes, package, type_, audience)
