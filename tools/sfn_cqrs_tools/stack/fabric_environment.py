"""The interpreter that runs ministack, which stands for the AWS services on this machine.

ministack pins the version of botocore, so it has a virtual environment of its own: in a checkout
.venv-fabric, elsewhere one in the user's cache that is made once for each lock.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from sfn_cqrs_tools.project import CHECKOUT, application, is_checkout
from sfn_cqrs_tools.runtime.state import StackError
from sfn_local.cli.showing import echo

LOCK: Final = "requirements/fabric.lock"
_PIP: Final = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")


def fabric_python() -> Path:
    """Return the interpreter; make its environment if there is none yet.

    Raises:
        StackError: the packages cannot be installed.
    """
    if is_checkout():
        return CHECKOUT / ".venv-fabric" / "bin" / "python"
    folder = _folder()
    python = folder / "bin" / "python"
    if not (folder / ".ready").is_file():
        _make(folder)
    return python


def _folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    made_of = (application() / LOCK).read_bytes() + sys.version.encode()
    return cache / "sfn-cqrs" / f"fabric-{hashlib.sha256(made_of).hexdigest()[:16]}"


def _make(folder: Path) -> None:
    echo("setting up the AWS services for this machine, once", err=True)
    shutil.rmtree(folder, ignore_errors=True)
    lock = str(application() / LOCK)
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        python = str(folder / "bin" / "python")
        subprocess.run([python, *_PIP, "--require-hashes", "-r", lock], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise StackError(f"the AWS services cannot be set up in {folder}: {error}") from error
    (folder / ".ready").touch()
