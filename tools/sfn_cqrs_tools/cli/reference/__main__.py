"""Write the pages of docs/reference again: `make reference`."""

from __future__ import annotations

from sfn_cqrs_tools.cli.reference.pages import FOLDER, pages

for name, text in pages().items():
    (FOLDER / name).write_text(text, encoding="utf-8")
