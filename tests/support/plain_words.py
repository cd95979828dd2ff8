"""Turns of phrase that a stranger reads twice, counted in prose.

It reads Markdown without its blocks of code, and docstrings and other strings of Python. One
finding may be right as it is; many on a page are not. `python -m tests.support.plain_words PATHS`
lists them.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TURNS = {
    "is no X": (
        r"\b(?:is|are|was|were) no (?!longer\b|more\b|other\b|need\b|one\b|way\b|reason\b|doubt\b"
        r"|such\b|limit\b)\w+"
    ),
    "What … as a subject": (
        r"(?:^|(?<=[.;:] ))(?:What|what) (?!(?:is|are|does|do|happens|if|about|to|you|it)\b)"
        r"[^?.]{3,80}(?=[.])"
    ),
    "Who … as a subject": (
        r"(?:^|(?<=[.;:] ))(?:Who|Whoever|whoever) (?!(?:is|are|may|can|does)\b[^.]*\?)"
        r"[^?.]{3,80}(?=[.])"
    ),
    "Of … first": r"(?:^|(?<=[.;] ))Of (?:a|the|each|all|these|those|what|an|that)\b",
    "Nor first": r"(?:^|(?<=[.;,] ))[Nn]or\b",
    "told of": r"\b(?:tell|tells|told) (?:of|apart|by)\b|\b(?:is|are) told\b",
    "of which": r", (?:of|in|by|for|to|with|from) (?:which|whom)\b",
    "too, at the end": r", too(?=[,.;:)]|$)",
    "alone, after its noun": (
        r"\b(?:code|counts|members|those|that|it|them|this|one|operators?|itself) alone\b"
    ),
    "so do/has/is": r"[,;] (?:so|as) (?:do|does|has|have|is|are|can|may)\b",
    "by itself": r"\bby (?:itself|themselves)\b",
    "stands/lies": r"\b(?:stands|stand|lies|lie) (?:in|beside|there|where|below|above|behind|as)\b",
    "none is/has": r"(?:^|[.;:,] )[Nn]one (?:is|are|has|have|of)\b",
    "come to be": r"\bcome(?:s)? to be\b|\bhas come\b|\bhave come\b",
    "another's": r"\b(?:another|somebody|nobody|anybody|each)'s\b",
    "let it go on": r"\blets? (?:it|them|\w+) go on\b",
}
_TURNS = {name: re.compile(pattern, re.MULTILINE) for name, pattern in TURNS.items()}
ENOUGH = 3
"""A text of fewer blanks is a name or a label."""


class Finding(NamedTuple):
    """A turn, and the words around it."""

    path: Path
    turn: str
    words: str


def paragraphs(path: Path) -> Iterator[str]:
    """Yield the prose of a file, one paragraph each."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(source)):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and text.count(" ") >= ENOUGH:
                yield re.sub(r"`[^`]*`", "X", text)
        return
    prose = re.sub(r"^(```|~~~).*?^\1", "", source, flags=re.MULTILINE | re.DOTALL)
    yield from re.split(r"\n\s*\n|\n(?=[-|#*] ?)", re.sub(r"`[^`\n]*`", "X", prose))


def findings(*paths: Path) -> tuple[list[Finding], int]:
    """Return the turns in some files, and how many words these have."""
    found, words = [], 0
    for path in paths:
        for paragraph in paragraphs(path):
            flat = " ".join(paragraph.split())
            words += len(flat.split())
            found += [
                Finding(path, turn, flat[max(0, hit.start() - 50) : hit.end() + 40])
                for turn, pattern in _TURNS.items()
                for hit in pattern.finditer(flat)
            ]
    return found, words


def main() -> None:
    """List the turns of the files and folders that are named."""
    files = [
        path
        for name in sys.argv[1:]
        for path in ([Path(name)] if Path(name).is_file() else sorted(Path(name).rglob("*")))
        if path.suffix in (".md", ".py")
    ]
    found, words = findings(*files)
    for path, turn, around in found:
        print(f"{path}: {turn}: …{around}…")
    print(f"{len(found)} turns in {words} words, {1000 * len(found) / max(words, 1):.1f} per 1,000")


if __name__ == "__main__":
    main()
