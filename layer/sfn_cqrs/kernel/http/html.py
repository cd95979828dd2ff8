"""A page of the API: one file of HTML without external resources."""

from html import escape
from typing import Final

_SHELL: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
<h1>{title}</h1>
{content}
"""


def html_page(title: str, style: str, content: str) -> str:
    """Return a page with its style sheet, title and content; style and content are HTML already."""
    return _SHELL.format(title=escape(title), style=style, content=content)
