"""The one way to the terminal: other people's texts are shown, and never obeyed.

A terminal does what a text says by its control characters: it rewrites earlier lines, sets
titles and links. These functions write such characters out, and those that are invisible
or turn the order of others.
"""

import json
import re
from typing import IO, Any, Final

import click

_UNSHOWN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
LAST_OF_BMP: Final = 0xFFFF


class Shown(str):
    """A text that may go to a terminal as it is: made visible, and then styled by us."""

    __slots__ = ()


def visible(text: str) -> str:
    """Write out the characters that a terminal, or a browser, would not show: ⟨U+202E⟩."""
    return _UNSHOWN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def styled(text: object, **style: Any) -> Shown:
    """Return a text made visible, in a colour or a weight of ours."""
    return Shown(click.style(visible(str(text)), **style))


def json_of(text: str) -> Shown:
    """Return JSON with the same meaning; a terminal shows every character of it."""

    def escaped(found: re.Match[str]) -> str:
        code = ord(found[0])
        return f"\\u{code:04x}" if code <= LAST_OF_BMP else json.dumps(found[0])[1:-1]

    return Shown(_UNSHOWN.sub(escaped, text))


def echo(*parts: object, file: IO[str] | None = None, nl: bool = True, err: bool = False) -> None:
    """Print parts, one behind the other; all but those that are `Shown` are made visible."""
    texts = (part if isinstance(part, Shown) else visible(str(part)) for part in parts)
    click.echo("".join(texts), file, nl=nl, err=err)
