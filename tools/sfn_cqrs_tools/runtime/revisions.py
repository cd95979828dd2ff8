"""Which revision of the Python files is loaded, and how the next one takes its place.

A revision is the state of all files: their times and sizes, never a list of events that may be
missed. A generation is one revision, imported. An invocation runs in one generation from its
beginning to its end: what it imports on the way comes from there as well, even if the next
generation is imported meanwhile. That one takes the place of the last when all of it is imported.
"""

from __future__ import annotations

import builtins
import gc
import importlib
import importlib.util
import logging
import math
import os
import sys
import threading
import time
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final, cast

logger = logging.getLogger(__name__)

QUIET_SECONDS: Final = 0.1
"""Files that were written a moment ago may still be written, and clocks of files are coarse."""
PATIENCE_SECONDS: Final = 5.0
"""How long files that never come to rest are waited for."""
CLOSE_SECONDS: Final = 1.0
_BYTECODE_NS: Final = 2_000_000_000
"""Bytecode knows the second of its source: one that is not older by this may be of another."""
_MARK: Final = "__generation__"
_STARTED_NS: Final = time.time_ns() - 5_000_000_000
"""Before this process began: whatever is imported was not saved since."""

Stamp = tuple[int, int, int]
Revision = Mapping[str, Stamp]


class SourceFiles:
    """The Python files below some folders."""

    def __init__(self, folders: Iterable[Path]) -> None:
        """Take the folders; nothing is looked at yet."""
        self.folders = tuple(sorted({str(folder.resolve()) for folder in folders}))
        self._listed: dict[str, tuple[int, list[str], list[str]]] = {}
        self._newest = 0

    def look(self) -> Revision:
        """Return the revision that the files have now."""
        found: dict[str, Stamp] = {}
        waiting = list(self.folders)
        self._newest = 0
        while waiting:
            files, folders = self._list(waiting.pop())
            waiting += folders
            for path in files:
                with suppress(FileNotFoundError):  # it was deleted since it was listed
                    status = os.stat(path)  # noqa: PTH116 - Path takes twice as long
                    found[path] = status.st_mtime_ns, status.st_size, status.st_ino
                    self._newest = max(self._newest, status.st_mtime_ns)
        return found

    def settled(self) -> Revision:
        """Return the revision once nothing is written any more."""
        until = time.monotonic() + PATIENCE_SECONDS
        seen, before = self.look(), None
        while seen != before and self._is_new() and time.monotonic() < until:
            time.sleep(QUIET_SECONDS)
            seen, before = self.look(), seen
        return seen

    def _is_new(self) -> bool:
        return time.time_ns() - self._newest < QUIET_SECONDS * 1e9

    def _list(self, folder: str) -> tuple[list[str], list[str]]:
        """List files and folders anew if the folder has changed, or has a moment ago."""
        try:
            modified = os.stat(folder).st_mtime_ns  # noqa: PTH116
        except FileNotFoundError:
            return [], []
        self._newest = max(self._newest, modified)
        known = self._listed.get(folder)
        if known is None or known[0] != modified:
            entries = list(_entries(folder))
            files = [one.path for one in entries if one.name.endswith(".py")]
            folders = [one.path for one in entries if one.is_dir(follow_symlinks=False)]
            known = modified, files, [path for path in folders if not path.endswith("__pycache__")]
            if time.time_ns() - modified > QUIET_SECONDS * 1e9:
                self._listed[folder] = known
            else:
                self._listed.pop(folder, None)
        return known[1], known[2]


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        return


@dataclass(frozen=True)
class NotImported:
    """A module that cannot be imported, and why."""

    module: str
    error: BaseException


