"""The types of a package with their shapes and schemas, read in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from io import BytesIO
from pathlib import Path
from typing import Any, Final

SECONDS: Final = 60
BUCKETS: Final = "buckets"
Types = Mapping[str, Mapping[str, Any]]
"""Maps a type's name to its `shape`, and its `schema` if it has a model.

`read model NAME` has the number of its `buckets`.
"""


class NotReadError(Exception):
    """The package cannot be imported, or there is no such revision."""


def types_of(sources: Sequence[Path], environment: Mapping[str, str]) -> Types:
    """Return the types that a package declares; `environment` is the functions' own.

    Raises:
        NotReadError: it cannot be imported.
    """
    done = subprocess.run(
        [sys.executable, "-P", "-m", __name__, *map(str, sources)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it ends without an answer"]
        raise NotReadError(
            next((line for line in lines if "cannot be imported" in line), lines[-1])
        )
    types: Types = json.loads(done.stdout)
    return types


def types_at(revision: str, sources: Sequence[Path], environment: Mapping[str, str]) -> Types:
    """Return the types that the package declared at a revision of git.

    Raises:
        NotReadError: there is no such revision, or its package cannot be imported.
    """
    with tempfile.TemporaryDirectory() as folder:
        then = []
        for number, source in enumerate(sources):
            top = Path(_git(source, "rev-parse", "--show-toplevel").decode().strip())
            inside = source.resolve().relative_to(top.resolve())
            archive = _git(top, "archive", "--format=tar", revision, "--", str(inside))
            place = Path(folder) / str(number)
            with tarfile.open(fileobj=BytesIO(archive)) as tar:
                tar.extractall(place, filter="data")
            then.append(place / inside)
        return types_of(then, environment)


def revision_there(folder: Path, names: Sequence[str]) -> str | None:
    """Return the first of some revisions that the repository around a folder has."""
    for name in names:
        try:
            _git(folder, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        except NotReadError:
            continue
        return name
    return None


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, check=False, timeout=SECONDS
        )
    except OSError as error:
        raise NotReadError(f"git cannot be run: {error}") from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise NotReadError(lines[-1] if lines else f"git {arguments[0]} fails")
    return done.stdout


def main() -> None:
    """Print the types of the package that the environment names."""
    for source in reversed(sys.argv[1:]):
        sys.path.insert(0, source)
    with redirect_stdout(sys.stderr):
        from sfn_cqrs.api.types import TypeService  # noqa: PLC0415 - after the path is set
        from sfn_cqrs.machines.command import read_models  # noqa: PLC0415

        shown = TypeService("-").list()
        views = read_models.types()
    found: dict[str, dict[str, Any]] = {
        one.name: {"shape": one.shape, **({"schema": one.schema} if one.schema else {})}
        for one in shown
    }
    found |= {
        f"read model {one.name}": {"shape": 1, BUCKETS: one.buckets} for one in views.values()
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
