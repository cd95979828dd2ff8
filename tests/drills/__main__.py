"""Print the table of drills, as docs/drills.md has it."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [
    str(ROOT / folder) for folder in (".", "examples/shop/app", "layer", "engine", "tools")
]

from tests.support import moto_shortcuts  # noqa: E402 - whose place the path says

moto_shortcuts.install()

from tests.drills.table import HEADER, drilled  # noqa: E402

print(HEADER + "\n".join(map(str, drilled())))
