"""The framework's application as a project's template names it: a copy in .framework.

`sam build` reads templates and code from folders, so the application that pip has installed is
copied into the project. Git ignores the copy, and every command brings it up to date.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sfn_cqrs
from sfn_cqrs_tools.project import NESTED, application, project

FOLDER: Final = NESTED
_STAMP: Final = ".stamp"
_PARTS: Final = (
    "template.yaml",
    "statemachine",
    "functions",
    "events",
    "app/Makefile",
    "layer/Makefile",
    "layer/deployment.py",
    "layer/python.mk",
    "layer/requirements.txt",
    "layer/postgres",
    "requirements/locked.py",
    "requirements/layer.lock",
    "requirements/postgres.lock",
)
_PACKAGE: Final = "layer/sfn_cqrs"
_LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", "*.pyc")


def is_nested(root: Path) -> bool:
    """Tell whether a project's template has the framework's application inside it."""
    template = root / "template.yaml"
    return template.is_file() and f"{FOLDER}/" in template.read_text(encoding="utf-8")


def bring_up_to_date(root: Path | None = None) -> bool:
    """Copy the installed application into a project that nests it; tell whether that was needed.

    Raises:
        StackError: the package sfn-cqrs is not installed whole.
    """
    root = root or project()
    if not is_nested(root) or _is_example(root):
        return False
    sources = dict(_sources())
    stamp = _stamp(sources)
    with _alone(root):
        return _is_copied(root, sources, stamp)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Hold a project's folder against other processes, such as the workers of a parallel test."""
    held = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _is_example(root: Path) -> bool:
    """Tell whether a project is the framework's own example, which has a link in that place."""
    return (root / FOLDER).is_symlink() and (root / FOLDER / "template.yaml").is_file()


def _is_copied(root: Path, sources: dict[str, Path], stamp: str) -> bool:
    folder = root / FOLDER
    if (folder / _STAMP).is_file() and (folder / _STAMP).read_text(encoding="utf-8") == stamp:
        return False
    draft = root / f"{FOLDER}.new"
    shutil.rmtree(draft, ignore_errors=True)
    for name, source in sources.items():
        target = draft / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=_LEFT_OUT)
        else:
            shutil.copy2(source, target)
    (draft / _STAMP).write_text(stamp, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    return True


def _sources() -> Iterator[tuple[str, Path]]:
    root = application()
    for part in _PARTS:
        yield part, root / part
    yield _PACKAGE, Path(sfn_cqrs.__file__).parent


def _stamp(sources: dict[str, Path]) -> str:
    """Return a digest of every file's name, size and time."""
    digest = hashlib.sha256()
    for name, source in sources.items():
        files = sorted(source.rglob("*")) if source.is_dir() else [source]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                status = file.stat()
                digest.update(f"{name}/{file} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
