"""The pages behind an approval link: plain HTML, no script, nothing from elsewhere."""

from html import escape
from typing import Final

from sfn_cqrs.domain.approval import Approval

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",  # with no-referrer the form's Origin would be null
    "X-Robots-Tag": "noindex",
}
_SHELL: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 36rem; margin: 3rem auto }}
dt {{ font-weight: 600 }}
dd {{ margin: 0 0 .6rem; white-space: pre-wrap; overflow-wrap: anywhere }}
textarea {{ width: 100%; box-sizing: border-box; font: inherit }}
button {{ font: inherit; padding: .5rem 1.2rem; margin: .8rem .6rem 0 0 }}
</style>
<h1>{title}</h1>
{content}
"""
_FORM: Final = """<dl>
{fields}</dl>
<form method="post">
<input type="hidden" name="token" value="{token}">
<label>Why, if you like<br><textarea name="reason" rows="3" maxlength="2000"></textarea></label>
<button name="decision" value="approve">Approve</button>
<button name="decision" value="reject">Reject</button>
</form>
"""


def question(approval: Approval, approver: str, token: str) -> str:
    """The page that asks; opening it decides nothing, for scanners of mail open links, too."""
    shown = {
        "What": approval.subject or approval.type,
        "Requested by": approval.created.by,
        "Note": approval.note,
        "Until": approval.expires_at,
        "You decide as": approver,
    }
    fields = "".join(
        f"<dt>{name}</dt><dd>{escape(value)}</dd>\n" for name, value in shown.items() if value
    )
    return _page("Please decide", _FORM.format(fields=fields, token=escape(token)))


def statement(title: str, text: str) -> str:
    """A page that says one thing."""
    return _page(title, f"<p>{escape(text)}</p>")


def _page(title: str, content: str) -> str:
    return _SHELL.format(title=escape(title), content=content)