class Generation:
    """The modules imported from one revision."""

    def __init__(
        self, revision: Revision, folders: Sequence[str], broken: Iterable[NotImported] = ()
    ) -> None:
        """Take over modules of these folders that are loaded already; import nothing yet."""
        self.revision = revision
        self.broken = list(broken)
        self._folders = folders
        self.functions: dict[str, ModuleType] = {}
        """The functions' own modules, by logical id."""
        self._modules: dict[str, ModuleType] = {}
        self._packages: frozenset[str] = frozenset()
        self._blocks = 0

    def module(self, name: str) -> ModuleType | None:
        """Return a module of this generation, if it is imported."""
        return self._modules.get(name) or sys.modules.get(name)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put this generation in sys.modules within the block; other threads wait for its end."""
        with _importing:
            before = _now.in_place
            replaced = None if before is self else self._exchange(self._modules)
            _now.in_place = self
            self._blocks += 1
            try:
                yield
            finally:
                self._blocks -= 1
                if not self._blocks:  # the outermost takes what all of them have imported
                    self._take()
                _now.in_place = before
                if replaced is not None:
                    self._exchange(replaced)

    def stay(self) -> None:
        """Put this generation in sys.modules from now on."""
        with _importing:
            self._exchange(self._modules)
            _now.in_place = self
            self.remember()

    def adopt(self) -> None:
        """Be what is imported already."""
        with _importing:
            self._take()
            _now.in_place = self

    def remember(self) -> None:
        """Know of which revision the modules are that are imported, for who comes after."""
        for module in _modules_in(self._folders).values():
            path = str(module.__file__)
            if path in self.revision:
                _loaded[path] = self.revision[path]

    def import_(
        self, name: str, given: Mapping[str, Any], local: Any, fromlist: Sequence[str], level: int
    ) -> Any:
        """Import for a module of this generation."""
        absolute = importlib.util.resolve_name("." * level + name, given.get("__package__"))
        found = self._found(absolute, name, fromlist or ())
        if found is not None:
            return found
        if absolute.partition(".")[0] not in self._packages:
            return _plain_import(name, given, local, fromlist, level)
        with self.in_place():
            return _plain_import(name, given, local, fromlist, level)

    def _found(self, absolute: str, name: str, fromlist: Sequence[str]) -> ModuleType | None:
        """Return a fully loaded module of this generation; its import needs no exchange."""
        module = self._modules.get(absolute)
        if module is None or getattr(module.__spec__, "_initializing", False):
            return None
        if not fromlist:
            return self._modules.get(name.partition(".")[0])
        return module if all(hasattr(module, each) for each in fromlist) else None

    def _exchange(self, modules: Mapping[str, ModuleType]) -> dict[str, ModuleType]:
        replaced = _modules_in(self._folders)
        for name in replaced:
            del sys.modules[name]
        sys.modules.update(modules)
        return replaced

    def _take(self) -> None:
        self._modules = _modules_in(self._folders)
        self._packages = frozenset(name.partition(".")[0] for name in self._modules)
        for module in self._modules.values():
            vars(module)[_MARK] = self


_importing = threading.RLock()


class _Now:
    in_place: Generation | None = None
    """The generation whose modules are in sys.modules."""


_now = _Now()
_loaded: dict[str, Stamp] = {}
"""The state of the files when this process imported them."""
_plain_import: Any = builtins.__import__


def _import(
    name: str,
    globals: Mapping[str, Any] | None = None,  # noqa: A002 - as Python calls it
    locals: Mapping[str, Any] | None = None,  # noqa: A002
    fromlist: Sequence[str] = (),
    level: int = 0,
) -> Any:
    """Import for whoever it is: the modules of generations have what they import of their own."""
    generation = None if globals is None else globals.get(_MARK)
    if generation is None or globals is None:
        return _plain_import(name, globals, locals, fromlist, level)
    return generation.import_(name, globals, locals, fromlist, level)


def _modules_in(folders: Sequence[str]) -> dict[str, ModuleType]:
    """The modules of these folders, and those that a package of the same name has elsewhere.

    pip has installed the framework that a project's layer has a copy of. Either is in
    sys.modules; what modules of the folders have told the other is of their revision as well.
    """
    packages = _packages_in(tuple(folders))
    others = {
        name: module
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in packages
    }
    return {**others, **_modules_below(folders)}


def _modules_below(folders: Sequence[str]) -> dict[str, ModuleType]:
    places = tuple(f"{folder}{os.sep}" for folder in folders)
    return {
        name: module
        for name, module in list(sys.modules.items())
        if (getattr(module, "__file__", None) or "").startswith(places)
    }


@cache
def _packages_in(folders: tuple[str, ...]) -> frozenset[str]:
    found = (path for folder in folders for path in Path(folder).glob("*/__init__.py"))
    return frozenset(path.parent.name for path in found)


@dataclass
class Code:
    """The generation that invocations are to run in, kept up with the files.

    A revision that cannot be imported is not taken over: the generation before goes on. One is
    good enough if no more is broken in it than in the one before. `load` imports all of a
    revision and yields what cannot be; `seconds` is how long a look holds, None: there is none.
    `taken_over` is called when a revision has taken the place of the one before.
    """

    files: SourceFiles
    seconds: float | None
    load: Callable[[Generation], Iterable[NotImported]]
    taken_over: Callable[[], None] = lambda: None
    _generation: Generation | None = None
    _refused: Revision | None = None
    _looked: float = -math.inf
    _lock: threading.RLock = field(default_factory=threading.RLock)
    broken: list[NotImported] = field(default_factory=list)
    """The modules of the newest revision that cannot be imported."""

    def current(self) -> Generation:
        """Return the generation of the files as they are, or the last that could be imported."""
        with self._lock:
            if self._generation is None:
                self._generation = self._first()
            elif self.seconds is not None and time.monotonic() - self._looked >= self.seconds:
                self._looked = time.monotonic()
                self._renew(self._generation)
            return self._generation

    @property
    def newest(self) -> Revision:
        """Return the newest revision that was seen, taken over or not."""
        with self._lock:
            return self._refused or self.current().revision

    @property
    def is_newest(self) -> bool:
        """Return whether invocations run the newest revision, not the one before."""
        return self._refused is None

    def expire(self) -> None:
        """Look at the files at the next call, however soon that is."""
        self._looked = -math.inf

    def close(self) -> None:
        """Leave what is imported to the next, with its revision."""
        if not self._lock.acquire(timeout=CLOSE_SECONDS):
            return  # an import hangs
        try:
            if self._generation is not None and self.seconds is not None:
                self._generation.remember()
        finally:
            self._lock.release()

    def _first(self) -> Generation:
        if self.seconds is None:
            return self._adopted({})
        builtins.__import__ = cast("Any", _import)  # there may be more than one from now on
        revision = self.files.settled()
        if self._is_loaded(revision):
            adopted = self._adopted(revision)
            adopted.broken = self.broken = list(self.load(adopted))
            return adopted
        before = _now.in_place
        stale = Generation({}, self.files.folders, () if before is None else before.broken)
        stale.adopt()
        self._generation = stale
        self._renew(stale)
        return self._generation

    def _adopted(self, revision: Revision) -> Generation:
        adopted = Generation(revision, self.files.folders)
        adopted.adopt()
        return adopted

    def _is_loaded(self, revision: Revision) -> bool:
        """Return whether all that is imported of the files is of this revision."""
        for module in _modules_below(self.files.folders).values():
            path = str(module.__file__)
            stamp = revision.get(path)
            if stamp is None or (
                stamp != _loaded[path] if path in _loaded else stamp[0] > _STARTED_NS
            ):
                return False
        return True

    def _renew(self, last: Generation) -> None:
        if self.files.look() in (last.revision, self._refused):
            return
        revision = self.files.settled()
        if revision in (last.revision, self._refused):
            return
        new = Generation(revision, self.files.folders)
        _drop_doubtful_bytecode(revision, last.revision)
        importlib.invalidate_caches()
        with new.in_place():
            new.broken = self.broken = list(self.load(new))
        if {one.module for one in new.broken} - {one.module for one in last.broken}:
            self._refused = revision
            logger.warning("source files have changed, and cannot be imported: %s", new.broken)
            return
        new.stay()
        self._generation, self._refused = new, None
        self.taken_over()
        _free_unused()
        logger.info("source files have changed: the functions are imported again")


def _free_unused() -> None:
    """Free the generations in which nothing runs any more: typing keeps classes of each."""
    for forget in getattr(typing, "_cleanups", ()):
        forget()
    gc.collect()


def _drop_doubtful_bytecode(revision: Revision, last: Revision) -> None:
    for path, stamp in revision.items():
        cached = Path(importlib.util.cache_from_source(path))
        has_changed = last.get(path, stamp) != stamp
        with suppress(OSError):
            if has_changed or cached.stat().st_mtime_ns - stamp[0] < _BYTECODE_NS:
                cached.unlink()
