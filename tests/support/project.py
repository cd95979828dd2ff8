"""A copy of this project, as an empty clone has it, for what writes into one."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.support.commands import ran

from sfn_cqrs.machines.command import handlers
from sfn_cqrs_tools.project import CHECKOUT

BUILD = ".build"
CACHE = "__pycache__"
FABRIC = ".venv-fabric"  # what `make` sets up, and what the copy's own tests ask for
SCAFFOLDED = (
    "app/",
    "docs/machines.md",
    "docs/runbooks/work.md",
    "events/",
    "functions/",
    "statemachine/",
    "template.yaml",
    "tests/statemachine/",
    "tests/unit/event/",
    "tests/unit/kernel/",
    "tests/unit/starter/",
)
"""What `sfn-cqrs new` reads and changes, and folders whose names are taken."""
CHECKED = (
    *SCAFFOLDED,
    "conftest.py",
    "examples/",
    "layer/",
    "pyproject.toml",
    "samconfig.toml",
    "tests/conftest.py",
    "tests/support/",
    "tests/template/",
    "tests/unit/",
    "tools/sfn_cqrs_tools/",
)
"""What the checks of new code read, too."""
IMPORTED = ("app/", "functions/", "layer/", "tests/", "tools/sfn_cqrs_tools/")


def copy_project(target: Path, *, only: tuple[str, ...] = ("",), is_set_up: bool = False) -> Path:
    """Copy what git has, or would take; set up, it has this checkout's fabric too.

    To a copy with the layer, which processes of its own run, links to byte code go along, that of
    pytest as well. What SAM made of templates is shared. Each process would take seconds to make it
    again.
    """
    is_run = "layer/".startswith(only)
    for name in tracked():
        if name.startswith(only) and (CHECKOUT / name).is_symlink():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).symlink_to((CHECKOUT / name).readlink())
        elif name.startswith(only) and (CHECKOUT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, target / name)
            if is_run and name.startswith(IMPORTED) and name.endswith(".py"):
                _link_compiled(CHECKOUT / name, (target / name).parent / CACHE)
    share_translations(target)
    if is_set_up:
        (target / FABRIC).symlink_to(CHECKOUT / FABRIC)
    return target


def _link_compiled(source: Path, target: Path) -> None:
    """Link what is compiled; whoever compiles it again puts a file in the place of the link."""
    for compiled in (source.parent / CACHE).glob(f"{source.stem}.*.pyc"):
        target.mkdir(exist_ok=True)
        (target / compiled.name).symlink_to(compiled)


def share_translations(project: Path) -> None:
    """Let a project have what SAM has made of the same template in this checkout, and add to it."""
    (CHECKOUT / BUILD).mkdir(exist_ok=True)
    (project / BUILD).symlink_to(CHECKOUT / BUILD)


@cache
def tracked() -> list[str]:
    """What git has, or would take."""
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        text=True,
    )
    return [*filter(None, listed.split("\0"))]


def files_of(root: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path from there."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and CACHE not in path.parts
    }


def forget(project: Path) -> None:
    """Let what a stack in this process has imported from a copy be imported from here again."""
    sys.path[:] = [folder for folder in sys.path if not Path(folder).is_relative_to(project)]
    for name, module in [*sys.modules.items()]:
        if Path(getattr(module, "__file__", None) or "/").is_relative_to(project):
            del sys.modules[name]
    handlers.registry.loaded.clear()


def run_in(project: Path, *command: str, folder: str = ".") -> subprocess.CompletedProcess[str]:
    """Run a tool of this environment, or of another of this checkout, on a project's own code."""
    tool = Path(sys.executable).parent / command[0]
    options = f"--basetemp={project}.tmp"  # or it would sweep what other runs have left
    path = os.pathsep.join(str(project / folder) for folder in ("tools", "layer", "app"))
    return ran(
        CHECKOUT / command[0] if "/" in command[0] else tool,
        *command[1:],
        cwd=project / folder,
        env={**os.environ, "PYTEST_ADDOPTS": options, "PYTHONPATH": path},
        timeout=300,
    )
