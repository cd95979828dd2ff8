"""The one way to the terminal: other people's texts are shown, and never obeyed.

A terminal does what a text says by its control characters: it rewrites earlier lines, sets
titles and links. These functions write such characters out, and those that are invisible
or turn the order of others.
"""

import json
import re
import shutil
import sys
from typing import IO, Any, Final

import click

_UNSHOWN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
LAST_OF_BMP: Final = 0xFFFF
_WHOLE: Final = re.compile(r"`[^`\n]*`\S*|(?:\S*/)?sfn-(?:cqrs|local) .*|\S+")
"""A command is one word: in backquotes, or up to the end of its line."""
_COMMAND: Final = re.compile(r"sfn-(?:cqrs|local) ")
INDENT: Final = "  "


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
    """Print parts, one behind the other; all but those that are `Shown` are made visible.

    A terminal gets no line that breaks in the middle of a command.
    """
    text = "".join(part if isinstance(part, Shown) else visible(str(part)) for part in parts)
    stream = file or (sys.stderr if err else sys.stdout)
    if _COMMAND.search(text) and stream.isatty():
        text = whole_commands(text, shutil.get_terminal_size().columns)
    click.echo(text, file, nl=nl, err=err)


def whole_commands(text: str, width: int) -> str:
    """Break the lines that hold a command and are too long, but never inside the command."""
    return "\n".join(
        _broken(line, width) if _COMMAND.search(line) and len(click.unstyle(line)) > width else line
        for line in text.split("\n")
    )


def _broken(line: str, width: int) -> str:
    margin = line[: len(line) - len(line.lstrip())]
    lines = [""]
    for word in _WHOLE.findall(line):
        longer = f"{lines[-1]} {word}" if lines[-1].strip() else f"{lines[-1]}{word}"
        if lines[-1].strip() and len(click.unstyle(longer)) > width - len(margin):
            longer = f"{INDENT}{word}"
            lines.append("")
        lines[-1] = longer
    return "\n".join(f"{margin}{one}" for one in lines)
