"""The framework names nothing of its example, examples/shop: a user's project has other types."""

import re

import pytest
from tests.template.stack import ROOT

PLACES = ("events", "functions", "layer", "statemachine", "template.yaml", "tools/sfn_cqrs_tools")
TEXTS = {".asl.json", ".html", ".j2", ".json", ".md", ".mk", ".py", ".toml", ".yaml"}
OF_SHOP = re.compile(
    r"\b(ORDER|STOCK|PAYMENT|shop)\b(?! BY)|ORDER_RE|orders?_(by|saga|search)|[Oo]rder-?[Ss]aga"
)
SAMPLE = re.compile(r"ORDER(_REMINDER|_RELEASE)?|orders_(by_customer|search)|[Oo]rder[-_]?[Ss]aga")
"""What every page, help text and docstring speaks of; a line of them may name it."""
MAY_SAY = ("layer", "template.yaml", "tools/sfn_cqrs_tools")
RUNS_IT = {
    "tools/sfn_cqrs_tools/project.py",
    "tools/sfn_cqrs_tools/testing/builders.py",
    "tools/sfn_cqrs_tools/testing/fakes/world.py",
}
"""The path to it, and what tests of it use."""
SQL = "reserved_words.py"


def texts(place):
    found = [ROOT / place] if (ROOT / place).is_file() else sorted((ROOT / place).rglob("*"))
    for path in found:
        name = path.relative_to(ROOT).as_posix()
        is_text = path.is_file() and path.suffix in TEXTS and path.name != SQL
        if is_text and name not in RUNS_IT:
            yield name, path.read_text(encoding="utf-8")


@pytest.mark.parametrize("place", PLACES)
def test_the_framework_names_nothing_of_its_example(place):
    named = [
        f"{name}: {line.strip()}"
        for name, text in texts(place)
        for line in text.splitlines()
        if OF_SHOP.search(SAMPLE.sub("", line) if place in MAY_SAY else line)
    ]

    assert named == []


def test_what_runs_the_example_names_it():
    assert [one for one in sorted(RUNS_IT) if not OF_SHOP.search((ROOT / one).read_text())] == []
