"""Checks whether every module of the user's package and every function can be imported.

The imports run in a process of their own, so their side effects stay there.
"""

from __future__ import annotations

import ast
import gc
import importlib
import importlib.util
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from sfn_cqrs_tools.runtime import revisions
from sfn_cqrs_tools.runtime.revisions import NotImported

if TYPE_CHECKING:  # its process reads no template
    from sfn_cqrs_tools.runtime.template import Template

SECONDS: Final = 60


@dataclass(frozen=True)
class Broken:
    """A module that cannot be imported, why, and the lines of the user's code at fault."""

    module: str
    reason: str
    code: str


class AppCheck:
    """A check that runs in parallel with its caller."""

    def __init__(self, template: Template, environment: Mapping[str, str]) -> None:
        """Begin; `environment` is the functions' own."""
        self.unwritten: list[str] = []
        self.known: set[str] | None = None
        root = template.root
        folders = {one.logical_id: one.folder.resolve() for one in template.functions.values()}
        asked = {
            "package": environment.get("APP_PACKAGE"),
            "sources": [str(folder) for folder in template.layers],
            "functions": [
                [os.path.relpath(folder, root.resolve()), str(folder), name]
                for name, folder in sorted(folders.items())
            ],
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "sfn_cqrs_tools.client.app_check"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
            text=True,
            start_new_session=True,  # Ctrl-C is the parent's to handle
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked))
        self._process.stdin.close()
        self._process.stdin = None  # communicate() would flush it

    @property
    def is_done(self) -> bool:
        """Return whether its result is there without waiting."""
        return self._process.poll() is not None

    def result(self) -> list[Broken]:
        """Wait for what is broken; a check that ends without an answer has found nothing.

        After it, `unwritten` has the tables of `sql_read_model` that no handler is named after, and
        `known` the names of handlers and declared read models, if all of the code could be read.
        """
        try:
            answer, _ = self._process.communicate(timeout=SECONDS)
            found = json.loads(answer)
            self.unwritten = found["unwritten"]
            self.known = None if found["broken"] else set(found["known"])
            return [Broken(**one) for one in found["broken"]]
        except (OSError, ValueError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.communicate()
            return []


def broken_modules(asked: Mapping[str, Any]) -> Iterator[Broken]:
    """Import all modules one at a time, and yield those that fail."""
    for source in reversed(asked["sources"]):
        sys.path.insert(0, source)
    if asked["package"]:
        yield from map(broken, modules_of_package(asked["package"]))
    if asked["functions"]:
        yield from map(broken, _of_functions(asked["functions"]))


def modules_of_package(name: str) -> Iterator[NotImported]:
    """Import a package and all its modules, and yield those that fail."""
    try:
        package = importlib.import_module(name)
    except (Exception, SystemExit) as error:
        yield NotImported(name, error)
        return
    for module in pkgutil.iter_modules(package.__path__):
        try:
            importlib.import_module(f"{name}.{module.name}")
        except (Exception, SystemExit) as error:
            yield NotImported(f"{name}.{module.name}", error)


def unwritten_tables() -> Iterator[str]:
    """Yield the tables of `sql_read_model` that no handler is named after: nobody writes them.

    A handler whose `when` is false counts: in another stack it writes.
    """
    from sfn_cqrs.machines.command import handlers, read_models  # noqa: PLC0415 - after the path

    handlers.load()
    names = {name for named in handlers.registry.sync.values() for name in named}
    yield from (table for table in sorted(read_models.tables()) if table not in names)


def known_views(package: str) -> set[str]:
    """Return the names of all handlers, whatever their `when` says, and of read models.

    These are declared, or the package's code names them: a task writes rows as well.
    """
    from sfn_cqrs.machines.command import handlers, read_models  # noqa: PLC0415 - after the path

    names = {name for named in handlers.registry.sync.values() for name in named}
    return {*names, *read_models.types(), *read_models.tables(), *written_by(package)}


def written_by(package: str) -> Iterator[str]:
    """Yield the names that the package's code gives to what it writes."""
    for folder in importlib.import_module(package).__path__:
        for path in Path(folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_bytes())):
                match node:
                    case ast.Call(
                        func=ast.Name("read_model" | "sums"), args=[ast.Constant(str(name)), *_]
                    ):
                        yield name


def _of_functions(functions: list[list[str]]) -> Iterator[NotImported]:
    for name, folder, logical_id in functions:
        path = Path(folder) / "app.py"
        spec = importlib.util.spec_from_file_location(f"sfn_function_{logical_id}", path)
        if spec is None or spec.loader is None or not path.exists():
            continue
        try:
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
        except Exception as error:
            yield NotImported(name, error)


def broken(which: NotImported) -> Broken:
    """Describe why a module cannot be imported."""
    from sfn_cqrs.kernel.failure import trace_of  # noqa: PLC0415 - of the layer that is checked

    error = which.error.with_traceback(_without_import(which.error.__traceback__))
    return Broken(which.module, f"{type(error).__name__}: {error}", trace_of(error))


def _without_import(trace: TracebackType | None) -> TracebackType | None:
    """Return the traceback without the frames of what imports here."""
    if trace is None:
        return None
    trace.tb_next = _without_import(trace.tb_next)
    return trace.tb_next if trace.tb_frame.f_code.co_filename == revisions.__file__ else trace


def main() -> None:
    """Read what to check, and answer what is broken; modules may print what they like."""
    gc.disable()  # it imports, answers and ends
    asked = json.load(sys.stdin)
    with redirect_stdout(sys.stderr):
        found = [asdict(one) for one in broken_modules(asked)]
        unwritten = [] if found or not asked["package"] else list(unwritten_tables())
        known = [] if found or not asked["package"] else sorted(known_views(asked["package"]))
    print(json.dumps({"broken": found, "unwritten": unwritten, "known": known}))


if __name__ == "__main__":
    main()
