"""The search: whatever an id, an item, an ARN or a name leads to."""

from __future__ import annotations

import re
from typing import Any, Final

from sfn_cqrs_tools.console.application import Ask, GoTo
from sfn_cqrs_tools.console.rendering import query
from sfn_cqrs_tools.console.subjects import by_id, item_page

_ID: Final = re.compile(r"[a-z]-[0-9A-HJKMNP-TV-Z]{26}")
_ARN: Final = re.compile(r"arn:aws[\w-]*:states:[^:]*:[^:]*:execution:([^:]+):([^:]+)")
_ITEM: Final = re.compile(r"([A-Z][A-Z0-9_]*)[ /#](.+)")


def search(ask: Ask) -> GoTo:
    """Go to what was asked for; what is nothing else is part of an execution's name."""
    text = ask.query.get("q", "").strip()
    if not text:
        return GoTo("")
    if _ID.fullmatch(text) and (subject := by_id(text, ask.who.tenant)):
        return GoTo(subject.path)
    if found := _ARN.fullmatch(text):
        return GoTo(f"/executions/{ask.backend.short(found[1])}/{found[2]}")
    if found := _ITEM.fullmatch(text):
        return GoTo(item_page(found[1], found[2].strip()))
    if re.fullmatch(r"[A-Z][A-Z0-9_]*", text):
        return GoTo(f"/items?{query(type=text)}")
    return GoTo(f"/executions?{query(name=text)}")


PAGES: Final = {"/search": search}
FORMS: Final[dict[str, Any]] = {}
