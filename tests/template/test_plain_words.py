"""The pages use the words of the glossary."""

import re
from pathlib import Path

import pytest
from tests.template.stack import ROOT

GLOSSARY = ROOT / "docs/glossary.md"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "engine/README.md")),
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page != GLOSSARY),
    *sorted((ROOT / "engine/docs").glob("*.md")),
]
REPLACED = {
    "resume or retry": r"\blets? (?:it|them|\w+) go on\b",
    "sees, gets, is informed": r"\b(?:is|are|was|were) told\b|\b(?:tells?|told) of\b",
    "repair": r"\bmend(?:s|ed|ing)?\b",
}
"""Words that the glossary replaces, by what to write."""


def replaced(text: str) -> list[str]:
    """Return the words of a text that the glossary replaces."""
    return [hit for pattern in REPLACED.values() for hit in re.findall(pattern, text)]


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.parent == ROOT / "docs"],
    ids=lambda page: page.name,
)
def test_a_page_uses_the_words_of_the_glossary(page: Path) -> None:
    assert replaced(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text", ["It lets them go on.", "Nobody is told.", "It tells of a fault.", "Mend or mended."]
)
def test_a_replaced_word_is_found(text: str) -> None:
    assert len(replaced(text)) == 1


def test_only_executions_are_redriven() -> None:
    """Step Functions redrives an execution; a version, a task or a saga is retried."""
    pages = [page for page in PAGES if page.parent == ROOT / "docs"]
    lines = [line for page in pages for line in page.read_text(encoding="utf-8").splitlines()]
    redriven = [line for line in lines if re.search(r"\bredr[io]v", line, re.IGNORECASE)]

    ours = [line for line in redriven if not re.search(r"[Ee]xecution|Step Functions|AWS", line)]
    assert ours == []
    assert redriven
