"""The ids that this machine has made: `@` is the last of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

FILE: Final = "recent.json"
KEPT: Final = 200
WHOLE_ID: Final = re.compile(r"([a-z])-([0-9A-HJKMNP-TV-Z]{26})")


class Recent:
    """The ids of one stack, the newest last; an unwritable folder keeps none."""

    def __init__(self, folder: Path, stack: str) -> None:
        """Keep them in a state folder, for a stack by its name."""
        self._path = folder / FILE
        self._stack = stack

    def keep(self, id_: object) -> None:
        """Store an id as the last one; ignore any other text."""
        if not isinstance(id_, str) or not WHOLE_ID.fullmatch(id_):
            return
        ids = [one for one in self.ids() if one != id_]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            document = {**self._read(), self._stack: [*ids, id_][-KEPT:]}
            self._path.touch(0o600)
            self._path.chmod(0o600)
            self._path.write_text(json.dumps(document), encoding="utf-8")
        except OSError:
            return

    def ids(self, letters: str = "") -> list[str]:
        """Return the ids that begin with one of some letters, or all ids."""
        ids = self._read().get(self._stack, [])
        return [one for one in ids if not letters or one[0] in letters]

    def _read(self) -> dict[str, Any]:
        try:
            document = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}
