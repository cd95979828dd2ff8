"""Record the executions anew, by today's code: `python -m tests.golden`, once it is released."""

import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [
    str(ROOT / folder) for folder in (".", "examples/shop/app", "layer", "engine", "tools")
]

from tests.support import moto_shortcuts  # noqa: E402 - whose place the path says

moto_shortcuts.install()

from tests.golden.executions import Interrupted  # noqa: E402
from tests.golden.flows import FLOWS  # noqa: E402
from tests.support.system import silent  # noqa: E402

for flow in FLOWS:
    with (
        silent(),
        redirect_stdout(StringIO()),
        Interrupted(flow.place) as system,
        flow.earlier(),
    ):
        system.record(flow).write(flow)
    print(flow)
