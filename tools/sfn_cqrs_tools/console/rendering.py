"""Templates, and how values are shown in them: always as text, whatever is in it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import jinja2
from markupsafe import Markup, escape

from sfn_cqrs_tools.client.api import item_path
from sfn_cqrs_tools.console.masking import masked, masked_event
from sfn_cqrs_tools.console.moments import WITHIN, moment_of, typed
from sfn_cqrs_tools.console.saving import FORMATS
from sfn_cqrs_tools.terminal.ages import duration
from sfn_cqrs_tools.terminal.causes import code_of, cut, reason_of, shortened
from sfn_local.cli.showing import visible

FOLDER: Final = Path(__file__).parent
STATIC: Final = FOLDER / "static"
LONGEST_TEXT: Final = 64 * 1024
LONGEST_LINE: Final = 160

_JSON: Final = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=\s*:)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d[\d.eE+-]*)'
    r"|(?P<word>true|false|null)|(?P<other>[^\"\d\-tfn]+|.)",
    re.DOTALL,
)

_NODE: Final = '<g class="node '
TONES: Final = {
    "APPLIED": "good", "SUCCEEDED": "good", "COMPLETED": "good", "GRANTED": "good", "DONE": "good",
    "FAILED": "bad", "TIMED_OUT": "bad", "REJECTED": "bad", "PARKED": "bad",
    "BLOCKED": "warn", "ABORTED": "warn", "EXPIRED": "warn", "CANCELLED": "warn",
    "COMPENSATED": "warn", "COMPENSATING": "warn", "PENDING_REDRIVE": "warn", "UNKNOWN": "warn",
    "REFUSED": "warn",
    "RUNNING": "busy", "OPEN": "busy", "WAITING": "busy", "PROCESSING": "busy", "QUEUED": "busy",
    "CREATED": "busy", "BEGUN": "busy", "BEGAN": "busy",
    "SERVING": "good", "READY": "warn", "SWITCHED": "warn",
    "REPLAYING": "busy", "COMPARING": "busy", "DROPPING": "busy",
}  # fmt: skip


def tone(status: object) -> str:
    """Return the colour of a status: good, bad, warn, busy or idle."""
    return TONES.get(str(status).rpartition(":")[2], "idle")


def moment(value: object, shape: str = "") -> Markup:
    """Return a moment that the browser shows in the reader's zone; without script it is UTC."""
    when = value if isinstance(value, datetime) else moment_of(str(value))
    if when is None:
        return Markup('<span class="muted">–</span>')
    utc = when.astimezone(UTC)
    return Markup('<time datetime="{}" data-shape="{}">{}</time>').format(
        utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        shape,
        utc.strftime("%Y-%m-%d %H:%M:%S UTC"),
    )


def pretty(value: Any) -> str:
    """Return a value, or the JSON of it, as indented JSON without tokens."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return masked(value)
    return json.dumps(masked_event(value), indent=2, ensure_ascii=False, default=str)


def json_block(value: Any) -> Markup:
    """JSON with its parts marked; what is very long is cut."""
    text = pretty(value)
    rest = len(text) - LONGEST_TEXT
    shown = visible(text[:LONGEST_TEXT])
    marked = Markup('<span class="j-{}">{}</span>')
    parts = [
        marked.format(found.lastgroup, found[0]) if found.lastgroup != "other" else escape(found[0])
        for found in _JSON.finditer(shown)
    ]
    if rest > 0:
        more = Markup('\n<span class="muted">… {:,} characters more</span>')
        parts.append(more.format(rest))
    return Markup("").join(parts)


def number(value: float) -> str:
    """Return a number with its thousands apart."""
    return f"{value:,.0f}".replace(",", "\u202f")


def query(**changes: object) -> str:
    """Return a query string of what is given and not empty."""
    return urlencode({name: value for name, value in changes.items() if value not in (None, "")})


@cache
def environment() -> jinja2.Environment:
    """Return the templates' environment: everything is escaped, and a missing name is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters |= {
        "moment": moment,
        "duration": duration,
        "json_block": json_block,
        "pretty": pretty,
        "typed": typed,
        "tone": tone,
        "number": number,
        "first_line": first_line,
        "reason": reason,
        "code_lines": code_of,
    }
    made.globals |= {
        "query": query,
        "item_path": item_path,
        "within_labels": WITHIN,
        "formats": FORMATS,
    }
    return made


def _shown(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return "" if value is None else value


def reason(cause: str | None) -> tuple[str, str]:
    """Return a cause's message and the rest; Lambda wraps the message in JSON, with a trace."""
    text = cause or ""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("errorMessage"), str):
        return "\n".join(shortened(text.splitlines())), ""
    trace = found.get("stackTrace") or found.get("trace") or []
    told = "\n".join(shortened(found["errorMessage"].splitlines()))
    return told, "".join(map(str, trace)) if isinstance(trace, list) else ""


def focusable(picture: str) -> Markup:
    """Return a picture of states with focusable ones; the code that drew it escapes every name."""
    focused = picture.replace(_NODE, f'{_NODE[:3]}tabindex="0" role="button" {_NODE[3:]}')
    return Markup(focused)  # nosec B704


def first_line(text: str | None) -> str:
    """Return the first line of a text, cut."""
    return cut(reason_of(text), LONGEST_LINE)
