"""Detects changes of the template, its state machines and other files of a deployment."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from sfn_cqrs_tools.stack.framework import FOLDER
from sfn_cqrs_tools.stack.samconfig import FILE

QUIET_SECONDS: Final = 0.5
"""Generators and editors write several files: all of them are waited for."""


class DefinitionWatch:
    """Looks at the files again each time that it is asked."""

    def __init__(self, template: Path) -> None:
        """Watch `template`, samconfig.toml, the migrations, the ASL files, and the framework's."""
        self._template = template.resolve()
        self._root = self._template.parent
        self._taken = self._seen = self._stamps()
        self._since = 0.0

    def changed(self) -> frozenset[Path]:
        """Return the files that were changed, added or deleted and have been quiet for a moment."""
        now, stamps = time.monotonic(), self._stamps()
        if stamps != self._seen:
            self._seen, self._since = stamps, now
        if stamps == self._taken or now - self._since < QUIET_SECONDS:
            return frozenset()
        before, self._taken = self._taken, stamps
        return frozenset(path for path, _ in stamps.items() ^ before.items())

    def needs_deployment(self, changed: frozenset[Path]) -> bool:
        """Return whether any of the files is more than the definition of a state machine."""
        return any(not path.name.endswith(".asl.json") for path in changed)

    def _stamps(self) -> Mapping[Path, tuple[int, int]]:
        found = {}
        for path in self._files():
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            found[path] = (status.st_mtime_ns, status.st_size)
        return found

    def _files(self) -> Iterator[Path]:
        yield self._template
        yield self._root / FILE
        framework = (self._root / FOLDER).resolve()  # the example's is a link to the repository
        yield framework / "template.yaml"
        for folder in (self._root, framework):
            yield from (folder / "statemachine").glob("*.asl.json")
        yield from (self._root / "app").glob("*/sql/*.sql")
