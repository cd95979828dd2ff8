"""The pages behind an approval link: plain HTML without scripts or external resources."""

from collections.abc import Sequence
from html import escape
from typing import Final

from sfn_cqrs.kernel.http.html import html_page
from sfn_cqrs.machines.approval.rules import STALE, Approval

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",  # with no-referrer the form's Origin would be null
    "X-Robots-Tag": "noindex",
}
_STYLE: Final = """\
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 36rem; margin: 3rem auto }
dt { font-weight: 600 }
dd { margin: 0 0 .6rem; white-space: pre-wrap; overflow-wrap: anywhere }
textarea { width: 100%; box-sizing: border-box; font: inherit }
blockquote { margin: 0; padding-left: .8rem; border-left: 3px solid; white-space: pre-wrap }
button { font: inherit; padding: .5rem 1.2rem; margin: .8rem .6rem 0 0 }
"""
_FORM: Final = """<dl>
{fields}</dl>
{words}<form method="post">
<input type="hidden" name="token" value="{token}">
<label>Why, if you like<br><textarea name="reason" rows="3" maxlength="2000"></textarea></label>
<button name="decision" value="approve">Approve</button>
<button name="decision" value="reject">Reject</button>
</form>
"""


_WORDS: Final = """<h2>What {who} says</h2>
<p>In the requester's own words, which nobody has checked:</p>
{quotes}"""


def question(
    approval: Approval, summary: Sequence[tuple[str, str]], approver: str, token: str
) -> str:
    """Return the page that asks; opening it decides nothing, because mail scanners open links.

    The content under decision is shown as it is stored, apart from the requester's words.
    """
    item = approval.item
    shown = [
        ("Type", approval.type),
        ("Item", f"{item.type} {item.code}, version {item.version}" if item else ""),
        *summary,
        ("Requested by", approval.created.by),
        ("Until", approval.expires_at),
        ("You decide as", approver),
    ]
    fields = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>\n" for name, value in shown if value
    )
    words = _words(approval)
    content = _FORM.format(fields=fields, words=words, token=escape(token))
    return html_page("Please decide", _STYLE, content)


def closed(approval: Approval) -> str:
    """Return the page of an approval that can no longer be decided on."""
    text = f"It is {approval.status} already." if approval.is_decided else STALE.capitalize() + "."
    return statement("Not possible", text)


def _words(approval: Approval) -> str:
    """Return the requester's words; an item's code is not among them."""
    said = [approval.subject if approval.item is None else "", approval.note]
    quotes = "".join(f"<blockquote>{escape(each)}</blockquote>\n" for each in said if each)
    who = escape(approval.created.by or "the requester")
    return _WORDS.format(who=who, quotes=quotes) if quotes else ""


def statement(title: str, text: str) -> str:
    """Return a page with one statement."""
    return html_page(title, _STYLE, f"<p>{escape(text)}</p>")
