"""Write the pages of docs/reference again, or the OpenAPI document into a file that is named."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sfn_cqrs_tools.cli.reference.http import openapi
from sfn_cqrs_tools.cli.reference.pages import FOLDER, pages

if sys.argv[1:]:
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(openapi(), indent=1), encoding="utf-8")
else:
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
