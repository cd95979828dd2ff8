"""One promise, in one wording, wherever the framework says what it is."""

import re

import pytest
from tests.template.stack import ROOT

PROMISE = (
    "In the end, each read model has every change, in order. A handler may be called twice or late;"
    " the version number makes that harmless."
)
PLACES = (
    *("README.md", "docs/llms.txt", "pyproject.toml", "template.yaml"),
    *("docs/comparison.md", "docs/site/mkdocs.yml", "layer/sfn_cqrs/__init__.py"),
    "layer/sfn_cqrs/api/document.py",
)
HISTORY = "docs/decisions/"
ONCE = re.compile(r"exactly[- ]once|once and in order|every (change|version) once", re.I)
PAGES = sorted(
    path
    for pattern in ("*.md", "*.txt", "*/pyproject.toml", "docs/**/*.md", "docs/site/*.yml")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md" and not path.relative_to(ROOT).as_posix().startswith(HISTORY)
)


def said(text: str) -> str:
    """A text without what breaks its lines."""
    return re.sub(r"[\"\s]+", " ", text)


@pytest.mark.parametrize("place", PLACES)
def test_what_is_promised_is_said_in_the_same_words(place: str) -> None:
    text = said((ROOT / place).read_text(encoding="utf-8"))

    assert PROMISE in text
    assert ONCE.search(text) is None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_page_promises_that_a_handler_is_called_once(page) -> None:
    assert ONCE.findall(said(page.read_text(encoding="utf-8"))) == []


def test_the_old_promise_is_found() -> None:
    assert ONCE.search("get every change once and in order")
