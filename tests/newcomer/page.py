"""A page of Markdown as a person works through it: what is typed, written and seen.

- ```console: lines that begin with `$ ` are typed; what is below is what they print. A line `…`
  stands for any lines, a `…` in a line for any text, `[exit 2]` for an exit code.
- `<!-- file: NAME -->` before a block: it is saved as that file.
- `<!-- edit: NAME -->` before a ```diff: its lines are changed in that file.
- ```pdb: typed behind the prompt of the debugger, in the terminal of the stack.
- ```sh: what sets up and starts the stack. ```text: what that terminal shows, now or soon.
"""

import re
from dataclasses import dataclass

BLOCK = re.compile(r"(?:<!-- (file|edit): (\S+) -->\n)?^```(\w*)\n(.*?)^```$", re.M | re.S)
EXIT = re.compile(r"\[exit (\d+)\]\n\Z")


@dataclass(frozen=True)
class Block:
    """A block of code: its language, its text, and the file that it is or changes."""

    language: str
    text: str
    action: str | None = None
    file: str | None = None


def blocks(page):
    """All blocks of a page, in their order."""
    for action, file, language, text in BLOCK.findall(page):
        yield Block(language, text, action or None, file or None)


def commands(text):
    """What a console shows: each command with its exit code and what it prints."""
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, printed = part.partition("\n")
        code = EXIT.search(printed)
        yield command, int(code[1]) if code else 0, EXIT.sub("", printed)


def is_shown(printed, text):
    """Whether what is printed is what the page shows.

    Blanks at the ends of lines do not count, nor does a break before a command that has no room.
    """
    lines = [
        r"(?:.*\n)*?" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + "\n"
        for line in printed.splitlines()
    ]
    seen = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    unbroken = re.sub(r"([:;,])\n  (?=sfn-cqrs )", r"\1 ", seen)
    return any(re.fullmatch("".join(lines), one) is not None for one in (seen, unbroken))


def edited(source, diff):
    """The source with the lines of a diff changed; what it changes must be there, once."""
    lines = [(line[:1], line[1:]) for line in diff.splitlines()]
    before = "".join(f"{line}\n" for sign, line in lines if sign in " -")
    after = "".join(f"{line}\n" for sign, line in lines if sign in " +")
    assert source.count(before) == 1, f"this is not there once:\n{before}"
    return source.replace(before, after)
