"""Print a digest of what a deploy brings with the framework's code; FrameworkLayer holds it.

A function behind an alias gets a new version only where its code or this layer has changed: SAM
looks neither at the values of parameters nor at a layer that comes by one. So the layer changes
with the user's package, with both templates, with samconfig.toml and with the options of
`make deploy`. `make` runs this at each build, and the local stack imports it.
"""

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

PARTS = ("app", "template.yaml", "samconfig.toml")
FOLDER = ".framework"
"""The folder inside a project that has the framework's application."""


def digest(layer: Path, options: str) -> str:
    """Return the digest for a layer's folder, which no link of the path is followed for."""
    application = layer.parent
    is_inside = application.name == FOLDER
    found = hashlib.sha256(options.encode())
    for root in (application, *((application.parent,) if is_inside else ())):
        for file in _files(root):
            found.update(f"\n{os.path.relpath(file, application)}\n".encode())
            found.update(file.read_bytes())
    return found.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for part in PARTS:
        path = root / part
        for file in sorted(path.rglob("*")) if path.is_dir() else (path,):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file


if __name__ == "__main__":
    folder = Path(sys.argv[0]).absolute().parent
    print(digest(folder, os.environ.get("DEPLOYED_WITH", "")))
